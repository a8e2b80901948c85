"""The facts of Constraints: the policy's constants, the system A w = b, and its certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.allocation import Allocation
from pyalloc.category import CategoryShares
from pyalloc.profile import InvestorProfile
from workbooks.template.sleeve_facts import dual_bounds

if TYPE_CHECKING:
    from pyalloc.policy import Policy

FloatArray = NDArray[np.float64]


def knob_facts(house: Policy) -> dict[str, Any]:
    """Return the policy's constants behind categories and target, as the cells of Constraints show them."""
    policy = house.category
    levels = {t: name for name, t in names.RISK_LEVELS.items()}
    return {
        "risk_labels": tuple(levels.get(float(knot)) for knot in names.RISK_KNOTS),
        "risk_knots": np.array(names.RISK_KNOTS),
        "risk_calm": np.array(policy.risk_calm),
        "risk_crisis": np.array(policy.risk_crisis),
        "risk_alpha": np.array(house.sleeve.alpha),
        "commodity_base": policy.commodity_base,
        "commodity_stress_effect": policy.commodity_stress_effect,
        "commodity_growth_effect": policy.commodity_growth_effect,
        "growth_clip": policy.growth_clip,
        "cash_base": policy.cash_base,
        "cash_stress_effect": policy.cash_stress_effect,
        "cash_inversion_effect": policy.cash_inversion_effect,
        "inversion_scale": policy.inversion_scale,
        "row_names": policy.row_names,
        "row_share": (None, *(row.share if isinstance(row.share, float) else None for row in policy.rows)),
        "equity_premium": house.sleeve.equity_premium,
        "sleeve_floor": house.sleeve.floor,
        "return_model": house.sleeve.return_model,
    }


def category_facts(facts: Mapping[str, Any], allocation: Allocation) -> dict[str, Any]:
    """Return the client's shares, the system and its solution, with the certificate where bounds bind."""
    policy = allocation.policy.category
    knots, t = facts["risk_knots"], facts["risk_t"]
    within = float(np.median([knots[0], t, knots[-1]]))
    segment = min(int(np.searchsorted(knots, within, side="right")), len(knots) - 1)
    macro = allocation.policy.macro
    growth_z = (facts["gdp_growth"] - macro.gdp_mean) / macro.gdp_std
    shares = CategoryShares(facts["equity_share"], facts["cash_share"], facts["commodity_share"])
    A, b, w = facts["constraint_A"], facts["constraint_b"], facts["category_weights"]
    policy_A, policy_b = policy.matrix(shares, allocation.profile.budget)
    exact = facts["category_exact"]
    lower, upper = facts["category_lower"], facts["category_upper"]
    bounds_hold = bool(np.all(exact >= lower - 1e-12) and np.all(exact <= upper + 1e-12))
    residual = A @ w - b / b[0]
    return {
        "knot_within": within,
        "knot_segment": segment,
        "knot_position": (within - knots[segment - 1]) / (knots[segment] - knots[segment - 1]),
        "equity_calm": float(np.interp(t, knots, policy.risk_calm)),
        "equity_crisis": float(np.interp(t, knots, policy.risk_crisis)),
        "growth_clipped": float(np.clip(growth_z, -policy.growth_clip, policy.growth_clip)),
        "inversion": float(np.clip(-facts["yield_spread"] / policy.inversion_scale, 0.0, 1.0)),
        "policy_A": policy_A,
        "policy_b": policy_b,
        **_overrides(allocation.profile, A.shape),
        "category_amount": exact * b[0],
        "category_solver": w,
        "bounds_hold": bounds_hold,
        "residual": residual,
        "residual_max": float(np.abs(residual).max()),
        "category_bound": tuple(
            "at lower bound" if x <= l + 1e-12 else "at upper bound" if x >= u - 1e-12 else "inside"
            for x, l, u in zip(w, lower, upper, strict=True)
        ),
        "solver_difference": float(np.abs(w - exact).max()),
        **_category_gap(A, residual, w, lower, upper, bounds_hold),
    }


def _overrides(profile: InvestorProfile, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the overrides of A and b, None where the policy's coefficient stands, and their number."""
    system = np.full((shape[0], shape[1] + 1), None, dtype=object)
    for (row, column), coefficient in profile.overrides.items():
        system[row - 1, column - 1] = coefficient
    return {
        "override_A": system[:, :-1],
        "override_b": system[:, -1],
        "override_count": len(profile.overrides),
    }


def _category_gap(
    A: FloatArray, residual: FloatArray, w: FloatArray, lower: FloatArray, upper: FloatArray, exact: bool
) -> dict[str, Any]:
    """Return the certificate of nearest weights: scaled residuals, gradient, dual bounds, gap."""
    blank = ("",) * len(w)
    if exact:
        return {
            "category_scaled": blank,
            "category_gradient": blank,
            "category_dual": blank,
            "category_gap": 0.0,
        }
    scaled = residual / (A**2).sum(axis=1)
    scaled[0] = 0.0
    gradient = A.T @ scaled
    dual = dual_bounds(gradient, lower, upper)
    return {
        "category_scaled": scaled,
        "category_gradient": gradient,
        "category_dual": dual,
        "category_gap": float(gradient @ w - dual.max()),
    }
