"""Sheets, rows and defined names of a file, against those it was authored with."""

from __future__ import annotations

from collections.abc import Iterator

from pyalloc import __version__
from workbooks.audit.findings import Finding, Kind
from workbooks.reading.content import VISIBLE, Content, plain_area
from workbooks.reading.edited import EditedWorkbook
from workbooks.reading.values import Facts
from workbooks.template.frame import HOLDINGS

_RANGES_SHOWN = 10


def file_findings(content: Content) -> Iterator[Finding]:
    """Yield what the file has that ours have not, and whether another pyalloc made it."""
    for addition in content.additions:
        yield Finding(Kind.ADDITIONS, found=addition)
    made_by = content.named("pyalloc_version")
    if made_by not in (None, __version__):
        yield Finding(Kind.VERSION, found=made_by, expected=__version__)


def structure_findings(workbook: EditedWorkbook) -> Iterator[Finding]:
    """Yield what is wrong with sheets, rows and names."""
    yield from _sheets(workbook)
    yield from _names(workbook)


def line_findings(workbook: EditedWorkbook, as_generated: Facts) -> Iterator[Finding]:
    """Yield the finding on Holdings where lines were added or removed since it was generated."""
    lines, made = workbook.layout.sizes.lines, len(as_generated["holding_ticker"])
    if lines != made and "holding_ticker" in workbook.edited_blocks:
        yield Finding(Kind.ROWS, HOLDINGS, says=f"{lines} lines stand there, {made} were generated")


def _sheets(workbook: EditedWorkbook) -> Iterator[Finding]:
    authored = {sheet.title for sheet in workbook.layout.book.sheets}
    for title in authored - workbook.content.sheets.keys():
        yield Finding(Kind.SHEET_MISSING, title)
    for title, called in workbook.renamed.items():
        yield Finding(Kind.SHEET_RENAMED, title, found=called, expected=title)
    for shift in workbook.shifts:
        many = "row" if abs(shift.by) == 1 else "rows"
        what = "inserted" if shift.by > 0 else "removed, here or among like rows above"
        says = f"{abs(shift.by)} {many} {what}"
        yield Finding(Kind.ROWS, shift.sheet, f"{shift.row}:{shift.row}", says=says)
    for title, sheet in workbook.content.sheets.items():
        if title not in authored:
            yield Finding(Kind.SHEET_ADDED, title)
            continue
        if sheet.state != VISIBLE:
            yield Finding(Kind.SHEET_HIDDEN, title, found=sheet.state, expected=VISIBLE)
        if sheet.hidden:
            more = (
                "" if len(sheet.hidden) <= _RANGES_SHOWN else f" and {len(sheet.hidden) - _RANGES_SHOWN} more"
            )
            yield Finding(Kind.HIDDEN, title, found=", ".join(sheet.hidden[:_RANGES_SHOWN]) + more)


def _names(workbook: EditedWorkbook) -> Iterator[Finding]:
    content = workbook.content
    moved = {shift.sheet for shift in workbook.shifts}
    local = {name: sheet for sheet, name in content.local_names}
    for name, area in workbook.layout.book.names.items():
        expected = plain_area(area)
        sheet, _, at = expected.partition("!")
        found = content.names.get(name.lower())
        if name.lower() in local:
            yield Finding(Kind.NAME_SHADOWED, local[name.lower()], "", name, expected=expected)
        if sheet not in content.sheets or sheet in moved:
            continue  # names went with the sheet or its rows
        if found is None:
            yield Finding(Kind.NAME_MISSING, sheet, at, name, expected=expected)
        elif found != expected:
            yield Finding(Kind.NAME_MOVED, sheet, at, name, found, expected)
