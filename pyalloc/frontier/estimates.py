"""Risk and return from monthly returns: covariance by shrinkage, returns by reverse optimisation.

All are annualised decimal fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError

FloatArray = NDArray[np.float64]

MONTHS_A_YEAR: Final = 12


@dataclass(frozen=True)
class Covariance:
    """A shrunk covariance matrix and what it was estimated from.

    Attributes
    ----------
    matrix : ndarray, shape (n, n)
        Annualised (monthly × 12).
    shrinkage : float
        Weight of the target (equal variances, no correlation), in [0, 1].
    months : int
        Monthly returns used.
    """

    matrix: FloatArray
    shrinkage: float
    months: int


def ledoit_wolf(monthly_returns: FloatArray) -> Covariance:
    """Return the Ledoit-Wolf covariance of simple monthly returns, annualised.

    Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004), as
    scikit-learn implements it: shrinkage toward a multiple of the identity, positive definite also where
    there are more names than months.

    Parameters
    ----------
    monthly_returns : ndarray, shape (months, n)
    """
    from sklearn.covariance import ledoit_wolf as estimate

    returns = np.asarray(monthly_returns, dtype=np.float64)
    if returns.ndim != 2 or min(returns.shape) == 0 or not np.isfinite(returns).all():
        raise InputError("monthly returns must be a complete table, months by names, without gaps")
    matrix, shrinkage = estimate(returns)
    return Covariance(MONTHS_A_YEAR * np.atleast_2d(matrix), float(shrinkage), returns.shape[0])


def betas(covariance: FloatArray, anchor: FloatArray) -> FloatArray:
    """Return each name's beta to the anchor portfolio, shape (n,): ``(Σ w⁰)_i / (w⁰ᵀ Σ w⁰)``.

    Raises
    ------
    InputError
        Where the anchor has no variance, so that no beta exists.
    """
    exposure = covariance @ anchor
    variance = float(anchor @ exposure)
    if not variance > 0.0:
        raise InputError(
            "the anchor portfolio has no variance, so betas to it do not exist: check its prices"
        )
    return np.asarray(exposure / variance, dtype=np.float64)


def implied_returns(
    covariance: FloatArray, anchor: FloatArray, risk_free: float, equity_premium: float
) -> FloatArray:
    """Return the expected returns under which the anchor has the maximum Sharpe ratio, shape (n,).

    Reverse optimisation (He and Litterman 1999, "The intuition behind Black-Litterman model portfolios"):
    ``μ_i = rf + P β_i``; their risk aversion is ``δ = P / w⁰ᵀΣw⁰``. The anchor's own return is rf + P.

    Parameters
    ----------
    covariance : ndarray, shape (n, n)
        Annualised.
    anchor : ndarray, shape (n,)
        Weights summing to 1.
    risk_free, equity_premium : float
        A year, decimal fractions.
    """
    return risk_free + equity_premium * betas(covariance, anchor)


def historical_returns(monthly_returns: FloatArray) -> FloatArray:
    """Return twelve times the mean monthly return, shape (n,): unsafe, an estimate of almost nothing."""
    return np.asarray(MONTHS_A_YEAR * monthly_returns.mean(axis=0), dtype=np.float64)


def bayes_stein_returns(monthly_returns: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return means shrunk toward that of the minimum-variance portfolio, annualised, shape (n,).

    Jorion, "Bayes-Stein estimation for portfolio analysis" (1986), equations 14 and 17, with the shrunk
    covariance in place of the sample one, so that it exists where names outnumber months.
    """
    months, n = monthly_returns.shape
    mean = historical_returns(monthly_returns)
    precision_one = np.linalg.solve(covariance, np.ones(n))
    grand_mean = float(precision_one @ mean / precision_one.sum())
    apart = mean - grand_mean
    # Annualised: the distance is 12 times, the covariance 12 times its monthly value.
    distance = float(apart @ np.linalg.solve(covariance, apart)) / MONTHS_A_YEAR
    shrink = (n + 2.0) / ((n + 2.0) + months * distance)
    return np.asarray((1.0 - shrink) * mean + shrink * grand_mean, dtype=np.float64)
