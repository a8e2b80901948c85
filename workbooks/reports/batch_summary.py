"""The batch summary: one sheet with a row per client, linked to the workbooks, and totals by currency."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import chain, groupby, islice
from math import ceil
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from pyalloc.names import currency_digits
from workbooks.ledger import LEDGER_FILE
from workbooks.package import finished
from workbooks.results import DONE, FAILED, REFUSED, BatchResult, ClientResult, Figures
from workbooks.template import styles
from workbooks.template.dates import EPOCH
from workbooks.template.styles import Look
from workbooks.template.writer import named_style

if TYPE_CHECKING:
    from pyalloc.tables import Problem
    from workbooks.recorded import Allocated

SHEET: Final = "Batch"

MOST_ROWS: Final = 10_000
"""Rows of the table; a sheet could hold a million, but nobody reads them and few programs open them."""

_FIRST_TOTAL = 5
_MAX_FROZEN_ROWS = 20  # more would leave no room to scroll in
_PROBLEM_WIDTH = 60
_PROBLEM_CHARACTERS = 75
"""Characters of Arial 9 on a line of that width."""

_LINE_HEIGHT = 14.0
_AMOUNT = {0: "#,##0", 2: "#,##0.00", 3: "#,##0.000"}

_LOOKS: Final = {
    "title": Look(size=16, bold=True),
    "purpose": Look(italic=True, colour=styles.GREY),
    "notice": Look(bold=True, colour=styles.CHECK[0]),
    "header": Look(size=8, bold=True, colour="FFFFFF", fill=styles.NAVY, align="center", wrap=True),
    "text": Look(border="row"),
    "sentence": Look(border="row", wrap=True),
    "link": Look(border="row", colour=styles.LINK_GREEN),
    "centred": Look(border="row", align="center", wrap=True),
    "date": Look(border="row", align="center", number_format=styles.DATE),
    "percent": Look(border="row", align="right", number_format=styles.PERCENT),
    "number": Look(border="row", align="right", number_format=styles.NUMBER_2),
    **{
        f"amount_{digits}": Look(border="row", align="right", number_format=f)
        for digits, f in _AMOUNT.items()
    },
    "total": Look(bold=True, border="row", align="right"),
    **{
        f"total_{digits}": Look(bold=True, border="row", align="right", number_format=f)
        for digits, f in _AMOUNT.items()
    },
    DONE: Look(bold=True, colour=styles.OK[0], fill=styles.OK[1]),
    FAILED: Look(bold=True, colour=styles.CHECK[0], fill=styles.CHECK[1]),
    REFUSED: Look(bold=True, colour=styles.CHECK[0], fill=styles.CHECK[1]),
}


class _Column(NamedTuple):
    """A column: its title, its width in characters, its look, and its value for a client."""

    title: str
    width: float
    look: str
    value: Callable[[ClientResult], object]


def batch_summary(result: BatchResult) -> bytes:
    """Return the summary of a batch as the bytes of a file that is to lie beside the workbooks."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = SHEET
    workbook.properties.creator = result.policy.firm
    workbook.properties.title = "Batch summary"
    for name, look in _LOOKS.items():
        workbook.add_named_style(named_style(name, look))
    columns = _columns(result.policy.category.names)
    allocated = result.record.allocated(len(result.policy.category.names))
    header = _FIRST_TOTAL + max(3, len(allocated)) + 1
    rows = result.counts.clients + result.counts.refused
    last = header + max(1, min(rows, MOST_ROWS))
    _write_head(sheet, result, rows)
    _write_totals(sheet, columns, result, allocated, header + 1, last)
    _write_table(sheet, columns, result, header)
    _lay_out(sheet, columns, header, last, letter=result.policy.paper == "Letter")
    made = max((total.as_of for total in allocated if total.as_of), default=None)
    return finished(workbook, date.fromisoformat(made) if made else EPOCH)


