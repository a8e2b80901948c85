"""The Macro sheet: three indicators become one stress percentile; stress sets regime and sector tilts."""

from __future__ import annotations

from typing import Final

from workbooks.template.author import Rule, Sheet
from workbooks.template.charts import Chart, Line
from workbooks.template.frame import MACRO, head, section
from workbooks.template.styles import INK, SLATE, STONE

_INPUTS = (
    ("vix", "VIX, 21-day average", "index points", "input_number", "Cboe VIX close (FRED VIXCLS)"),
    ("gdp_growth", "US real GDP growth", "a year, q/q annualised", "input_percent", "BEA, first release"),
    (
        "yield_spread",
        "Yield spread 10y − 2y",
        "a year, 21-day average",
        "input_percent",
        "US Treasury (T10Y2Y)",
    ),
    ("spread_10y_3m", "Yield spread 10y − 3m", "a year, bond equivalent", "input_percent", "US Treasury"),
)
_TRANSFORMED = (("ln VIX", "=LN(vix)"), ("GDP growth", "=gdp_growth"), ("10y − 2y", "=yield_spread"))


FIRST_SECTOR: Final = 34
"""Row of the first sector."""


def sector_column(column: str, sectors: int) -> str:
    """Return the area of a column of the sector table, with its sheet."""
    return f"{MACRO}!${column}${FIRST_SECTOR}:${column}${FIRST_SECTOR + sectors - 1}"


def author_macro(sectors: int, regimes: int) -> Sheet:
    """Return the sheet for a policy of this many sectors and regimes."""
    sheet = Sheet(MACRO)
    sheet.widths |= {"B": 32.5, "C": 15, "D": 18.8, "E": 16.2, "F": 16.2, "G": 13.8, "H": 13.8, "I": 16.2}
    sheet.freeze, sheet.one_page = "C4", True
    head(
        sheet,
        "Macro",
        "Three indicators become one stress percentile; stress sets the regime and the sector tilts.",
        "I",
    )
    _inputs(sheet)
    _stress(sheet)
    _regimes(sheet, regimes)
    _sectors(sheet, sectors)
    return sheet


def _inputs(sheet: Sheet) -> None:
    section(sheet, 5, "1  Inputs", "B", "I")
    sheet.labels(6, {"B": "Indicator"}, "header_left")
    sheet.labels(
        6,
        {"C": "Value", "D": "Unit", "E": "Known on", "F": "Age, days", "G": "", "H": "", "I": "Source"},
        "header",
    )
    for row, (name, label, unit, look, source) in enumerate(_INPUTS, start=7):
        sheet.label(f"B{row}", label)
        sheet.input(f"C{row}", name, look=look)
        sheet.name(name, f"C{row}")
        sheet.label(f"D{row}", unit, "note")
        sheet.label(f"I{row}", source, "note_right")
    sheet.comments["C7"] = "Index points, as quoted: 20 means 20 points. Use the average of 21 trading days."
    sheet.comments["C8"] = "A fraction a year: type 2% or 0.02, not 2. Use the first release, annualised."
    sheet.name("macro_inputs", "C7:C9")
    sheet.input("E7", "known_on", look="input_date")
    sheet.name("known_on", "E7")
    sheet.formula("F7", '=IF(ISNUMBER(known_on),as_of-known_on,"")', "macro_age", look="formula_integer")
    sheet.name("macro_age", "F7")


def _stress(sheet: Sheet) -> None:
    section(sheet, 12, "2  Stress", "B", "I", "measured against the months 1990–2019")
    sheet.labels(13, {"B": "Indicator"}, "header_left")
    titles = (
        "Transformed",
        "Mean 1990–2019",
        "Std. dev.",
        "Direction",
        "z-score, clipped",
        "Weight ω",
        "ω · z",
    )
    sheet.labels(13, dict(zip("CDEFGHI", titles, strict=True)), "header")
    for i, (label, formula) in enumerate(_TRANSFORMED):
        row = 14 + i
        percent = "" if i == 0 else "_percent"
        sheet.label(f"B{row}", label)
        sheet.formula(f"C{row}", formula, "macro_transformed", i, look=f"formula{percent or '_number4'}")
        sheet.input(f"D{row}", "macro_mean", i, look=f"input{percent or '_number4'}")
        sheet.input(f"E{row}", "macro_std", i, look=f"input{percent or '_number4'}")
        sheet.input(f"F{row}", "macro_direction", i, look="input_direction")
        sheet.formula(
            f"G{row}",
            f"=MEDIAN(-z_limit,F{row}*(C{row}-D{row})/E{row},z_limit)",
            "macro_z",
            i,
            look="formula_number",
        )
        sheet.input(f"H{row}", "macro_omega", i, look="input_percent")
        sheet.formula(f"I{row}", f"=H{row}*G{row}", "macro_part", i, look="formula_number4")
    for name, column in {
        "macro_mean": "D",
        "macro_std": "E",
        "macro_direction": "F",
        "macro_z": "G",
        "macro_omega": "H",
        "macro_part": "I",
    }.items():
        sheet.name(name, f"{column}14:{column}16")
    sheet.name("ref_gdp_mean", "D15")
    sheet.name("ref_gdp_std", "E15")
    rows = (
        (17, "Composite Σ ω z", "=SUMPRODUCT(macro_omega,macro_z)", "composite", "formula_number4"),
        (
            19,
            "Stress = Φ(composite / σc), percentile",
            "=NORMSDIST(composite/sigma_c)",
            "stress",
            "strong_formula_percent",
        ),
        (20, "Regime", "=INDEX(regime_names,MATCH(stress,regime_from,1))", "regime", "strong_formula"),
    )
    for row, label, formula, name, look in rows:
        sheet.label(f"B{row}", label, "strong" if look.startswith("strong") else "label")
        sheet.formula(f"I{row}", formula, name, look=look)
        sheet.name(name, f"I{row}")
    sheet.label("F17", "z clipped to ±", "note_right")
    sheet.input("G17", "z_limit", look="input_number")
    sheet.name("z_limit", "G17")
    sheet.label("B18", "Standard deviation of the unclipped composite, σc")
    sheet.input("I18", "sigma_c", look="input_number4")
    sheet.name("sigma_c", "I18")
    sheet.label("B21", "Recession within 12 months, from the yield curve")
    sheet.label("F21", "intercept, slope", "note_right")
    sheet.input("G21", "probit_intercept", look="input_number4")
    sheet.input("H21", "probit_slope", look="input_number4")
    sheet.formula(
        "I21",
        '=IF(ISNUMBER(spread_10y_3m),NORMSDIST(G21+H21*spread_10y_3m),"n/a")',
        "recession_shown",
        look="formula_percent1",
    )
    sheet.name("recession_probability", "I21")


