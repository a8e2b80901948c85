"""Which cells of a file do not hold what the book authors, or what was recomputed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from openpyxl.utils.cell import coordinate_from_string

from workbooks.compiled.values import VARIED
from workbooks.reading.cells import FoundCell, Value
from workbooks.reading.content import Content
from workbooks.reading.edited import EditedWorkbook
from workbooks.reading.formulas import same_formula, simple_area
from workbooks.reading.values import Facts, expected_value, same_value, shown
from workbooks.template.author import Book, Cell, addresses_in
from workbooks.template.frame import AUDIT, PRICES

_TEXT_LOOKS: Final = ("solved_text", "said", "said_text", "synthetic")
_NO_ADDIN: Final = "#NAME?"
"""What a call of ours shows where the workbook was calculated without the add-in."""


class Departure(NamedTuple):
    """A cell that departs.

    Attributes
    ----------
    expected : float, str, bool or None
        The value that was recomputed, where any was; a label's text.
    formula : str
        As authored; that of the whole array for each of its cells.
    rewritten : bool
        Whether the formula itself is another, or gone.
    """

    sheet: str
    at: str
    cell: Cell
    found: FoundCell
    expected: Value
    formula: str = ""
    rewritten: bool = False

    @property
    def fact(self) -> str:
        """What the cell shows, by name."""
        return self.cell.value.name if self.cell.value else ""

    @property
    def misplaced(self) -> bool:
        """Whether a text stands where a number belongs."""
        return isinstance(self.found.value, str) and self.cell.look not in _TEXT_LOOKS


def departures(workbook: EditedWorkbook, facts: Facts | None) -> Iterator[Departure]:
    """Yield every cell that departs; without facts, values are not compared.

    Cells of sheets that are missing and of rows that were removed are left out.
    """
    content, book = workbook.content, workbook.layout.book
    removed = {(shift.sheet, shift.row + i) for shift in workbook.shifts for i in range(-shift.by)}
    empty = without_values(content, book)
    formulas, unanswered = _formulas(book), _unanswered(content, book)
    for sheet, at, cell in book.cells():
        if sheet not in content.sheets or (sheet, coordinate_from_string(at)[1]) in removed:
            continue
        found = content.cell(sheet, at)
        if cell.kind == "label":
            if cell.text and shown(found) != cell.text:
                yield Departure(sheet, at, cell, found, cell.text)
            continue
        expected = expected_value(cell.value, facts) if facts and cell.value else None
        departs = facts is not None and not same_value(found.value, expected)
        if cell.kind == "formula":
            rewritten = bool(cell.text) and not _as_authored(cell, found)
            if (sheet, at) in unanswered and found.value in (None, _NO_ADDIN) and not rewritten:
                continue
            if rewritten or found.is_error or (departs and sheet not in empty):
                yield Departure(sheet, at, cell, found, expected, formulas[sheet, at], rewritten)
        elif departs or found.formula or not _of_its_type(sheet, cell, found):
            yield Departure(sheet, at, cell, found, expected)


def added_cells(content: Content, book: Book) -> Iterator[tuple[str, str, FoundCell]]:
    """Yield the cells of our sheets that stand where nothing was authored."""
    for sheet in book.sheets:
        if sheet.title in content.sheets:
            for at, found in content.sheets[sheet.title].cells.items():
                authored = sheet.cells.get(at)
                if authored is None or (authored.kind == "label" and not authored.text):
                    yield sheet.title, at, found


def without_values(content: Content, book: Book) -> set[str]:
    """Return the sheets that keep nothing of what their formulas came to."""
    formulas = {
        sheet.title: [cell for cell in content.sheets[sheet.title].cells.values() if cell.formula]
        for sheet in book.sheets
        if sheet.title in content.sheets
    }
    return {sheet for sheet, cells in formulas.items() if cells and all(cell.value is None for cell in cells)}


def _formulas(book: Book) -> dict[tuple[str, str], str]:
    """Return every formula by its cell; each cell of an array formula has that of its first."""
    arrays: dict[tuple[str, str], str] = {}
    for sheet, _, cell in book.cells("formula"):
        if cell.array:
            arrays.update(dict.fromkeys(((sheet, part) for part in addresses_in(cell.array)), cell.text))
    return {(sheet, at): cell.text or arrays[sheet, at] for sheet, at, cell in book.cells("formula")}


def _unanswered(content: Content, book: Book) -> set[tuple[str, str]]:
    """Return the cells of calls of ours that nothing answered; Excel leaves all but the first empty then."""
    return {
        (sheet, part)
        for sheet, at, cell in book.cells("formula")
        if cell.spills and cell.array and sheet in content.sheets
        if content.cell(sheet, at).value == _NO_ADDIN
        for part in addresses_in(cell.array)
    }


def _as_authored(cell: Cell, found: FoundCell) -> bool:
    """Return whether a formula says what was authored, over the same cells where those are fixed."""
    same_area = cell.spills or simple_area(found.area) == simple_area(cell.array)
    return bool(found.formula) and same_area and same_formula(found.formula, cell.text)


def _of_its_type(sheet: str, cell: Cell, found: FoundCell) -> bool:
    """Return whether a solved or imported cell holds a number, where one belongs and must be."""
    ours = cell.kind == "solved" or sheet == PRICES
    may_be_empty = cell.value is not None and cell.value.name in VARIED and found.value is None
    return (
        sheet == AUDIT
        or not ours
        or cell.look in _TEXT_LOOKS
        or may_be_empty
        or isinstance(found.value, float)
    )
