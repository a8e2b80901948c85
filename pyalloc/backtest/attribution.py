"""Where a difference in growth comes from: one decision of the policy at a time, adding up exactly.

Each step is a whole backtest, of which the next differs by one decision. The difference of their log growth
is the step's effect, so the steps of any stretch of time add up to the whole difference in that stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pyalloc.evaluation.performance import ROUNDING
from pyalloc.ranking.measures import newey_west_error, newey_west_lag

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Attribution:
    """The difference in log growth between a strategy and what it is held against, step by step.

    Attributes
    ----------
    against : str
    steps : tuple of str, length s
    effects : ndarray, shape (t, s)
        Difference of daily log returns that each step makes.
    total : ndarray, shape (t,)
        Difference of daily log returns, after costs, of strategy and benchmark.
    """

    against: str
    steps: tuple[str, ...]
    effects: FloatArray
    total: FloatArray

    def a_year(self, years: float) -> FloatArray:
        """Return each step's effect on log growth a year, shape (s,)."""
        return np.asarray(self.effects.sum(axis=0) / years)

    def t_values(self, month_of_day: NDArray[np.intp]) -> FloatArray:
        """Return the t-value of each step's mean monthly effect, and last that of the total; shape (s + 1,).

        Newey and West's errors; not a number where a step never had an effect.

        Parameters
        ----------
        month_of_day : ndarray of int, shape (t,)
            0, 1, 2, … by the month that a day belongs to.
        """
        daily = np.column_stack([self.effects, self.total])
        monthly = np.zeros((int(month_of_day[-1]) + 1, daily.shape[1]))
        np.add.at(monthly, month_of_day, daily)
        lag = newey_west_lag(len(monthly))
        return np.array([t_value(column, lag) for column in monthly.T])


def t_value(values: FloatArray, lag: int) -> float:
    """Return the mean over Newey and West's standard error; not a number where that is rounding."""
    error = newey_west_error(values, lag)
    return float(values.mean()) / error if error > ROUNDING else float("nan")


def attribute(
    against: str, steps: Sequence[str], wealths: Sequence[FloatArray], benchmark: FloatArray
) -> Attribution:
    """Return the attribution over a chain of backtests.

    Parameters
    ----------
    against : str
    steps : sequence of str, length s
    wealths : sequence of ndarray, length s, each of shape (t + 1,)
        Wealth after each step; the last is the strategy's own.
    benchmark : ndarray, shape (t + 1,)
        Where the chain begins.
    """
    logs = [np.diff(np.log(wealth)) for wealth in (benchmark, *wealths)]
    effects = np.column_stack([after - before for before, after in pairwise(logs)])
    return Attribution(against, tuple(steps), effects, logs[-1] - logs[0])
