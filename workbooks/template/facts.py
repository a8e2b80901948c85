"""The facts of one workbook: the trace of its allocation, who it is for, and what only cells need.

Every value that a cell shows or a formula must come to is here by name; vectors and matrices are indexed.
Computed in Python from the trace, never read back from a spreadsheet, so that they can judge one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc import __version__, names
from pyalloc.allocation import Allocation
from pyalloc.category import CategoryShares
from pyalloc.macro import DIRECTIONS, PROBIT
from pyalloc.profile import InvestorProfile
from pyalloc.stocks import FEATURES, WINSOR, adjust_scores, cap_scales
from workbooks.template.dates import serial
from workbooks.template.nudges import nudge_facts
from workbooks.template.scenarios import scenario_facts
from workbooks.template.words import summary_facts

FloatArray = NDArray[np.float64]

TEMPLATE_VERSION: Final = "1"
"""Changes whenever a cell moves or a formula changes."""


class Recipient(NamedTuple):
    """Whom a workbook is for."""

    client_id: str
    client_name: str


def gather(allocation: Allocation, recipient: Recipient) -> dict[str, Any]:
    """Return every fact of one client's workbook, by name."""
    facts: dict[str, Any] = {
        **allocation.trace,
        "client_id": recipient.client_id,
        "client_name": recipient.client_name,
        "firm": allocation.policy.firm,
        "paper": allocation.policy.paper,
        "notice": allocation.view.market.notice,
        "notices": allocation.notices,
        "left_out": tuple(f"{asset}: {reason}" for asset, reason in allocation.excluded.items()),
        "template_version": TEMPLATE_VERSION,
        "pyalloc_version": __version__,
    }
    for day in ("as_of", "known_on"):
        facts[day] = serial(facts[day])
    facts["month_ends"] = np.array([serial(day) for day in facts["month_ends"]])
    facts |= _macro(facts, allocation)
    facts |= _constraints(facts, allocation)
    facts |= _stocks(facts, allocation)
    facts |= _risk(facts)
    facts |= _sleeve(facts, allocation)
    facts |= _frontier(facts)
    facts |= _holdings(facts, allocation)
    facts |= scenario_facts(facts, allocation)
    facts |= nudge_facts(facts, allocation)
    facts |= summary_facts(facts)
    return facts


def _macro(facts: Mapping[str, Any], allocation: Allocation) -> dict[str, Any]:
    policy = allocation.policy.macro
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


