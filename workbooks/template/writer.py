"""An authored workbook and its facts, written by openpyxl: the same bytes for the same facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import ColorScaleRule, FormulaRule
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Protection, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils.cell import column_index_from_string
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from workbooks.package import finished
from workbooks.template.author import Book, Cell, Sheet
from workbooks.template.charts import draw
from workbooks.template.dates import EPOCH
from workbooks.template.styles import AMOUNT, BRONZE, FONT, INK, LOOKS, RULE, SCALE, Look

SAMPLE: Final = "CLIENT-REFERENCE"
"""The client that the footers of a template name."""

_BORDERS: Final = {
    "hair": Border(*[Side("hair", color=RULE)] * 4),
    "below": Border(bottom=Side("thin", color=INK)),
    "row": Border(bottom=Side("hair", color=RULE)),
    "bronze": Border(bottom=Side("medium", color=BRONZE)),
    "bronze_above": Border(top=Side("medium", color=BRONZE)),
}


def write_workbook(book: Book, facts: Mapping[str, Any], path: Path) -> None:
    """Write a client's workbook to `path`, from bytes that are complete before it is opened.

    Parameters
    ----------
    book : Book
        Authored for the shape of the facts.
    facts : mapping
        Every fact that the book's cells refer to.
    path : Path
        Its folder exists.
    """
    # openpyxl would truncate an existing file before it fails, so it never sees the path.
    path.write_bytes(workbook_bytes(book, facts))


def workbook_bytes(book: Book, facts: Mapping[str, Any]) -> bytes:
    """Return the workbook as the bytes of an .xlsx file."""
    return _packed(book, facts, facts)


def template_bytes(book: Book, firm: str, paper: str) -> bytes:
    """Return the workbook without values, as the bytes of an .xlsx file."""
    imprint = {
        "firm": firm,
        "paper": paper,
        "as_of": 0,
        "client_id": SAMPLE,
        "footer_reference": SAMPLE,
        "currency_digits": 2,
    }
    return _packed(book, imprint, None)


def _packed(book: Book, imprint: Mapping[str, Any], values: Mapping[str, Any] | None) -> bytes:
    """Return the workbook with the imprint of a firm and a client, and the values of cells where given."""
    made = EPOCH + timedelta(days=imprint["as_of"])
    workbook = Workbook()
    workbook.remove(workbook.active)
    workbook.properties.creator = imprint["firm"]
    workbook.properties.title = imprint.get("title", f"Allocation for {imprint['client_id']}")
    workbook._fonts[0] = Font(name=FONT, size=10)
    for name in sorted({cell.look for _, _, cell in book.cells()}):
        workbook.add_named_style(named_style(name, _in_currency(LOOKS[name], imprint["currency_digits"])))
    for sheet in book.sheets:
        written = workbook.create_sheet(sheet.title)
        _write_sheet(written, sheet, imprint, values)
        if book.protected:
            _protect(written)
    for name, area in book.names.items():
        workbook.defined_names[name] = DefinedName(name, attr_text=area)
    said = [[chart.says for chart in sheet.charts] for sheet in book.sheets if sheet.charts]
    return finished(workbook, made, said)


def _in_currency(look: Look, digits: int) -> Look:
    """Return the look with as many decimals for amounts as the currency has."""
    if look.number_format != AMOUNT:
        return look
    return replace(look, number_format=f"#,##0.{'0' * digits}".rstrip("."))


def named_style(name: str, look: Look) -> NamedStyle:
    """Return a look as the named style of a workbook."""
    return NamedStyle(
        name=name,
        font=Font(name=FONT, size=look.size, bold=look.bold, italic=look.italic, color=look.colour),
        fill=PatternFill("solid", fgColor=look.fill) if look.fill else PatternFill(),
        border=_BORDERS.get(look.border, Border()),
        alignment=Alignment(
            horizontal=look.align or None,
            vertical="top" if look.wrap and not look.fill else "center",
            wrap_text=look.wrap or None,
            indent=look.indent,
            shrink_to_fit=look.shrink or None,
        ),
        number_format=look.number_format,
        protection=Protection(locked=not look.unlocked),
    )


def _write_sheet(
    target: Worksheet, sheet: Sheet, imprint: Mapping[str, Any], values: Mapping[str, Any] | None
) -> None:
    for at, cell in sheet.cells.items():
        _write_cell(target, at, cell, values)
    for column, width in sheet.widths.items():
        target.column_dimensions[column].width = width
    for row, height in sheet.heights.items():
        target.row_dimensions[row].height = height
    for area in sheet.merged:
        target.merge_cells(area)
    for at, place in sheet.links.items():
        target[at].hyperlink = Hyperlink(ref=at, location=place)
    for check in sheet.validations:
        target.add_data_validation(
            DataValidation(
                type=check.type,
                operator=check.operator,
                formula1=check.formula1,
                formula2=check.formula2,
                allow_blank=True,
                showErrorMessage=True,
                showInputMessage=True,
                errorTitle=check.title,
                error=check.message,
                promptTitle=check.title,
                prompt=check.message,
                sqref=check.area,
            )
        )
    for rule in sheet.rules:
        target.conditional_formatting.add(rule.area, _formula_rule(rule.formula, LOOKS[rule.look]))
    for area in sheet.scales:
        target.conditional_formatting.add(area, ColorScaleRule("min", None, "FFFFFF", "max", None, SCALE))
    for at, text in sheet.comments.items():
        target[at].comment = Comment(text, imprint["firm"], height=70, width=260)
    if sheet.filter:
        target.auto_filter.ref = sheet.filter
    for chart in sheet.charts:
        target.add_chart(draw(chart, target))
    _lay_out(target, sheet, imprint)


def _protect(target: Worksheet) -> None:
    """Keep formulas from slips, without a password; locked objects would disable Trace Precedents."""
    protection = target.protection
    protection.sheet = True
    protection.objects = protection.scenarios = False
    protection.formatColumns = protection.formatRows = False
    protection.sort = protection.autoFilter = False


def _write_cell(target: Worksheet, at: str, cell: Cell, values: Mapping[str, Any] | None) -> None:
    place = target[at]
    place.style = cell.look
    if cell.array:
        place.value = ArrayFormula(cell.array, cell.text)
    elif cell.kind == "formula":
        if cell.text:
            place.value = cell.text
    elif cell.kind == "label":
        _write_text(place, cell.text)
    elif cell.value is not None and values is not None:
        value = cell.value.of(values)
        if isinstance(value, str):
            _write_text(place, value)
        elif value is not None:
            place.value = value.item() if isinstance(value, np.generic) else value


def _write_text(place: Any, text: str) -> None:
    """Set a text as text, whatever it begins with."""
    if text:
        place.value = text
        place.data_type = "s"


def _formula_rule(formula: str, look: Look) -> Any:
    rule = FormulaRule(formula=[formula])
    rule.dxf = DifferentialStyle(
        font=Font(bold=look.bold or None, color=look.colour),
        fill=PatternFill(bgColor=look.fill, fill_type="solid") if look.fill else None,
    )
    return rule


def _lay_out(target: Worksheet, sheet: Sheet, imprint: Mapping[str, Any]) -> None:
    """Set the view and the printed page."""
    target.sheet_view.showGridLines = False
    target.sheet_view.zoomScale = 100
    if sheet.freeze:
        target.freeze_panes = sheet.freeze
    if sheet.title_rows:
        target.print_title_rows = sheet.title_rows
    if sheet.pages_wide > 1:
        target.print_title_cols = "A:B"
    if sheet.print_area:
        target.print_area = sheet.print_area
    if sheet.row_break:
        target.row_breaks.append(Break(sheet.row_break))
    if sheet.break_before:
        target.col_breaks.append(Break(column_index_from_string(sheet.break_before) - 1))
    target.page_setup.orientation = "landscape" if sheet.landscape else "portrait"
    target.page_setup.paperSize = target.PAPERSIZE_A4 if imprint["paper"] == "A4" else target.PAPERSIZE_LETTER
    target.page_setup.fitToWidth = sheet.pages_wide
    target.page_setup.fitToHeight = 1 if sheet.one_page else 0
    target.sheet_properties.pageSetUpPr.fitToPage = True
    target.print_options.horizontalCentered = True
    target.page_margins.left = target.page_margins.right = 0.45
    target.page_margins.top, target.page_margins.bottom, target.page_margins.footer = 0.5, 0.65, 0.3
    owner = f"{imprint['firm'].replace('&', '&&')} · {imprint['footer_reference']}"
    for part, text in (
        (target.oddFooter.left, owner),
        (target.oddFooter.center, "Confidential"),
        (target.oddFooter.right, f"{sheet.title} · page &P of &N"),
    ):
        # The space after the size keeps a text that begins with a digit from joining it.
        part.text = f'&"{FONT},Regular"&8 {text}'
