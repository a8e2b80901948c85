"""xlwings' own VBA, which finds and starts Python: taken from the installed package, notices and all.

It belongs to one version of xlwings, whose library it names, so that an add-in is built again after every
upgrade. What is changed in it is listed here.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final, NamedTuple

from addin.excel.vba_project import Module
from pyalloc.errors import InputError

PROJECT: Final = "pyalloc"
"""The name by which xlwings' VBA finds its settings: ``.pyalloc/pyalloc.conf`` below the user's folder."""

_FILE: Final = "xlwings_custom_addin.bas"


class _Change(NamedTuple):
    """A piece of the text that stands there once, what it becomes, and why."""

    old: str
    new: str
    why: str


_CHANGES: Final = (
    _Change(
        'Attribute VB_Name = "xlwings"\r\n',
        "Option Private Module\r\n",
        "its public procedures are no functions for a cell",
    ),
    _Change(
        'PROJECT_NAME As String = "myaddin"',
        f'PROJECT_NAME As String = "{PROJECT}"',
        "the settings of another xlwings on this PC are not ours to change",
    ),
    _Change(
        'Optional source As String = "") As Variant',
        'Optional source As String = "user") As Variant',
        "the user's own file names the program to run, never a workbook or a file beside one",
    ),
    _Change(
        'AddExcelDir & ";" & ActiveWorkbook.FullName & ";" & ThisWorkbook.FullName',
        'AddExcelDir & ";" & ThisWorkbook.FullName & ";" & ThisWorkbook.FullName',
        "while Excel opens its first workbook, none is active",
    ),
)


def xlwings_module() -> Module:
    """Return the module that the wrapper asks for Python.

    Raises
    ------
    InputError
        Where the installed xlwings carries another text than the changes were made for.
    """
    text = files("xlwings").joinpath(_FILE).read_bytes().decode("ascii")
    for change in _CHANGES:
        if text.count(change.old) != 1:
            raise InputError(
                f"{_FILE} of the installed xlwings does not read as expected (so that {change.why}): "
                "install the version of constraints.txt"
            )
        text = text.replace(change.old, change.new)
    return Module("xlwings", text)
