"""The Holdings sheet: categories × sleeves = lines with weights and amounts that sum to the budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyalloc.names import CASH, STOCKS
from workbooks.template.author import Sheet
from workbooks.template.frame import HOLDINGS, head, section

SOLVED_SHARES: Final = {"inverse_volatility": "holding_solved", "equal_risk": "holding_equal_risk"}
"""Name of the shares that no formula gives, by how sleeves other than stocks are weighted."""


def author_holdings(categories: Sequence[str], lines: int, *, other_sleeves: str) -> Sheet:
    """Return the sheet for this many lines, and how sleeves other than stocks are weighted."""
    sheet = Sheet(HOLDINGS)
    sheet.widths |= {
        "B": 5, "C": 16.2, "D": 24, "E": 11.2, "F": 34, "G": 12, "H": 12, "I": 12, "J": 18, "K": 12, "L": 12,
    }  # fmt: skip
    head(sheet, "Holdings", "Categories × sleeves: the weight and the amount of every line.", "J")
    section(sheet, 5, "By category", "B", "J")
    sheet.labels(6, {"C": "Category"}, "header_left")
    sheet.labels(6, {"F": "Lines", "I": "Weight", "J": "Amount"}, "header")
    for i in range(len(categories)):
        row = 7 + i
        sheet.formula(f"C{row}", f"=INDEX(category_names,{i + 1})", "category_names", i, look="formula_text")
        sheet.formula(
            f"F{row}",
            f"=COUNTIF(holding_category,C{row})",
            "holding_category_count",
            i,
            look="formula_integer",
        )
        sheet.formula(
            f"I{row}",
            f"=SUMIF(holding_category,C{row},holding_weight)",
            "holding_category_weight",
            i,
            look="formula_percent",
        )
        sheet.formula(
            f"J{row}",
            f"=SUMIF(holding_category,C{row},holding_amount)",
            "holding_category_amount",
            i,
            look="formula_amount",
        )
    last_category = 6 + len(categories)
    sheet.name("holding_category_weight", f"I7:I{last_category}")
    sheet.name("holding_category_amount", f"J7:J{last_category}")
    total = last_category + 1
    sheet.label(f"C{total}", "Total", "strong")
    sheet.formula(
        f"F{total}", f"=SUM(F7:F{last_category})", "holding_total_count", look="strong_formula_integer"
    )
    sheet.formula(f"I{total}", "=SUM(holding_weight)", "holding_total_weight", look="strong_formula_percent")
    sheet.formula(f"J{total}", "=SUM(holding_amount)", "holding_total_amount", look="strong_formula_amount")
    _lines(sheet, total + 3, lines, SOLVED_SHARES.get(other_sleeves))
    return sheet


def _lines(sheet: Sheet, head_row: int, lines: int, solved: str | None) -> None:
    section(
        sheet, head_row - 1, "Lines", "B", "L", "amounts are rounded as a running sum, so they add up exactly"
    )
    titles = {"B": "#", "C": "Category", "D": "Sector", "E": "Ticker", "F": "Name"}
    sheet.labels(head_row, titles, "header_left")
    titles = {
        "G": "Share of category", "H": "Category weight", "I": "Weight", "J": "Amount", "K": "Running weight", "L": "Rank key",
    }  # fmt: skip
    sheet.labels(head_row, titles | {"M": "Solved share"} if solved else titles, "header")
    sheet.heights[head_row] = 24
    sheet.freeze, sheet.title_rows = f"G{head_row + 1}", f"{head_row}:{head_row}"
    first, last = head_row + 1, head_row + lines
    sheet.filter = f"B{head_row}:L{last}"
    sheet.print_area = f"A1:J{last}"
    sheet.grow_rows("lines", first, lines)
    for i in range(lines):
        row = first + i
        sheet.formula(f"B{row}", f"=ROWS(B${first}:B{row})", "line_number", i, look="formula_integer")
        sheet.solved(f"C{row}", "holding_category", i, look="solved_text")
        sheet.solved(f"D{row}", "holding_sector", i, look="solved_text")
        sheet.solved(f"E{row}", "holding_ticker", i, look="solved_text")
        sheet.solved(f"F{row}", "holding_name", i, look="solved_text")
        other = f"1/COUNTIF(holding_category,C{row})" if not solved else f"M{row}"
        share = f'=IF(C{row}="{STOCKS}",INDEX(sleeve_weights,MATCH(E{row},stock_ticker,0)),{other})'
        sheet.formula(f"G{row}", share, "holding_share", i, look="formula_percent")
        if solved:
            sheet.solved(f"M{row}", "holding_solved", i, look="solved_percent")
        sheet.formula(
            f"H{row}",
            f"=INDEX(category_weights,MATCH(C{row},category_names,0))",
            "holding_in_category",
            i,
            look="formula_percent",
        )
        sheet.formula(f"I{row}", f"=G{row}*H{row}", "holding_weight", i, look="strong_formula_percent")
        sheet.formula(
            f"J{row}",
            f"=ROUND(K{row}*budget,currency_digits)-ROUND(N(K{row - 1})*budget,currency_digits)",
            "holding_amount",
            i,
            look="formula_amount",
        )
        sheet.formula(f"K{row}", f"=N(K{row - 1})+I{row}", "holding_running", i, look="formula_percent")
        sheet.formula(
            f"L{row}", f'=IF(C{row}="{CASH}",0,I{row})-B{row}*1E-12', "holding_key", i, look="formula_percent"
        )
    if solved:
        sheet.name(solved, f"M{first}:M{last}")
    for name, column in {
        "holding_category": "C",
        "holding_sector": "D",
        "holding_ticker": "E",
        "holding_name": "F",
        "holding_share": "G",
        "holding_weight": "I",
        "holding_amount": "J",
        "holding_running": "K",
        "holding_key": "L",
    }.items():
        sheet.name(name, f"{column}{first}:{column}{last}")
