"""Where things stand in the report: sheets, first rows, columns, so that formulas find each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyalloc.evaluation.performance import ROUNDING
from workbooks.history import SENTENCES
from workbooks.template.author import Sheet, columns_from
from workbooks.template.frame import section

REPORT: Final = "Report"
ATTRIBUTION: Final = "Attribution"
DECISIONS: Final = "Decisions"
SWEEP: Final = "Sweep"
MONTHS: Final = "Months"
DAILY: Final = "Daily"

FIRST: Final = 6
"""Row of the first entry of every long table."""

STATISTICS: Final = 4 + SENTENCES + 2
"""Row of the title of the statistics on the Report."""

YEARS: Final = f"$C${STATISTICS + 3}"
"""The cell of the Report with the length of the backtest."""

ROUNDED: Final = f"{ROUNDING:.0E}"
"""Up to this a deviation or a fall is rounding, as formulas have it."""

COLOURS: Final = ("1F3A5F", "B08D57", "7C98B3", "A23B2A")
"""Of the strategy and its benchmarks, in every chart."""


class Columns:
    """The columns of the Daily and Months sheets, for so many series."""

    def __init__(self, series: int) -> None:
        self.wealth = columns_from("E", series)
        self.cash_return = columns_from("E", series + 1)[-1]
        after = columns_from("E", series + 2)[-1]
        self.returns = columns_from(after, series)
        self.excess = columns_from(after, 2 * series)[series:]
        self.drawdown = columns_from(after, 3 * series)[2 * series :]
        self.monthly = columns_from("C", 2 * series)[series:]
        self.rolling = columns_from("C", 3 * series)[2 * series :]


def area(sheet: str, column: str, first: int, last: int) -> str:
    """Return an absolute range of one column."""
    return f"{sheet}!${column}${first}:${column}${last}"


def heading(sheet: Sheet, title: str, purpose: str) -> None:
    """Place title and purpose."""
    sheet.widths["A"] = 1.9
    sheet.heights[1] = 24
    sheet.label("B1", title, "title")
    sheet.label("B2", purpose, "purpose")


def table(
    sheet: Sheet, row: int, title: str, first: str, last: str, headers: Sequence[str], note: str = ""
) -> None:
    """Place a section title, and below it the headers of a table from column `first` on."""
    section(sheet, row, title, first, last, note)
    sheet.heights[row + 1] = 26
    for i, (letter, text) in enumerate(zip(columns_from(first, len(headers)), headers, strict=True)):
        sheet.label(f"{letter}{row + 1}", text, "header" if i else "header_left")
