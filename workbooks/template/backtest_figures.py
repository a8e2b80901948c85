"""The figures of the Backtest sheet: statistics, trading, luck and calendar years, as native formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyalloc.evaluation.overfitting import EULER
from pyalloc.evaluation.performance import DAYS_A_YEAR
from workbooks.history import LEAST_MONTHS
from workbooks.template.author import Rule, Sheet, columns_from
from workbooks.template.frame import section
from workbooks.template.history_facts import SERIES, YEARS_SHOWN

TITLES: Final = ("This policy", "Stress held at 0.5", "60/40", "Equal weight")
"""What the series are called, in the order of their facts."""

RETURNS: Final = {"policy": "backtest_net", **{name: f"return_{name}" for name in SERIES[1:]}}
"""What the returns of each series are called."""

_FIGURE: Final = "CDEF"
_YEAR: Final = "H"


def _figure(text: str) -> str:
    """Return the formula of a figure that a history has and nothing else does."""
    return f'=IF(backtest_months<{LEAST_MONTHS},"",{text})'


def author_figures(sheet: Sheet, first: int) -> None:
    """Place the figures of every series by month, and what was traded."""
    top = first - 1
    section(sheet, top - 1, "2  Figures, by month", "B", _FIGURE[-1])
    sheet.label(f"B{top}", "", "header_left")
    sheet.labels(top, dict(zip(_FIGURE, TITLES, strict=True)))
    sheet.heights[top] = 24
    rows = (
        ("Growth a year", "percent", "(INDEX({wealth},ROWS({wealth}))/wealth_start)^(1/backtest_years)-1"),
        ("Volatility a year", "percent", "STDEV({r})*SQRT(12)"),
        ("Sharpe ratio above cash", "number", 'IFERROR(AVERAGE({above})/STDEV({above})*SQRT(12),"")'),
        ("Deepest fall, month ends", "percent", "MIN(drawdown_{name})"),
        ("Worst month", "percent", "MIN({r})"),
        ("Months with a gain", "percent1", "SUMPRODUCT(--({r}>0))/backtest_months"),
        ("100 became", "number", "INDEX({wealth},ROWS({wealth}))"),
    )
    for i, (label, look, text) in enumerate(rows):
        row = first + i
        sheet.label(f"B{row}", label)
        for j, (column, name) in enumerate(zip(_FIGURE, SERIES, strict=True)):
            r = RETURNS[name]
            wealth, above = f"wealth_{name}", f"{r}-return_cash"
            formula = text.format(wealth=wealth, name=name, r=r, above=above)
            place = sheet.array if "{above}" in text else sheet.formula
            formula = _figure(formula) if i < len(rows) - 1 else f"={formula}"
            place(f"{column}{row}", formula, "stat_table", i, j, look=f"formula_{look}")
    row = first + len(rows)
    sheet.name("stat_table", f"{_FIGURE[0]}{first}:{_FIGURE[-1]}{row - 1}")
    _of_the_policy(sheet, row)


def _of_the_policy(sheet: Sheet, row: int) -> None:
    """Place what is shown of the policy alone: how long, what it traded, and how sure its figures are."""
    x = "(backtest_net-return_cash)"
    sharpe = f"AVERAGE({x})/STDEV({x})"
    moment = f'IFERROR(SUMPRODUCT(({x}-AVERAGE({x}))^{{0}})/backtest_months/STDEVP({x})^{{0}},"")'
    euler = f"{EULER:.15g}"  # spreadsheets save no more digits of a constant
    luck = (
        f"=IF(trials>1,trials_spread*((1-{euler})*NORMSINV(1-1/trials)"
        f"+{euler}*NORMSINV(1-1/(trials*EXP(1)))),0)"
    )
    deflated = (
        f"IFERROR(NORMSDIST(({sharpe}-trials_luck)*SQRT(backtest_months-1)"
        f'/SQRT(1-backtest_skew*{sharpe}+(backtest_kurtosis-1)/4*({sharpe})^2)),"")'
    )
    end = "INDEX(backtest_dates,ROWS(backtest_dates))"
    begun = "IF(ISNUMBER(INDEX(backtest_stress,1)),ROWS(backtest_dates),0)"
    lines = (
        (
            "Months; years",
            ("backtest_months", f"={begun}", "integer"),
            ("backtest_years", f"=({end}-backtest_start)/{DAYS_A_YEAR}", "number"),
        ),
        ("Risk tolerance t; cost of trading", ("backtest_t", "", "number"), ("cost_rate", "", "percent")),
        (
            "Traded a year, of wealth; its cost",
            ("traded_a_year", _figure("SUM(backtest_traded)/backtest_years"), "percent1"),
            ("cost_a_year", _figure("cost_rate*traded_a_year"), "percent"),
        ),
        (
            "Above cash by month: skew; kurtosis",
            ("backtest_skew", _figure(moment.format(3)), "number"),
            ("backtest_kurtosis", _figure(moment.format(4)), "number"),
        ),
        ("Trials; spread of their Sharpe ratios", ("trials", "", "integer"), ("trials_spread", "", "number")),
        ("Best trial by luck, Sharpe a month", ("trials_luck", luck, "number"), None),
        ("Deflated Sharpe ratio", ("deflated_sharpe", _figure(deflated), "percent1"), None),
        (
            "Engine's wealth; months a stock needs",
            ("wealth_engine", "", "number"),
            ("backtest_least", "", "integer"),
        ),
    )
    for label, *cells in lines:
        sheet.label(f"B{row}", label)
        for column, cell in zip(_FIGURE, cells, strict=False):
            if cell is None:
                continue
            name, text, look = cell
            if x in text:
                sheet.array(f"{column}{row}", text, name, look=f"formula_{look}")
            elif text:
                sheet.formula(f"{column}{row}", text, name, look=f"formula_{look}")
            else:
                sheet.solved(f"{column}{row}", name, look=f"solved_{look}")
            sheet.name(name, f"{column}{row}")
        row += 1


def author_years(sheet: Sheet, first: int, wealth: Sequence[str], months: range) -> None:
    """Place the last calendar years beside them; `wealth` are its columns in the rows of `months`."""
    top = first - 1
    columns = columns_from(_YEAR, 1 + len(SERIES))
    section(sheet, top - 1, "3  Calendar years", _YEAR, columns[-1], "first and last in part")
    sheet.label(f"{_YEAR}{top}", "Year", "header_left")
    sheet.labels(top, dict(zip(columns[1:], TITLES, strict=True)))
    newest = "YEAR(INDEX(backtest_dates,ROWS(backtest_dates)))"
    for i in range(YEARS_SHOWN):
        row = first + i
        above = f"{_YEAR}{row - 1}"
        text = (
            f'=IF({above}="","",IF({above}<{newest},{above}+1,""))'
            if i
            else _figure(f"MAX(YEAR(INDEX(backtest_dates,1)),{newest}-{YEARS_SHOWN - 1})")
        )
        sheet.formula(f"{_YEAR}{row}", text, "calendar_year", i, look="formula_integer")
        for j, (column, letter) in enumerate(zip(columns[1:], wealth, strict=True)):
            values = f"{letter}${months[0]}:{letter}${months[-1]}"
            year = f"${_YEAR}{row}"
            text = (
                f'=IF({year}="","",LOOKUP(DATE({year},12,31),backtest_dates,{values})'
                f"/IF(INDEX(backtest_dates,1)>DATE({year}-1,12,31),wealth_start,"
                f"LOOKUP(DATE({year}-1,12,31),backtest_dates,{values}))-1)"
            )
            sheet.formula(f"{column}{row}", text, "calendar_return", i, j, look="formula_percent1")
    sheet.rules.append(
        Rule(
            f"{columns[1]}{first}:{columns[-1]}{first + YEARS_SHOWN - 1}",
            f"N({columns[1]}{first})<0",
            "bound",
        )
    )
