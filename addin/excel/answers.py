"""What a call gives back to Excel: rows of values, or the text that the wrapper turns into a true error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from addin.calls import answer
from addin.cells import CellError, Cells, is_left_out
from addin.excel.workbook_names import KeptAnswers, names_of

ERROR_MARK: Final = "#PYALLOC!"
"""Begins an error on its way to the wrapper, code and sentence behind it; no function returns such a text."""

_kept = KeptAnswers()


def excel_answer(name: str, arguments: Sequence[Any], caller: Any = None) -> list[list[Any]]:
    """Return what a cell's call gives back, as rows.

    Parameters
    ----------
    name : str
        Of a function of the registry.
    arguments : sequence
        Raw values as Excel delivers them.
    caller : xlwings.Range, optional
        The calling cell, for a function that may read the defined names of its workbook.
    """
    try:
        cells = answer(name, arguments) if caller is None else _in_workbook(name, arguments, caller)
    except CellError as error:
        return [[f"{ERROR_MARK} {error.code} {error}"]]
    return cells if isinstance(cells, list) else [[cells]]


def _in_workbook(name: str, arguments: Sequence[Any], caller: Any) -> Cells:
    """Return the answer in the workbook of the calling cell, kept where it depends on that alone."""
    names = names_of(caller)
    if all(map(is_left_out, arguments)):
        return _kept.answer(name, names, partial(answer, name, ()))
    return answer(name, arguments, names)
