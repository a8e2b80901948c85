"""The facts of Covariance and Frontier: moments, certificates of optimality, and what the chart marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyalloc import names

FloatArray = NDArray[np.float64]


def risk_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Prices and Covariance compute on the way to Ledoit and Wolf's covariance."""
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


def opportunity_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the certificates of any sleeve within these floors and caps rest on."""
    covariance, mu, anchor = facts["covariance"], facts["mu"], facts["stock_weight"]
    lower, upper = facts["sleeve_lower"], facts["sleeve_upper"]
    above = mu[None, :] - mu[:, None]
    counts = len(mu) == 1 or mu.max() > facts["risk_free"]
    return {
        "anchor_counts": int(counts),
        "stock_volatility": np.sqrt(np.diag(covariance)),
        "anchor_exposure": covariance @ anchor,
        "return_high": mu + np.maximum(above * upper, above * lower).sum(axis=1),
        "return_low": mu + np.minimum(above * upper, above * lower).sum(axis=1),
        "chart_anchor_volatility": facts["momentum_volatility"],
        "chart_anchor_return": float(anchor @ mu),
    }


def sleeve_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the certificate of the client's sleeve, and how it departs from the anchor."""
    covariance, mu = facts["covariance"], facts["mu"]
    w, anchor = facts["sleeve_weights"], facts["stock_weight"]
    lower, upper = facts["sleeve_lower"], facts["sleeve_upper"]
    gradient = covariance @ (w - facts["anchor_counts"] * anchor) - facts["sleeve_lambda"] * mu
    dual = dual_bounds(gradient, lower, upper)
    exposure = covariance @ w
    return {
        "sleeve_sigma_w": exposure,
        "sleeve_change": w - anchor,
        "sleeve_gradient": gradient,
        "sleeve_dual": dual,
        "sleeve_gap": float(gradient @ w - dual.max()),
        "active_share": float(np.abs(w - anchor).sum() / 2.0),
        "names_held": f"{(anchor > names.HELD).sum()} → {(w > names.HELD).sum()}",
        "sleeve_risk_share": w * exposure / facts["sleeve_volatility"] ** 2,
        "chart_sleeve_volatility": facts["sleeve_volatility"],
        "chart_sleeve_return": facts["sleeve_return"],
    }


def frontier_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the moments of the frontier portfolios and the certificate of each."""
    covariance, mu, upper = facts["covariance"], facts["mu"], facts["sleeve_upper"]
    w, best = facts["frontier_weights"], facts["maxsharpe_weights"]
    volatility = np.sqrt(np.einsum("ik,ij,jk->k", w, covariance, w))
    expected = mu @ w
    gradients = covariance @ w - facts["frontier_lambda"] * mu[:, None]
    bounds = [dual_bounds(gradient, np.zeros_like(upper), upper).max() for gradient in gradients.T]
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
    }


def dual_bounds(gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return for each γ among the gradient's entries the bound ``γ + Σ min(upper (g−γ), lower (g−γ))``."""
    apart = gradient[None, :] - gradient[:, None]
    return np.asarray(gradient + np.minimum(upper * apart, lower * apart).sum(axis=1))
