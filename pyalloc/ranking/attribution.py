"""What a ranking rests on: a ridge's coefficients by date, or what a model loses without a feature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError
from pyalloc.ranking.labels import forward_returns
from pyalloc.ranking.measures import LEAST_STOCKS, rank_ics
from pyalloc.ranking.models import LinearRanker
from pyalloc.ranking.ranker import Fit, StockRanker
from pyalloc.stocks import MomentumRanker

FloatArray = NDArray[np.float64]

COEFFICIENT: Final = "coefficient of the feature's rank"
IMPORTANCE: Final = "rank IC lost when the feature is shuffled, held-out months"


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each feature counts, fit by fit.

    Attributes
    ----------
    measure : str
        What the values are: :data:`COEFFICIENT` or :data:`IMPORTANCE`.
    days : ndarray of datetime64[D], shape (f,)
        The first month end that each fit scored.
    names : tuple of str, length k
    values : ndarray, shape (f, k)
        Not a number for an importance whose months have no outcome yet.
    """

    measure: str
    days: NDArray[np.datetime64]
    names: tuple[str, ...]
    values: FloatArray


def attribution(ranker: StockRanker, day: date | None = None, repeats: int = 5) -> Attribution:
    """Return what a fitted ranker's scores rest on, as it could be known on a day.

    A linear model is its coefficients. Of any other, each feature in turn is shuffled within every month
    that the fit scored and had not seen, and the loss of rank IC is averaged (Breiman 2001): features that
    say the same share what they are worth.

    Parameters
    ----------
    ranker : StockRanker
        Fitted; other than linear with its panel.
    day : date, optional
        Default: the last.
    repeats : int
        Shuffles of each feature.

    Raises
    ------
    InputError
        For momentum, which is one feature.
    """
    last: date = ranker.days_[-1].item() if day is None else day
    fits = [fit for fit in ranker.fits_ if ranker.days_[fit.month] <= np.datetime64(last)]
    if any(isinstance(fit.ranker, MomentumRanker) for fit in fits):
        raise InputError("momentum is one feature, 12-1 month return: there is nothing to attribute")
    linear = [fit.ranker.coefficients for fit in fits if isinstance(fit.ranker, LinearRanker)]
    names = ranker.names_
    days = ranker.days_[[fit.month for fit in fits]]
    if linear:
        return Attribution(COEFFICIENT, days, names, np.array(linear))
    outcomes = forward_returns(ranker.panel_, ranker.horizon)
    outcomes[ranker.outcomes_public(last) :] = np.nan
    ends = [fit.month for fit in fits] + [len(ranker.days_)]
    values = [
        _importance(ranker, fit, outcomes, slice(start, end), repeats)
        for fit, (start, end) in zip(fits, pairwise(ends), strict=True)
    ]
    return Attribution(IMPORTANCE, days, names, np.array(values))


def _importance(
    ranker: StockRanker, fit: Fit, outcomes: FloatArray, months: slice, repeats: int
) -> FloatArray:
    """Return the mean loss of rank IC by feature over the months that a fit scored, shape (k,)."""
    panel = ranker.panel_
    there = np.isfinite(outcomes[months]) & panel.complete[months]
    there &= (there.sum(axis=1) >= LEAST_STOCKS)[:, None]
    if isinstance(fit.ranker, MomentumRanker) or not there.any():
        return np.full(len(panel.names), np.nan)
    predict = fit.ranker.predict_ranks
    ranks, realised = panel.ranks[months][there], outcomes[months]
    rows = np.flatnonzero(there.any(axis=1))
    month_of = np.nonzero(there)[0]

    def mean_ic(given: FloatArray) -> float:
        scores = np.full(there.shape, np.nan)
        scores[there] = predict(given)
        return float(rank_ics(scores[rows], realised[rows]).mean())

    whole = mean_ic(ranks)
    lost = np.zeros(len(panel.names))
    for feature in range(len(lost)):
        draw = np.random.default_rng([ranker.seed, fit.month, feature])
        for _ in range(repeats):
            # By month and then at random: a shuffle within each month.
            order = np.lexsort((draw.random(len(month_of)), month_of))
            shuffled = ranks.copy()
            shuffled[:, feature] = ranks[order, feature]
            lost[feature] += (whole - mean_ic(shuffled)) / repeats
    return lost
