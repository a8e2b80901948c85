"""One worksheet of a template as stored: what stands before the cells, its rows, and what follows them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape, unescape
from itertools import count
from typing import Final, NamedTuple

from openpyxl.utils.cell import column_index_from_string, coordinate_from_string, range_boundaries

from pyalloc.errors import TableError
from workbooks.compiled.members import attributes
from workbooks.reading.formulas import translated

_DATA: Final = re.compile(r"<sheetData\s*/>|<sheetData\s*>(.*)</sheetData\s*>", re.DOTALL)
_ROW: Final = re.compile(r"<row\b([^>]*?)(?:/>|>(.*?)</row\s*>)", re.DOTALL)
_CELL: Final = re.compile(r"<c\b([^>]*?)(?:/>|>(.*?)</c\s*>)", re.DOTALL)
_FORMULA: Final = re.compile(r"<f\b([^>]*?)(?:/>|>(.*?)</f\s*>)", re.DOTALL)
_OWN_NUMBER: Final = re.compile(r"""\s(?:r|spans)\s*=\s*(?:"[^"]*"|'[^']*')""")
_LOOK: Final = re.compile(r'\ss\s*=\s*"(\d+)"')
_STRING: Final = re.compile(r"<v>(\d+)</v>")
_STRINGS: Final = re.compile(r"<si\b[^>]*?(?:/>|>.*?</si\s*>)", re.DOTALL)


@dataclass(frozen=True)
class StoredCell:
    """A cell: its attributes without its address, and what is in it."""

    attributes: str
    inner: str

    @property
    def look(self) -> str:
        """The attribute with the number of its style, or nothing."""
        found = _LOOK.search(self.attributes)
        return found[0] if found else ""

    @property
    def style(self) -> int:
        """The number of its style."""
        found = _LOOK.search(self.attributes)
        return int(found[1]) if found else 0

    @property
    def has_formula(self) -> bool:
        """Whether it is computed."""
        return _FORMULA.search(self.inner) is not None

    @property
    def string(self) -> int | None:
        """The number of the shared string that it shows; None where it shows none."""
        found = _STRING.search(self.inner) if attributes(self.attributes).get("t") == "s" else None
        return int(found[1]) if found else None


class StoredFormula(NamedTuple):
    """A formula as XML writes it, and the range of the array that it fills."""

    text: str
    area: str


@dataclass(frozen=True)
class StoredRow:
    """A row: its attributes without its number, and its cells by column."""

    attributes: str
    cells: dict[int, StoredCell]


@dataclass(frozen=True)
class StoredSheet:
    """A worksheet in pieces."""

    before: str
    rows: dict[int, StoredRow]
    after: str

    def formula(self, row: int, column: int) -> StoredFormula | None:
        """Return the formula of a cell, in full where it shares that of another cell."""
        found = _FORMULA.search(self.rows[row].cells[column].inner)
        own, text = (attributes(found[1]), found[2] or "") if found else ({}, "")
        if found is None or own.get("t") == "dataTable":  # a what-if table has no formula of its own
            return None
        if own.get("t") == "shared" and not text:
            text, first_row, first_column = self._shared[own["si"]]
            text = escape(translated(unescape(text), row - first_row, column - first_column), quote=False)
        return StoredFormula(text, own.get("ref", "") if own.get("t") == "array" else "")

    def is_filled(self, row: int, column: int) -> bool:
        """Return whether a cell lies in the range of an array formula."""
        return any(
            left <= column <= right and top <= row <= bottom for left, top, right, bottom in self._arrays
        )

    @cached_property
    def _shared(self) -> dict[str, tuple[str, int, int]]:
        """The text of every shared formula, and the row and column of the cell that has it."""
        return {
            own["si"]: (text, row, column)
            for row, column, own, text in self._formulas()
            if own.get("t") == "shared" and text
        }

    @cached_property
    def _arrays(self) -> list[tuple[int, int, int, int]]:
        return [range_boundaries(own["ref"]) for *_, own, _ in self._formulas() if own.get("t") == "array"]

    def _formulas(self) -> Iterator[tuple[int, int, dict[str, str], str]]:
        for row, stored in self.rows.items():
            for column, cell in stored.cells.items():
                if found := _FORMULA.search(cell.inner):
                    yield row, column, attributes(found[1]), found[2] or ""


def stored_sheet(title: str, text: str) -> StoredSheet:
    """Return the pieces of a worksheet's XML.

    Raises
    ------
    TableError
        Where its cells are not written as spreadsheets write them.
    """
    data = _DATA.search(text)
    if data is None:
        raise TableError(f"the sheet {title} has no cells that can be read: save the workbook anew in Excel")
    rows = {}
    for number, row in enumerate(_ROW.finditer(data[1] or ""), start=1):
        own = attributes(row[1])
        cells = dict(_cells(row[2] or ""))
        rows[int(own.get("r", number))] = StoredRow(_OWN_NUMBER.sub("", row[1]).rstrip(), cells)
    return StoredSheet(text[: data.start()], rows, text[data.end() :])


def _cells(text: str) -> Iterator[tuple[int, StoredCell]]:
    for cell in _CELL.finditer(text):
        letters, _ = coordinate_from_string(attributes(cell[1])["r"])
        yield (
            column_index_from_string(letters),
            StoredCell(_OWN_NUMBER.sub("", cell[1]).rstrip(), cell[2] or ""),
        )


def strings_in_use(text: str, used: Collection[int | None]) -> str:
    """Return shared strings with those emptied that no cell shows any more: they are a sample client's."""
    numbers = count()
    return _STRINGS.sub(lambda found: found[0] if next(numbers) in used else "<si><t/></si>", text)
