"""The Notes sheet: what the colours mean, units, method, what no formula can give, and limits."""

from __future__ import annotations

from typing import Final

from pyalloc.frontier.target import ReturnModel
from workbooks.template.author import Sheet
from workbooks.template.frame import NOTES, head, section

_COLOURS = (
    ("Input", "input_text", "Blue on ivory: typed by a person or read from data; may be edited."),
    ("Formula", "formula_text", "Black: a formula over this sheet or over names."),
    ("Link", "link_text", "Green: a formula that reads another sheet."),
    (
        "Solved",
        "solved_text",
        "Violet: a value that no native formula can give; certified or under a checksum.",
    ),
)
_METHOD = (
    (
        "Units",
        (
            "Returns, growth, spreads and weights are fractions of 1 shown as percentages, a year where they are rates; "
            "VIX in index points; amounts in the client's currency."
        ),
    ),
    (
        "Stress",
        (
            "z-scores of ln VIX, GDP growth and the 10y − 2y spread against 1990–2019, each clipped; their weighted sum over its "
            "standard deviation, through the normal distribution. A percentile of conditions, not a recession signal."
        ),
    ),
    ("Sector tilts", "τ = exp(κ·d·(2·stress − 1)); a sector with d above 0 gains when stress is high."),
    (
        "Stock weights",
        (
            "The score of the model in force (12−1 month momentum, or a model trained walk-forward on ranks of features), scaled "
            "to m in 0–1; w⁰ = m·τ / Σ m·τ, no name above the cap, the excess pro rata."
        ),
    ),
    (
        "Categories",
        (
            "A·w = b: row 1 is the budget, the others fix shares. Weights are the solution over the budget; where bounds bind, "
            "the nearest weights within them."
        ),
    ),
    ("Covariance", "Ledoit–Wolf shrinkage of monthly returns, × 12."),
    (
        "Return target",
        (
            "r_eff + α for risk tolerance; the sleeve is the portfolio nearest w⁰, in tracking risk, that attains it within "
            "floor and cap. A target out of reach is clipped, and the first page says so."
        ),
    ),
    (
        "Amounts",
        "Each is the rounded running sum less the one before, so the lines add up to the budget exactly.",
    ),
)
TRAINING: Final = {
    "training_window": "Window, months (0: all)",
    "training_minimum": "First after, months",
    "refit_months": "Again after, months",
    "embargo_months": "Embargo, months",
    "ridge_penalty": "Ridge penalty, multiple",
    "ranking_cost": "Cost of trading, fraction",
}
"""Knobs of the policy that a ranker is trained by, in the order of their cells."""

