"""The Summary's second page: what changed and why, what to expect of it, and where every number is from."""

from __future__ import annotations

from typing import Final

from pyalloc.frontier.target import ReturnModel
from workbooks.template.author import Sheet
from workbooks.template.backtest_figures import TITLES
from workbooks.template.frame import (
    AUDIT,
    BACKTEST,
    CONSTRAINTS,
    COVARIANCE,
    FRONTIER,
    HOLDINGS,
    MACRO,
    NOTES,
    SCENARIOS,
    STOCKS,
)
from workbooks.template.page import rule, section, wide

_INDICATORS: Final = (
    "VIX, implied volatility of US equities",
    "US real GDP growth",
    "US yield spread, 10y − 2y",
)

_EXPECT: Final = (
    (
        "Cost and benefit: in the backtest on 2004–2016, after costs of 10 basis points, following stress changed growth by +0.1 to "
        "−0.3 % a year against the same policy with stress held at 0.5, and made the deepest fall 4–7 points smaller. Neither growth "
        "nor Sharpe ratios could be told apart."
    ),
    (
        "Regimes: of the months 1990–2019 in a US recession (NBER) 79 % read high stress; of the months that read high stress 36 % were "
        "in a recession. The regime describes conditions. It is not a recession signal."
    ),
    (
        "Universe: only stocks with the history that the policy asks for are held. Where a list was drawn up among today's survivors, "
        "the past of its names looks better than it was."
    ),
    "The return target can undo part of the sector tilt: sheet Macro shows sectors before the tilt, after it, and after the target.",
)

_MODEL_SAYS: Final = {
    "historical": "The return target rests on sample means of past returns (historical): an unsafe estimate, not a forecast.",
    "bayes_stein": "The return target rests on shrunk sample means of past returns (Bayes-Stein): an estimate, not a forecast.",
}

_SOURCES: Final = (
    (MACRO, "conditions, stress, regime, sector tilts"),
    (CONSTRAINTS, "client, policy, A · w = b, category weights and their proof"),
    (SCENARIOS, "the same client under other conditions"),
    (STOCKS, "features, score, anchor weights"),
    (HOLDINGS, "every line: weight and amount"),
    (FRONTIER, "expected returns, target, sleeve and its proof"),
    (BACKTEST, "the policy's past at this risk tolerance, simulated"),
    (COVARIANCE, "risk of the stocks"),
    (AUDIT, "every check, inputs as generated and now"),
    (NOTES, "colours, units, method, limits, sources"),
)


def author_reasons(sheet: Sheet, top: int, return_model: ReturnModel) -> None:
    """Place the page below `top`, the first row of it."""
    row = _effects(sheet, top + 1)
    row = _nudges(sheet, row + 2)
    row = _record(sheet, row + 2)
    row = _expectations(sheet, row + 2, return_model)
    _sources(sheet, row + 2)


def _head(sheet: Sheet, row: int, columns: tuple[tuple[str, str, str], ...]) -> None:
    for i, (first, last, title) in enumerate(columns):
        sheet.label(wide(sheet, f"{first}{row}:{last}{row}"), title, "header_left" if i == 0 else "header")


def _effects(sheet: Sheet, top: int) -> int:
    section(sheet, top, "What moves the stress score", "B", "U", MACRO)
    titles = ("Indicator", "Toward stress, σ", "Part of score", "Stress without it", "Effect, points")
    columns = (("B", "I"), ("J", "L"), ("M", "O"), ("P", "R"), ("S", "U"))
    _head(sheet, top + 1, tuple((*span, title) for span, title in zip(columns, titles, strict=True)))
    for i, indicator in enumerate(_INDICATORS):
        row, k = top + 2 + i, i + 1
        sheet.heights[row] = 17
        sheet.label(wide(sheet, f"B{row}:I{row}"), indicator, "read_label")
        for span, formula, fact, look in (
            ("J:L", f"=INDEX(macro_z,{k})", "macro_z", "read_signed"),
            ("M:O", f"=INDEX(macro_part,{k})", "macro_part", "read_signed2"),
            (
                "P:R",
                f"=NORMSDIST((composite-INDEX(macro_part,{k}))/sigma_c)",
                "stress_without",
                "read_percent1",
            ),
            ("S:U", f"=100*(stress-P{row})", "stress_effect", "strong_read_signed"),
        ):
            first, last = span.split(":")
            sheet.formula(wide(sheet, f"{first}{row}:{last}{row}"), formula, fact, i, look=look)
        rule(sheet, row, "B", "U")
    return top + 4


