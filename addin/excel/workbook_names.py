"""The defined names of the workbook that a cell is in, and answers kept while those stay the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from addin.cells import Cells
from addin.portfolio import Names


def names_of(caller: Any) -> Names:
    """Return a reader of the defined names of the workbook that the calling cell, a Range, is in."""

    def cells(name: str) -> Any:
        names = caller.sheet.book.names
        if not names.contains(name):
            raise KeyError(name)
        try:
            area = names(name).refers_to_range.api
        except Exception as failed:  # Excel's own error: the name's cells were deleted, or it holds no cells
            raise KeyError(name) from failed
        held = _with_dates(area.Value2, area.Value)
        return held if isinstance(held, tuple) else ((held,),)  # an empty cell is not a missing name

    return cells


def _with_dates(exact: Any, shown: Any) -> Any:
    """Return a range's ``Value2``, with every digit of money, and the dates that only ``Value`` knows."""
    if isinstance(shown, tuple):
        return tuple(map(_with_dates, exact, shown))
    return shown if isinstance(shown, date) else exact


@dataclass(frozen=True)
class _Kept:
    """An answer, and the names that it was made from with what they held, as text."""

    function: str
    read: Mapping[str, str]
    cells: Cells


class KeptAnswers:
    """The latest answers to calls that read defined names.

    A call without arguments is volatile: Excel repeats it at every calculation, most often for nothing. An
    answer is given again only where every name holds what it held, whichever workbook that is.

    Parameters
    ----------
    size : int
        How many are kept; more than the workbooks that someone has open.
    """

    def __init__(self, size: int = 16) -> None:
        self._kept: deque[_Kept] = deque(maxlen=size)

    def answer(self, function: str, names: Names, compute: Callable[[Names], Cells]) -> Cells:
        """Return the kept answer, or a computed one; each name is read once."""
        look = cache(names)

        @cache
        def held(name: str) -> str:
            try:
                return repr(look(name))  # tells TRUE from 1, which are equal
            except KeyError:
                return ""

        for kept in self._kept:
            if kept.function == function and all(held(name) == was for name, was in kept.read.items()):
                return kept.cells
        read: dict[str, str] = {}

        def noted(name: str) -> Any:
            read[name] = held(name)
            return look(name)

        cells = compute(noted)
        self._kept.appendleft(_Kept(function, read, cells))
        return cells
