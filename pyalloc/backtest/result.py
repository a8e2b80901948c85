"""A finished backtest: wealth, weights, costs and every decision, of the strategy and of its benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.backtest.attribution import Attribution
from pyalloc.backtest.decisions import Decision, Mandate
from pyalloc.backtest.trading import Trading
from pyalloc.errors import MissingHistoryError
from pyalloc.evaluation.performance import DAYS_A_YEAR, TRADING_DAYS, Performance, performance
from pyalloc.ranking.panel import month_rows

if TYPE_CHECKING:
    import pandas as pd

    from pyalloc.marketdata import MarketData

FloatArray = NDArray[np.float64]

LEAST_CLOSES: Final = 4
"""Closes that a backtest has, the first decision's own among them."""


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """The strategy walked through time, with its benchmarks on the same days at the same costs.

    Attributes
    ----------
    market : MarketData
    mandate : Mandate
    fee, band : float
        Cost as a fraction of the value traded; least turnover that is traded.
    decisions : tuple of Decision, length k
    trading : Trading
    cash : ndarray, shape (t,)
        What a unit of cash grew to, from the first day of the backtest on.
    benchmarks : mapping of str to Trading
    attributions : mapping of str to Attribution
        Of the difference to each benchmark.
    """

    market: MarketData
    mandate: Mandate
    fee: float
    band: float
    decisions: tuple[Decision, ...]
    trading: Trading
    cash: FloatArray
    benchmarks: Mapping[str, Trading]
    attributions: Mapping[str, Attribution]

    @property
    def days(self) -> NDArray[np.datetime64]:
        """Trading days, the day of the first decision first; shape (t,)."""
        first = self.trading.first
        return self.market.days[first : first + len(self.trading.wealth)]

    @property
    def wealth(self) -> FloatArray:
        """Wealth at each close after costs, 1 on the first day; shape (t,)."""
        return self.trading.wealth

    @property
    def years(self) -> float:
        """Calendar time from the first day to the last."""
        return float((self.days[-1] - self.days[0]).astype(np.int64)) / DAYS_A_YEAR

    @property
    def turnover(self) -> FloatArray:
        """One-way turnover of each execution, a fraction of wealth; shape (k,)."""
        return self.trading.turnover

    @property
    def costs(self) -> FloatArray:
        """Cost of each execution, in units of initial wealth; shape (k,)."""
        return self.trading.costs

    def until(self, day: date) -> BacktestResult:
        """Return the backtest as it stood at the close of a day, or at the last close before it.

        It equals the backtest of the same market with that day as its end, which is not walked again.

        Raises
        ------
        MissingHistoryError
            Where by then nothing had been decided and executed, or too little was seen of it for a figure.
        """
        last = int(np.searchsorted(self.market.days, np.datetime64(day, "D"), side="right")) - 1
        length = last + 1 - self.trading.first
        if length >= len(self.days):
            return self
        if length < LEAST_CLOSES:
            raise MissingHistoryError(f"the first decision was made on {self.days[0]}, too late for {day}")
        return replace(
            self,
            decisions=tuple(decision for decision in self.decisions if decision.row < last),
            trading=self.trading.until(last),
            cash=self.cash[:length],
            benchmarks={name: trading.until(last) for name, trading in self.benchmarks.items()},
            attributions={
                against: replace(found, effects=found.effects[: length - 1], total=found.total[: length - 1])
                for against, found in self.attributions.items()
            },
        )

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Target weights by day of decision, a column an asset."""
        import pandas as pd

        days = pd.DatetimeIndex([decision.day for decision in self.decisions], name="date")
        columns = [asset.asset for asset in self.market.assets]
        return pd.DataFrame([decision.weights for decision in self.decisions], days, columns)

    @cached_property
    def category_weights(self) -> FloatArray:
        """Category weights of each decision, shape (k, categories)."""
        return np.array([decision.trace["category_weights"] for decision in self.decisions])

    @property
    def statistics(self) -> Performance:
        """The strategy's figures, daily, above cash."""
        return self.performance_of(self.trading)

    def performance_of(self, trading: Trading) -> Performance:
        """Return the figures of the strategy or of a benchmark."""
        return performance(trading.wealth, self.cash, periods_per_year=TRADING_DAYS, years=self.years)

    @cached_property
    def month_ends(self) -> NDArray[np.intp]:
        """Places of month-end closes among the days, the first day and the last among them."""
        return np.unique(np.append(0, month_rows(self.days)))

    @cached_property
    def month_of_day(self) -> NDArray[np.intp]:
        """Which month each daily return belongs to, 0, 1, 2, …; shape (t − 1,)."""
        return np.asarray(np.searchsorted(self.month_ends[1:], np.arange(1, len(self.days))))

    def monthly_returns(self, wealth: FloatArray) -> FloatArray:
        """Return simple returns between the month ends, shape (months,)."""
        at = wealth[self.month_ends]
        return np.asarray(at[1:] / at[:-1] - 1.0)

    @cached_property
    def regime_of_day(self) -> NDArray[np.intp]:
        """Regime in force over each daily return, an index of :data:`pyalloc.names.REGIMES`.

        That of the last decision executed by the close before; until the first, of the first.
        """
        regimes = np.array([names.REGIMES.index(d.trace["regime"]) for d in self.decisions])
        executed = self.trading.rows - self.trading.first
        latest = np.searchsorted(executed, np.arange(len(self.days) - 1), side="right") - 1
        return np.asarray(regimes[np.maximum(latest, 0)])
