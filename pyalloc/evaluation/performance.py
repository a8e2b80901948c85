"""Performance figures of a series of wealth, each with its convention.

Growth is measured in calendar time, everything else per period and then annualised, so that a count of
trading days never stands for a year. The report workbook has the same figures as native formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError

FloatArray = NDArray[np.float64]

TRADING_DAYS: Final = 252
"""Trading days that count as a year where daily figures are annualised."""

DAYS_A_YEAR: Final = 365.25
"""Calendar days of a year."""

TAIL: Final = 20
"""The tail loss is the mean of the worst of so many periods: one in twenty, 5 %."""

LEAST_VALUES: Final = 3
"""Values a series needs: two returns have a standard deviation."""

ROUNDING: Final = 1e-12
"""Deviation of returns up to which a series has not moved: what is left are the last digits of wealth."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Figures of one series; rates and returns are decimal fractions, not a number where undefined.

    A ratio is undefined where what it divides by is within :data:`ROUNDING` of 0.

    Attributes
    ----------
    periods : int
        Returns in the series.
    years : float
    cagr : float
        Growth a year, ``(W_T / W_0)^(1/years) − 1``.
    volatility : float
        Sample standard deviation of simple returns × √(periods a year).
    sharpe : float
        Mean return above cash over its sample standard deviation, × √(periods a year).
    sortino : float
        Mean return above cash × periods a year, over the downside deviation ``√mean(min(excess, 0)²)`` of
        all periods × √(periods a year).
    max_drawdown : float
        Deepest fall from an earlier peak, at most 0.
    peak, trough : int
        Where it began and where it was deepest, as places in the series.
    recovery : int or None
        The first place after the trough that is at the peak's level again; None where there is none yet.
    calmar : float
        Growth a year over the size of the deepest fall.
    hit_rate : float
        Part of the periods with a return above 0.
    tail_loss : float
        Mean of the worst 5 % of returns (expected shortfall): of the ⌈n/20⌉ lowest.
    skew, kurtosis : float
        Standardised third and fourth moments of the returns about their mean; a normal has 0 and 3.
    """

    periods: int
    years: float
    cagr: float
    volatility: float
    sharpe: float
    sortino: float
    max_drawdown: float
    peak: int
    trough: int
    recovery: int | None
    calmar: float
    hit_rate: float
    tail_loss: float
    skew: float
    kurtosis: float


def performance(
    wealth: FloatArray,
    cash: FloatArray | None = None,
    *,
    periods_per_year: float = TRADING_DAYS,
    years: float | None = None,
) -> Performance:
    """Return the figures of a series of wealth or prices.

    Parameters
    ----------
    wealth : ndarray, shape (t,)
        Above 0, oldest first.
    cash : ndarray, shape (t,), optional
        What cash grew to in the same periods; default: returns are measured against 0.
    periods_per_year : float
        252 for trading days, 12 for months.
    years : float, optional
        Calendar time of the series; default: periods over periods a year.

    Raises
    ------
    InputError
        For fewer than three values, one that is not a finite number above 0, or a length of time that is
        none.
    """
    _check(wealth, "wealth")
    if not 0.0 < periods_per_year < np.inf:
        raise InputError(f"periods a year is {periods_per_year:g}; give 252 for trading days, 12 for months")
    returns = wealth[1:] / wealth[:-1] - 1.0
    excess = returns
    if cash is not None:
        _check(cash, "cash")
        if len(cash) != len(wealth):
            raise InputError(f"{len(wealth)} values of wealth and {len(cash)} of cash: one for each")
        excess = returns - (cash[1:] / cash[:-1] - 1.0)
    if years is None:
        years = len(returns) / periods_per_year
    if not 0.0 < years < np.inf:
        raise InputError(f"years is {years:g}; give the calendar time from the first value to the last")
    cagr = float((wealth[-1] / wealth[0]) ** (1.0 / years) - 1.0)
    depth = drawdowns(wealth)
    trough = int(depth.argmin())
    peak = int(wealth[: trough + 1].argmax())
    recovered = np.flatnonzero(wealth[trough:] >= wealth[peak])
    skew, kurtosis = moments(returns)
    root = sqrt(periods_per_year)
    mean = float(excess.mean())
    return Performance(
        periods=len(returns),
        years=years,
        cagr=cagr,
        volatility=float(returns.std(ddof=1)) * root,
        sharpe=_over(mean, float(excess.std(ddof=1))) * root,
        sortino=_over(mean, float(np.sqrt((np.minimum(excess, 0.0) ** 2).mean()))) * root,
        max_drawdown=float(depth[trough]),
        peak=peak,
        trough=trough,
        recovery=trough + int(recovered[0]) if len(recovered) else None,
        calmar=_over(cagr, -float(depth[trough])),
        hit_rate=float((returns > 0.0).mean()),
        tail_loss=tail_loss(returns),
        skew=skew,
        kurtosis=kurtosis,
    )


def drawdowns(wealth: FloatArray) -> FloatArray:
    """Return how far each value lies below the highest up to it, shape (t,), at most 0."""
    return np.asarray(wealth / np.maximum.accumulate(wealth) - 1.0)


def tail_loss(returns: FloatArray) -> float:
    """Return the mean of the worst 5 % of returns, the ⌈n/20⌉ lowest."""
    count = ceil(len(returns) / TAIL)
    return float(np.partition(returns, count - 1)[:count].mean())


def moments(returns: FloatArray) -> tuple[float, float]:
    """Return skew and kurtosis about the mean (a normal has 0 and 3); not a number where nothing moved."""
    deviations = returns - returns.mean()
    spread = float(np.sqrt((deviations**2).mean()))
    if spread <= ROUNDING:
        return float("nan"), float("nan")
    return float((deviations**3).mean()) / spread**3, float((deviations**4).mean()) / spread**4


def rolling(wealth: FloatArray, window: int, periods_per_year: float) -> tuple[FloatArray, FloatArray]:
    """Return growth a year and volatility of the last `window` periods, each of shape (t − window,).

    Raises
    ------
    InputError
        Where the series is no longer than the window.
    """
    if not 2 <= window < len(wealth):
        raise InputError(f"a window of {window} periods needs more than {window} values; {len(wealth)} given")
    growth = (wealth[window:] / wealth[:-window]) ** (periods_per_year / window) - 1.0
    returns = np.lib.stride_tricks.sliding_window_view(wealth[1:] / wealth[:-1] - 1.0, window)
    return growth, np.asarray(returns.std(axis=1, ddof=1) * sqrt(periods_per_year))


def _check(values: FloatArray, what: str) -> None:
    if len(values) < LEAST_VALUES:
        raise InputError(f"{what} has {len(values)} values; at least {LEAST_VALUES} are needed")
    bad = np.flatnonzero(~((values > 0.0) & (values < np.inf)))
    if len(bad):
        raise InputError(f"{what}, entry {bad[0] + 1} is {values[bad[0]]:g}; it must be above 0")


def _over(value: float, by: float) -> float:
    return value / by if by > ROUNDING else float("nan")
