Private Declare PtrSafe Function FindWindowA Lib "user32" (ByVal className As String, ByVal title As String) As LongPtr

Private python As Object        ' the server, kept because to find it again takes xlwings 14 look-ups
Private failedAt As Date        ' when Python last did not start
Private lastFailure As String

' Text that tells whether this module is loaded, and why Python cannot be reached if it cannot.
Public Function DYNALLOC_ADDIN() As String
    Application.Volatile
    DYNALLOC_ADDIN = "pyalloc " & PYALLOC_VERSION & " for Excel"
    If lastFailure <> "" Then
        DYNALLOC_ADDIN = DYNALLOC_ADDIN & "; Python cannot be reached: " & lastFailure & "; run: pyalloc addin doctor"
    End If
End Function

' What a call shows: a value, rows of values, or a true error. A server that has ended is replaced once.
Private Function Answer(ByVal functionName As String, ByVal arguments As Variant) As Variant
    Dim given As Variant, isNew As Boolean
    Answer = CVErr(xlErrNA)
    If InWizard() Then Exit Function
    Do
        isNew = python Is Nothing
        If Reached(functionName, arguments, given) Then
            Answer = Shown(given)
            Exit Function
        End If
        Set python = Nothing
    Loop Until isNew
End Function

' Without the window's name, which may change, calls in the dialog would only be slow. Without the greyed
' toolbar, any dialog would do; and that alone is no sign, for it is grey while a workbook opens too.
Private Function InWizard() As Boolean
    On Error Resume Next
    If Application.CommandBars("Standard").Controls(1).Enabled Then Exit Function
    InWizard = FindWindowA("bosa_sdm_XL9", vbNullString) <> 0
End Function

Private Function Reached(ByVal functionName As String, ByVal arguments As Variant, ByRef given As Variant) As Boolean
    On Error GoTo failed
    given = Server().CallUDF(PYTHON_MODULE, functionName, arguments, Nothing, Application.Caller)
    lastFailure = ""
    Reached = True
    Exit Function
failed:
    lastFailure = Sentence(Err.Description)
End Function

' A start that fails can hold Excel for two minutes, so another is not tried for every cell.
Private Function Server() As Object
    If python Is Nothing Then
        If Now < failedAt + TimeSerial(0, 1, 0) Then Err.Raise vbObjectError + 513, , lastFailure
        On Error GoTo failed
        Set python = XLPy()
    End If
    Set Server = python
    Exit Function
failed:
    failedAt = Now
    Err.Raise Err.Number, , Err.Description
End Function

' What went wrong, in one line: of a traceback the last.
Private Function Sentence(ByVal says As String) As String
    Dim lines() As String, i As Long
    lines = Split(Replace(says, vbCr, ""), vbLf)
    If InStr(says, "Traceback") = 0 Then
        Sentence = Join(lines, " ")
        Exit Function
    End If
    For i = 0 To UBound(lines)
        If Trim$(lines(i)) <> "" Then Sentence = Trim$(lines(i))
    Next i
End Function

' An argument as Python gets it: nothing, a value, or rows of values. Several areas at once, and columns as
' long as the sheet, go as their address behind a mark, and are refused by it.
Private Function Taken(Optional ByVal given As Variant) As Variant
    If IsMissing(given) Then Exit Function
    If TypeName(given) <> "Range" Then
        Taken = given
    ElseIf given.Areas.Count > 1 Or given.CountLarge > LARGEST_TABLE Then
        Taken = UNREAD_RANGE & " " & given.Address
    Else
        Taken = WithDates(given.Value2, given.Value)
    End If
End Function

' Value2 has every digit of an amount of money; only Value knows a date, which is no number.
Private Function WithDates(ByVal exact As Variant, ByRef seen As Variant) As Variant
    Dim i As Long, j As Long
    If IsArray(exact) Then
        For i = 1 To UBound(exact, 1)
            For j = 1 To UBound(exact, 2)
                If VarType(seen(i, j)) = vbDate Then exact(i, j) = seen(i, j)
            Next j
        Next i
    ElseIf VarType(seen) = vbDate Then
        exact = seen
    End If
    WithDates = exact
End Function

' Whether nothing stands in an argument's place, or one empty cell.
Private Function LeftOut(Optional ByVal given As Variant) As Boolean
    If IsMissing(given) Then
        LeftOut = True
    ElseIf TypeName(given) <> "Range" Then
        LeftOut = IsEmpty(given)
    ElseIf given.CountLarge = 1 Then
        LeftOut = IsEmpty(given.Value2)
    End If
End Function

Private Function Shown(ByRef given As Variant) As Variant
    Shown = given
    If VarType(given) <> vbString Then Exit Function
    If Left$(given, Len(ERROR_MARK)) <> ERROR_MARK Then Exit Function
    Select Case Split(given, " ")(1)
        Case "#NUM!": Shown = CVErr(xlErrNum)
        Case "#N/A": Shown = CVErr(xlErrNA)
        Case Else: Shown = CVErr(xlErrValue)
    End Select
End Function

' The function dialog learns what arguments are as soon as Excel is idle; while it opens, it refuses.
Public Sub Auto_Open()
    On Error Resume Next
    Application.OnTime Now, Macro("DescribeFunctions")
End Sub

' On its start page Excel has no workbook in front, without which it takes no descriptions: later, then.
Private Function Postponed() As Boolean
    Postponed = ActiveWorkbook Is Nothing
    If Postponed Then Application.OnTime Now + TimeSerial(0, 0, 5), Macro("DescribeFunctions")
End Function

' A macro of this file by its full name, in which an apostrophe is written twice.
Private Function Macro(ByVal procedure As String) As String
    Macro = "'" & Replace(ThisWorkbook.Name, "'", "''") & "'!" & procedure
End Function

Private Sub Describe(ByVal functionName As String, ByVal category As String, ByVal says As String, ByVal arguments As Variant)
    If UBound(arguments) < 0 Then
        Application.MacroOptions Macro:=Macro(functionName), Description:=says, Category:=category
    Else
        Application.MacroOptions Macro:=Macro(functionName), Description:=says, Category:=category, ArgumentDescriptions:=arguments
    End If
End Sub
