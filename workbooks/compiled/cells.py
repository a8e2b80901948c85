"""What the author says a cell holds, as XML in parts: its formula, its value, and what moves in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape

from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from workbooks.compiled.places import Grid, Spot, moving
from workbooks.compiled.program import Hole
from workbooks.compiled.values import Kind, Mode, Slot
from workbooks.template.author import Cell, Growth, Ref, Sheet

Body = tuple[bytes | Spot | Hole, ...]


@dataclass(frozen=True)
class Authored:
    """A sheet as authored for the smallest sizes, its cells by row and column number."""

    sheet: Sheet
    grids: Mapping[str, Grid]
    kinds: Mapping[str, Kind]
    spill: bytes = b""
    """What marks a cell whose formula spills."""

    @cached_property
    def cells(self) -> dict[tuple[int, int], Cell]:
        """Every authored cell, by row and column."""
        cells = {}
        for at, cell in self.sheet.cells.items():
            letters, row = coordinate_from_string(at)
            cells[row, column_index_from_string(letters)] = cell
        return cells

    def body(self, row: int, column: int) -> Body | None:
        """Return what follows the style of a cell; None where the author has nothing or a label."""
        cell = self.cells.get((row, column))
        if cell is None or cell.kind == "label":
            return None
        if cell.value is None:
            return (b"/>",)
        if cell.kind != "formula":
            if self.kinds[cell.value.name] == "number":
                return b"><v>", self._hole(cell.value, "number", row, column), b"</v></c>"
            return (self._hole(cell.value, "rest", row, column),)
        formula = self._formula(cell, row, column)
        marked = self.spill if cell.spills and cell.text else b""
        if self.kinds[cell.value.name] == "number":
            return marked + b">", *formula, b"<v>", self._hole(cell.value, "number", row, column), b"</v></c>"
        kind, shown = (self._hole(cell.value, mode, row, column) for mode in ("type", "shown"))
        return kind, marked + b">", *formula, b"<v>", shown, b"</v></c>"

    def value(self, row: int, column: int, mode: Mode) -> Hole | None:
        """Return the hole for a cell's value alone; None where it has none of that mode."""
        cell = self.cells.get((row, column))
        if (
            cell is None
            or cell.value is None
            or (self.kinds[cell.value.name] == "number") != (mode == "number")
        ):
            return None
        return self._hole(cell.value, mode, row, column)

    def _formula(self, cell: Cell, row: int, column: int) -> Body:
        if not cell.text:
            return ()
        down, across = bool(self._inner(row)), bool(self._repeated(row, column))
        text = escape(cell.text.removeprefix("="), quote=False)
        moved = moving(text, self.sheet.title, self.grids, down=down, across=across)
        if not cell.array:
            return b"<f>", *moved, b"</f>"
        area = moving(cell.array, self.sheet.title, self.grids, down=down, across=across)
        return b'<f t="array" ref="', *area, b'">', *moved, b"</f>"

    def _hole(self, ref: Ref, mode: Mode, row: int, column: int) -> Hole:
        down = _following(ref, self.cells.get((row + 1, column))) if self._inner(row) else None
        across = _following(ref, self.cells.get((row, column + 1))) if self._repeated(row, column) else None
        return Hole(Slot(ref.name, mode), ref.place, down, across)

    def _inner(self, row: int) -> Growth | None:
        """Return the block of rows that a row is the second of: the pattern of all but the first."""
        return next((g for g in self._growths("rows") if row == g.first + 1), None)

    def _repeated(self, row: int, column: int) -> Growth | None:
        """Return the block of columns that a column is the first of, the pattern of all."""
        return next((g for g in self._growths("columns") if column == g.first and row >= g.top), None)

    def _growths(self, axis: str) -> Iterable[Growth]:
        return (growth for growth in self.sheet.growths if growth.axis == axis)


def _following(ref: Ref, neighbour: Cell | None) -> int | None:
    """Return which part of a value's index grows by one in the next cell; None where the value stays."""
    if neighbour is None or neighbour.value is None:
        return None
    grown = [k for k, (a, b) in enumerate(zip(ref.place, neighbour.value.place, strict=True)) if a != b]
    return grown[0] if grown else None
