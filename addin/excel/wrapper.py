"""The VBA module through which Excel calls the functions, written from the registry.

It is ours rather than the one of xlwings' "Import Functions" because that one shows errors as text, hands
over amounts of money rounded, and asks for its settings 14 times a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Final

from addin.cells import LARGEST_TABLE, UNREAD_RANGE
from addin.excel.answers import ERROR_MARK
from addin.excel.vba_project import Module
from addin.excel.vba_words import parameter_name
from addin.spec import SpreadsheetFunction

MODULE: Final = "PyallocFunctions"
PYTHON_MODULE: Final = "addin.excel.udfs"


def wrapper_module(functions: Iterable[SpreadsheetFunction], version: str) -> Module:
    """Return the module: a public VBA function for each of `functions`.

    Parameters
    ----------
    functions : iterable of SpreadsheetFunction
    version : str
        Of pyalloc, which the module tells a cell that asks.
    """
    functions = list(functions)
    lines = [
        "Option Explicit",
        "' Written by pyalloc from its functions: change those, and build again.",
        f"Private Const PYALLOC_VERSION As String = {_quoted(version)}",
        f"Private Const PYTHON_MODULE As String = {_quoted(PYTHON_MODULE)}",
        f"Private Const ERROR_MARK As String = {_quoted(ERROR_MARK)}",
        f"Private Const LARGEST_TABLE As Long = {LARGEST_TABLE}",
        f"Private Const UNREAD_RANGE As String = {_quoted(UNREAD_RANGE)}",
        *files("addin.excel").joinpath("calls.bas").read_text("ascii").splitlines(),
    ]
    for function in functions:
        lines += ["", *_function(function)]
    lines += ["", *_descriptions(functions)]
    return Module(MODULE, "\n".join(lines))


def _function(function: SpreadsheetFunction) -> Iterator[str]:
    """Yield the lines of a public function."""
    name = function.name
    given = [parameter_name(argument.name) for argument in function.arguments]
    signature = ", ".join(
        f"{'Optional ' if argument.optional else ''}ByVal {parameter} As Variant"
        for argument, parameter in zip(function.arguments, given, strict=True)
    )
    taken = [*(["Nothing"] if function.reads_names else []), *(f"Taken({parameter})" for parameter in given)]
    yield f"Public Function {name}({signature}) As Variant"
    yield f"Attribute {name}.VB_Description = {_quoted(function.says)}"
    if function.reads_names and all(argument.optional for argument in function.arguments):
        # Excel cannot see what such a call depends on.
        alone = " And ".join(f"LeftOut({parameter})" for parameter in given)
        yield f"    If {alone} Then Application.Volatile"
    yield f"    {name} = Answer({_quoted(name)}, Array({', '.join(taken)}))"
    yield "End Function"


def _descriptions(functions: Iterable[SpreadsheetFunction]) -> Iterator[str]:
    """Yield the macro that tells the function dialog everything; what it refuses is only not shown."""
    yield "Public Sub DescribeFunctions()"
    yield "    On Error Resume Next"
    yield "    If Postponed() Then Exit Sub"
    for function in functions:
        arguments = ", _\n            ".join(_quoted(argument.says) for argument in function.arguments)
        yield f"    Describe {_quoted(function.name)}, {_quoted(function.category)}, _"
        yield f"        {_quoted(function.says)}, _"
        yield f"        Array({arguments})"
    yield "End Sub"


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))