def _constraints(facts: Mapping[str, Any], allocation: Allocation) -> dict[str, Any]:
    policy = allocation.policy.category
    knots = np.array(names.RISK_KNOTS)
    t = facts["risk_t"]
    within = float(np.median([knots[0], t, knots[-1]]))
    segment = min(int(np.searchsorted(knots, within, side="right")), len(knots) - 1)
    macro = allocation.policy.macro
    growth_z = (facts["gdp_growth"] - macro.gdp_mean) / macro.gdp_std
    levels = {t: name for name, t in names.RISK_LEVELS.items()}
    shares = CategoryShares(facts["equity_share"], facts["cash_share"], facts["commodity_share"])
    A, b, w = facts["constraint_A"], facts["constraint_b"], facts["category_weights"]
    policy_A, policy_b = policy.matrix(shares, allocation.profile.budget)
    exact = facts["category_exact"]
    lower, upper = facts["category_lower"], facts["category_upper"]
    bounds_hold = bool(np.all(exact >= lower - 1e-12) and np.all(exact <= upper + 1e-12))
    residual = A @ w - b / b[0]
    return {
        "risk_labels": tuple(levels.get(float(knot)) for knot in knots),
        "risk_knots": knots,
        "risk_calm": np.array(policy.risk_calm),
        "risk_crisis": np.array(policy.risk_crisis),
        "risk_alpha": np.array(allocation.policy.sleeve.alpha),
        "knot_within": within,
        "knot_segment": segment,
        "knot_position": (within - knots[segment - 1]) / (knots[segment] - knots[segment - 1]),
        "equity_calm": float(np.interp(t, knots, policy.risk_calm)),
        "equity_crisis": float(np.interp(t, knots, policy.risk_crisis)),
        "commodity_base": policy.commodity_base,
        "commodity_stress_effect": policy.commodity_stress_effect,
        "commodity_growth_effect": policy.commodity_growth_effect,
        "growth_clip": policy.growth_clip,
        "growth_clipped": float(np.clip(growth_z, -policy.growth_clip, policy.growth_clip)),
        "cash_base": policy.cash_base,
        "cash_stress_effect": policy.cash_stress_effect,
        "cash_inversion_effect": policy.cash_inversion_effect,
        "inversion_scale": policy.inversion_scale,
        "inversion": float(np.clip(-facts["yield_spread"] / policy.inversion_scale, 0.0, 1.0)),
        "row_names": policy.row_names,
        "row_share": (None, *(row.share if isinstance(row.share, float) else None for row in policy.rows)),
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
    dual = _dual_bounds(gradient, lower, upper)
    return {
        "category_scaled": scaled,
        "category_gradient": gradient,
        "category_dual": dual,
        "category_gap": float(gradient @ w - dual.max()),
    }


def _dual_bounds(gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return for each γ among the gradient's entries the bound ``γ + Σ min(upper (g−γ), lower (g−γ))``."""
    apart = gradient[None, :] - gradient[:, None]
    return np.asarray(gradient + np.minimum(upper * apart, lower * apart).sum(axis=1))


def _stocks(facts: Mapping[str, Any], allocation: Allocation) -> dict[str, Any]:
    universe, policy = allocation.universe, allocation.policy.stocks
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
        "scaling": policy.scaling,
    }


def _ranks(values: FloatArray) -> FloatArray:
    """Return average ranks in [0, 1]; half for all where nothing tells them apart, 0 for a single one."""
    n = len(values)
    return (adjust_scores(values, "rank") - 1.0) / max(1, n - 1)


def _risk(facts: Mapping[str, Any]) -> dict[str, Any]:
    returns = facts["returns"]
    n, months = returns.shape
    centred = returns - returns.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    return {
        "return_mean": returns.mean(axis=1),
        "return_sq": (centred**2).sum(axis=0),
        "lw_T": months,
        "lw_mean_variance": float(squares.sum() / months / n),
        "lw_norm": float(((centred @ centred.T) ** 2).sum() / months**2),
        "running": np.arange(1, n + 1),
    }


def _sleeve(facts: Mapping[str, Any], allocation: Allocation) -> dict[str, Any]:
    covariance, mu = facts["covariance"], facts["mu"]
    w, anchor = facts["sleeve_weights"], facts["stock_weight"]
    lower, upper = facts["sleeve_lower"], facts["sleeve_upper"]
    counts = 0 if facts["target_status"] == names.MINIMUM_VARIANCE else 1
    gradient = covariance @ (w - counts * anchor) - facts["sleeve_lambda"] * mu
    dual = _dual_bounds(gradient, lower, upper)
    above = mu[None, :] - mu[:, None]
    exposure, sleeve_exposure = covariance @ anchor, covariance @ w
    return {
        "equity_premium": allocation.policy.sleeve.equity_premium,
        "sleeve_floor": allocation.policy.sleeve.floor,
        "return_model": allocation.policy.sleeve.return_model,
        "anchor_counts": counts,
        "stock_volatility": np.sqrt(np.diag(covariance)),
        "anchor_exposure": exposure,
        "sleeve_sigma_w": sleeve_exposure,
        "sleeve_change": w - anchor,
        "sleeve_gradient": gradient,
        "sleeve_dual": dual,
        "sleeve_gap": float(gradient @ w - dual.max()),
        "return_high": mu + np.maximum(above * upper, above * lower).sum(axis=1),
        "return_low": mu + np.minimum(above * upper, above * lower).sum(axis=1),
        "active_share": float(np.abs(w - anchor).sum() / 2.0),
        "names_held": f"{(anchor > names.HELD).sum()} → {(w > names.HELD).sum()}",
        "sleeve_risk_share": w * sleeve_exposure / facts["sleeve_volatility"] ** 2,
    }


def _frontier(facts: Mapping[str, Any]) -> dict[str, Any]:
    covariance, mu, upper = facts["covariance"], facts["mu"], facts["sleeve_upper"]
    w = facts["frontier_weights"]
    volatility = np.sqrt(np.einsum("ik,ij,jk->k", w, covariance, w))
    expected = mu @ w
    best, anchor = facts["maxsharpe_weights"], facts["stock_weight"]
    gradients = covariance @ w - facts["frontier_lambda"] * mu[:, None]
    bounds = [_dual_bounds(gradient, np.zeros_like(upper), upper).max() for gradient in gradients.T]
    return {
        "frontier_number": np.arange(1, w.shape[1] + 1),
        "frontier_volatility": volatility,
        "frontier_return": expected,
        "frontier_sharpe": np.where(volatility > 0.0, (expected - facts["risk_free"]) / volatility, 0.0),
        "frontier_sum": w.sum(axis=0),
        "frontier_min": w.min(axis=0),
        "frontier_max": w.max(axis=0),
        "frontier_gap": (gradients * w).sum(axis=0) - bounds,
        "chart_maxsharpe_volatility": float(np.sqrt(best @ covariance @ best)),
        "chart_maxsharpe_return": facts["r_eff"],
        "chart_anchor_volatility": facts["momentum_volatility"],
        "chart_anchor_return": float(anchor @ mu),
        "chart_sleeve_volatility": facts["sleeve_volatility"],
        "chart_sleeve_return": facts["sleeve_return"],
    }


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
