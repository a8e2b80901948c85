"""The Daily and Months sheets: wealth as the backtest found it, and everything that follows from it."""

from __future__ import annotations

from collections.abc import Sequence

from workbooks.reports.backtest.facts import ROLLING_MONTHS
from workbooks.reports.backtest.places import DAILY, FIRST, MONTHS, Columns, area, heading
from workbooks.template.author import Sheet


def author_daily(series: Sequence[str], days: int) -> Sheet:
    """Return the sheet of wealth by day, with returns, returns above cash and drawdowns."""
    sheet = Sheet(DAILY, landscape=True)
    heading(sheet, "Daily", "Wealth at each close after costs, from 1 on the day of the first decision.")
    at = Columns(len(series))
    sheet.freeze, sheet.title_rows = f"E{FIRST}", f"{FIRST - 1}:{FIRST - 1}"
    sheet.heights[FIRST - 1] = 38
    sheet.labels(FIRST - 1, {"B": "Day", "C": "Regime in force", "D": "Cash"})
    sheet.label(f"{at.cash_return}{FIRST - 1}", "Return of cash", "header")
    for i, name in enumerate(series):
        sheet.label(f"{at.wealth[i]}{FIRST - 1}", name, "header")
        sheet.label(f"{at.returns[i]}{FIRST - 1}", f"Return, {name}", "header")
        sheet.label(f"{at.excess[i]}{FIRST - 1}", f"Above cash, {name}", "header")
        sheet.label(f"{at.drawdown[i]}{FIRST - 1}", f"Drawdown, {name}", "header")
    sheet.widths |= {"B": 11, "C": 12, **dict.fromkeys(["D", *at.wealth, at.cash_return], 10)}
    sheet.widths |= dict.fromkeys([*at.returns, *at.excess, *at.drawdown], 10)
    for t in range(days):
        row = FIRST + t
        sheet.solved(f"B{row}", "days", t, look="solved_date")
        sheet.solved(f"D{row}", "cash", t, look="solved_number4")
        for i, wealth in enumerate(at.wealth):
            sheet.solved(f"{wealth}{row}", "wealth", t, i, look="solved_number4")
        if t == 0:
            for i, fall in enumerate(at.drawdown):
                text = f"=MIN(0,{at.wealth[i]}{row}/{at.wealth[i]}${row}-1)"
                sheet.formula(f"{fall}{row}", text, "drawdown", 0, i, look="formula_percent")
            continue
        sheet.solved(f"C{row}", "regime_of_day", t - 1, look="solved_text")
        sheet.formula(
            f"{at.cash_return}{row}", f"=D{row}/D{row - 1}-1", "cash_return", t - 1, look="formula_percent"
        )
        for i, (wealth, earned) in enumerate(zip(at.wealth, at.returns, strict=True)):
            text = f"={wealth}{row}/{wealth}{row - 1}-1"
            sheet.formula(f"{earned}{row}", text, "returns", t - 1, i, look="formula_percent")
            text = f"={earned}{row}-${at.cash_return}{row}"
            sheet.formula(f"{at.excess[i]}{row}", text, "excess", t - 1, i, look="formula_percent")
            fall = at.drawdown[i]
            text = f"=MIN(0,(1+{fall}{row - 1})*(1+{earned}{row})-1)"
            sheet.formula(f"{fall}{row}", text, "drawdown", t, i, look="formula_percent")
    return sheet


def author_months(series: Sequence[str], months: int, days: int) -> Sheet:
    """Return the sheet of wealth and returns by month, and of growth over the twelve months before."""
    sheet = Sheet(MONTHS, landscape=True)
    heading(sheet, "Months", "Wealth at month ends, returns from month end to month end, growth of a year.")
    at = Columns(len(series))
    wealth_at = [chr(ord("C") + i) for i in range(len(series))]
    sheet.freeze, sheet.title_rows = f"C{FIRST}", f"{FIRST - 1}:{FIRST - 1}"
    sheet.heights[FIRST - 1] = 38
    sheet.label(f"B{FIRST - 1}", "Month end", "header")
    sheet.widths |= {"B": 11, **dict.fromkeys([*wealth_at, *at.monthly, *at.rolling], 10)}
    for i, name in enumerate(series):
        sheet.label(f"{wealth_at[i]}{FIRST - 1}", name, "header")
        sheet.label(f"{at.monthly[i]}{FIRST - 1}", f"Return, {name}", "header")
        sheet.label(f"{at.rolling[i]}{FIRST - 1}", f"12 months, {name}", "header")
    dates = area(DAILY, "B", FIRST, FIRST + days - 1)
    for m in range(months + 1):
        row = FIRST + m
        sheet.solved(f"B{row}", "month_days", m, look="solved_date")
        for i, column in enumerate(wealth_at):
            daily = area(DAILY, at.wealth[i], FIRST, FIRST + days - 1)
            text = f"=INDEX({daily},MATCH($B{row},{dates},0))"
            sheet.formula(f"{column}{row}", text, "month_wealth", m, i, look="formula_number4")
            if m >= 1:
                text = f"={column}{row}/{column}{row - 1}-1"
                sheet.formula(f"{at.monthly[i]}{row}", text, "monthly", m - 1, i, look="formula_percent")
            if m >= ROLLING_MONTHS:
                text = f"={column}{row}/{column}{row - ROLLING_MONTHS}-1"
                place = (m - ROLLING_MONTHS, i)
                sheet.formula(f"{at.rolling[i]}{row}", text, "rolling", *place, look="formula_percent")
    return sheet
