"""One worksheet of a template as stored: what stands before the cells, its rows, and what follows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from pyalloc.errors import TableError
from workbooks.compiled.members import attributes

_DATA: Final = re.compile(r"<sheetData\s*/>|<sheetData\s*>(.*)</sheetData\s*>", re.DOTALL)
_ROW: Final = re.compile(r"<row\b([^>]*?)(?:/>|>(.*?)</row\s*>)", re.DOTALL)
_CELL: Final = re.compile(r"<c\b([^>]*?)(?:/>|>(.*?)</c\s*>)", re.DOTALL)
_FORMULA: Final = re.compile(r"<f\b([^>]*?)(?:/>|>(.*?)</f\s*>)", re.DOTALL)
_OWN_NUMBER: Final = re.compile(r"""\s(?:r|spans)\s*=\s*(?:"[^"]*"|'[^']*')""")
_LOOK: Final = re.compile(r'\ss\s*=\s*"(\d+)"')


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
    def formula(self) -> re.Match[str] | None:
        """The formula element, its attributes and its text."""
        return _FORMULA.search(self.inner)


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
