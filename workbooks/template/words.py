"""What the Summary says in words, joined from numbers exactly as its formulas join them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from pyalloc import names
from pyalloc.profile import rounded

TOP: Final = 10
"""Largest positions on the Summary."""

STRIP: Final = 20
"""Cells of the Summary's regime strip."""

_LONGEST_OWNER: Final = 70
"""Characters; the whole footer, with its fonts and every & doubled, must stay within Excel's 255."""


def summary_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the Summary shows beyond the trace: sentences, ranks and totals."""
    stress, budget_lines = facts["stress"], facts["holding_key"]
    risk = facts["risk_tolerance"]
    stocks = facts["category_weights"][facts["category_names"].index(names.STOCKS)]
    clipped = facts["target_status"].startswith("clipped")
    top = [i for i in np.argsort(-budget_lines, kind="stable") if budget_lines[i] > 0.0][:TOP]
    blank = [""] * (TOP - len(top))
    return {
        "r_alpha": facts["alpha"],
        "reference": f"Reference {facts['client_id']}",
        "risk_shown": risk.capitalize() if isinstance(risk, str) else f"{as_text(risk)} of 10",
        "equity_shown": f"equity share {percent_text(stocks, 1)} %",
        "regime_shown": facts["regime"].capitalize(),
        "percentile_shown": f"stress percentile {percent_text(stress, 0)}",
        "status_shown": "target clipped" if clipped else f"target {facts['target_status']}",
        "range_shown": tuple(
            f"{percent_text(low, 0)}–{percent_text(high, 0)} %"
            for low, high in zip(facts["category_lower"], facts["category_upper"], strict=True)
        ),
        "category_total": float(facts["category_weights"].sum()),
        "category_total_amount": float(facts["category_amount"].sum()),
        "sleeve_total": float(facts["sleeve_weights"].sum()),
        "paragraph": _paragraph(facts),
        "strip_marker": tuple("▼" if k / STRIP <= stress < (k + 1) / STRIP else "" for k in range(STRIP)),
        "top_name": (*(facts["holding_name"][i] for i in top), *blank),
        "top_weight": (*(facts["holding_weight"][i] for i in top), *blank),
        "top_amount": (*(facts["holding_amount"][i] for i in top), *blank),
        "top_total_weight": float(sum(facts["holding_weight"][i] for i in top)),
        "top_total_amount": float(sum(facts["holding_amount"][i] for i in top)),
        "notices_shown": _notices(facts, clipped),
        "fall_amount": tuple(
            fall * facts["budget"] if isinstance(fall, float) else "" for fall in facts["stat_table"][3]
        ),
        "premium_shown": (
            "The return target rests on an assumed equity premium of "
            f"{percent_text(facts['equity_premium'], 1)} % a year over cash. "
            "It is an assumption, not a forecast."
        ),
    }


def _paragraph(facts: Mapping[str, Any]) -> str:
    def points(name: str) -> str:
        return percent_text(abs(facts[name]), 1)

    changed = not facts["bounds_hold"] or facts["override_count"]
    sentences = (
        (
            f"Market stress stands at about percentile {percent_text(facts['stress'], 0)} "
            "of the months 1990–2019."
        ),
        f"For this risk tolerance the policy puts {points('equity_share')} % into stocks,",
        f"{points('cash_share')} % of bonds and cash into cash,",
        f"and {points('commodity_share')} % into commodities.",
        *(["Bounds or overrides change this, as the table shows."] if changed else []),
        f"The equity holdings aim at {points('r_target')} % a year:",
        f"{points('r_eff')} % from the efficient frontier,",
        f"{'less' if facts['alpha'] < 0 else 'plus'} {points('alpha')} points for risk tolerance"
        + ("." if facts["target_status"] == names.ATTAINED else f", {facts['target_status']}."),
    )
    return " ".join(sentences)


def _notices(facts: Mapping[str, Any], clipped: bool) -> str:
    """Return the notices of a workbook as generated: no open checks, nothing stale."""
    said = ""
    if facts["override_count"]:
        said += f"{facts['override_count']} coefficients overridden. "
    if not facts["bounds_hold"]:
        said += "category bounds bind. "
    if clipped:
        said += f"the return target was {facts['target_status']}. "
    if not facts["anchor_counts"]:
        said += "no expected return is above the risk-free rate, so the sleeve is the least volatile. "
    return f"Notices: {said or 'none.'}"


def footer_reference(client_id: str, firm: str) -> str:
    """Return a client's id as a footer names it after the firm, where & is written twice."""
    room = _LONGEST_OWNER - len(f"{firm} · ")
    return (client_id if len(client_id) <= room else f"{client_id[: room - 1]}…").replace("&", "&&")


def percent_text(fraction: float, digits: int) -> str:
    """Return ``ROUND(100*x, digits)`` as a cell joins it to a text."""
    return as_text(float(rounded(100.0 * fraction, digits)))


def as_text(number: float) -> str:
    """Return a number as a cell joins it to a text: no decimals where it has none."""
    return str(int(number)) if number == int(number) else repr(float(number))
