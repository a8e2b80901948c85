Attribute VB_Name = "PyallocFunctions"
Option Explicit
' Written by pyalloc from its functions: change those, and build again.
Private Const PYALLOC_VERSION As String = "0.0.0"
Private Const PYTHON_MODULE As String = "addin.excel.udfs"
Private Const ERROR_MARK As String = "#PYALLOC!"
Private Const LARGEST_TABLE As Long = 1000000
Private Const UNREAD_RANGE As String = "#PYALLOC-RANGE!"
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

Public Function DYNALLOC_WEIGHTS(Optional ByVal universe As Variant, Optional ByVal macro As Variant, Optional ByVal A As Variant, Optional ByVal b As Variant, Optional ByVal risk As Variant, Optional ByVal cov As Variant) As Variant
Attribute DYNALLOC_WEIGHTS.VB_Description = "Portfolio of a universe under macro conditions; without arguments, that of the workbook it is in."
    If LeftOut(universe) And LeftOut(macro) And LeftOut(A) And LeftOut(b) And LeftOut(risk) And LeftOut(cov) Then Application.Volatile
    DYNALLOC_WEIGHTS = Answer("DYNALLOC_WEIGHTS", Array(Nothing, Taken(universe), Taken(macro), Taken(A), Taken(b), Taken(risk), Taken(cov)))
End Function

Public Function CATEGORY_SOLVE(ByVal A As Variant, ByVal b As Variant, Optional ByVal lower As Variant, Optional ByVal upper As Variant) As Variant
Attribute CATEGORY_SOLVE.VB_Description = "Solution of A w = b, certified; within bounds the exact one if it lies there, else the nearest."
    CATEGORY_SOLVE = Answer("CATEGORY_SOLVE", Array(Taken(A), Taken(b), Taken(lower), Taken(upper)))
End Function

Public Function CATEGORY_EXPLAIN(ByVal A As Variant, ByVal b As Variant) As Variant
Attribute CATEGORY_EXPLAIN.VB_Description = "Explain what A w = b determines: rank, condition, residual, and which rows clash."
    CATEGORY_EXPLAIN = Answer("CATEGORY_EXPLAIN", Array(Taken(A), Taken(b)))
End Function

Public Function DYNALLOC_MATRIX(ByVal risk As Variant, ByVal macro As Variant, ByVal budget As Variant) As Variant
Attribute DYNALLOC_MATRIX.VB_Description = "Category constraints of the house policy for stocks, bonds, cash and commodities."
    DYNALLOC_MATRIX = Answer("DYNALLOC_MATRIX", Array(Taken(risk), Taken(macro), Taken(budget)))
End Function

Public Function DYNALLOC_STRESS(ByVal vix As Variant, ByVal gdp_growth As Variant, ByVal yield_spread As Variant) As Variant
Attribute DYNALLOC_STRESS.VB_Description = "Macro stress against the months 1990 to 2019."
    DYNALLOC_STRESS = Answer("DYNALLOC_STRESS", Array(Taken(vix), Taken(gdp_growth), Taken(yield_spread)))
End Function

Public Function DYNALLOC_REGIME(ByVal stress As Variant) As Variant
Attribute DYNALLOC_REGIME.VB_Description = "Regime that a stress percentile falls in: calm, normal, elevated or high stress."
    DYNALLOC_REGIME = Answer("DYNALLOC_REGIME", Array(Taken(stress)))
End Function

Public Function DYNALLOC_RECESSION(ByVal spread_10y_3m As Variant) As Variant
Attribute DYNALLOC_RECESSION.VB_Description = "Probability of a US recession twelve months ahead, by the New York Fed's yield-curve probit."
    DYNALLOC_RECESSION = Answer("DYNALLOC_RECESSION", Array(Taken(spread_10y_3m)))
End Function

Public Function DYNALLOC_TILTS(ByVal sectors As Variant, ByVal stress As Variant, Optional ByVal defensiveness As Variant) As Variant
Attribute DYNALLOC_TILTS.VB_Description = "Factor by which each sector's momentum scores are multiplied, exp(0.5 d (2 stress - 1))."
    DYNALLOC_TILTS = Answer("DYNALLOC_TILTS", Array(Taken(sectors), Taken(stress), Taken(defensiveness)))
End Function

Public Function DYNALLOC_MOMENTUM(ByVal prices As Variant, Optional ByVal lookback As Variant, Optional ByVal skip As Variant) As Variant
Attribute DYNALLOC_MOMENTUM.VB_Description = "Momentum of each column of prices: the return from lookback months ago to skip months ago."
    DYNALLOC_MOMENTUM = Answer("DYNALLOC_MOMENTUM", Array(Taken(prices), Taken(lookback), Taken(skip)))
End Function

Public Function DYNALLOC_STOCKS(ByVal scores As Variant, Optional ByVal sectors As Variant, Optional ByVal stress As Variant, Optional ByVal cap As Variant) As Variant
Attribute DYNALLOC_STOCKS.VB_Description = "Weights of the stocks by scaled score and sector tilt, none above the cap."
    DYNALLOC_STOCKS = Answer("DYNALLOC_STOCKS", Array(Taken(scores), Taken(sectors), Taken(stress), Taken(cap)))
