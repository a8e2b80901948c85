"""The facts of one workbook: the trace of its allocation, who it is for, and what only cells need.

Every value that a cell shows or a formula must come to is here by name; vectors and matrices are indexed.
Computed in Python from the trace, never read back from a spreadsheet, so that they can judge one. Those that
clients of one market view and policy share are computed once.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc import __version__, names
from pyalloc.allocation import Allocation
from pyalloc.macro import DIRECTIONS, PROBIT
from pyalloc.stocks import FEATURES, WINSOR, adjust_scores, cap_scales
from workbooks.template.category_facts import category_facts, knob_facts
from workbooks.template.dates import serial
from workbooks.template.nudges import nudge_facts
from workbooks.template.scenarios import scenario_conditions, scenario_outcomes
from workbooks.template.sleeve_facts import (
    frontier_facts,
    opportunity_facts,
    risk_facts,
    sleeve_facts,
)
from workbooks.template.words import footer_reference, summary_facts

if TYPE_CHECKING:
    from pyalloc.macro import MacroSnapshot
    from pyalloc.marketdata import StockUniverse
    from pyalloc.policy import Policy
    from pyalloc.view import View

FloatArray = NDArray[np.float64]

TEMPLATE_VERSION: Final = "5"
"""Changes whenever a cell moves or a formula changes."""

NONE: Final = "none"

PERSONAL: Final = frozenset(
    (
        *("risk_tolerance", "budget", "currency", "currency_digits", "sector_sleeve", "alpha", "r_adj"),
        *("r_target", "sleeve_weights", "sleeve_lambda", "sleeve_return", "sleeve_volatility", "sleeve_beta"),
        *("shortfall", "target_status", "risk_t", "equity_share", "cash_share", "commodity_share"),
        *("constraint_A", "constraint_b", "category_lower", "category_upper", "category_exact"),
        *("category_weights", "category_status", "category_distance", "det_A", "rcond_A"),
        *("holding_category", "holding_ticker", "holding_share", "holding_weight", "holding_running"),
        "holding_amount",
    )
)
"""Quantities of the trace that depend on the client; the others follow from view, macro and policy."""


class Recipient(NamedTuple):
    """Whom a workbook is for."""

    client_id: str
    client_name: str


@dataclass(frozen=True)
class Conditions:
    """What clients share: where it is equal, so are the shared facts; `trace` follows from the rest."""

    view: View
    universe: StockUniverse
    macro: MacroSnapshot
    policy: Policy
    trace: Mapping[str, Any] = field(compare=False, repr=False)

    @classmethod
    def of(cls, allocation: Allocation) -> Conditions:
        """Return the conditions that an allocation was made under, with no part of the client in them."""
        trace = {name: value for name, value in allocation.trace.items() if name not in PERSONAL}
        return cls(allocation.view, allocation.universe, allocation.macro, allocation.policy, trace)


@lru_cache(maxsize=16)
def shared_facts(conditions: Conditions) -> dict[str, Any]:
    """Return every fact that is the same for all clients under these conditions, by name."""
    facts: dict[str, Any] = {
        **conditions.trace,
        "firm": conditions.policy.firm,
        "paper": conditions.policy.paper,
        "notice": conditions.view.market.notice,
        "made_at": f"{conditions.view.as_of}T00:00:00Z",
        "template_version": TEMPLATE_VERSION,
        "pyalloc_version": __version__,
    }
    for day in ("as_of", "known_on"):
        facts[day] = serial(facts[day])
    facts["month_ends"] = np.array([serial(day) for day in facts["month_ends"]])
    facts |= _macro(facts, conditions.policy)
    facts |= knob_facts(conditions.policy)
    facts |= _stocks(facts, conditions)
    facts |= risk_facts(facts)
    facts |= opportunity_facts(facts)
    facts |= frontier_facts(facts)
    facts |= scenario_conditions(conditions.macro, conditions.policy, facts["known_on"])
    return facts


def personal_facts(
    shared: MutableMapping[str, Any], allocation: Allocation, recipient: Recipient
) -> dict[str, Any]:
    """Return every fact of one client's workbook that is not shared, by name."""
    own: dict[str, Any] = {name: value for name, value in allocation.trace.items() if name in PERSONAL}
    facts = ChainMap(own, shared)
    left_out = (f"{asset}: {reason}" for asset, reason in allocation.excluded.items())
    own |= {
        "client_id": recipient.client_id,
        "client_name": recipient.client_name,
        "footer_reference": footer_reference(recipient.client_id, allocation.policy.firm),
        "notices": allocation.notices or (NONE,),
        "left_out": tuple(left_out) or (NONE,),
    }
    own |= category_facts(facts, allocation)
    own |= sleeve_facts(facts)
    own |= _holdings(facts, allocation)
    own |= scenario_outcomes(facts, allocation.macro, allocation.policy)
    own |= nudge_facts(facts, allocation)
    own |= summary_facts(facts)
    return own


