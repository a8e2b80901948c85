"""What moves stress, and what a little more or less of it would do to the policy's shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from pyalloc.allocation import Allocation
from pyalloc.macro import normal_cdf, regime

NUDGE: Final = 0.1
"""Change of stress whose consequences the Summary shows."""


def nudge_facts(facts: Mapping[str, Any], allocation: Allocation) -> dict[str, Any]:
    """Return each indicator's effect on stress, and shares at less stress, now, and more."""
    composite, sigma, stress = facts["composite"], facts["sigma_c"], facts["stress"]
    without = np.array([normal_cdf((composite - part) / sigma) for part in facts["macro_part"]])
    levels = [max(0.0, stress - NUDGE), stress, min(1.0, stress + NUDGE)]
    policy, macro = allocation.policy, allocation.macro
    growth_z = (macro.gdp_growth - policy.macro.gdp_mean) / policy.macro.gdp_std
    shares = [
        policy.category.shares(facts["risk_t"], level, growth_z, macro.yield_spread) for level in levels
    ]
    equity = np.array([share.equity for share in shares])
    as_policy = facts["bounds_hold"] and not facts["override_count"]
    moved = (equity - equity[1]) * facts["budget"]
    return {
        "stress_nudge": NUDGE,
        "stress_without": without,
        "stress_effect": 100.0 * (stress - without),
        "nudged_stress": np.array(levels),
        "nudged_regime": tuple(regime(level, policy.macro.regime_from) for level in levels),
        "nudged_equity": equity,
        "nudged_commodity": np.array([share.commodity for share in shares]),
        "nudged_cash": np.array([share.cash for share in shares]),
        "nudged_move": tuple(moved) if as_policy else ("n/a",) * len(levels),
    }
