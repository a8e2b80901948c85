"""Every feature of every stock at every month end, in one pass over the prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.ranking.ranks import unit_ranks
from pyalloc.stocks import FEATURES, MONTH_CLOSES, TRADING_QUARTER, TRADING_YEAR

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Panel:
    """Stocks at month ends, each row known at its own close and nothing later.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (m,)
        The last trading day of each month; of the last month the last day there is.
    features : ndarray, shape (m, n, k)
        Decimal fractions; not a number where a stock has not the history.
    names : tuple of str, length k
        Of the features.
    executions : ndarray, shape (m, n)
        Closes of the trading day after, when a decision of the month end is carried out.
    """

    days: NDArray[np.datetime64]
    features: FloatArray
    names: tuple[str, ...]
    executions: FloatArray

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Which stocks have every feature, shape (m, n)."""
        return np.asarray(np.isfinite(self.features).all(axis=2))

    @cached_property
    def ranks(self) -> FloatArray:
        """Each feature's rank in [0, 1] among the complete stocks of its date, shape (m, n, k)."""
        return feature_ranks(np.where(self.complete[:, :, None], self.features, np.nan))

    @property
    def months(self) -> NDArray[np.datetime64]:
        """Calendar months, datetime64[M], shape (m,)."""
        return self.days.astype("datetime64[M]")


def feature_ranks(features: FloatArray) -> FloatArray:
    """Return each feature's rank in [0, 1] among the stocks of its date, shape (..., n, k)."""
    return np.ascontiguousarray(np.swapaxes(unit_ranks(np.swapaxes(features, -1, -2)), -1, -2))


def feature_panel(days: NDArray[np.datetime64], closes: FloatArray) -> Panel:
    """Return the features (:data:`pyalloc.stocks.FEATURES`) at every month end.

    Parameters
    ----------
    days : ndarray of datetime64[D], shape (t,)
        Trading days, ascending.
    closes : ndarray, shape (t, n)
        Adjusted closes; not a number where there is none. A gap in a feature's own window, and no other,
        leaves the feature out.

    Raises
    ------
    MissingHistoryError
        Where there is less than a year of prices.
    InputError
        Where shapes do not match or a price is not above 0.
    """
    if closes.ndim != 2 or closes.shape[0] != len(days):
        raise InputError(f"{len(days)} days and prices of shape {closes.shape}: one row of prices a day")
    if not (np.isnan(closes) | ((closes > 0.0) & (closes < np.inf))).all():
        raise InputError("a price is 0, negative or infinite; leave a missing price blank")
    if len(days) <= TRADING_YEAR:
        raise MissingHistoryError(f"{len(days)} days of prices; a ranking needs {TRADING_YEAR + 1} or more")
    rows = month_rows(days)
    found = _from_month_closes(closes[rows]) | _from_daily_closes(closes, rows)
    executions = np.full((len(rows), closes.shape[1]), np.nan)
    executions[:-1] = closes[rows[:-1] + 1]
    return Panel(
        days=days[rows],
        features=np.stack([found[name] for name in FEATURES], axis=2),
        names=tuple(FEATURES),
        executions=executions,
    )


