"""How much of the best of many trials is luck: deflated Sharpe ratio, probability of overfitting.

Sources: Bailey and López de Prado, "The Deflated Sharpe Ratio" (2014); Bailey, Borwein, López de Prado and
Zhu, "The Probability of Backtest Overfitting" (2015), by combinatorially symmetric cross-validation (CSCV).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from math import comb, e, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError
from pyalloc.evaluation.performance import ROUNDING

FloatArray = NDArray[np.float64]

EULER: Final = 0.5772156649015329
"""Euler and Mascheroni's constant."""

MOST_BLOCKS: Final = 20
"""Blocks give C(S, S/2) splits: 12,870 for 16, 184,756 for 20."""

_SPLITS_AT_ONCE: Final = 2_000


def expected_maximum_sharpe(n_trials: float, trials_variance: float) -> float:
    """Return SR₀, the Sharpe ratio that the best of so many trials without any skill is expected to show.

    ``√V ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e)))``, equation 1 of the paper; 0 for one trial, and where
    the approximation, made for many, falls below 0: between one trial and about one and a half.

    Parameters
    ----------
    n_trials : float
        N, independent trials; at least 1, and no whole number where trials are counted by clusters.
    trials_variance : float
        V, the variance of the trials' Sharpe ratios, per period.
    """
    from scipy.special import ndtri

    if not (n_trials >= 1.0 and trials_variance >= 0.0):
        raise InputError(
            f"{n_trials:g} trials with a variance of {trials_variance:g}: give at least 1 trial, and a "
            "variance of 0 or more"
        )
    if n_trials == 1.0:
        return 0.0
    upper = (1.0 - EULER) * ndtri(1.0 - 1.0 / n_trials) + EULER * ndtri(1.0 - 1.0 / (n_trials * e))
    return float(sqrt(trials_variance) * max(upper, 0.0))


def deflated_sharpe_ratio(
    sharpe: float,
    n_observations: int,
    n_trials: float,
    trials_variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Return the probability that the Sharpe ratio of the best trial is above what luck alone would give.

    ``Φ((SR − SR₀) √(T − 1) / √(1 − γ₃ SR + (γ₄ − 1)/4 · SR²))``, equation 2 of the paper.

    Parameters
    ----------
    sharpe : float
        Of the best trial, per period and not annualised.
    n_observations : int
        T, returns in the series; at least 2.
    n_trials : float
        N, all trials that were run, counted as independent; with 1 this is the probabilistic Sharpe ratio.
    trials_variance : float
        V, the variance of the trials' Sharpe ratios per period.
    skew, kurtosis : float
        Of the best trial's returns; a normal has 0 and 3.

    Raises
    ------
    InputError
        For moments that no series has, or too few observations or trials.
    """
    from scipy.special import ndtr

    if n_observations < 2:
        raise InputError(f"{n_observations} observations: a Sharpe ratio needs at least 2")
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not variance > 0.0:
        raise InputError(
            f"skew {skew:g} and kurtosis {kurtosis:g} at a Sharpe ratio of {sharpe:g} per period are moments "
            "that no series has: kurtosis must be at least skew² + 1"
        )
    above = sharpe - expected_maximum_sharpe(n_trials, trials_variance)
    return float(ndtr(above * sqrt(n_observations - 1) / sqrt(variance)))


def probability_of_backtest_overfitting(returns: FloatArray, blocks: int = 16) -> float:
    """Return how often the best trial of one half of time was no better than the median in the other half.

    About 0.5 where no trial is better than another, 0 where one truly is.

    Parameters
    ----------
    returns : ndarray, shape (t, n)
        Of n ≥ 2 trials in the same t periods; above cash where trials differ in risk.
    blocks : int
        S, even: time is cut into so many blocks, and every half of them is held against the other half.
        The first t mod S periods are left out, so that blocks are equally long.

    Raises
    ------
    InputError
        For a shape or a number of blocks that cannot be, or returns that are not finite.
    """
    return float((cscv_logits(returns, blocks) <= 0.0).mean())


def cscv_logits(returns: FloatArray, blocks: int = 16) -> FloatArray:
    """Return the logit of the best trial's relative rank out of sample, for every split; shape (C(S, S/2),).

    The relative rank is ``rank / (n + 1)``, ties at their mean rank; trials are compared by Sharpe ratio, a
    trial that never moves having 0.
    """
    returns = np.asarray(returns, dtype=np.float64)
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise InputError(f"returns has the shape {returns.shape}; give a column for each of 2 or more trials")
    if blocks % 2 or not 2 <= blocks <= MOST_BLOCKS:
        raise InputError(f"blocks is {blocks}; it must be even, from 2 to {MOST_BLOCKS}")
    size = len(returns) // blocks
    if size < 2:
        raise InputError(f"{len(returns)} periods are too few for {blocks} blocks of at least 2")
    if not np.isfinite(returns).all():
        raise InputError("a return is not a finite number; leave out the periods that a trial lacks")
    # Blocks are summed once, about the whole mean so that squares do not cancel; a half of them is a sum.
    kept = returns[len(returns) - size * blocks :]
    centre = kept.mean(axis=0)
    cut = (kept - centre).reshape(blocks, size, -1)
    sums, squares = cut.sum(axis=1), (cut**2).sum(axis=1)
    count = size * blocks // 2
    found = []
    for inside in _halves(blocks):
        best = _sharpes(inside @ sums, inside @ squares, count, centre).argmax(axis=1)
        outside = 1.0 - inside
        out = _sharpes(outside @ sums, outside @ squares, count, centre)
        own = np.take_along_axis(out, best[:, None], axis=1)
        rank = (out < own).sum(axis=1) + ((out == own).sum(axis=1) + 1.0) / 2.0
        relative = rank / (returns.shape[1] + 1.0)
        found.append(np.log(relative / (1.0 - relative)))
    return np.concatenate(found)


def _halves(blocks: int) -> Iterator[FloatArray]:
    """Yield every half of the blocks as rows of 0 and 1, some thousand at a time."""
    half = blocks // 2
    chosen = combinations(range(blocks), half)
    for start in range(0, comb(blocks, half), _SPLITS_AT_ONCE):
        places = np.array(list(islice(chosen, _SPLITS_AT_ONCE)), dtype=np.intp)
        inside = np.zeros((min(_SPLITS_AT_ONCE, comb(blocks, half) - start), blocks))
        np.put_along_axis(inside, places, 1.0, axis=1)
        yield inside


def _sharpes(sums: FloatArray, squares: FloatArray, count: int, centre: FloatArray) -> FloatArray:
    """Return Sharpe ratios per period from sums of centred returns and of their squares."""
    mean = sums / count
    variance = np.maximum(squares / count - mean**2, 0.0) * (count / (count - 1.0))
    found = np.zeros_like(mean)
    np.divide(mean + centre, np.sqrt(variance), out=found, where=variance > ROUNDING**2)
    return found
