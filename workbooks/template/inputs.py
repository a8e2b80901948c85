"""What may be typed into every input: unit, source, limits. The register on Audit repeats unit and source."""

from __future__ import annotations

from typing import Final, NamedTuple

from pyalloc.macro import MACRO_LIMITS
from workbooks.template.author import Sheet, Validation

POLICY: Final = "house policy"
MARKET: Final = "market data"
CLIENT: Final = "client list"
RECORD: Final = "public record"


class Input(NamedTuple):
    """One kind of input.

    Attributes
    ----------
    unit, source : str
    kind : {"decimal", "whole", "date", "textLength", "custom"}
        The spreadsheet's word for the rule.
    low, high : str
        Inclusive limits; for ``custom`` `low` is the formula that must hold, with ``{0}`` for the cell.
    says : str
        More than unit, source and limits tell.
    """

    unit: str
    source: str
    kind: str = "decimal"
    low: str = "-1E15"
    high: str = "1E15"
    says: str = ""


def _limits(indicator: str) -> tuple[str, str, str]:
    low, high = MACRO_LIMITS[indicator]
    return "decimal", f"{low:g}", f"{high:g}"


def _fraction(unit: str, source: str = POLICY, low: str = "0", high: str = "1", says: str = "") -> Input:
    return Input(unit, source, "decimal", low, high, says)


def _text(unit: str, source: str, length: int = 80, says: str = "") -> Input:
    return Input(unit, source, "textLength", "0", str(length), says)


_DAY: Final = ("date", "32874", "73050")  # 1990 to 2099

