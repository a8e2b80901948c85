"""The Attribution, Decisions and Sweep sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import e
from typing import Any

from pyalloc.backtest import BacktestResult, Sweep
from pyalloc.evaluation.overfitting import EULER
from workbooks.reports.backtest.places import (
    ATTRIBUTION,
    DAILY,
    DECISIONS,
    FIRST,
    REPORT,
    ROUNDED,
    SWEEP,
    YEARS,
    Columns,
    heading,
    table,
)
from workbooks.template.author import Sheet, columns_from
from workbooks.template.frame import section


def author_attribution(result: BacktestResult, series: Sequence[str], facts: Mapping[str, Any]) -> Sheet:
    """Return the sheet that splits the difference to each benchmark into steps that add up."""
    sheet = Sheet(ATTRIBUTION, landscape=True)
    heading(sheet, "Attribution", "Difference in log growth to each benchmark, a year, step by step.")
    sheet.widths |= {"B": 25, **dict.fromkeys("CDEF", 14)}
    months = len(facts["monthly"])
    blocks = [attribution.steps for attribution in result.attributions.values()]
    first_month = 10 + sum(len(steps) + 5 for steps in blocks)
    effects = iter(columns_from("C", sum(map(len, blocks))))
    at, days = Columns(len(series)), len(facts["days"])
    row = 4
    sheet.label(f"B{first_month - 1}", "Month end", "header")
    section(sheet, first_month - 3, "Monthly effects on log growth", "B", "F")
    for m in range(months):
        sheet.solved(f"B{first_month + m}", "month_days", m + 1, look="solved_date")
    for i, (against, steps) in enumerate(zip(result.attributions, blocks, strict=True)):
        table(sheet, row, f"Against {against}", "B", "F", ["Step", "A year", "t", "", ""])
        top = row + 2
        for k, step in enumerate(steps):
            column = next(effects)
            sheet.label(f"{column}{first_month - 2}", against, "header")
            sheet.label(f"{column}{first_month - 1}", step, "header")
            sheet.widths.setdefault(column, 14)
            for m in range(months):
                sheet.solved(f"{column}{first_month + m}", f"effects_{i}", m, k, look="solved_percent")
            sheet.label(f"B{top + k}", step)
            text = f"=SUM({column}{first_month}:{column}{first_month + months - 1})/{REPORT}!{YEARS}"
            sheet.formula(f"C{top + k}", text, f"effect_a_year_{i}", k, look="formula_percent")
            sheet.solved(f"D{top + k}", f"effect_t_{i}", k, look="solved_number")
        total = top + len(steps)
        sheet.label(f"B{total}", "Sum of the steps", "strong")
        sheet.formula(
            f"C{total}",
            f"=SUM(C{top}:C{total - 1})",
            f"effect_a_year_{i}",
            len(steps),
            look="strong_formula_percent",
        )
        sheet.solved(f"D{total}", f"effect_t_{i}", len(steps), look="solved_number")
        sheet.label(f"B{total + 1}", "From wealth itself")
        own, other = (f"{DAILY}!{at.wealth[j]}{FIRST + days - 1}" for j in (0, i + 1))
        text = f"=LN({own}/{other})/{REPORT}!{YEARS}"
        sheet.formula(f"C{total + 1}", text, f"effect_a_year_{i}", len(steps), look="formula_percent")
        row = total + 3
    return sheet


def author_decisions(facts: Mapping[str, Any]) -> Sheet:
    """Return the sheet with a row for each decision."""
    sheet = Sheet(DECISIONS, landscape=True)
    heading(sheet, "Decisions", "What was decided at each month end, and what its execution traded and cost.")
    categories = facts["category_names"]
    weights = columns_from("F", len(categories))
    rest = columns_from(columns_from("F", len(categories) + 1)[-1], 7)
    headers = {"B": "Decided on", "C": "Executed on", "D": "Stress", "E": "Regime"}
    headers |= dict(zip(weights, categories, strict=True))
    titles = ("Sum", "Stocks held", "Beta", "Turnover", "Wealth before", "Cost", "Return target")
    headers |= dict(zip(rest, titles, strict=True))
    sheet.labels(FIRST - 1, headers)
    sheet.heights[FIRST - 1] = 26
    sheet.freeze, sheet.title_rows = f"C{FIRST}", f"{FIRST - 1}:{FIRST - 1}"
    sheet.widths |= {**dict.fromkeys(headers, 11), rest[-1]: 24}
    plain = (
        ("B", "decided_on", "solved_date"),
        ("C", "executed_on", "solved_date"),
        ("D", "stress", "solved_number"),
        ("E", "regime", "solved_text"),
        (rest[1], "stocks_held", "solved_integer"),
        (rest[2], "sleeve_beta", "solved_number3"),
        (rest[3], "turnover", "solved_percent1"),
        (rest[4], "before", "solved_number4"),
        (rest[5], "trading_cost", "solved_percent"),
        (rest[6], "target_status", "solved_text"),
    )
    for k in range(len(facts["decided_on"])):
        row = FIRST + k
        for column, fact, look in plain:
            sheet.solved(f"{column}{row}", fact, k, look=look)
        for i, column in enumerate(weights):
            sheet.solved(f"{column}{row}", "category_weights", k, i, look="solved_percent1")
        text = f"=SUM({weights[0]}{row}:{weights[-1]}{row})"
        sheet.formula(f"{rest[0]}{row}", text, "one", look="formula_percent1")
    return sheet


def author_sweep(sweep: Sweep) -> Sheet:
    """Return the sheet of every trial, and of what all of them together say of the best."""
    sheet = Sheet(SWEEP, landscape=True)
    heading(sheet, "Sweep", "Every setting that was tried, none left out, and whether the best is luck.")
    keys = list(sweep.settings[0])
    trials, months = len(sweep.settings), len(sweep.monthly)
    settings = columns_from("C", len(keys))
    figures = columns_from(columns_from("C", len(keys) + 1)[-1], 4)
    headers = ["Trial", *keys, "Sharpe, monthly", "CAGR", "Volatility", "Deepest fall"]
    top = 19
    first_month = top + trials + 5
    table(sheet, top - 2, "Trials", "B", figures[-1], headers)
    section(sheet, first_month - 3, "Monthly returns above cash, by trial", "B", figures[-1])
    by_trial = columns_from("C", trials)
    sheet.widths |= {"B": 33, **dict.fromkeys([*settings, *figures, *by_trial], 14)}
    for k, column in enumerate(by_trial):
        row = top + k
        sheet.solved(f"B{row}", "trial", k, look="solved_integer")
        for i, letter in enumerate(settings):
            sheet.solved(f"{letter}{row}", "setting", k, i, look="solved_text")
        cells = f"{column}${first_month}:{column}${first_month + months - 1}"
        text = f"=IF(STDEV({cells})>{ROUNDED},AVERAGE({cells})/STDEV({cells}),0)"
        sheet.formula(f"{figures[0]}{row}", text, "trial_sharpe", k, look="formula_number4")
        for letter, fact in zip(
            figures[1:], ("trial_cagr", "trial_volatility", "trial_drawdown"), strict=True
        ):
            sheet.solved(f"{letter}{row}", fact, k, look="solved_percent")
        sheet.solved(f"{column}{first_month - 1}", "trial", k, look="solved_integer")
        for m in range(months):
            sheet.solved(f"{column}{first_month + m}", "trial_monthly", m, k, look="solved_percent")
    sharpe = f"{figures[0]}{top}:{figures[0]}{top + trials - 1}"
    section(sheet, 4, "Is the best distinguishable from luck?", "B", figures[-1])
    sheet.label("B5", sweep.verdict, "note_wrap")
    sheet.merged.append(f"B5:{figures[-1]}5")
    sheet.heights[5] = 40
    normal = "NORMSINV(1-1/(C6{}))"
    rows: tuple[tuple[str, str, str | None, str], ...] = (
        ("Trials", "trials", f"=COUNT({sharpe})", "integer"),
        ("Months", "trial_months", f"=ROWS({cells.replace('$', '')})", "integer"),
        ("Best trial", "best_trial", f"=MATCH(MAX({sharpe}),{sharpe},0)", "integer"),
        ("Its Sharpe ratio, monthly", "best_sharpe", f"=MAX({sharpe})", "number4"),
        ("Variance of all trials' ratios", "trials_variance", f"=VAR({sharpe})", "tiny"),
        (
            "Ratio that luck alone would show",
            "luck",
            f"=SQRT(C10)*((1-{EULER!r})*{normal.format('')}+{EULER!r}*{normal.format(f'*{e!r}')})",
            "number4",
        ),
        ("Skew of the best trial's months", "best_skew", None, "number"),
        ("Their kurtosis (a normal has 3)", "best_kurtosis", None, "number"),
        (
            "Deflated Sharpe ratio",
            "deflated_sharpe",
            "=NORMSDIST((C9-C11)*SQRT(C7-1)/SQRT(1-C12*C9+(C13-1)/4*C9^2))",
            "percent1",
        ),
        ("Probability of overfitting", "overfitting", None, "percent1"),
    )
    for row, (label, fact, formula, look) in enumerate(rows, start=6):
        sheet.label(f"B{row}", label)
        if formula is None:
            sheet.solved(f"C{row}", fact, look=f"solved_{look}")
        else:
            sheet.formula(f"C{row}", formula, fact, look=f"formula_{look}")
    return sheet
