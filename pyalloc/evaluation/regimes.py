"""What returns were in each regime, with the convention of each figure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError
from pyalloc.evaluation.performance import TRADING_DAYS

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class ByRegime:
    """Figures of n series in each of k regimes; not a number where a regime never was.

    Attributes
    ----------
    share : ndarray, shape (k,)
        Part of all periods that the regime was in force.
    mean : ndarray, shape (k, n)
        Mean simple return of its periods × periods a year. Periods of one regime are not in a row, so they
        are not compounded.
    volatility : ndarray, shape (k, n)
        Their sample standard deviation × √(periods a year); not a number for fewer than two periods.
    """

    share: FloatArray
    mean: FloatArray
    volatility: FloatArray


def by_regime(
    returns: FloatArray,
    regimes: NDArray[np.intp],
    count: int,
    *,
    periods_per_year: float = TRADING_DAYS,
) -> ByRegime:
    """Return the figures of each regime.

    Parameters
    ----------
    returns : ndarray, shape (t, n)
        Simple returns, a column a series.
    regimes : ndarray of int, shape (t,)
        Which regime was in force over each period, from 0; known before the period began, or the figures
        look ahead.
    count : int
        k, how many regimes there are.
    periods_per_year : float
        252 for trading days, 12 for months.

    Raises
    ------
    InputError
        For shapes that do not fit, no period, or a regime that there is not.
    """
    if returns.ndim != 2 or regimes.shape != returns.shape[:1] or not len(regimes):
        raise InputError(
            f"returns has the shape {returns.shape} and regimes {regimes.shape}; give a row of returns and a "
            "regime for each of 1 or more periods"
        )
    if not (regimes.min() >= 0 and regimes.max() < count):
        raise InputError(f"regimes run from {regimes.min()} to {regimes.max()}; there are {count}, from 0")
    mean, volatility = np.full((2, count, returns.shape[1]), np.nan)
    for i in range(count):
        member = returns[regimes == i]
        if len(member):
            mean[i] = member.mean(axis=0) * periods_per_year
        if len(member) > 1:
            volatility[i] = member.std(axis=0, ddof=1) * sqrt(periods_per_year)
    return ByRegime(np.bincount(regimes, minlength=count) / len(regimes), mean, volatility)