def _regimes(sheet: Sheet, regimes: int) -> None:
    section(sheet, 23, "3  Regimes", "B", "D")
    sheet.labels(24, {"B": "Regime"}, "header_left")
    sheet.labels(24, {"C": "From stress", "D": "Now"}, "header")
    last = 24 + regimes
    for i in range(regimes):
        row = 25 + i
        sheet.input(f"B{row}", "regime_names", i, look="input_text")
        sheet.input(f"C{row}", "regime_from", i, look="input_percent")
        sheet.formula(f"D{row}", f'=IF(regime=B{row},"● now","")', "regime_now", i)
    sheet.name("regime_names", f"B25:B{last}")
    sheet.name("regime_from", f"C25:C{last}")
    sheet.rules.append(Rule(f"B25:D{last}", "$B25=regime", "now"))
    sheet.label("B30", "Tilt strength κ")
    sheet.input("C30", "tilt_strength", look="input_number")
    sheet.name("tilt_strength", "C30")


def _sectors(sheet: Sheet, sectors: int) -> None:
    section(sheet, 32, "4  Sector tilts", "B", "I", "shares of the stock sleeve")
    sheet.labels(33, {"B": "Sector"}, "header_left")
    titles = (
        "Defensiveness d", "Tilt τ = exp(κ·d·(2s−1))", "Before tilt", "After tilt",
        "Change, points", "Kind", "After return target",
    )  # fmt: skip
    sheet.labels(33, dict(zip("CDEFGHI", titles, strict=True)), "header")
    sheet.heights[33] = 24
    last = FIRST_SECTOR + sectors - 1
    for i in range(sectors):
        row = FIRST_SECTOR + i
        sheet.input(f"B{row}", "sector_names", i, look="input_text")
        sheet.input(f"C{row}", "sector_defensiveness", i, look="input_signed")
        sheet.formula(
            f"D{row}", f"=EXP(tilt_strength*C{row}*(2*stress-1))", "sector_tilt", i, look="formula_number4"
        )
        sheet.formula(
            f"E{row}",
            f"=SUMIF(stock_sector,B{row},stock_m)/SUM(stock_m)",
            "sector_untilted",
            i,
            look="formula_percent1",
        )
        sheet.formula(
            f"F{row}",
            f"=SUMIF(stock_sector,B{row},stock_weight)",
            "sector_tilted",
            i,
            look="formula_percent1",
        )
        sheet.formula(f"G{row}", f"=100*(F{row}-E{row})", "sector_change", i, look="formula_signed")
        sheet.formula(
            f"H{row}", f'=IF(C{row}>0,"defensive",IF(C{row}<0,"cyclical","neutral"))', "sector_kind", i
        )
        sheet.formula(
            f"I{row}",
            f"=SUMIF(stock_sector,B{row},sleeve_weights)",
            "sector_sleeve",
            i,
            look="formula_percent1",
        )
    columns = {
        "sector_names": "B", "sector_defensiveness": "C", "sector_tilt": "D",
        "sector_untilted": "E", "sector_tilted": "F", "sector_sleeve": "I",
    }  # fmt: skip
    for name, column in columns.items():
        sheet.name(name, f"{column}{FIRST_SECTOR}:{column}{last}")
    sheet.charts.append(
        Chart(
            "bars",
            f"B{last + 2}",
            f"J{last + 26}",
            (
                Line(sector_column("E", sectors), sector_column("B", sectors), "Before the tilt", STONE),
                Line(sector_column("F", sectors), sector_column("B", sectors), "After the tilt", SLATE),
                Line(
                    sector_column("I", sectors), sector_column("B", sectors), "After the return target", INK
                ),
            ),
            "Bar chart: each sector's share of the stock sleeve before the tilt, after it, and after the return target.",
        )
    )
