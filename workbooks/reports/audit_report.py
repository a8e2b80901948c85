"""The audit report: a page of files with verdicts, and every finding with its cell, in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Final, NamedTuple

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from workbooks.audit import AuditResult
from workbooks.folder import replacing
from workbooks.package import finished
from workbooks.template import styles
from workbooks.template.dates import EPOCH
from workbooks.template.styles import Look
from workbooks.template.writer import named_style

FILES: Final = "Files"
FINDINGS: Final = "Findings"

MOST_FINDINGS: Final = 1_000_000
"""Rows of findings; a sheet has few more."""

_LONGEST_TEXT = 1_000
_LINE_HEIGHT = 14.0
_MOST_LINES = 6
_CHARACTERS = 1.35
"""Of Arial 9, to a unit of a column's width."""

_HEADER = 4

_LOOKS: Final = {
    "title": Look(size=16, bold=True),
    "purpose": Look(italic=True, colour=styles.GREY),
    "header": Look(size=8, bold=True, colour="FFFFFF", fill=styles.NAVY, align="center", wrap=True),
    "text": Look(border="row", wrap=True),
    "sentence": Look(border="row", wrap=True, align="left", indent=1),
    "date": Look(border="row", align="center", number_format=styles.DATE, wrap=True),
    "count": Look(border="row", align="right", number_format="#,##0", wrap=True),
    "value": Look(border="row", align="right", wrap=True),
    "as made": Look(bold=True, colour=styles.OK[0], fill=styles.OK[1]),
    "departs": Look(bold=True, colour=styles.CHECK[0], fill=styles.CHECK[1]),
    "unreadable": Look(bold=True, colour=styles.CHECK[0], fill=styles.CHECK[1]),
    "fault": Look(bold=True, colour=styles.CHECK[0], fill=styles.CHECK[1]),
    "note": Look(bold=True, colour=styles.NOTE[0], fill=styles.NOTE[1]),
    "information": Look(colour=styles.GREY, fill=styles.BAND),
}


class _Column(NamedTuple):
    """A column: its title, its width in characters, its look."""

    title: str
    width: float
    look: str


_FILE_COLUMNS: Final = (
    _Column("File", 26, "text"),
    _Column("Client", 14, "text"),
    _Column("As of", 11, "date"),
    _Column("Verdict", 12, "verdict"),
    _Column("Faults", 9, "count"),
    _Column("Notes", 9, "count"),
    _Column("Cells that follow", 11, "count"),
    _Column("Problem", 60, "sentence"),
)
_FINDING_COLUMNS: Final = (
    _Column("File", 22, "text"),
    _Column("Severity", 10, "severity"),
    _Column("Finding", 24, "text"),
    _Column("Where", 26, "text"),
    _Column("Name", 17, "text"),
    _Column("Cells", 7, "count"),
    _Column("Stands", 24, "value"),
    _Column("Should be", 24, "value"),
    _Column("In words", 46, "sentence"),
)


def write_audit_report(results: Sequence[tuple[Path, AuditResult]], path: Path) -> None:
    """Write the findings on all files to `path`; what stood there is replaced only by a complete file.

    Parameters
    ----------
    results : sequence of (Path, AuditResult)
    path : Path

    Raises
    ------
    OSError
        Where the file cannot be written, as when it is open in Excel.
    """
    workbook = Workbook()
    workbook.properties.title = "Audit report"
    for name, look in _LOOKS.items():
        workbook.add_named_style(named_style(name, look))
    files = workbook.active
    files.title = FILES
    _write(
        files,
        "Audit",
        f"{len(results)} workbooks, recomputed from their inputs",
        _FILE_COLUMNS,
        _files(results),
    )
    found = _findings(results)
    told = "cells of one kind and block in one row, with the first of them"
    if len(found) > MOST_FINDINGS:
        told = f"the first {MOST_FINDINGS:,} of {len(found):,}: audit fewer files at once for the others"
    _write(workbook.create_sheet(FINDINGS), "Findings", told, _FINDING_COLUMNS, found[:MOST_FINDINGS])
    made = max((result.as_of for _, result in results if result.as_of), default=EPOCH)
    with replacing(path) as part:
        part.write_bytes(finished(workbook, made))


def _files(results: Sequence[tuple[Path, AuditResult]]) -> list[tuple[object, ...]]:
    return [
        (
            path.name,
            result.client_id,
            result.as_of,
            result.verdict,
            result.count("fault"),
            result.count("note"),
            result.consequences,
            result.error or None,
        )
        for path, result in results
    ]


def _findings(results: Sequence[tuple[Path, AuditResult]]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for path, result in results:
        for line in result.lines:
            first = line.first
            rows.append(
                (
                    path.name,
                    first.kind.severity,
                    first.kind.words,
                    line.where,
                    first.fact,
                    len(line.findings),
                    first.found,
                    first.expected,
                    "; ".join(filter(None, [first.says, first.kind.remedy])),
                )
            )
    return rows


def _write(
    sheet: Worksheet, title: str, purpose: str, columns: Sequence[_Column], rows: Sequence[tuple[object, ...]]
) -> None:
    sheet.row_dimensions[1].height = 24
    _put(sheet["A1"], title, "title")
    _put(sheet["A2"], purpose, "purpose")
    for i, column in enumerate(columns, start=1):
        _put(sheet.cell(_HEADER, i), column.title, "header")
        sheet.column_dimensions[get_column_letter(i)].width = column.width
    for number, row in enumerate(rows, start=_HEADER + 1):
        for i, (column, value) in enumerate(zip(columns, row, strict=True), start=1):
            _put(sheet.cell(number, i), value, column.look if column.look in _LOOKS else str(value))
        lines = max(map(_lines, columns, row))
        sheet.row_dimensions[number].height = _LINE_HEIGHT * min(lines, _MOST_LINES)
    last = _HEADER + max(1, len(rows))
    sheet.row_dimensions[_HEADER].height = 26
    sheet.freeze_panes = f"B{_HEADER + 1}"
    sheet.auto_filter.ref = f"A{_HEADER}:{get_column_letter(len(columns))}{last}"
    sheet.sheet_view.showGridLines = False
    sheet.print_title_rows = f"{_HEADER}:{_HEADER}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.page_margins.left = sheet.page_margins.right = 0.3
    sheet.page_margins.top = 0.5
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddFooter.right.text = f'&"{styles.FONT},Regular"&8 {title} · page &P of &N'


def _lines(column: _Column, value: object) -> int:
    """Return the lines that a text takes; programs other than Excel do not fit a row to them."""
    return max(1, ceil(len(value) / (column.width * _CHARACTERS))) if isinstance(value, str) else 1


def _put(cell: Cell, value: object, look: str) -> None:
    """Set a value; a text stays text, whatever it begins with."""
    cell.style = look
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}…"
        cell.value = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", text)
        cell.data_type = "s"
    else:
        cell.value = value
