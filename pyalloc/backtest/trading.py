"""From weights to wealth: trades at closes, exact proportional costs, drift, and assets that end.

Nothing here decides anything. Between two executions units do not change, so wealth is one product of prices
and units; the only loop is over executions. A row of prices is used on its own day and after, never before.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError

FloatArray = NDArray[np.float64]

MOST_FEE: Final = 0.2
"""Largest proportional cost; a greater one is percent written for a fraction."""

_sum: Final = np.add.reduce
"""The method of an array takes longer to call than to add up twenty assets."""

_ROUNDING: Final = 1e-15
"""Part of wealth by which an equation of trading is missed once it is solved."""

_WHOLE: Final = 1e-12
"""Weights that sum to 1 but for this leave nothing in cash."""


class Sale(NamedTuple):
    """An asset whose prices ended, sold at the last one on the first day without.

    Attributes
    ----------
    row : int
        The day of the sale, a row of the prices.
    column : int
    value, cost : float
        Before and for the sale, in units of initial wealth.
    """

    row: int
    column: int
    value: float
    cost: float


@dataclass(frozen=True, eq=False, slots=True)
class Trading:
    """What a series of target weights grew to.

    Attributes
    ----------
    first : int
        Row of the prices where wealth is 1, all of it in cash.
    wealth : ndarray, shape (t,)
        At the closes from that row on, after what was traded at them.
    rows : ndarray of int, shape (k,)
        Rows at whose closes targets were executed, or found within the band.
    before : ndarray, shape (k,)
        Wealth before the trades of the row.
    traded, costs : ndarray, shape (k,)
        Value bought and sold, and what that cost; 0 within the band.
    turnover : ndarray, shape (k,)
        Half of all changes of position, cash among them, as a fraction of wealth: 1 where all is replaced.
    units : ndarray, shape (k, n)
        Held after each row, such that units × price is a value.
    account : ndarray, shape (k,)
        Cash after each row that is in no asset.
    sales : tuple of Sale
    """

    first: int
    wealth: FloatArray
    rows: NDArray[np.intp]
    before: FloatArray
    traded: FloatArray
    costs: FloatArray
    turnover: FloatArray
    units: FloatArray
    account: FloatArray
    sales: tuple[Sale, ...]

    @property
    def total_cost(self) -> float:
        """All costs, those of sales of assets that ended among them, in units of initial wealth."""
        return float(self.costs.sum()) + sum(sale.cost for sale in self.sales)

    def until(self, row: int) -> Trading:
        """Return what it was at the close of a row."""
        executed = int(np.searchsorted(self.rows, row, side="right"))
        return Trading(
            first=self.first,
            wealth=self.wealth[: row + 1 - self.first],
            rows=self.rows[:executed],
            before=self.before[:executed],
            traded=self.traded[:executed],
            costs=self.costs[:executed],
            turnover=self.turnover[:executed],
            units=self.units[:executed],
            account=self.account[:executed],
            sales=tuple(sale for sale in self.sales if sale.row <= row),
        )


def trade(
    closes: FloatArray,
    rows: NDArray[np.intp],
    targets: FloatArray,
    *,
    first: int,
    cash: FloatArray,
    fee: float = 0.0,
    band: float = 0.0,
) -> Trading:
    """Execute target weights at the closes of their rows and return what became of a wealth of 1.

    Wealth after trading, V′, solves ``V′ + fee · Σ|w V′ − h| = V`` exactly, where h are the values held and V
    is their sum; the sum runs over assets, and what the weights leave out stays in the cash account, which
    trades free of cost. A target that has no price that day stays there too. Where no more than `band` of
    wealth would change hands, nothing is traded.

    Parameters
    ----------
    closes : ndarray, shape (T, n)
        Adjusted closes; not a number where there is none.
    rows : ndarray of int, shape (k,)
        Ascending rows of execution, after `first`.
    targets : ndarray, shape (k, n)
        Weights, at least 0, each row summing to 1 at most.
    first : int
        Row from which wealth is counted.
    cash : ndarray, shape (T,)
        What a unit of cash has grown to.
    fee : float
        Cost of trading as a fraction of the value traded.
    band : float
        Least turnover that is traded, a fraction of wealth, one way.

    Raises
    ------
    InputError
        For rows, weights, fee or band that cannot be.
    """
    _check(closes, rows, targets, first, fee, band)
    wealth = np.empty(len(closes) - first)
    before, traded, turnover = (np.zeros(len(rows)) for _ in range(3))
    units, account = np.zeros((len(rows), closes.shape[1])), np.zeros(len(rows))
    sums = targets.sum(axis=1)
    parts = np.where(np.abs(sums - 1.0) < _WHOLE, 1.0, sums).tolist()
    sales: list[Sale] = []
    stops = [*rows.tolist(), len(closes) - 1]
    held, spare, start = np.zeros(closes.shape[1]), 1.0, first
    for k, stop in enumerate(stops):
        path, ended = _hold(closes, cash, start, stop, held, spare, fee)
        wealth[start - first : stop + 1 - first] = path
        if spare:
            spare *= cash[stop] / cash[start]
        for sale in ended:
            held[sale.column] = 0.0
            spare += (sale.value - sale.cost) * cash[stop] / cash[sale.row]
        sales += ended
        start = stop
        if k == len(rows):
            break
        prices, target, part = closes[stop], targets[k], parts[k]
        values = held * prices
        invested = float(_sum(values))
        if not isfinite(invested):  # an asset without a price today, held or not
            prices, target = _tradable(prices, target)
            part, values = float(_sum(target)), held * prices
            invested = float(_sum(values))
        before[k] = total = invested + spare
        wanted = target * total - values
        volume = float(_sum(np.abs(wanted)))
        # What assets gain together, the cash account loses.
        moved = 0.5 * (volume + abs(part * total - invested)) / total
        if moved > band:
            after, traded[k] = rebalanced(values, target, total, fee, wanted, volume)
            turnover[k] = moved
            held = target * after / prices
            spare = after * (1.0 - part)
        wealth[stop - first] = before[k] - fee * traded[k]
        units[k], account[k] = held, spare
    return Trading(first, wealth, rows, before, traded, fee * traded, turnover, units, account, tuple(sales))


def rebalanced(
    values: FloatArray, weights: FloatArray, wealth: float, fee: float, wanted: FloatArray, volume: float
) -> tuple[float, float]:
    """Return V′ with ``V′ + fee · Σ|w V′ − h| = V``, to rounding, and the value traded ``Σ|w V′ − h|``.

    The left side rises with V′, is convex and has straight pieces, one for each set of assets that are
    bought. Newton's steps from V, which is not below the solution, therefore descend from piece to piece
    and stop on the right one.

    Parameters
    ----------
    values : ndarray, shape (n,)
        h, held before.
    weights : ndarray, shape (n,)
        w, wanted after.
    wealth : float
        V, before, with what is in no asset.
    fee : float
    wanted : ndarray, shape (n,)
        w V − h, what would be traded if it cost nothing.
    volume : float
        Σ|w V − h|, its value.
    """
    after, trades = wealth, wanted
    while after + fee * volume > wealth * (1.0 + _ROUNDING):
        costs = np.copysign(fee, trades)
        reached = after
        after = float((wealth + costs @ values) / (1.0 + costs @ weights))
        if not after < reached:
            return reached, volume
        trades = weights * after - values
        volume = float(_sum(np.abs(trades)))
    return after, volume


def positions(trading: Trading, closes: FloatArray, cash: FloatArray, row: int) -> tuple[FloatArray, float]:
    """Return the value of every asset at the close of a row, after its trades, and the cash account."""
    k = int(np.searchsorted(trading.rows, row, side="right")) - 1
    if k < 0:
        return np.zeros(closes.shape[1]), float(cash[row] / cash[trading.first])
    since = int(trading.rows[k])
    held, spare = trading.units[k].copy(), float(trading.account[k] * cash[row] / cash[since])
    for sale in trading.sales:
        if since < sale.row <= row:
            held[sale.column] = 0.0
            spare += float((sale.value - sale.cost) * cash[row] / cash[sale.row])
    return np.where(held > 0.0, held * np.nan_to_num(closes[row]), 0.0), spare


def cash_growth(closes: FloatArray) -> FloatArray:
    """Return what a unit of cash has grown to by each day, shape (T,), from its instruments, shape (T, m).

    Cash earns their mean daily return, of those with a price on both days; without any it earns nothing.
    """
    growth = np.ones(len(closes))
    if closes.shape[1]:
        daily = closes[1:] / closes[:-1]
        priced = np.isfinite(daily)
        count = priced.sum(axis=1)
        mean = np.where(priced, daily, 0.0).sum(axis=1) / np.maximum(count, 1)
        np.cumprod(np.where(count > 0, mean, 1.0), out=growth[1:])
    return growth


def _tradable(prices: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return prices and targets of a day with 1 and 0 where there is no price."""
    priced = np.isfinite(prices)
    return np.where(priced, prices, 1.0), np.where(priced, target, 0.0)