def _macro(facts: Mapping[str, Any], house: Policy) -> dict[str, Any]:
    policy = house.macro
    starts = np.array(policy.regime_from)
    regime = names.REGIMES.index(facts["regime"])
    defensiveness = np.array(list(policy.defensiveness.values()))
    weights = np.array(policy.weights)
    probability = facts["recession_probability"]
    return {
        "macro_age": None if facts["known_on"] is None else facts["as_of"] - facts["known_on"],
        "macro_mean": policy.means,
        "macro_std": policy.stds,
        "macro_direction": np.array(DIRECTIONS),
        "macro_omega": weights,
        "macro_part": weights * facts["macro_z"],
        "z_limit": policy.z_limit,
        "sigma_c": policy.composite_std,
        "regime_names": names.REGIMES,
        "regime_from": starts,
        "regime_now": tuple("● now" if i == regime else "" for i in range(len(starts))),
        "tilt_strength": policy.tilt_strength,
        "sector_defensiveness": defensiveness,
        "sector_change": 100.0 * (facts["sector_tilted"] - facts["sector_untilted"]),
        "sector_kind": tuple(
            "defensive" if d > 0 else "cyclical" if d < 0 else "neutral" for d in defensiveness
        ),
        "probit_intercept": PROBIT[0],
        "probit_slope": PROBIT[1],
        "recession_shown": "n/a" if probability is None else probability,
        "macro_normal": np.array([np.exp(policy.vix_mean), policy.gdp_mean, policy.spread_mean]),
    }


def _stocks(facts: Mapping[str, Any], conditions: Conditions) -> dict[str, Any]:
    universe, policy = conditions.universe, conditions.policy.stocks
    m, tilt, mt, cap = facts["stock_m"], facts["stock_tilt"], facts["stock_mt"], facts["stock_cap"]
    adjusted = facts["stock_adjusted"]
    return {
        "stock_number": np.arange(1, len(m) + 1),
        "stock_name": tuple(asset.name for asset in universe.assets),
        "stock_sector": tuple(asset.sector for asset in universe.assets),
        **{name: universe.features[name] for name in FEATURES},
        **{f"rank_{name}": _ranks(universe.features[name]) for name in FEATURES},
        "score_low": float(adjusted.min()),
        "score_high": float(adjusted.max()),
        "stock_raw": m * tilt,
        "stock_held": (facts["sleeve_upper"] > 0.0).astype(int),
        "stock_top": policy.top,
        "winsor_low": WINSOR[0] / 100.0,
        "winsor_high": WINSOR[1] / 100.0,
        "cap_floor": policy.cap_floor,
        "cap_multiple": policy.cap_multiple,
        "stock_candidate": cap_scales(mt, cap),
        "stock_total": float(facts["stock_weight"].sum()),
        "ranker": policy.ranker,
        "training_knobs": np.array(
            [
                policy.training_window or 0,
                *(policy.training_minimum, policy.refit_months, policy.embargo_months),
                *(policy.ridge_penalty, policy.ranking_cost),
            ]
        ),
        "scaling": policy.scaling,
    }


def _ranks(values: FloatArray) -> FloatArray:
    """Return average ranks in [0, 1]; half for all where nothing tells them apart, 0 for a single one."""
    n = len(values)
    return (adjust_scores(values, "rank") - 1.0) / max(1, n - 1)


def _holdings(facts: Mapping[str, Any], allocation: Allocation) -> dict[str, Any]:
    lines = facts["holding_category"]
    place = {category: i for i, category in enumerate(facts["category_names"])}
    member = np.array([[line == category for line in lines] for category in place], dtype=np.float64)
    weight, amount = facts["holding_weight"], facts["holding_amount"]
    numbers = np.arange(1, len(lines) + 1)
    # Less a little for every line above, so that no two lines rank alike.
    key = np.where(np.array(lines) == names.CASH, 0.0, weight) - numbers * 1e-12
    return {
        "holding_sector": tuple(asset.sector for asset in allocation.holdings),
        "holding_name": tuple(asset.name for asset in allocation.holdings),
        "holding_solved": np.where(np.array(lines) == names.STOCKS, 0.0, facts["holding_share"]),
        "holding_in_category": np.array([facts["category_weights"][place[line]] for line in lines]),
        "holding_category_count": member.sum(axis=1),
        "holding_category_weight": member @ weight,
        "holding_category_amount": member @ amount,
        "holding_total_weight": float(weight.sum()),
        "holding_total_amount": float(amount.sum()),
        "holding_total_count": len(lines),
        "holding_key": key,
        "line_number": numbers,
    }
