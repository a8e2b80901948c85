"""Sheets under another title and rows that were moved, put back to where they were authored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from openpyxl.utils.cell import coordinate_from_string

from pyalloc.policy import Policy
from workbooks.reading.cells import FoundCell
from workbooks.reading.content import Content, FoundSheet
from workbooks.template.author import Book, Sheet, addresses_in
from workbooks.template.book import Design, author_book

_LARGEST_SHIFT = 10
_LABELS_KEPT = 0.5
"""Least part of its labels by which a sheet is known under another title."""


class Shift(NamedTuple):
    """Rows that were inserted (`by` above 0) or removed (below 0) at a row of a sheet, as authored."""

    sheet: str
    row: int
    by: int


def with_titles(content: Content) -> tuple[Content, dict[str, str]]:
    """Return the content with every sheet under its own title, and what each renamed one is called now."""
    pattern = author_book(Design.of(Policy(), native=True))
    authored = {sheet.title for sheet in pattern.sheets}
    renamed = {}
    for sheet in pattern.sheets:
        if sheet.title not in content.sheets:
            for title, found in content.sheets.items():
                if title not in authored and _labels_kept(sheet, found) >= _LABELS_KEPT:
                    renamed[sheet.title] = title
                    break
    for title, found_title in renamed.items():
        content = content.renamed(found_title, title)
    return content, renamed


def _labels_kept(sheet: Sheet, found: FoundSheet) -> float:
    labels = {at: cell.text for at, cell in sheet.cells.items() if cell.text and cell.kind == "label"}
    return sum(found[at].value == text for at, text in labels.items()) / len(labels)


def with_rows(content: Content, book: Book) -> tuple[Content, list[Shift]]:
    """Return the content with rows where they were authored, and where rows were inserted or removed."""
    shifts = []
    sheets = dict(content.sheets)
    for sheet in book.sheets:
        if sheet.title in sheets and (shift := _shift(sheet, sheets[sheet.title])):
            shifts.append(shift)
            sheets[sheet.title] = _moved_back(sheets[sheet.title], shift)
    return replace(content, sheets=sheets), shifts


def _shift(sheet: Sheet, found: FoundSheet) -> Shift | None:
    """Return the shift under which more rows read as authored than where they stand."""
    authored, standing = _authored_rows(sheet), _standing_rows(sheet, found.cells)
    last, patterns = max(authored), set(authored.values())

    def apart(by: int) -> list[int]:
        """Return for every row, then for those like ours below the last, how many are out of place."""
        rows = [int(authored.get(row) != standing.get(row + by)) for row in range(1, last + 1)]
        return [*rows, sum(row > last + by and marks in patterns for row, marks in standing.items())]

    here = apart(0)
    if not any(here):
        return None
    fewest, _, _, shift = min(
        (
            sum(here[: row - 1]) + sum(there[row - 1 + max(0, -by) :]),
            abs(by),
            -row,
            Shift(sheet.title, row, by),
        )
        for by in range(-_LARGEST_SHIFT, _LARGEST_SHIFT + 1)
        for there in [apart(by)]
        for row in range(1, last + 1)
    )
    return shift if fewest < sum(here) else None


_Row = frozenset[tuple[str, str]]


def _authored_rows(sheet: Sheet) -> dict[int, _Row]:
    """Return by row what an authored sheet shows whatever the inputs: labels, and where formulas are."""
    rows: dict[int, set[tuple[str, str]]] = {}
    for at, cell in sheet.cells.items():
        if cell.text:
            letters, row = coordinate_from_string(at)
            rows.setdefault(row, set()).add((letters, cell.text if cell.kind == "label" else "="))
    return {row: frozenset(marks) for row, marks in rows.items()}


def _standing_rows(sheet: Sheet, cells: Mapping[str, FoundCell]) -> dict[int, _Row]:
    """Return by row the labels of the sheet that stand in it, wherever, and where formulas are."""
    labels = {cell.text for cell in sheet.cells.values() if cell.kind == "label"}
    rows: dict[int, set[tuple[str, str]]] = {}
    arrays = ((at, cell.area) for at, cell in cells.items() if ":" in cell.area)
    results = {place for at, area in arrays for place in addresses_in(area) if place != at}
    for at, cell in cells.items():
        if at in results:
            continue
        mark = "=" if cell.formula else cell.value
        if mark == "=" or mark in labels:
            letters, row = coordinate_from_string(at)
            rows.setdefault(row, set()).add((letters, str(mark)))
    return {row: frozenset(marks) for row, marks in rows.items()}


def _moved_back(found: FoundSheet, shift: Shift) -> FoundSheet:
    """Return the sheet with the rows below the shift where they were authored."""
    cells = {}
    for at, cell in found.cells.items():
        letters, row = coordinate_from_string(at)
        if row < shift.row:
            cells[at] = cell
        elif row - shift.by >= shift.row:
            cells[f"{letters}{row - shift.by}"] = cell
    return replace(found, cells=cells)