def _columns(categories: Sequence[str]) -> list[_Column]:
    def of(value: Callable[[Figures], object]) -> Callable[[ClientResult], object]:
        return lambda item: value(item.figures) if item.figures else None

    def weight(i: int) -> Callable[[ClientResult], object]:
        return of(lambda figures: figures.weights[i])

    def amount(i: int) -> Callable[[ClientResult], object]:
        return of(lambda figures: figures.amounts[i])

    return [
        _Column("Workbook", 9, "link", of(lambda _: "Open")),
        _Column("Client", 11, "text", lambda item: item.client.client_id),
        _Column("Name", 25, "text", lambda item: item.client.name),
        _Column("Status", 8, "status", lambda item: item.status),
        _Column("Risk", 8, "centred", lambda item: item.client.profile.risk),
        _Column("As of", 11, "date", of(lambda figures: figures.as_of)),
        _Column("Regime", 11, "centred", of(lambda figures: figures.regime.capitalize())),
        _Column("Stress", 7, "number", of(lambda figures: figures.stress)),
        *(_Column(f"{name} weight", 11, "percent", weight(i)) for i, name in enumerate(categories)),
        _Column("Currency", 9, "centred", lambda item: item.client.profile.currency),
        _Column("Budget", 15, "amount", lambda item: item.client.profile.budget),
        *(_Column(f"{name} amount", 15, "amount", amount(i)) for i, name in enumerate(categories)),
        _Column("Return target", 13, "centred", of(lambda figures: figures.target_status)),
        _Column("Notices", 8, "centred", of(lambda figures: figures.notices)),
        _Column("Checks", 22, "text", of(lambda figures: figures.checks)),
        _Column("Problem", _PROBLEM_WIDTH, "sentence", lambda item: item.error or None),
    ]


def _write_head(sheet: Worksheet, result: BatchResult, rows: int) -> None:
    sheet.row_dimensions[1].height = 24
    _put(sheet["A1"], "Batch summary", "title")
    purpose = f"{result.policy.firm} · one row per client, with a link to the workbook"
    if rows > MOST_ROWS:
        purpose = (
            f"{result.policy.firm} · {MOST_ROWS:,} of {rows:,} rows, what failed or was refused first; the "
            f"counts and totals above the table are of all, and the ledger {LEDGER_FILE} lists all"
        )
    _put(sheet["A2"], purpose, "purpose")
    if result.notice:
        _put(sheet["A3"], result.notice, "notice")


def _write_totals(
    sheet: Worksheet,
    columns: Sequence[_Column],
    result: BatchResult,
    allocated: Sequence[Allocated],
    first: int,
    last: int,
) -> None:
    """Write counts by status and, above their columns, the allocated amounts by currency.

    They are formulas over the table below, or values from the ledger where that does not list all.
    """
    counts = result.counts
    whole = counts.clients + counts.refused <= MOST_ROWS
    letters = {column.title: get_column_letter(i) for i, column in enumerate(columns, start=1)}

    def area(title: str) -> str:
        return f"${letters[title]}${first}:${letters[title]}${last}"

    by_status = {DONE: counts.done, FAILED: counts.failed, REFUSED: counts.refused}
    for row, (status, number) in enumerate(by_status.items(), start=_FIRST_TOTAL):
        _put(sheet[f"{letters['Name']}{row}"], f"Rows {status}", "text")
        count = f'=COUNTIF({area("Status")},"{status}")'
        _put_formula(sheet[f"{letters['Status']}{row}"], count if whole else number, "total")
    amounts = [
        letters[column.title] for column in columns if column.look == "amount" and column.title != "Budget"
    ]
    for row, total in enumerate(allocated, start=_FIRST_TOTAL):
        digits = currency_digits(total.currency)
        look = f"total_{digits}"
        code = f"{letters['Currency']}{row}"
        _put(sheet[code], total.currency, "total")
        _put_formula(sheet[f"{letters['Budget']}{row}"], f"=SUM({amounts[0]}{row}:{amounts[-1]}{row})", look)
        for letter, amount in zip(amounts, total.amounts, strict=True):
            formula = f"=SUMIF({area('Currency')},${code},{letter}${first}:{letter}${last})"
            _put_formula(sheet[f"{letter}{row}"], formula if whole else round(amount or 0.0, digits), look)
    _put(sheet[f"{letters['Currency']}{_FIRST_TOTAL - 1}"], "Allocated", "purpose")


