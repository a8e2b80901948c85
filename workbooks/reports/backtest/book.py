"""The report as a workbook: its sheets authored over the facts, and written as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyalloc.backtest import BacktestResult, Sweep
from workbooks.folder import replacing
from workbooks.reports.backtest.facts import imprint, report_facts, told
from workbooks.reports.backtest.page import author_report
from workbooks.reports.backtest.series import author_daily, author_months
from workbooks.reports.backtest.stored import with_stored_values
from workbooks.reports.backtest.tables import author_attribution, author_decisions, author_sweep
from workbooks.template.author import Book
from workbooks.template.writer import workbook_bytes


def backtest_book(result: BacktestResult, sweep: Sweep | None = None) -> tuple[Book, Mapping[str, Any]]:
    """Return the authored report and the facts that its cells refer to."""
    facts = {**report_facts(result, sweep), **imprint(result), "one": 1.0}
    series = facts["series"]
    policy = result.mandate.policy
    purpose = f"{policy.firm} · risk {result.mandate.profile.risk}, monthly decisions, after costs"
    sheets = [
        author_report(purpose, result.market.notice, told(result), series, facts),
        author_attribution(result, series, facts),
        author_decisions(facts),
        *([author_sweep(sweep)] if sweep else []),
        author_months(series, len(facts["monthly"]), len(facts["days"])),
        author_daily(series, len(facts["days"])),
    ]
    return Book(tuple(sheets), protected=False), facts


def report_bytes(result: BacktestResult, sweep: Sweep | None = None) -> bytes:
    """Return the report as an .xlsx file, the same bytes for the same backtest."""
    book, facts = backtest_book(result, sweep)
    return with_stored_values(workbook_bytes(book, facts), book, facts)


def write_backtest_report(result: BacktestResult, path: Path, sweep: Sweep | None = None) -> None:
    """Write the report to `path`; what stood there is replaced only by a complete file.

    Raises
    ------
    OSError
        Where the file cannot be written, as when it is open in Excel.
    """
    content = report_bytes(result, sweep)
    with replacing(path) as part:
        part.write_bytes(content)
