"""A worksheet of a template as a program: the template's looks, the author's contents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from pyalloc.errors import TableError
from workbooks.compiled.cells import Authored
from workbooks.compiled.markup import after_cells, before_cells
from workbooks.compiled.places import Grid, Place, Spot, moving
from workbooks.compiled.program import Across, Down, Hole, Program
from workbooks.compiled.sheetxml import StoredCell, StoredRow, StoredSheet
from workbooks.template.author import Cell, Growth, Sheet
from workbooks.template.book import PATTERN

_TYPE: Final = re.compile(r'\st\s*=\s*"[^"]*"')
_EMPTY: Final = StoredRow("", {})
_PATTERNS: Final = 3
"""Rows of a block that say how all of them look: the first, and two that take turns after it."""


@dataclass(frozen=True)
class SheetCompiler:
    """Compiles one sheet.

    Attributes
    ----------
    title : str
    stored : StoredSheet
        As the template has it.
    growths : mapping of Growth to Growth
        Its blocks, in the template's numbers and in their author's.
    grids : mapping of sheet to Grid
        In the template's numbers.
    authored : Authored or None
        None for a sheet that a firm added.
    """

    title: str
    stored: StoredSheet
    growths: Mapping[Growth, Growth]
    grids: Mapping[str, Grid]
    authored: Authored | None

    def program(self, sample: str) -> Program:
        """Return the sheet's program; footers that name the client `sample` will name each client."""
        return (
            *before_cells(self.stored.before, self.title, self.grids, tuple(self.growths)),
            b"<sheetData>",
            *self._rows(),
            b"</sheetData>",
            *after_cells(self.stored.after, self.title, self.grids, sample),
        )

    def matched(self) -> Iterator[tuple[StoredCell, Cell | None]]:
        """Yield the template's cells with what their author says of them; of repeated rows, the patterns."""
        blocks = [growth for growth in self.growths if growth.axis == "rows"]
        for row, stored in self.stored.rows.items():
            block = next((b for b in blocks if b.first <= row <= b.last), None)
            if block is not None and row >= block.first + _PATTERNS:
                continue
            for column, cell in stored.cells.items():
                growth = self._columns_at(row, column)
                at = (
                    self.growths[block].first + min(row - block.first, 1)
                    if block
                    else self._grid.row(row).at(PATTERN),
                    self.growths[growth].first if growth else self._grid.column(column, row).at(PATTERN),
                )
                yield cell, self.authored.cells.get(at) if self.authored else None

    def lost(self, sheet: Sheet) -> Iterator[str]:
        """Yield the cells of `sheet`, as authored for the template's sizes, that the template has not.

        A cell without a value is stored only for its look, so it is gone once everything in it is cleared.
        """
        blocks = [growth for growth in self.growths if growth.axis == "rows"]
        for at, cell in sheet.cells.items():
            letters, row = coordinate_from_string(at)
            inner = any(block.first + _PATTERNS <= row <= block.last for block in blocks)
            there = self.stored.rows.get(row, _EMPTY).cells
            if cell.kind != "label" and not inner and column_index_from_string(letters) not in there:
                yield f"{sheet.title}!{at}"

    def _rows(self) -> Iterator[bytes | Spot | Hole | Across | Down]:
        blocks = [growth for growth in self.growths if growth.axis == "rows"]
        for number in sorted({*self.stored.rows, *(block.first for block in blocks)}):
            block = next((b for b in blocks if b.first <= number <= b.last), None)
            if block is None:
                place = self._grid.row(number)
                spot = Spot("row", place, follows=False)
                yield from self._row(number, place.at(PATTERN), spot, block=False)
            elif number == block.first:
                yield self._block(block)

    @property
    def _grid(self) -> Grid:
        return self.grids.get(self.title) or Grid()

    def _block(self, block: Growth) -> Down:
        """Return a block: its first row, and the others as the template's next two rows look, in turn."""
        first = self._grid.row(block.first)
        authored = self.growths[block].first
        second = Spot("row", Place(first.base + 1, first.by), follows=True)
        looks = range(block.first + 1, min(block.first + _PATTERNS, block.last + 1)) or [block.first]
        return Down(
            block.by,
            tuple(self._row(block.first, authored, Spot("row", first, follows=False), block=True)),
            tuple(tuple(self._row(number, authored + 1, second, block=True)) for number in looks),
        )

    def _row(
        self, number: int, authored_row: int, spot: Spot, *, block: bool
    ) -> Iterator[bytes | Spot | Hole | Across]:
        """Yield a row of the template with what the author says of `authored_row` in it."""
        stored = self.stored.rows.get(number, _EMPTY)
        yield from (b'<row r="', spot, f'"{stored.attributes}>'.encode())
        for column in sorted(stored.cells):
            growth = self._columns_at(number, column)
            if growth is None:
                place = self._grid.column(column, number)
                at = (Spot("column", place, follows=False), spot)
                authored = (authored_row, place.at(PATTERN))
                yield from self._cell(number, column, at, authored, block=block)
            elif column == growth.first:
                at = (Spot("column", self._grid.column(column, number), follows=True), spot)
                authored = (authored_row, self.growths[growth].first)
                yield Across(growth.by, tuple(self._cell(number, column, at, authored, block=block)))
        yield b"</row>"

    def _columns_at(self, row: int, column: int) -> Growth | None:
        return next(
            (g for g in self.growths if g.axis == "columns" and row >= g.top and g.first <= column <= g.last),
            None,
        )

    def _cell(
        self, number: int, column: int, at: tuple[Spot, Spot], authored: tuple[int, int], *, block: bool
    ) -> Iterator[bytes | Spot | Hole]:
        """Yield the cell of the template in row `number` and `column`; `authored` is its author's place."""
        cell = self.stored.rows[number].cells[column]
        yield from (b'<c r="', *at, b'"')
        body = self.authored.body(*authored) if self.authored else None
        if body is not None:
            yield cell.look.encode()
            yield from body
        elif not cell.inner:
            yield f"{cell.attributes}/>".encode()
        elif block:
            raise TableError(
                f"{self.title}!{get_column_letter(column)}{number} is a cell of its own among rows that "
                "repeat: move it to a sheet of its own"
            )
        else:
            yield from self._own_cell(number, column, cell)

    def _own_cell(self, number: int, column: int, cell: StoredCell) -> Iterator[bytes | Spot]:
        """Yield a label, or a cell that a firm added; what is computed keeps no value: it would be stale."""
        formula = self.stored.formula(number, column)
        plain = _TYPE.sub("", cell.attributes)
        if formula is not None:
            yield f"{plain}><f".encode()
            if formula.area:
                area = moving(formula.area, self.title, self.grids)
                yield from (b' t="array" ref="', *area, b'"')
            yield from (b">", *moving(formula.text, self.title, self.grids), b"</f></c>")
        elif self.stored.is_filled(number, column):
            yield f"{plain}/>".encode()
        else:
            yield f"{cell.attributes}>{cell.inner}</c>".encode()
