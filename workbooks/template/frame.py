"""What every working sheet shares: the head, section titles, and what may be typed where."""

from __future__ import annotations

from typing import Final

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string

from workbooks.template.author import Sheet

SUMMARY: Final = "Summary"
MACRO: Final = "Macro"
CONSTRAINTS: Final = "Constraints"
SCENARIOS: Final = "Scenarios"
STOCKS: Final = "Stocks"
HOLDINGS: Final = "Holdings"
FRONTIER: Final = "Frontier"
BACKTEST: Final = "Backtest"
AUDIT: Final = "Audit"
NOTES: Final = "Notes"
PRICES: Final = "Prices"
COVARIANCE: Final = "Covariance"
FUNCTIONS: Final = "Functions"

FIRST_STOCK: Final = 11
"""Row of the first stock on Stocks, Prices and Covariance alike."""


def head(sheet: Sheet, title: str, purpose: str, last: str) -> None:
    """Place title, purpose, client, as-of date and the state of the checks over columns B to `last`."""
    sheet.widths["A"] = 1.9
    sheet.heights[1] = 24
    sheet.label("B1", title, "title")
    sheet.label("B2", purpose, "purpose")
    sheet.formula("B3", "=client_name", "client_name", look="head_text")
    before = get_column_letter(max(3, column_index_from_string(last) - 2))
    sheet.formula(f"{before}3", "=as_of", "as_of", look="head_date")
    sheet.merged.append(f"{before}3:{last}3")
    sheet.formula(f"{before}1", "=checks_summary", "checks_summary", look="badge")
    sheet.merged.append(f"{before}1:{last}1")


def section(sheet: Sheet, row: int, title: str, first: str, last: str, note: str = "") -> None:
    """Place a section title over a rule that runs from column `first` to `last`."""
    start, end = column_index_from_string(first), column_index_from_string(last)
    sheet.heights[row] = 17
    for column in range(start, end + 1):
        text = title if column == start else note if column == end else ""
        sheet.label(
            f"{get_column_letter(column)}{row}", text, "section" if column == start else "section_note"
        )