End Function

Public Function ADJ_RETURN(ByVal r As Variant, ByVal risk As Variant) As Variant
Attribute ADJ_RETURN.VB_Description = "Return target for a risk tolerance: r + alpha(risk), +0.02 for high, 0 for medium, -0.01 for low."
    ADJ_RETURN = Answer("ADJ_RETURN", Array(Taken(r), Taken(risk)))
End Function

Public Function DYNALLOC_FRONTIER(ByVal mu As Variant, ByVal cov As Variant, Optional ByVal points As Variant, Optional ByVal cap As Variant) As Variant
Attribute DYNALLOC_FRONTIER.VB_Description = "Exact long-only efficient frontier, from least risk to greatest return, every portfolio certified."
    DYNALLOC_FRONTIER = Answer("DYNALLOC_FRONTIER", Array(Taken(mu), Taken(cov), Taken(points), Taken(cap)))
End Function

Public Function DYNALLOC_TARGET(ByVal mu As Variant, ByVal cov As Variant, ByVal r As Variant, Optional ByVal anchor As Variant, Optional ByVal cap As Variant, Optional ByVal floor As Variant) As Variant
Attribute DYNALLOC_TARGET.VB_Description = "Weights nearest the anchor, in tracking risk, that attain a return; clipped where out of reach."
    DYNALLOC_TARGET = Answer("DYNALLOC_TARGET", Array(Taken(mu), Taken(cov), Taken(r), Taken(anchor), Taken(cap), Taken(floor)))
End Function

Public Function DYNALLOC_TARGET_STATUS(ByVal mu As Variant, ByVal cov As Variant, ByVal r As Variant, Optional ByVal anchor As Variant, Optional ByVal cap As Variant, Optional ByVal floor As Variant) As Variant
Attribute DYNALLOC_TARGET_STATUS.VB_Description = "How DYNALLOC_TARGET met its return: attained, or clipped to the nearest attainable one."
    DYNALLOC_TARGET_STATUS = Answer("DYNALLOC_TARGET_STATUS", Array(Taken(mu), Taken(cov), Taken(r), Taken(anchor), Taken(cap), Taken(floor)))
End Function

Public Function DYNALLOC_RISK(ByVal weights As Variant, ByVal cov As Variant) As Variant
Attribute DYNALLOC_RISK.VB_Description = "Share of each stock in the variance of a portfolio, w (cov w) / (w' cov w)."
    DYNALLOC_RISK = Answer("DYNALLOC_RISK", Array(Taken(weights), Taken(cov)))
End Function

Public Function DYNALLOC_STATS(ByVal values As Variant, Optional ByVal periods_per_year As Variant) As Variant
Attribute DYNALLOC_STATS.VB_Description = "Figures of a series of wealth: growth, volatility, Sharpe and Sortino ratio against 0, falls, tail."
    DYNALLOC_STATS = Answer("DYNALLOC_STATS", Array(Taken(values), Taken(periods_per_year)))
End Function

Public Function DYNALLOC_WHY(ByVal function_ As Variant, Optional ByVal argument_1 As Variant, Optional ByVal argument_2 As Variant, Optional ByVal argument_3 As Variant, Optional ByVal argument_4 As Variant, Optional ByVal argument_5 As Variant, Optional ByVal argument_6 As Variant) As Variant
Attribute DYNALLOC_WHY.VB_Description = "Sentence behind an error: the same call, answered in words."
    DYNALLOC_WHY = Answer("DYNALLOC_WHY", Array(Nothing, Taken(function_), Taken(argument_1), Taken(argument_2), Taken(argument_3), Taken(argument_4), Taken(argument_5), Taken(argument_6)))
End Function

Public Function DYNALLOC_VERSION() As Variant
Attribute DYNALLOC_VERSION.VB_Description = "Versions of pyalloc, Python and numpy."
    DYNALLOC_VERSION = Answer("DYNALLOC_VERSION", Array())
End Function

