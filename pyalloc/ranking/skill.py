"""What a ranking was worth out of sample: rank information coefficients, and tenths after costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.ranking.measures import (
    LEAST_STOCKS,
    newey_west_error,
    newey_west_lag,
    rank_ics,
    tenths,
)

FloatArray = NDArray[np.float64]

LEAST_MONTHS: Final = 24
"""Months a skill report needs before it says whether a model beats another."""

BEYOND_CHANCE: Final = 1.645
"""t-value from which one model beats another: chance alone gets there in one of twenty cases."""

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, eq=False)
class SkillReport:
    """The out-of-sample record of a ranking, month by month, with that of plain momentum beside it.

    Attributes
    ----------
    model : str
    months : ndarray of datetime64[D], shape (t,)
        The month ends whose scores and outcomes both are known.
    ic : ndarray, shape (t,)
        Spearman's correlation of score and outcome across stocks; 0 where the scores are all equal.
    spread : ndarray, shape (t,)
        Return of the highest tenth of scores less that of the lowest over the month, after costs.
    turnover : ndarray, shape (t,)
        Part of a tenth that is traded, one way, on average of the two: 1 where every name is replaced.
    stocks : ndarray of int, shape (t,)
    horizon : int
        Months that an outcome takes.
    cost : float
        Of trading, as a fraction of what is traded.
    momentum : SkillReport or None
        Of plain momentum in the same months; none where the model is momentum itself.
    """

    model: str
    months: NDArray[np.datetime64]
    ic: FloatArray
    spread: FloatArray
    turnover: FloatArray
    stocks: NDArray[np.intp]
    horizon: int
    cost: float
    momentum: SkillReport | None = None

    @cached_property
    def mean_ic(self) -> float:
        """Mean rank IC; not a number without a month."""
        return float(self.ic.mean()) if len(self.ic) else float("nan")

    @property
    def lag(self) -> int:
        """Newey and West's lag, months."""
        return newey_west_lag(len(self.ic), self.horizon)

    @cached_property
    def ic_error(self) -> float:
        """Newey and West's standard error of the mean rank IC."""
        return newey_west_error(self.ic, self.lag)

    @property
    def t_value(self) -> float:
        """Mean rank IC over its standard error; not a number where that is 0."""
        return _over(self.mean_ic, self.ic_error)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true mean rank IC lies with a confidence of 95 %."""
        from scipy.special import stdtrit

        reach = float(stdtrit(max(1, len(self.ic) - 1), (1.0 + CONFIDENCE) / 2.0)) * self.ic_error
        return self.mean_ic - reach, self.mean_ic + reach

    @property
    def hit_rate(self) -> float:
        """Part of the months with a rank IC above 0."""
        return float((self.ic > 0.0).mean()) if len(self.ic) else float("nan")

    @property
    def mean_spread(self) -> float:
        """Mean monthly return of the highest tenth less the lowest, after costs."""
        return float(self.spread.mean()) if len(self.spread) else float("nan")

    @property
    def mean_turnover(self) -> float:
        """Mean part of a tenth traded a month, one way."""
        return float(self.turnover.mean()) if len(self.turnover) else float("nan")

    @property
    def t_difference(self) -> float:
        """t-value of the rank IC's mean difference from momentum's in the same months."""
        if self.momentum is None:
            return float("nan")
        difference = self.ic - self.momentum.ic
        if not difference.any():
            return 0.0
        return _over(float(difference.mean()), newey_west_error(difference, self.lag))

    @property
    def beats_momentum(self) -> bool:
        """Whether the model has skill, and more of it than momentum, by more than chance explains."""
        return len(self.ic) >= LEAST_MONTHS and self.mean_ic > 0.0 and self.t_difference > BEYOND_CHANCE

    @property
    def verdict(self) -> str:
        """What the figures say, in a sentence for whoever decides."""
        if len(self.ic) < LEAST_MONTHS:
            return f"{len(self.ic)} months out of sample; {LEAST_MONTHS} are needed to speak of skill."
        own = f"rank IC {self.mean_ic:.3f}, t {self.t_value:.1f}, {len(self.ic)} months out of sample"
        if self.momentum is None:
            return f"Momentum {_has_skill(self.t_value)}: {own}."
        beside = f"momentum {self.momentum.mean_ic:.3f}, t {self.momentum.t_value:.1f}, in the same months"
        if self.beats_momentum:
            return f"Beats momentum out of sample: {own}; {beside}."
        if self.mean_ic > max(0.0, self.momentum.mean_ic):
            return f"Does not beat momentum by more than chance (t {self.t_difference:.1f}): {own}; {beside}."
        return f"Does not beat momentum out of sample: {own}; {beside}."

    def until(self, count: int) -> SkillReport:
        """Return the report of the first `count` months, as it read when no more outcomes were known."""
        return SkillReport(
            model=self.model,
            months=self.months[:count],
            ic=self.ic[:count],
            spread=self.spread[:count],
            turnover=self.turnover[:count],
            stocks=self.stocks[:count],
            horizon=self.horizon,
            cost=self.cost,
            momentum=None if self.momentum is None else self.momentum.until(count),
        )


def _over(mean: float, error: float) -> float:
    return mean / error if error > 0.0 else float("nan")


def _has_skill(t_value: float) -> str:
    return "has skill beyond chance" if t_value > BEYOND_CHANCE else "has no skill beyond chance"


def skill_report(
    model: str,
    days: NDArray[np.datetime64],
    scores: FloatArray,
    outcomes: FloatArray,
    returns: FloatArray,
    *,
    horizon: int = 1,
    cost: float = 0.001,
    momentum: FloatArray | None = None,
) -> SkillReport:
    """Return the record of scores that were made without knowledge of their outcomes.

    Parameters
    ----------
    model : str
        What the report calls the model.
    days : ndarray of datetime64[D], shape (m,)
    scores, outcomes, returns : ndarray, shape (m, n)
        Scores at the month ends, forward returns over the horizon, and over the next month; not a number
        where there is none.
    horizon : int
        Months that an outcome takes: rank ICs of neighbouring months overlap by one less.
    cost : float
        Of trading, as a fraction of what is traded.
    momentum : ndarray, shape (m, n), optional
        Scores by plain momentum, to be judged in the same months.
    """
    both = np.isfinite(scores) & np.isfinite(outcomes)
    counted = both.sum(axis=1) >= LEAST_STOCKS
    spread, turnover = tenths(scores, returns, cost)
    return SkillReport(
        model=model,
        months=days[counted],
        ic=rank_ics(scores[counted], outcomes[counted]),
        spread=spread[counted],
        turnover=turnover[counted],
        stocks=both.sum(axis=1)[counted],
        horizon=horizon,
        cost=cost,
        momentum=None
        if momentum is None
        else skill_report(
            "momentum",
            days[counted],
            momentum[counted],
            outcomes[counted],
            returns[counted],
            horizon=horizon,
            cost=cost,
        ),
    )
