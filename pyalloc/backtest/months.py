"""A backtest told by month and category, from which a few products give its wealth again.

A month runs from one month-end close to the next. At the first close in it the decision is executed, so a
month is that first day with what was held before, the cost of the trades, and the rest with what is held
after them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.backtest.result import BacktestResult
from pyalloc.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Months:
    """A backtest by month and category.

    With the fee f of the backtest, wealth grows in a month by
    ``(1 + first_day) (1 − f · traded) (1 + Σ weights · returns)``, exactly.

    Attributes
    ----------
    days : ndarray of datetime64, shape (m + 1,)
        The day of the first decision, then the last close of each month; the last month may be a part.
    categories : tuple of str, length c
    stress : ndarray, shape (m,)
        As read at the decision that was executed in the month.
    first_day : ndarray, shape (m,)
        Return from the month-end close before to the close of the execution, before it.
    traded : ndarray, shape (m,)
        Value bought and sold at that close, a fraction of wealth; 0 within the band.
    weights : ndarray, shape (m, c)
        Of what is held after it, which is the decision's or what drift left within the band; each row sums
        to 1. Cash that is in no asset counts as cash.
    returns : ndarray, shape (m, c)
        Of what is held in each category, from that close to the month's last; 0 where nothing is. An asset
        whose prices end earns cash from its sale on, less the cost of the sale.
    """

    days: NDArray[np.datetime64]
    categories: tuple[str, ...]
    stress: FloatArray
    first_day: FloatArray
    traded: FloatArray
    weights: FloatArray
    returns: FloatArray


def by_month(result: BacktestResult) -> Months:
    """Return a backtest by month and category.

    Raises
    ------
    InputError
        Where the policy has no category for cash, and some was held outside assets.
    """
    trading, market = result.trading, result.market
    categories = tuple(result.decisions[0].trace["category_names"])
    ends = result.month_ends
    executed = trading.rows - trading.first
    at, after = trading.rows, ends[1:] + trading.first
    start = _values(trading.units, market.closes[at])
    end = _values(trading.units, market.closes[after])
    earned = result.cash[ends[1:]] / result.cash[executed]
    for sale in trading.sales:
        k = int(np.searchsorted(at, sale.row, side="left")) - 1
        if k >= 0 and sale.row <= after[k]:  # else on the day of an execution, before it
            grown = result.cash[ends[k + 1]] / result.cash[sale.row - trading.first]
            end[k, sale.column] = (sale.value - sale.cost) * grown
    member = np.array([[asset.category == name for name in categories] for asset in market.assets])
    held, left = start @ member, end @ member
    if trading.account.any():
        if names.CASH not in categories:
            raise InputError(f"cash was held outside assets, and no category of the policy is {names.CASH}")
        place = categories.index(names.CASH)
        held[:, place] += trading.account
        left[:, place] += trading.account * earned
    return Months(
        days=result.days[ends],
        categories=categories,
        stress=np.array([decision.trace["stress"] for decision in result.decisions]),
        first_day=trading.before / trading.wealth[ends[:-1]] - 1.0,
        traded=trading.traded / trading.before,
        weights=held / held.sum(axis=1, keepdims=True),
        returns=np.divide(left, held, out=np.ones_like(held), where=held > 0.0) - 1.0,
    )


def _values(units: FloatArray, closes: FloatArray) -> FloatArray:
    """Return the value of each position; 0 where there is none, or no price."""
    return np.where(units > 0.0, units * np.nan_to_num(closes), 0.0)
