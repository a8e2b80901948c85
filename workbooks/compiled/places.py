"""Rows and columns that move with the sizes of a workbook, and the texts that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string

from workbooks.template.author import Growth
from workbooks.template.book import Sizes


class Place(NamedTuple):
    """A row or column number as a sum: a constant and some of the sizes."""

    base: int
    by: tuple[str, ...] = ()

    def at(self, sizes: Sizes) -> int:
        """Return the number in a workbook of these sizes."""
        return self.base + sum(int(getattr(sizes, name)) for name in self.by)


class Spot(NamedTuple):
    """A row or column in a text; one that `follows` is that of a pattern's first row or column."""

    axis: str
    place: Place
    follows: bool

    def text(self, number: int) -> bytes:
        """Return the row as digits or the column as letters."""
        return (get_column_letter(number) if self.axis == "column" else str(number)).encode()


Parts = tuple[bytes | Spot, ...]
"""A text in pieces: what never changes, and what moves."""


class Grid:
    """How rows and columns of one sheet, numbered as in a book of some sizes, move with the sizes."""

    def __init__(self, growths: Sequence[Growth] = ()) -> None:
        self.rows = [growth for growth in growths if growth.axis == "rows"]
        self.columns = [growth for growth in growths if growth.axis == "columns"]

    def row(self, number: int, *, end: bool = False) -> Place:
        """Return the place of a row; `end` says that a range ends there.

        A block of a single row is its own first and last row, so only there the end of a range tells.
        """
        moving = [
            growth
            for growth in self.rows
            if number > growth.last or (number == growth.last and (end or number > growth.first))
        ]
        return _moved(number, moving)

    def column(self, number: int, row: int, *, end: bool = False) -> Place:
        """Return the place of a column in a row; `end` says that a range ends there."""
        moving = [
            growth
            for growth in self.columns
            if row >= growth.top and (number > growth.first or (end and number == growth.last))
        ]
        return _moved(number, moving)


def _moved(number: int, growths: Sequence[Growth]) -> Place:
    counts = sum(growth.last - growth.first + 1 for growth in growths)
    return Place(number - counts, tuple(growth.by for growth in growths))


_REFERENCE: Final = re.compile(
    r"""("[^"]*")"""  # a text in a formula is no reference
    r"""|(?<![\w.$'!\]])((?:'(?:[^']|'')+'|[^\W\d][\w.]*)!)?"""
    r"""(\$?)([A-Z]{1,3})(\$?)([1-9]\d{0,6})(?::(\$?)([A-Z]{1,3})(\$?)([1-9]\d{0,6}))?(?![\w.(!])"""
)


def moving(
    text: str, home: str, grids: Mapping[str, Grid], *, down: bool = False, across: bool = False
) -> Parts:
    """Return a text with the references in it as places; those to sheets without a grid stay as they are.

    Parameters
    ----------
    text : str
        A formula or a list of ranges.
    home : str
        The sheet that references without one mean.
    grids : mapping of sheet to Grid
    down, across : bool
        Relative rows, or columns, follow those of the pattern that the text stands in.
    """
    parts: list[bytes | Spot] = []
    start = 0
    for found in _REFERENCE.finditer(text):
        sheet = _title(found[2]) if found[2] else home
        if found[1] or sheet not in grids:
            continue
        for group, place, relative in _corners(found, grids[sheet]):
            axis = "column" if group in (4, 8) else "row"
            follows = relative and (across if axis == "column" else down)
            if place.by or follows:
                parts += [text[start : found.start(group)].encode(), Spot(axis, place, follows)]
                start = found.end(group)
    parts.append(text[start:].encode())
    return joined(parts)


def _title(prefix: str) -> str:
    return prefix[:-1].strip("'").replace("''", "'")


def _corners(found: re.Match[str], grid: Grid) -> Iterator[tuple[int, Place, bool]]:
    """Yield each number of a reference: its group in the match, its place, whether it is relative."""
    for letters, end in ((4, False), (8, True)):
        if found[letters]:
            row = int(found[letters + 2])
            column = column_index_from_string(found[letters])
            yield letters, grid.column(column, row, end=end), not found[letters - 1]
            yield letters + 2, grid.row(row, end=end), not found[letters + 1]


def joined(parts: Sequence[bytes | Spot]) -> Parts:
    """Return the parts with neighbouring bytes put together."""
    merged: list[bytes | Spot] = []
    for part in parts:
        if isinstance(part, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += part
        elif part != b"":
            merged.append(part)
    return tuple(merged)


def placed(parts: Parts, sizes: Sizes) -> bytes:
    """Return the text in a workbook of these sizes; nothing in it follows a pattern."""
    return b"".join(part if isinstance(part, bytes) else part.text(part.place.at(sizes)) for part in parts)
