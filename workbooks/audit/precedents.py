"""Which cells a formula reads, and whether any of a set is among them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string, range_boundaries

from workbooks.reading.content import plain_area
from workbooks.template.author import Book, Sheet


class Marks:
    """A set of cells of a book, which can be asked whether a formula reads any of it.

    Parameters
    ----------
    book : Book
    cells : iterable of (sheet, address)
    whole : iterable of str
        Sheets of which every cell belongs to the set.
    broken : iterable of str
        Defined names of which every use counts as a use of the set.
    """

    def __init__(
        self,
        book: Book,
        cells: Iterable[tuple[str, str]] = (),
        whole: Iterable[str] = (),
        broken: Iterable[str] = (),
    ) -> None:
        self._names = {name: plain_area(area) for name, area in book.names.items()}
        self._broken = frozenset(broken)
        self._grids = {sheet.title: _grid(sheet) for sheet in book.sheets}
        for sheet in whole:
            self._grids[sheet][:] = True
        for sheet, at in cells:
            letters, row = coordinate_from_string(at)
            self._grids[sheet][row, column_index_from_string(letters)] = True

    def read_by(self, sheet: str, formula: str) -> bool:
        """Return whether a formula of a sheet, with its ``=``, reads one of these cells directly."""
        return any(
            token.type == Token.OPERAND and token.subtype == Token.RANGE and self._has(sheet, token.value)
            for token in Tokenizer(formula).items
        )

    def _has(self, sheet: str, reference: str) -> bool:
        if reference in self._broken:
            return True
        home, _, area = plain_area(self._names.get(reference, reference)).rpartition("!")
        left, top, right, bottom = range_boundaries(area)
        return bool(self._grids[home or sheet][top : bottom + 1, left : right + 1].any())


def _grid(sheet: Sheet) -> NDArray[np.bool_]:
    """Return a table of the sheet's cells, none of them marked."""
    letters, rows = zip(*map(coordinate_from_string, sheet.cells), strict=True)
    return np.zeros((max(rows) + 1, max(map(column_index_from_string, letters)) + 1), dtype=np.bool_)
