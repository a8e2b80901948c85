"""The Summary's market conditions: a strip of regimes with a marker at today's stress, and the indicators."""

from __future__ import annotations

from collections.abc import Sequence

from pyalloc.names import REGIMES
from workbooks.template.author import Rule, Sheet
from workbooks.template.frame import MACRO
from workbooks.template.page import GRID, rule, section, wide
from workbooks.template.words import STRIP


def author_conditions(sheet: Sheet, top: int, regime_from: Sequence[float]) -> int:
    """Place the regime strip and the indicators from row `top` down; return the last row."""
    section(sheet, top, "Market conditions", "B", "U", MACRO)
    marker, band, label = top + 1, top + 2, top + 3
    sheet.heights |= {marker: 12, band: 9, label: 14}
    for k, letter in enumerate(GRID):
        end = "1.01" if k == STRIP - 1 else f"{k + 1}/{STRIP}"
        sheet.formula(
            f"{letter}{marker}",
            f'=IF(AND(stress>={k}/{STRIP},stress<{end}),"▼","")',
            "strip_marker",
            k,
            look="marker",
        )
        regime = sum(start <= (k + 0.5) / STRIP for start in regime_from) - 1
        sheet.label(f"{letter}{band}", "", f"regime_{regime}")
    edges = [round(start * STRIP) for start in regime_from] + [STRIP]
    for i, name in enumerate(REGIMES):
        area = f"{GRID[edges[i]]}{label}:{GRID[edges[i + 1] - 1]}{label}"
        sheet.label(wide(sheet, area), name.capitalize(), "note_center")
        sheet.rules.append(Rule(area, f'regime="{name}"', "strong"))
    row = label + 1
    for area, title in (
        ("B:I", "Indicator"),
        ("J:L", "Now"),
        ("M:O", "Normal"),
        ("P:R", "Toward stress, σ"),
        ("S:U", "Part of score"),
    ):
        first, last = area.split(":")
        sheet.label(
            wide(sheet, f"{first}{row}:{last}{row}"),
            title,
            "header_left" if title == "Indicator" else "header",
        )
    indicators = (
        (
            "VIX, implied volatility of US equities, points",
            "=vix",
            "vix",
            "number",
            "=EXP(INDEX(macro_mean,1))",
        ),
        ("US real GDP growth, annualised", "=gdp_growth", "gdp_growth", "percent1", "=INDEX(macro_mean,2)"),
        (
            "US yield spread, 10 years less 2 years",
            "=yield_spread",
            "yield_spread",
            "percent",
            "=INDEX(macro_mean,3)",
        ),
    )
    for i, (title, formula, fact, fmt, normal) in enumerate(indicators):
        row += 1
        sheet.heights[row] = 17
        sheet.label(wide(sheet, f"B{row}:I{row}"), title, "read_label")
        sheet.formula(wide(sheet, f"J{row}:L{row}"), formula, fact, look=f"strong_read_{fmt}")
        sheet.formula(wide(sheet, f"M{row}:O{row}"), normal, "macro_normal", i, look=f"read_{fmt}")
        sheet.formula(
            wide(sheet, f"P{row}:R{row}"), f"=INDEX(macro_z,{i + 1})", "macro_z", i, look="read_signed"
        )
        sheet.formula(
            wide(sheet, f"S{row}:U{row}"),
            f"=INDEX(macro_part,{i + 1})",
            "macro_part",
            i,
            look="read_signed2",
        )
        rule(sheet, row, "B", "U")
    row += 1
    sheet.label(
        wide(sheet, f"B{row}:R{row}"),
        "Probability of a US recession within twelve months, from the yield curve",
        "read_label",
    )
    sheet.formula(
        wide(sheet, f"S{row}:U{row}"),
        "=recession_probability",
        "recession_shown",
        look="strong_read_percent1",
    )
    rule(sheet, row, "B", "U")
    return row