_MODELS = {
    "implied": (
        "Reverse optimisation: risk-free + premium × beta to w⁰, so that w⁰ has the best Sharpe ratio. An assumption about the "
        "premium, not a forecast of any stock."
    ),
    "bayes_stein": "Mean monthly returns × 12, shrunk toward the minimum-variance portfolio's (Jorion 1986). An estimate.",
    "historical": "Mean monthly returns × 12: an unsafe estimate.",
}
_SOLVED = (
    ("Daily features", "From daily prices, which are not in this file; checksum on Audit."),
    (
        "Trained model",
        (
            "Coefficients, or the scores of a tree model, learned from month ends whose outcomes were public; none where the "
            "model is momentum. Recomputed from the market."
        ),
    ),
    (
        "Out-of-sample record",
        (
            "Rank IC: Spearman's correlation of score and next month's return, mean over months, t-value after Newey and West, "
            "part above 0, 95 % interval. Tenths: return of the highest tenth of scores less the lowest, a month, after costs; "
            "traded: part of a tenth replaced a month. On the stocks of this market's list, looking back."
        ),
    ),
    (
        "Sleeve weights, λ",
        "Sum, floor, cap, return and an optimality gap of 0 are native formulas: no solver need be trusted.",
    ),
    ("Bounded category weights", "Budget row, bounds and an optimality gap, native."),
    (
        "Record of the past",
        (
            "Backtest: category weights and returns by month, and the wealth of what it is held against, from daily prices; sums, "
            "checksums, and the engine's own wealth, which the formulas reach. Walked again from the market."
        ),
    ),
    (
        "After an input is edited",
        (
            "Native parts follow at once. Solved parts were made for other inputs: Audit says STALE and Summary "
            "what-if, until the workbook is generated again."
        ),
    ),
)
_SOURCES = (
    (
        "Reference months",
        (
            "VIX: Cboe daily closes; spread: Treasury 10y − 2y (FRED T10Y2Y), both as means of calendar months; growth: first-release "
            "real GDP known at month end (Philadelphia Fed real-time data). Months 1990–2019, sample standard deviations."
        ),
    ),
    (
        "Recession probability",
        "New York Fed yield-curve probit (Estrella and Mishkin), spread 10y − 3m bond equivalent. Shown only; nothing depends on it.",
    ),
    (
        "Scenarios",
        "VIX and 10y − 2y as 21-day averages up to the day named; real GDP growth as first released and known that day.",
    ),
    (
        "Equity premium",
        "S&P 500 less Treasury bills, arithmetic mean 1928–2016: 7.9 % a year (Damodaran's annual returns).",
    ),
)
_LIMITS = (
    ("Universe", "Stocks without the history the policy asks for are left out. A universe of today's names looks back on survivors."),
    ("Costs and taxes", "Backtest pays for what it trades, at the rate shown there. No other cost and no tax is part of this workbook."),
    ("Above sixty stocks", "Month closes and covariance are not formulas but solved blocks."),
)  # fmt: skip


def author_notes(return_model: ReturnModel, notices: int, left_out: int) -> Sheet:
    """Return the sheet: text, versions, and what was said and left out when the workbook was made."""
    sheet = Sheet(NOTES)
    sheet.widths |= {"B": 26, "C": 40, "D": 40, "E": 24}
    head(sheet, "Notes", "How to read this workbook, how it was made, and where it ends.", "E")
    section(sheet, 5, "Colours", "B", "E")
    row = 6
    for name, look, says in _COLOURS:
        sheet.label(f"B{row}", name, look)
        sheet.label(f"C{row}", says, "note")
        row += 1
    for title, lines in (
        ("Units and method", (*_METHOD, ("Expected returns", _MODELS[return_model]))),
        ("Values no formula can give", _SOLVED),
        ("Sources", _SOURCES),
        ("Limits", _LIMITS),
    ):
        row += 1
        section(sheet, row, title, "B", "E")
        for name, says in lines:
            row += 1
            sheet.label(f"B{row}", name, "top")
            sheet.label(f"C{row}", says, "note_wrap")
            sheet.merged.append(f"C{row}:E{row}")
            sheet.heights[row] = 12.5 * (1 + len(says) // 118)
        row += 1
    for title, fact, count in (
        ("Said when generated", "notices", notices),
        ("Left out", "left_out", left_out),
    ):
        row += 1
        section(sheet, row, title, "B", "E")
        sheet.grow_rows(fact, row + 1, count)
        sheet.name(fact, f"B{row + 1}:B{row + count}")
        for i in range(count):
            sheet.solved(f"B{row + 1 + i}", fact, i, look="said")
        row += count + 1
    row += 1
    section(sheet, row, "Training of a ranker, as the policy asks", "B", "E")
    sheet.name("training_knobs", f"C{row + 1}:C{row + len(TRAINING)}")
    for i, label in enumerate(TRAINING.values()):
        row += 1
        sheet.label(f"B{row}", label)
        sheet.solved(f"C{row}", "training_knobs", i, look="said")
    row += 2
    section(sheet, row, "Made by", "B", "E")
    for label, fact in (
        ("Template version", "template_version"),
        ("pyalloc version", "pyalloc_version"),
        ("Market data", "notice"),
    ):
        row += 1
        sheet.label(f"B{row}", label)
        sheet.solved(f"C{row}", fact, look="solved_text")
        if fact != "notice":
            sheet.name(fact, f"C{row}")
    return sheet
