"""Who bears the risk of a portfolio: contributions to its variance, and the weights that make them equal."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyalloc.errors import InfeasibleError, InputError, UncertifiedError
from pyalloc.frontier.inputs import check_finite, checked

FloatArray = NDArray[np.float64]

EQUAL_LIMIT: Final = 1e-10
"""Largest departure of a contribution from 1/n, relative to it, of equal-risk weights that are handed out."""

_STEPS: Final = 100
_QUADRATIC: Final = 0.25  # Newton decrement below which the full step is safe (Nesterov: below 0.38)
_SETTLED: Final = 1e-15


def risk_contributions(weights: ArrayLike, cov: ArrayLike) -> FloatArray:
    """Return each name's share of the variance, ``w_i (Σw)_i / wᵀΣw``, shape (n,); they sum to 1.

    Parameters
    ----------
    weights : array_like, shape (n,)
    cov : array_like, shape (n, n)
        Annualised covariance.

    Raises
    ------
    InputError
        For shapes that do not agree or numbers that are missing.
    InfeasibleError
        Where the portfolio has no variance.

    Notes
    -----
    Euler's decomposition of a homogeneous function; Maillard, Roncalli and Teïletche (2010), "The properties
    of equally weighted risk contribution portfolios".
    """
    held = np.asarray(weights, dtype=np.float64)
    check_finite("weights", held)
    _, matrix, _, _ = checked(held, cov, 0.0, 1.0)
    exposure = matrix @ held
    variance = float(held @ exposure)
    if not 0.0 < variance < np.inf:
        raise InfeasibleError(
            f"the variance of the portfolio is {variance:g}: nothing can be a share of it; give weights of "
            "names that move"
        )
    return np.asarray(held * exposure / variance)


def equal_risk_weights(cov: ArrayLike) -> FloatArray:
    """Return the long-only weights, shape (n,), that all contribute the same to the variance.

    The minimiser of the strictly convex ``½ xᵀCx − Σ ln x_i``, C the correlation matrix, by damped Newton
    steps; ``w_i ∝ x_i / σ_i``.

    Parameters
    ----------
    cov : array_like, shape (n, n)
        Annualised covariance.

    Raises
    ------
    InputError
        For a matrix that is no covariance, or a name without variance, which can bear no risk.
    InfeasibleError
        Where names cancel each other's risk, so that some portfolio of them has none.
    UncertifiedError
        Where the contributions depart from 1/n by more than :data:`EQUAL_LIMIT`.

    Notes
    -----
    Maillard, Roncalli and Teïletche (2010); objective and damping of Spinu (2013), "An algorithm for
    computing risk parity weights": it is self-concordant, so a step of length 1/(1 + decrement) stays
    positive and descends from anywhere.
    """
    matrix = np.asarray(cov, dtype=np.float64)
    checked(np.zeros(len(np.atleast_1d(matrix))), matrix, 0.0, 1.0)
    deviation = np.sqrt(np.maximum(matrix.diagonal(), 0.0))
    for i in np.flatnonzero(deviation == 0.0).tolist():
        raise InputError(f"name {i + 1} has no variance, so it can bear no risk: leave it out")
    x = _equal_products(matrix / np.outer(deviation, deviation))
    w = x / deviation
    w /= w.sum()
    apart = float(np.abs(len(w) * risk_contributions(w, matrix) - 1.0).max())
    if not apart <= EQUAL_LIMIT:
        raise UncertifiedError(
            f"equal-risk weights are withheld: a contribution is off by {apart:.1e} of its size"
        )
    return w


def _equal_products(correlation: FloatArray) -> FloatArray:
    """Return the x > 0 for which ``x_i (Cx)_i = 1``: the gradient ``Cx − 1/x`` is 0."""
    n = len(correlation)
    x = np.full(n, np.sqrt(n / max(float(correlation.sum()), 1.0)))
    decrement = np.inf
    for _ in range(_STEPS):
        gradient = correlation @ x - 1.0 / x
        hessian = correlation + np.diag(1.0 / x**2)
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            break
        before, decrement = decrement, float(np.sqrt(max(gradient @ step, 0.0)))
        x = x - step if decrement < _QUADRATIC else x - step / (1.0 + decrement)
        if decrement <= _SETTLED or (decrement < 1e-7 and decrement >= before):
            return x
    raise InfeasibleError(
        "no weights bear equal risk: some names cancel each other's risk, so that a portfolio of them has "
        "none; leave one of them out"
    )