def month_rows(days: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """Return the row of the last day of each month, the last row among them; shape (months,)."""
    months = days.astype("datetime64[M]")
    return np.append(np.flatnonzero(months[1:] != months[:-1]), len(days) - 1)


def _from_month_closes(closes: FloatArray) -> dict[str, FloatArray]:
    """Return the features of month closes, each of shape (m, n)."""
    before = _earlier(closes, 1)
    return {
        **{
            f"momentum_{months}_1": before / _earlier(closes, months) - 1.0
            for months in (MONTH_CLOSES - 1, 6, 3)
        },
        "return_1": closes / before - 1.0,
    }


def _earlier(closes: FloatArray, months: int) -> FloatArray:
    """Return the closes of so many rows before, not a number where there are none."""
    moved = np.full_like(closes, np.nan)
    moved[months:] = closes[:-months]
    return moved


def _from_daily_closes(closes: FloatArray, rows: NDArray[np.intp]) -> dict[str, FloatArray]:
    """Return the features of daily closes, each of shape (m, n)."""
    returns = np.empty_like(closes)
    returns[0] = np.nan
    np.divide(closes[1:], closes[:-1], out=returns[1:])
    returns[1:] -= 1.0
    missing = np.isnan(returns)
    returns[missing] = 0.0
    losses = np.minimum(returns, 0.0)
    cuts = _cuts(rows, TRADING_QUARTER, TRADING_YEAR)
    stretches = [slice(*ends) for ends in pairwise(cuts.tolist())]

    def summed(parts: list[FloatArray]) -> Callable[[int], FloatArray]:
        """Return what sums the parts of a stretch over the last so many days, to shape (m, n)."""
        running = np.zeros((len(parts) + 1, closes.shape[1]))
        np.cumsum(parts, axis=0, out=running[1:])

        def over(window: int) -> FloatArray:
            found = np.full((len(rows), closes.shape[1]), np.nan)
            ends = rows[rows >= window] + 1
            start, end = np.searchsorted(cuts, ends - window), np.searchsorted(cuts, ends)
            found[rows >= window] = running[end] - running[start]
            return found

        return over

    # Short slices summed one by one are several times faster than running sums down the columns.
    total = summed([np.add.reduce(returns[days]) for days in stretches])
    squares = summed([np.einsum("ij,ij->j", returns[days], returns[days]) for days in stretches])
    squared_losses = summed([np.einsum("ij,ij->j", losses[days], losses[days]) for days in stretches])
    gaps = summed([np.add.reduce(missing[days], dtype=np.float64) for days in stretches])

    def volatility(window: int) -> FloatArray:
        """Return the annualised sample standard deviation of the last daily returns."""
        deviations = np.maximum(squares(window) - total(window) ** 2 / window, 0.0)
        return np.where(gaps(window) > 0, np.nan, np.sqrt(TRADING_YEAR * deviations / (window - 1)))

    downside = np.sqrt(np.maximum(squared_losses(TRADING_YEAR), 0.0))  # the mean, × a year
    drawdown, high = _falls(closes, rows)
    return {
        "volatility_63": volatility(TRADING_QUARTER),
        "volatility_252": volatility(TRADING_YEAR),
        "downside_volatility": np.where(gaps(TRADING_YEAR) > 0, np.nan, downside),
        "maximum_drawdown": drawdown,
        "below_high": closes[rows] / high - 1.0,
    }


def _cuts(rows: NDArray[np.intp], *windows: int) -> NDArray[np.intp]:
    """Return the days at which a window up to one of the rows begins, or ends before; 0 among them."""
    ends = rows + 1
    starts = [(ends - window)[rows >= window] for window in windows]
    return np.unique(np.concatenate([[0], ends, *starts]))


def _falls(closes: FloatArray, rows: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Return the deepest fall from a running peak over a year, and the year's highest close; shape (m, n).

    The days are cut into stretches at which a window can begin or end. Of two stretches in a row, the
    deepest fall is that of the first, that of the second, or from the peak of the first to the trough of
    the second; so each day is looked at once, however many windows hold it.
    """
    cuts = _cuts(rows, TRADING_YEAR)
    stretches = [closes[first:last] for first, last in pairwise(cuts.tolist())]
    peak = np.array([days.max(axis=0) for days in stretches])
    trough = np.array([days.min(axis=0) for days in stretches])
    deepest = np.array([(days / np.maximum.accumulate(days)).min(axis=0) for days in stretches])
    enough = rows >= TRADING_YEAR
    ends = rows[enough] + 1
    start, end = np.searchsorted(cuts, ends - TRADING_YEAR), np.searchsorted(cuts, ends)
    before = closes[ends - TRADING_YEAR - 1]
    fall = np.minimum(deepest[start], trough[start] / before)
    running, year_peak = np.maximum(before, peak[start]), peak[start]
    for step in range(1, int((end - start).max(initial=0))):
        inside = np.flatnonzero(start + step < end)
        stretch = start[inside] + step
        across = np.minimum(deepest[stretch], trough[stretch] / running[inside])
        fall[inside] = np.minimum(fall[inside], across)
        running[inside] = np.maximum(running[inside], peak[stretch])
        year_peak[inside] = np.maximum(year_peak[inside], peak[stretch])
    falls, highs = (np.full((len(rows), closes.shape[1]), np.nan) for _ in range(2))
    falls[enough], highs[enough] = fall - 1.0, year_peak
    return falls, highs
