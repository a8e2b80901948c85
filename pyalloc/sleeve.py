"""The stock sleeve: anchor weights from scores and tilts, then the return target, with their trace."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyalloc.frontier import (
    EfficientFrontier,
    alpha,
    attainable_returns,
    bayes_stein_returns,
    betas,
    historical_returns,
    implied_returns,
    minimum_variance_weights,
    target_weights,
)
from pyalloc.macro import sector_tilts
from pyalloc.stocks import adjust_scores, cap_scales, held_names, stock_weights, tilted_scores

if TYPE_CHECKING:
    from pyalloc.marketdata import StockUniverse
    from pyalloc.policy import Policy

FloatArray = NDArray[np.float64]
Trace = Mapping[str, Any]


def stock_sleeve(
    universe: StockUniverse, stress: float, risk_free: float, risk: str | float, policy: Policy
) -> dict[str, Any]:
    """Return the sleeve's part of the trace, from the score to the weights that attain the return target."""
    common = _before_the_investor(universe, stress, risk_free, policy)
    return {**common, **_target(common, alpha(risk, policy.sleeve))}


@lru_cache(maxsize=32)
def _before_the_investor(
    universe: StockUniverse, stress: float, risk_free: float, policy: Policy
) -> Mapping[str, Any]:
    """Anchor, covariance, expected returns and frontier: the same for every investor, so computed once."""
    anchor = _anchor(universe, stress, policy)
    return anchor | _opportunities(
        universe, anchor["stock_weight"], anchor["sleeve_upper"], risk_free, policy
    )


def _anchor(universe: StockUniverse, stress: float, policy: Policy) -> dict[str, Any]:
    """Score → scale → tilt → cap: the anchor w⁰, ``stock_weight`` of the trace."""
    sectors = [asset.sector for asset in universe.assets]
    tilts = sector_tilts(sectors, stress, policy.macro.defensiveness, policy.macro.tilt_strength)
    x = tilted_scores(universe.scaled, tilts)
    held = held_names(x, policy.stocks.top)
    x = np.where(held, x, 0.0)
    cap = policy.stocks.cap(int(held.sum()))
    anchor = stock_weights(universe.scaled, tilts, cap, policy.stocks.top)
    return {
        "stock_ticker": tuple(asset.asset for asset in universe.assets),
        "model_name": universe.ranking.model,
        "model_trained": universe.ranking.trained,
        "model_coefficients": universe.ranking.coefficients,
        "model_intercept": universe.ranking.intercept,
        "skill_of": universe.ranking.judged,
        "skill_model": universe.ranking.skill,
        "skill_momentum": universe.ranking.momentum,
        "skill_verdict": universe.ranking.verdict,
        "stock_score": universe.scores,
        "stock_adjusted": adjust_scores(universe.scores, policy.stocks.scaling),
        "stock_m": universe.scaled,
        "stock_tilt": tilts,
        "stock_mt": x,
        "stock_cap": cap,
        "stock_scale": float(cap_scales(x, cap).max()),
        "stock_weight": anchor,
        "sleeve_lower": policy.sleeve.floor * anchor,
        "sleeve_upper": np.where(held, cap, 0.0),
    }


def _opportunities(
    universe: StockUniverse, anchor: FloatArray, upper: FloatArray, risk_free: float, policy: Policy
) -> dict[str, Any]:
    """Covariance → expected returns → efficient frontier → r_eff."""
    covariance = universe.covariance.matrix
    mu = _expected_returns(universe, anchor, risk_free, policy)
    frontier = EfficientFrontier(mu, covariance, 0.0, upper)
    efficient = _maximum_sharpe(frontier, anchor, risk_free, policy)
    points = frontier.points(policy.sleeve.frontier_points)
    return {
        "month_ends": universe.month_ends,
        "closes": universe.closes,
        "returns": universe.returns,
        "lw_shrinkage": universe.covariance.shrinkage,
        "covariance": covariance,
        "risk_free": risk_free,
        "beta": betas(covariance, anchor),
        "mu": mu,
        "frontier_weights": np.column_stack([point.weights for point in points]),
        "frontier_lambda": np.array([point.multiplier for point in points]),
        "maxsharpe_weights": efficient,
        "r_eff": float(mu @ efficient),
        "momentum_volatility": float(np.sqrt(anchor @ covariance @ anchor)),
    }


def _target(common: Trace, shift: float) -> dict[str, Any]:
    """r_eff + α → the portfolio nearest the anchor that attains it within floor and cap."""
    mu, covariance, anchor = common["mu"], common["covariance"], common["stock_weight"]
    lower, upper = common["sleeve_lower"], common["sleeve_upper"]
    r_adj = common["r_eff"] + shift
    least, greatest = attainable_returns(mu, lower, upper)
    if len(mu) > 1 and mu.max() <= common["risk_free"]:
        target = minimum_variance_weights(mu, covariance, r_adj, lower, upper)
        r_target = target.attained
    else:
        target = target_weights(mu, covariance, r_adj, anchor, lower, upper)
        r_target = float(np.median([least, r_adj, greatest]))
    w = target.weights
    return {
        "alpha": shift,
        "r_adj": r_adj,
        "r_min": least,
        "r_max": greatest,
        "r_target": r_target,
        "sleeve_weights": w,
        "sleeve_lambda": target.multiplier,
        "sleeve_return": target.attained,
        "sleeve_volatility": float(np.sqrt(w @ covariance @ w)),
        "sleeve_beta": float(common["beta"] @ w),
        "shortfall": r_adj - target.attained,
        "target_status": target.status,
    }


def sector_weights(universe: StockUniverse, trace: Trace) -> dict[str, Any]:
    """Sector weights of the sleeve before the tilt, after it, and after the return target."""
    sectors = np.array([asset.sector for asset in universe.assets])
    member = np.array([sectors == name for name in trace["sector_names"]], dtype=np.float64)
    m = trace["stock_m"]
    return {
        "sector_untilted": member @ m / m.sum(),
        "sector_tilted": member @ trace["stock_weight"],
        "sector_sleeve": member @ trace["sleeve_weights"],
    }


def _expected_returns(
    universe: StockUniverse, anchor: FloatArray, risk_free: float, policy: Policy
) -> FloatArray:
    covariance = universe.covariance.matrix
    match policy.sleeve.return_model:
        case "historical":
            return historical_returns(universe.returns.T)
        case "bayes_stein":
            return bayes_stein_returns(universe.returns.T, covariance)
        case _:
            return implied_returns(covariance, anchor, risk_free, policy.sleeve.equity_premium)


def _maximum_sharpe(
    frontier: EfficientFrontier, anchor: FloatArray, risk_free: float, policy: Policy
) -> FloatArray:
    """Return the portfolio whose return is r_eff; minimum variance where no return is above the risk-free."""
    if policy.sleeve.return_model == "implied":
        # Reverse optimisation makes the anchor that portfolio.
        return anchor
    if frontier.mu.max() <= risk_free:
        return frontier.min_variance().weights
    return frontier.max_sharpe(risk_free).weights