def _hold(
    closes: FloatArray, cash: FloatArray, start: int, stop: int, units: FloatArray, spare: float, fee: float
) -> tuple[FloatArray, list[Sale]]:
    """Return wealth from row `start` to row `stop` with nothing traded, and the assets that ended."""
    path = closes[start : stop + 1] @ units
    if spare:
        path += spare / cash[start] * cash[start : stop + 1]
    if isfinite(_sum(path)):
        return path, []
    earned = cash[start : stop + 1] / cash[start]
    held = np.flatnonzero(units)
    prices = closes[start : stop + 1, held]
    alive = np.logical_and.accumulate(np.isfinite(prices), axis=0)
    path = np.where(alive, prices, 0.0) @ units[held] + spare * earned
    sales = []
    for i in np.flatnonzero(~alive[-1]).tolist():
        day = int(alive[:, i].sum())
        value = float(units[held[i]] * prices[day - 1, i])
        sale = Sale(start + day, int(held[i]), value, fee * value)
        path[day:] += (sale.value - sale.cost) * earned[day:] / earned[day]
        sales.append(sale)
    return path, sales


def _check(
    closes: FloatArray, rows: NDArray[np.intp], targets: FloatArray, first: int, fee: float, band: float
) -> None:
    if targets.shape != (len(rows), closes.shape[1]):
        raise InputError(
            f"targets has the shape {targets.shape}; give a row for each of {len(rows)} executions and a "
            f"column for each of {closes.shape[1]} assets"
        )
    ends = np.concatenate([[first], rows, [len(closes)]])
    if first < 0 or not (np.diff(ends) > 0).all():
        raise InputError("rows of execution must ascend, begin after the first row and lie within the prices")
    if not ((targets >= 0.0).all() and (targets.sum(axis=1) <= 1.0 + 1e-9).all()):
        raise InputError("target weights must be at least 0 and sum to 1 at most on every date")
    check_costs(fee, band)


def check_costs(fee: float, band: float) -> None:
    """Refuse a cost of trading or a band that is no fraction of what it is taken of."""
    for name, value, most in (("fee", fee, MOST_FEE), ("band", band, 1.0)):
        if not 0.0 <= value <= most:
            raise InputError(f"{name} is {value:g}; it must be a fraction, 0 to {most:g} (0.001 is 0.1 %)")
