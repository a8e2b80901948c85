"""The measures behind a skill report: rank correlations, tenths after costs, errors of dependent means."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.ranking.ranks import average_ranks, tied_places

FloatArray = NDArray[np.float64]

LEAST_STOCKS: Final = 10
"""Stocks a month needs to count: with fewer there is no tenth, and a rank says little."""


def rank_ics(scores: FloatArray, outcomes: FloatArray) -> FloatArray:
    """Return Spearman's correlation of scores and outcomes on each date, shape (m,).

    Parameters
    ----------
    scores, outcomes : ndarray, shape (m, n)
        Compared where both are numbers. Where either is the same for all, nothing was ranked: 0.
    """
    both = np.isfinite(scores) & np.isfinite(outcomes)
    x, y = (_centred_ranks(np.where(both, values, np.nan)) for values in (scores, outcomes))
    norm = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    found = np.zeros(len(x))
    np.divide((x * y).sum(axis=1), norm, out=found, where=norm > 0.0)
    return found


def _centred_ranks(values: FloatArray) -> FloatArray:
    """Return ranks less their mean, 0 where there is none."""
    ranks = average_ranks(values)
    middle = (np.isfinite(values).sum(axis=1, keepdims=True) + 1.0) / 2.0
    return np.where(np.isfinite(ranks), ranks - middle, 0.0)


def tenths(scores: FloatArray, returns: FloatArray, cost: float) -> tuple[FloatArray, FloatArray]:
    """Return what the highest tenth of scores earned above the lowest, after costs, and the turnover.

    A tenth is n/10 names, equally weighted; names whose equal scores straddle its edge share the room that
    is left. Weights drift with returns until the next month end; a name without a return keeps its value.

    Parameters
    ----------
    scores, returns : ndarray, shape (m, n)
        Scores of consecutive month ends, and returns until the next; not a number where there is none.
    cost : float
        Of trading, as a fraction of what is traded; a name that is replaced is sold and bought.

    Returns
    -------
    spread, turnover : ndarray, shape (m,)
        Fractions a month; turnover is purchases as a part of the tenth, on average of the two.
    """
    below, equal = tied_places(scores)
    count = np.isfinite(scores).sum(axis=1, keepdims=True)
    size = np.maximum(count, 1) / 10.0
    room = (np.minimum(below + equal - (count - size), equal), np.minimum(size - below, equal))
    earned = np.nan_to_num(returns)
    means, bought = [], []
    for places in room:
        weights = np.nan_to_num(np.maximum(places, 0.0) / equal) / size
        grown = weights * (1.0 + earned)
        value = grown.sum(axis=1, keepdims=True)
        before = np.zeros_like(weights)
        np.divide(grown[:-1], value[:-1], out=before[1:], where=value[:-1] > 0.0)
        means.append((weights * earned).sum(axis=1))
        bought.append(np.maximum(weights - before, 0.0).sum(axis=1))
    turnover = (bought[0] + bought[1]) / 2.0
    return means[0] - means[1] - 4.0 * cost * turnover, turnover


def newey_west_lag(months: int, horizon: int = 1) -> int:
    """Return the lag of Newey and West (1994), ``⌊4 (T/100)^(2/9)⌋``, no less than what outcomes overlap."""
    return max(horizon - 1, math.floor(4.0 * math.pow(months / 100.0, 2.0 / 9.0)))


def newey_west_error(values: FloatArray, lag: int) -> float:
    """Return the standard error of the mean of a series whose values may depend on those before.

    Newey and West (1987): ``S = γ₀ + 2 Σ_l (1 - l/(L + 1)) γ_l`` with Bartlett's weights, which keep S from
    being negative; the error is √(S/T), with T - 1 for the mean that was estimated.

    Parameters
    ----------
    values : ndarray, shape (t,)
    lag : int
        L, below t.

    Returns
    -------
    float
        Not a number for fewer than two values.
    """
    t = len(values)
    if t < 2:
        return float("nan")
    centred = values - values.mean()
    total = float(centred @ centred)
    for step in range(1, min(lag, t - 1) + 1):
        total += 2.0 * (1.0 - step / (lag + 1.0)) * float(centred[step:] @ centred[:-step])
    return float(np.sqrt(max(total, 0.0) / (t * (t - 1.0))))