INPUTS: Final[dict[str, Input]] = {
    "firm": _text("text", POLICY, 60),
    "stress_nudge": _fraction("percentile", POLICY),
    # Macro
    "vix": Input("index points", "Cboe, 21-day average", *_limits("vix"), "20 means 20 points."),
    "gdp_growth": Input("a year", "BEA, first release", *_limits("gdp_growth"), "Type 2% or 0.02."),
    "yield_spread": Input("a year", "US Treasury, 21-day average", *_limits("yield_spread"), "Type 1% or 0.01."),
    "spread_10y_3m": Input("a year", "US Treasury, 21-day average", *_limits("spread_10y_3m"), "Type 1% or 0.01."),
    "known_on": Input("date", MARKET, *_DAY, "When all indicators were public."),
    "macro_mean": Input("as transformed", "months 1990–2019"),
    "macro_std": Input("as transformed", "months 1990–2019", low="1E-9"),
    "macro_direction": Input("sign", POLICY, low="-1", high="1"),
    "macro_omega": _fraction("weight", says="The three sum to 100 %."),
    "z_limit": Input("standard deviations", POLICY, low="0.1", high="10"),
    "sigma_c": Input("standard deviations", "months 1990–2019", low="1E-9", high="10"),
    "probit_intercept": Input("probit", "New York Fed", low="-10", high="10"),
    "probit_slope": Input("probit a unit of spread", "New York Fed", low="-1000", high="1000"),
    "regime_names": _text("text", POLICY, 20),
    "regime_from": _fraction("percentile"),
    "tilt_strength": Input("κ, number", POLICY, low="0", high="5"),
    "sector_names": _text("text", "GICS", 40),
    "sector_defensiveness": Input("d, number", POLICY, low="-3", high="3"),
    # Constraints
    "client_name": _text("text", CLIENT, 255),
    "client_id": _text("text", CLIENT, 255),
    "currency": _text("ISO 4217 code", CLIENT, 3),
    "currency_digits": Input("digits", "ISO 4217", "whole", "0", "3"),
    "as_of": Input("date", MARKET, *_DAY),
    "risk_tolerance": Input(
        "level or 1–10", CLIENT, "custom",
        "OR(COUNTIF($G$7:$G$10,{0})=1,AND(ISNUMBER({0}),{0}>=1,{0}<=10))",
        says="low, medium, high, or a number from 1 to 10.",
    ),
    "budget": Input(
        "the client's currency", CLIENT, "custom", "AND(ISNUMBER({0}),{0}>0,ROUND({0},$D$8)={0})",
        says="Above 0, in whole minor units.",
    ),
    "risk_labels": _text("text", POLICY, 20),
    "risk_knots": _fraction("risk tolerance t"),
    "risk_calm": _fraction("of what is not in commodities"),
    "risk_crisis": _fraction("of what is not in commodities"),
    "risk_alpha": _fraction("a year", low="-0.2", high="0.2"),
    "commodity_base": _fraction("of the whole"),
    "commodity_stress_effect": _fraction("of the whole", low="-1"),
    "commodity_growth_effect": _fraction("of the whole, a standard deviation", low="-1"),
    "growth_clip": Input("standard deviations", POLICY, low="0", high="10"),
    "cash_base": _fraction("of bonds + cash"),
    "cash_stress_effect": _fraction("of bonds + cash", low="-1"),
    "cash_inversion_effect": _fraction("of bonds + cash", low="-1"),
    "inversion_scale": _fraction("a year", low="1E-6"),
    "row_share": _fraction("of the categories within"),
    "override_A": Input("coefficient", "typed by hand", says="A number replaces the policy's; blank keeps it."),
    "override_b": Input("the client's currency", "typed by hand", says="A number replaces the policy's; blank keeps it."),
    "category_names": _text("text", POLICY, 40),
    "category_lower": _fraction("of the whole", CLIENT, says="Generate again after a change."),
    "category_upper": _fraction("of the whole", CLIENT, says="Generate again after a change."),
    # Scenarios
    "scenario_name": _text("text", RECORD, 30),
    "scenario_day": Input("date", RECORD, *_DAY),
    "scenario_vix": Input("index points", RECORD, *_limits("vix")),
    "scenario_growth": Input("a year", RECORD, *_limits("gdp_growth")),
    "scenario_spread": Input("a year", RECORD, *_limits("yield_spread")),
    "shift_vix": Input("index points", POLICY, low="-50", high="50"),
    "shift_spread": _fraction("a year", low="-0.05", high="0.05"),
    "category_of": Input("0 or 1", POLICY, "whole", "0", "1"),
    "category_within": Input("0 or 1", POLICY, "whole", "0", "1"),
    "vix_limits": Input("index points", POLICY, low="1", high="500"),
    "spread_limits": _fraction("a year", low="-1"),
    # Stocks and Frontier
    "cap_floor": _fraction("of the sleeve", says="Generate again after a change."),
    "cap_multiple": Input("multiple of 1/n", POLICY, low="1E-6", high="1000", says="Generate again after a change."),
    "stock_top": Input("names", POLICY, "whole", "1", "100000", "Blank: all. Generate again after a change."),
    "winsor_low": _fraction("percentile"),
    "winsor_high": _fraction("percentile"),
    "risk_free": _fraction("a year", MARKET, "-0.1", "0.5"),
    "equity_premium": _fraction("a year", POLICY, "0", "0.25"),
    "sleeve_floor": _fraction("of the anchor weight", says="Generate again after a change."),
}  # fmt: skip


def validate_inputs(sheet: Sheet) -> None:
    """Give every input of the sheet that a person may edit its rule, and the message that explains it."""
    places: dict[str, list[str]] = {}
    for at, cell in sheet.cells.items():
        if cell.kind == "input" and cell.value and cell.value.name in INPUTS:
            places.setdefault(cell.value.name, []).append(at)
    for name, cells in places.items():
        known = INPUTS[name]
        custom = known.kind == "custom"
        limits = "" if custom or known.kind in ("date", "textLength") else f" {known.low} to {known.high}."
        sheet.validations.append(
            Validation(
                area=" ".join(cells),
                type=known.kind,
                operator=None if custom else "between",
                formula1=known.low.format(cells[0]) if custom else known.low,
                formula2=None if custom else known.high,
                title=name.replace("_", " ")[:32],
                message=f"{known.unit}; {known.source}.{limits} {known.says}".strip()[:255],
            )
        )