Public Sub DescribeFunctions()
    On Error Resume Next
    If Postponed() Then Exit Sub
    Describe "DYNALLOC_WEIGHTS", "pyalloc", _
        "Portfolio of a universe under macro conditions; without arguments, that of the workbook it is in.", _
        Array("Asset, category, sector, score: a row an instrument", _
            "VIX in points, GDP growth and 10y-2y yield spread as fractions a year", _
            "Category constraints, a row a constraint, a column a category", _
            "Right-hand side; the first entry is the budget", _
            "Risk tolerance: low, medium, high, or 1 to 10; needed with cov", _
            "Annualised covariance of the stocks; with it the return target applies")
    Describe "CATEGORY_SOLVE", "pyalloc", _
        "Solution of A w = b, certified; within bounds the exact one if it lies there, else the nearest.", _
        Array("Constraints, a row a constraint, a column a category", _
            "Right-hand side, one entry a row", _
            "Least weights, fractions of the first entry of b", _
            "Greatest weights, fractions of the first entry of b")
    Describe "CATEGORY_EXPLAIN", "pyalloc", _
        "Explain what A w = b determines: rank, condition, residual, and which rows clash.", _
        Array("Constraints, a row a constraint, a column a category", _
            "Right-hand side, one entry a row")
    Describe "DYNALLOC_MATRIX", "pyalloc", _
        "Category constraints of the house policy for stocks, bonds, cash and commodities.", _
        Array("Risk tolerance: low, medium, high, or a number from 1 to 10", _
            "VIX in points, GDP growth and 10y-2y yield spread as fractions a year", _
            "Amount to invest, in any currency")
    Describe "DYNALLOC_STRESS", "pyalloc", _
        "Macro stress against the months 1990 to 2019.", _
        Array("VIX in index points, 5 to 150, 21-day average", _
            "Real GDP growth, annualised, a fraction (0.02 is 2 %)", _
            "Treasury 10y-2y, a fraction (0.01 is 1 %), 21-day average")
    Describe "DYNALLOC_REGIME", "pyalloc", _
        "Regime that a stress percentile falls in: calm, normal, elevated or high stress.", _
        Array("Stress, a percentile from 0 to 1")
    Describe "DYNALLOC_RECESSION", "pyalloc", _
        "Probability of a US recession twelve months ahead, by the New York Fed's yield-curve probit.", _
        Array("Treasury 10y-3m, bond equivalent, a fraction (0.01 is 1 %)")
    Describe "DYNALLOC_TILTS", "pyalloc", _
        "Factor by which each sector's momentum scores are multiplied, exp(0.5 d (2 stress - 1)).", _
        Array("Names of sectors", _
            "Stress, a percentile from 0 to 1", _
            "Defensiveness d of each sector; default the house policy's")
    Describe "DYNALLOC_MOMENTUM", "pyalloc", _
        "Momentum of each column of prices: the return from lookback months ago to skip months ago.", _
        Array("Month closes, a row a month, the last row the latest, a column a stock", _
            "Months to look back; default 12", _
            "Latest months left out; default 1")
    Describe "DYNALLOC_STOCKS", "pyalloc", _
        "Weights of the stocks by scaled score and sector tilt, none above the cap.", _
        Array("A score for each stock, larger is better", _
            "The sector of each stock; with stress it tilts", _
            "Stress, a percentile from 0 to 1; default 0.5, no tilt", _
            "Greatest weight of one stock; default min(1, max(0.10, 1.5/n))")
    Describe "ADJ_RETURN", "pyalloc", _
        "Return target for a risk tolerance: r + alpha(risk), +0.02 for high, 0 for medium, -0.01 for low.", _
        Array("Efficient return a year, a fraction (0.08 is 8 %)", _
            "Risk tolerance: low, medium, high, or a number from 1 to 10")
    Describe "DYNALLOC_FRONTIER", "pyalloc", _
        "Exact long-only efficient frontier, from least risk to greatest return, every portfolio certified.", _
        Array("Expected returns a year, fractions, one for each stock", _
            "Annualised covariance of the stocks, fractions squared", _
            "Portfolios, 2 to 1000, evenly spaced in return; default 21", _
            "Greatest weight of one stock, a fraction; default no cap")
    Describe "DYNALLOC_TARGET", "pyalloc", _
        "Weights nearest the anchor, in tracking risk, that attain a return; clipped where out of reach.", _
        Array("Expected returns a year, fractions, one for each stock", _
            "Annualised covariance of the stocks, fractions squared", _
            "Return to attain, a year, a fraction", _
            "Weights to stay near to; default equal weights", _
            "Greatest weight of one stock, a fraction; default no cap", _
            "Least weight as a fraction of the anchor weight; default 0")
    Describe "DYNALLOC_TARGET_STATUS", "pyalloc", _
        "How DYNALLOC_TARGET met its return: attained, or clipped to the nearest attainable one.", _
        Array("Expected returns a year, fractions, one for each stock", _
            "Annualised covariance of the stocks, fractions squared", _
            "Return to attain, a year, a fraction", _
            "Weights to stay near to; default equal weights", _
            "Greatest weight of one stock, a fraction; default no cap", _
            "Least weight as a fraction of the anchor weight; default 0")
    Describe "DYNALLOC_RISK", "pyalloc", _
        "Share of each stock in the variance of a portfolio, w (cov w) / (w' cov w).", _
        Array("A weight for each stock", _
            "Annualised covariance of the stocks, fractions squared")
    Describe "DYNALLOC_STATS", "pyalloc", _
        "Figures of a series of wealth: growth, volatility, Sharpe and Sortino ratio against 0, falls, tail.", _
        Array("Wealth or prices above 0, one a period, oldest first", _
            "252 for trading days, 12 for months; default 252")
    Describe "DYNALLOC_WHY", "pyalloc", _
        "Sentence behind an error: the same call, answered in words.", _
        Array("Name of the function", _
            "First argument of the call", _
            "Second argument", _
            "Third argument", _
            "Fourth argument", _
            "Fifth argument", _
            "Sixth argument")
    Describe "DYNALLOC_VERSION", "pyalloc", _
        "Versions of pyalloc, Python and numpy.", _
        Array()
End Sub
