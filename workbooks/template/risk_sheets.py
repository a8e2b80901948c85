"""The appendix: Prices (month closes and returns) and Covariance (Ledoit-Wolf), native up to sixty stocks."""

from __future__ import annotations

from typing import Final

from workbooks.template.author import Sheet, columns_from
from workbooks.template.frame import COVARIANCE, FIRST_STOCK, PRICES, head, section

NATIVE_LIMIT: Final = 60
"""Stocks up to which month closes, returns and covariance are in the file as inputs and formulas."""

_FIRST_CLOSE: Final = "C"
_FIRST_ENTRY: Final = "D"
_HEAD_ENDS: Final = "L"


def close_column(months: int, ago: int) -> str:
    """Return the column of Prices with the closes of `ago` months before the as-of date."""
    return columns_from(_FIRST_CLOSE, months + 1)[-1 - ago]


def mean_column(months: int) -> str:
    """Return the column of Prices with the mean monthly returns."""
    return _return_columns(months)[-1]


def _return_columns(months: int) -> list[str]:
    """Return the columns of the monthly returns and, last, of their mean; one column stays free before them."""
    return list(columns_from(_FIRST_CLOSE, 2 * months + 3))[months + 2 :]


def author_prices(n: int, months: int, history: int) -> Sheet:
    """Return the sheet of month closes, returns and their means for `n` stocks, printed a year a page.

    `history` is the months that the policy asks for, which young stocks may leave short.
    """
    sheet = Sheet(PRICES, landscape=True, pages_wide=-(-history // 12))
    sheet.widths["B"] = 10
    closes = columns_from(_FIRST_CLOSE, months + 1)
    *returns, mean = _return_columns(months)
    sheet.widths |= dict.fromkeys((*closes, *returns, mean), 9.5)
    sheet.freeze, sheet.title_rows = "C11", "10:10"
    head(
        sheet,
        "Prices",
        "Adjusted month closes, the as-of close last, and the monthly returns between them.",
        _HEAD_ENDS,
    )
    last = FIRST_STOCK + n - 1
    gap = columns_from(closes[-1], 2)[-1]
    section(sheet, 8, "Adjusted closes", "B", closes[-1])
    section(sheet, 7, "Monthly returns", gap, mean)
    sheet.grow_rows("stocks", FIRST_STOCK, n)
    sheet.grow_columns("months", closes[1], months, top=7)
    sheet.grow_columns("months", returns[0], months, top=7)
    sheet.label("B10", "Ticker", "header_left")
    for j, column in enumerate(closes):
        sheet.input(f"{column}10", "month_ends", j, look="header_date")
    for j, column in enumerate(returns):
        sheet.formula(f"{column}10", f"={closes[j + 1]}10", "month_ends", j + 1, look="header_date")
        area = f"{column}{FIRST_STOCK}:{column}{last}"
        sheet.array(f"{column}8", f"=SUMSQ({area}-return_mean)", "return_sq", j, look="formula_tiny")
    sheet.label(f"{mean}10", "Mean", "header")
    for i in range(n):
        row = FIRST_STOCK + i
        sheet.formula(
            f"B{row}",
            f"=INDEX(stock_ticker,ROWS(B${FIRST_STOCK}:B{row}))",
            "stock_ticker",
            i,
            look="formula_text",
        )
        for j, column in enumerate(closes):
            sheet.input(f"{column}{row}", "closes", i, j, look="price")
        for j, column in enumerate(returns):
            text = f"={closes[j + 1]}{row}/{closes[j]}{row}-1"
            sheet.formula(f"{column}{row}", text, "returns", i, j, look="formula_percent")
        sheet.formula(
            f"{mean}{row}",
            f"=AVERAGE({returns[0]}{row}:{returns[-1]}{row})",
            "return_mean",
            i,
            look="formula_percent",
        )
    sheet.name("month_ends", f"{closes[0]}10:{closes[-1]}10")
    sheet.name("closes", f"{closes[0]}{FIRST_STOCK}:{closes[-1]}{last}")
    sheet.name("returns", f"{returns[0]}{FIRST_STOCK}:{returns[-1]}{last}")
    sheet.name("return_mean", f"{mean}{FIRST_STOCK}:{mean}{last}")
    sheet.name("return_sq", f"{returns[0]}8:{returns[-1]}8")
    return sheet


def author_covariance(n: int, native: bool) -> Sheet:
    """Return the sheet of the covariance of `n` stocks: formulas over Prices, or a solved block."""
    sheet = Sheet(COVARIANCE, landscape=True)
    columns = columns_from(_FIRST_ENTRY, n)
    sheet.widths |= {"B": 16, "C": 10, **dict.fromkeys(columns, 9)}
    sheet.freeze = "D11"
    head(
        sheet,
        "Covariance",
        "Ledoit–Wolf covariance of the monthly returns, × 12: a year's variance and covariance.",
        _HEAD_ENDS,
    )
    sheet.grow_rows("stocks", FIRST_STOCK, n)
    sheet.grow_columns("stocks", _FIRST_ENTRY, n, top=9)
    if native:
        figures = (
            ("Months", "=COLUMNS(returns)", "lw_T", "formula_integer"),
            ("Mean variance", "=SUM(return_sq)/lw_T/ROWS(returns)", "lw_mean_variance", "formula_tiny"),
            (
                "‖S‖²",
                "=SUMSQ(MMULT(returns-return_mean,TRANSPOSE(returns-return_mean)))/lw_T^2",
                "lw_norm",
                "formula_tiny",
            ),
            (
                "Shrinkage δ",
                "=IF(ROWS(returns)=1,0,MIN(1,(SUMSQ(return_sq)/lw_T-lw_norm)/lw_T/(lw_norm-ROWS(returns)*lw_mean_variance^2)))",
                "lw_shrinkage",
                "formula_number4",
            ),
        )
        for row, (label, formula, fact, look) in enumerate(figures, start=5):
            sheet.label(f"B{row}", label)
            if fact == "lw_norm":
                sheet.array(f"C{row}", formula, fact, look=look)
            else:
                sheet.formula(f"C{row}", formula, fact, look=look)
            sheet.name(fact, f"C{row}")
    else:
        for row, (label, fact, look) in enumerate(
            (("Months", "lw_T", "solved_integer"), ("Shrinkage δ", "lw_shrinkage", "solved_number4")), start=5
        ):
            sheet.label(f"B{row}", label)
            sheet.solved(f"C{row}", fact, look=look)
            sheet.name(fact, f"C{row}")
    last = FIRST_STOCK + n - 1
    for j, column in enumerate(columns):
        sheet.formula(
            f"{column}9", f"=COLUMNS(${_FIRST_ENTRY}9:{column}9)", "running", j, look="formula_integer"
        )
        sheet.formula(f"{column}10", f"=INDEX(stock_ticker,{column}9)", "stock_ticker", j, look="header")
    for i in range(n):
        row = FIRST_STOCK + i
        sheet.formula(f"B{row}", f"=INDEX(stock_ticker,C{row})", "stock_ticker", i, look="formula_text")
        sheet.formula(f"C{row}", f"=ROWS(C${FIRST_STOCK}:C{row})", "running", i, look="formula_integer")
        for j, column in enumerate(columns):
            at = f"{column}{row}"
            if native:
                text = (
                    f"=12*((1-lw_shrinkage)*COVAR(INDEX(returns,$C{row},0),INDEX(returns,{column}$9,0))"
                    f"+($C{row}={column}$9)*lw_shrinkage*lw_mean_variance)"
                )
                sheet.formula(at, text, "covariance", i, j, look="formula_number4")
            else:
                sheet.solved(at, "covariance", i, j, look="solved_number4")
    sheet.scales.append(f"{columns[0]}{FIRST_STOCK}:{columns[-1]}{last}")
    sheet.name("covariance", f"{columns[0]}{FIRST_STOCK}:{columns[-1]}{last}")
    return sheet
