"""Where the named cells of an authored workbook lie, and what its checks came to."""

from __future__ import annotations

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries

from tests.hosts.calc_host import Cell, Recalculated
from workbooks.template.author import Book
from workbooks.template.checks import CHECKS


def place(book: Book, name: str, row: int = 1, column: int = 1) -> Cell:
    """Return sheet and address of an entry of a named range, counted from 1."""
    sheet, _, area = book.names[name].rpartition("!")
    left, top, _, _ = range_boundaries(area.replace("$", ""))
    assert left is not None
    assert top is not None
    return sheet.strip("'"), f"{get_column_letter(left + column - 1)}{top + row - 1}"


def check_results(book: Book, result: Recalculated) -> dict[str, object]:
    """Return what each check came to, by its key."""
    return {check.key: result[place(book, "check_result", i)] for i, check in enumerate(CHECKS, start=1)}