def _write_table(sheet: Worksheet, columns: Sequence[_Column], result: BatchResult, header: int) -> None:
    for i, column in enumerate(columns, start=1):
        _put(sheet.cell(header, i), column.title, "header")
    for row, item in enumerate(_rows(result), start=header + 1):
        if isinstance(item, ClientResult):
            _write_client(sheet, columns, row, item)
        else:
            _write_refused(sheet, columns, row, item)


def _rows(result: BatchResult) -> Iterator[ClientResult | list[Problem]]:
    """Yield the clients in the order of the list, then the refused rows; of very many, failures first."""
    refused = (list(problems) for _, problems in groupby(result.record.refused(), attrgetter("row_number")))
    if result.counts.clients + result.counts.refused <= MOST_ROWS:
        return chain(result.results(), refused)
    return islice(chain(result.results(FAILED), refused, result.results(DONE)), MOST_ROWS)


def _write_client(sheet: Worksheet, columns: Sequence[_Column], row: int, item: ClientResult) -> None:
    digits = currency_digits(item.client.profile.currency)
    looks = {"amount": f"amount_{digits}", "status": item.status}
    for i, column in enumerate(columns, start=1):
        _put(sheet.cell(row, i), column.value(item), looks.get(column.look, column.look))
    if item.figures:
        sheet.cell(row, 1).hyperlink = quote(item.path.name)
        sheet.cell(row, 1).style = "link"
    sheet.row_dimensions[row].height = _height(item.error)


def _write_refused(
    sheet: Worksheet, columns: Sequence[_Column], row: int, problems: Sequence[Problem]
) -> None:
    reasons = "; ".join(f"{problem.column}: {problem.reason}" for problem in problems)
    name = f"{problems[0].source} row {problems[0].row_number}"
    values = {"Client": problems[0].key or None, "Name": name, "Status": REFUSED, "Problem": reasons}
    for i, column in enumerate(columns, start=1):
        look = REFUSED if column.title == "Status" else "sentence" if column.title == "Problem" else "text"
        _put(sheet.cell(row, i), values.get(column.title), look)
    sheet.row_dimensions[row].height = _height(reasons)


def _height(sentence: str) -> float:
    """Return the height in points of a row with this sentence; programs other than Excel do not fit it."""
    return _LINE_HEIGHT * max(1, ceil(len(sentence) / _PROBLEM_CHARACTERS))


def _lay_out(sheet: Worksheet, columns: Sequence[_Column], header: int, last: int, *, letter: bool) -> None:
    """Set widths, the frozen head, the filter and the printed page."""
    for i, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(i)].width = column.width
    sheet.row_dimensions[header].height = 26
    sheet.freeze_panes = f"D{header + 1 if header <= _MAX_FROZEN_ROWS else 1}"
    sheet.auto_filter.ref = f"A{header}:{get_column_letter(len(columns))}{last}"
    sheet.sheet_view.showGridLines = False
    sheet.print_title_rows = f"{header}:{header}"
    sheet.print_title_cols = "A:C"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_LETTER if letter else sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth = 2
    sheet.page_setup.fitToHeight = 0
    sheet.page_margins.left = sheet.page_margins.right = 0.3
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddFooter.right.text = f'&"{styles.FONT},Regular"&8 page &P of &N'


def _put(cell: Cell, value: object, look: str) -> None:
    """Set a value; a text stays text, whatever it begins with."""
    cell.style = look
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
        cell.data_type = "s"
    else:
        cell.value = value


def _put_formula(cell: Cell, formula: str | float, look: str) -> None:
    cell.style = look
    cell.value = formula
