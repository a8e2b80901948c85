"""The grid of the Summary: twenty narrow columns that tables merge as they need; no other sheet merges so."""

from __future__ import annotations

from typing import Final

from openpyxl.utils import get_column_letter

from workbooks.template.author import Cell, Sheet
from workbooks.template.words import STRIP

GRID: Final = [get_column_letter(i) for i in range(2, 2 + STRIP)]
"""Columns B to U, the page's grid of twenty."""


def wide(sheet: Sheet, area: str) -> str:
    """Merge a range of the grid and return its first cell; only this sheet merges."""
    sheet.merged.append(area)
    return area.split(":")[0]


def section(sheet: Sheet, row: int, title: str, first: str, last: str, source: str = "") -> None:
    """Place a section title over a rule, and at its end a link to the sheet that its numbers are from."""
    sheet.heights[row] = 18
    for letter in GRID[GRID.index(first) : GRID.index(last) + 1]:
        sheet.label(f"{letter}{row}", title if letter == first else "", "section")
    if source:
        sheet.cells[f"{last}{row}"] = Cell("label", "section_note", f"see {source}")
        sheet.links[f"{last}{row}"] = f"{source}!B5"


def rule(sheet: Sheet, row: int, first: str, last: str, look: str = "read_label") -> None:
    """Rule a table row across its columns, so that merged cells share one line."""
    for letter in GRID[GRID.index(first) : GRID.index(last) + 1]:
        if f"{letter}{row}" not in sheet.cells:
            sheet.label(f"{letter}{row}", "", look)