def _nudges(sheet: Sheet, top: int) -> int:
    """Place today's shares beside those at a little less and a little more stress."""
    section(
        sheet,
        top,
        "What a change of stress would do: policy shares, before bounds and overrides",
        "B",
        "U",
        SCENARIOS,
    )
    sheet.label(wide(sheet, f"B{top + 1}:I{top + 1}"), "Change of stress, percentile", "read_label")
    sheet.input(wide(sheet, f"S{top + 1}:U{top + 1}"), "stress_nudge", look="input_percent1")
    rule(sheet, top + 1, "B", "U")
    _head(
        sheet,
        top + 2,
        (("B", "I", ""), ("J", "M", "Less stress"), ("N", "Q", "Now"), ("R", "U", "More stress")),
    )
    nudge = f"$S${top + 1}"
    stress, regime, commodity, equity, cash, move = range(top + 3, top + 9)
    labels = {
        stress: ("Stress, percentile", "nudged_stress", "strong_read_percent1"),
        regime: ("Regime", "nudged_regime", "read"),
        commodity: ("Commodities, of the whole", "nudged_commodity", "read_percent1"),
        equity: ("Stocks, of the whole", "nudged_equity", "strong_read_percent1"),
        cash: ("Cash, of bonds and cash", "nudged_cash", "read_percent1"),
        move: (
            "Moved into stocks, in the client's currency (n/a where bounds or overrides decide)",
            "nudged_move",
            "read_whole",
        ),
    }
    for row, (label, fact, look) in labels.items():
        sheet.heights[row] = 17
        sheet.label(wide(sheet, f"B{row}:I{row}"), label, "read_label")
        for j, (first, last) in enumerate((("J", "M"), ("N", "Q"), ("R", "U"))):
            formulas = {
                stress: ("=MAX(0,stress-{0})", "=stress", "=MIN(1,stress+{0})")[j].format(nudge),
                regime: f"=INDEX(regime_names,MATCH({first}{stress},regime_from,1))",
                commodity: f"=commodity_base+commodity_stress_effect*{first}{stress}+commodity_growth_effect*growth_clipped",
                equity: f"=(1-{first}{commodity})*(equity_calm+{first}{stress}*(equity_crisis-equity_calm))",
                cash: f"=cash_base+cash_stress_effect*{first}{stress}+cash_inversion_effect*inversion",
                move: f'=IF(AND(bounds_hold,override_count=0),({first}{equity}-$N{equity})*budget,"n/a")',
            }
            sheet.formula(wide(sheet, f"{first}{row}:{last}{row}"), formulas[row], fact, j, look=look)
        rule(sheet, row, "B", "U")
    return move


_RECORD: Final = (
    ("Growth a year", 0, "strong_read_percent1"),
    ("Volatility a year", 1, "read_percent1"),
    ("Deepest fall, month ends", 3, "strong_read_percent1"),
)
"""What is shown of the figures on Backtest: label, row of the table, look."""


def _record(sheet: Sheet, top: int) -> int:
    """Place the simulated record of the policy beside what it is held against, and its fall in money."""
    title = "Simulated record of the policy at this risk tolerance, after costs"
    section(sheet, top, title, "B", "U", BACKTEST)
    spans = (("J", "L"), ("M", "O"), ("P", "R"), ("S", "U"))
    _head(
        sheet,
        top + 1,
        (
            ("B", "I", ""),
            *((*span, title) for span, title in zip(spans, TITLES, strict=True)),
        ),
    )
    row = top + 1
    for label, line, look in _RECORD:
        row += 1
        sheet.heights[row] = 17
        sheet.label(wide(sheet, f"B{row}:I{row}"), label, "read_label")
        for j, (first, last) in enumerate(spans):
            text = f"=INDEX(stat_table,{line + 1},{j + 1})"
            sheet.formula(wide(sheet, f"{first}{row}:{last}{row}"), text, "stat_table", line, j, look=look)
        rule(sheet, row, "B", "U")
    fall, row = row, row + 1
    sheet.heights[row] = 17
    sheet.label(
        wide(sheet, f"B{row}:I{row}"), "The same fall of this portfolio, in its currency", "read_label"
    )
    for j, (first, last) in enumerate(spans):
        text = f'=IF(ISNUMBER({first}{fall}),{first}{fall}*budget,"")'
        sheet.formula(wide(sheet, f"{first}{row}:{last}{row}"), text, "fall_amount", j, look="read_whole")
    rule(sheet, row, "B", "U")
    return row


def _expectations(sheet: Sheet, top: int, return_model: ReturnModel) -> int:
    section(sheet, top, "What to expect, and what not", "B", "U", NOTES)
    row = top
    for text in _EXPECT:
        row += 1
        sheet.heights[row] = 12.5 * (1 + len(text) // 125)
        sheet.label(wide(sheet, f"B{row}:U{row}"), text, "paragraph")
    row += 1
    place = wide(sheet, f"B{row}:U{row}")
    if return_model == "implied":
        sheet.formula(
            place,
            '="The return target rests on an assumed equity premium of "&ROUND(100*equity_premium,1)'
            '&" % a year over cash. It is an assumption, not a forecast."',
            "premium_shown",
            look="paragraph",
        )
    else:
        sheet.label(place, _MODEL_SAYS[return_model], "paragraph")
    return row


def _sources(sheet: Sheet, top: int) -> None:
    section(sheet, top, "Where every number is from", "B", "U")
    for i, (title, says) in enumerate(_SOURCES):
        row = top + 1 + i
        sheet.label(wide(sheet, f"B{row}:F{row}"), title, "read_label")
        sheet.links[f"B{row}"] = f"{title}!A1"
        sheet.label(wide(sheet, f"G{row}:U{row}"), says, "read_label")
        rule(sheet, row, "B", "U")
