"""One frontier portfolio without tracing the others: minimum variance, and maximum Sharpe ratio."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.frontier.certificate import EXACT
from pyalloc.frontier.inputs import PortfolioInputs
from pyalloc.pivoting import Pivoted, pivoted

FloatArray = NDArray[np.float64]

_AT_LEAST: Final = 10  # names that are taken to be held at the start
_TENTH: Final = 10


def minimum_variance(given: PortfolioInputs) -> Pivoted | None:
    """Return the portfolio of least variance, or None where it is not unique or not found at once."""
    return _certified(given, pivoted(*_budget(given), free=_start(given, -_pull(given))))


def tangency(given: PortfolioInputs, risk_free: float) -> Pivoted | None:
    """Return the portfolio of greatest Sharpe ratio, or None where it is not found at once.

    On a critical line ``w = a + λb`` the tangency portfolio has ``λ = aᵀΣa / (μᵀa − rf)``: there the slope of
    the frontier, ``dσ²/dr = 2λ``, is that of the line from the risk-free rate. So λ is known as soon as the
    names held are; Bailey and López de Prado (2013) search every critical line for it.
    """
    mu, cov = given.mu, given.cov

    def slope(a: FloatArray) -> float:
        held = np.flatnonzero(a)
        excess = float(mu @ a) - risk_free
        return float(a[held] @ (cov[held] @ a)) / excess if excess > 0.0 else np.inf

    if np.count_nonzero(given.lower < given.upper) < 2:
        return None  # one portfolio, whatever the rate
    pull = _pull(given)
    order = (mu - risk_free) / np.maximum(pull, 1e-3 * np.abs(pull).max() or 1.0)
    return _certified(given, pivoted(*_budget(given), free=_start(given, order), p=mu, parameter=slope))


def _budget(
    given: PortfolioInputs,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    n = len(given.mu)
    return given.cov, np.zeros(n), np.ones((1, n)), np.ones(1), given.lower, given.upper


def _pull(given: PortfolioInputs) -> FloatArray:
    """Return each name's covariance with all of them equally weighted."""
    return np.asarray(given.cov.mean(axis=0))


def _start(given: PortfolioInputs, order: FloatArray) -> NDArray[np.bool_]:
    """Return the names that are likely held: the first tenth in an order, no fewer than the caps need."""
    ranked = np.argsort(-order, kind="stable")
    needed = int((np.cumsum((given.upper - given.lower)[ranked]) < 1.0 - given.lower.sum()).sum()) + 1
    free = np.zeros(len(ranked), dtype=np.bool_)
    free[ranked[: max(_AT_LEAST, len(ranked) // _TENTH, needed)]] = True
    return free


def _certified(given: PortfolioInputs, found: Pivoted | None) -> Pivoted | None:
    if found is None:
        return None
    scale = np.trace(given.cov) / len(given.mu) + found.parameter * np.abs(given.mu).max()
    return found if found.gap <= EXACT * scale else None
