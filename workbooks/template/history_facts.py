"""The facts of Backtest: a history by month, and the figures that its formulas come to."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.evaluation import deflated_sharpe_ratio, drawdowns, expected_maximum_sharpe, performance
from pyalloc.evaluation.performance import DAYS_A_YEAR
from pyalloc.macro import regime
from workbooks.history import START, History
from workbooks.template.dates import EPOCH, serial

FloatArray = NDArray[np.float64]

TRIALS: Final = 1
"""Settings that a client's policy was chosen from in making his workbook: none but itself.

Trials that were made before are not in any file; ``pyalloc backtest --sweep`` counts those that it makes.
"""

TRIALS_SPREAD: Final = 0.0
"""Standard deviation of the Sharpe ratios of a single trial."""

YEARS_SHOWN: Final = 15
"""Calendar years in the table: the last ones."""

SERIES: Final = ("policy", "static", "6040", "equal")
"""The policy, and what it is held against: stress held at 0.5, 60/40, equal weight."""

NO_FIGURE: Final = ""


@lru_cache(maxsize=64)
def history_facts(history: History, regime_from: tuple[float, ...]) -> dict[str, Any]:
    """Return every fact that the sheet shows of a history; one object for one history.

    Parameters
    ----------
    history : History
    regime_from : tuple of float
        Stress that regimes start at.
    """
    months = history.months
    dates = np.array([serial(day) for day in months.days.tolist()])
    gross = (months.weights * months.returns).sum(axis=1)
    net = (1.0 + months.first_day) * (1.0 - history.fee * months.traded) * (1.0 + gross) - 1.0
    own = START * np.cumprod(1.0 + net)
    wealth = np.column_stack([np.append(START, own), history.others])
    cash = history.cash
    returns = wealth[1:] / wealth[:-1] - 1.0
    cash_return = cash[1:] / cash[:-1] - 1.0
    years = float(dates[-1] - dates[0]) / DAYS_A_YEAR
    facts: dict[str, Any] = {
        "backtest_said": history.said,
        "backtest_t": history.tolerance,
        "backtest_start": int(dates[0]),
        "backtest_years": years,
        "backtest_months": len(net) if history.walked else 0,
        "backtest_dates": dates[1:],
        "backtest_stress": tuple(None if np.isnan(stress) else float(stress) for stress in months.stress),
        "backtest_regime": tuple(
            NO_FIGURE if np.isnan(stress) else regime(float(stress), regime_from) for stress in months.stress
        ),
        "backtest_weights": months.weights,
        "backtest_returns": months.returns,
        "backtest_first_day": months.first_day,
        "backtest_traded": months.traded,
        "backtest_gross": gross,
        "backtest_net": net,
        "return_cash": cash_return,
        "wealth_start": START,
        "wealth_cash": cash[1:],
        "wealth_engine": history.end,
        "cost_rate": history.fee,
        "backtest_least": history.least_months,
        "trials": TRIALS,
        "trials_spread": TRIALS_SPREAD,
    }
    for name, column, earned in zip(SERIES, wealth.T, returns.T, strict=True):
        facts[f"wealth_{name}"] = column[1:]
        facts[f"return_{name}"] = earned
        facts[f"drawdown_{name}"] = drawdowns(column)[1:]
    facts |= _statistics(wealth, cash, years, history.walked)
    facts |= _trading(months.traded, years, history)
    facts |= _luck(net - cash_return, history.walked)
    facts |= _calendar_years(dates, wealth, history.walked)
    return facts


def _statistics(wealth: FloatArray, cash: FloatArray, years: float, walked: bool) -> dict[str, Any]:
    if not walked:
        table = np.full((7, wealth.shape[1]), NO_FIGURE, dtype=object)
        table[-1] = wealth[-1]
        return {"stat_table": table}
    table = np.empty((7, wealth.shape[1]), dtype=object)
    for j, column in enumerate(wealth.T):
        figures = performance(column, cash, periods_per_year=12, years=years)
        table[:, j] = (
            figures.cagr,
            figures.volatility,
            _figure(figures.sharpe),
            figures.max_drawdown,
            float((column[1:] / column[:-1]).min() - 1.0),
            figures.hit_rate,
            float(column[-1]),
        )
    return {"stat_table": table}


def _trading(traded: FloatArray, years: float, history: History) -> dict[str, Any]:
    if not history.walked:
        return dict.fromkeys(("traded_a_year", "cost_a_year"), NO_FIGURE)
    a_year = float(traded.sum()) / years
    return {"traded_a_year": a_year, "cost_a_year": history.fee * a_year}


def _luck(excess: FloatArray, walked: bool) -> dict[str, Any]:
    """Return the moments of months above cash, and how sure it is that their Sharpe ratio beats luck."""
    luck = expected_maximum_sharpe(TRIALS, TRIALS_SPREAD**2)
    spread = float(excess.std(ddof=1)) if walked else 0.0
    if not spread > 0.0:
        none = dict.fromkeys(("backtest_skew", "backtest_kurtosis", "deflated_sharpe"), NO_FIGURE)
        return {"trials_luck": luck, **none}
    figures = performance(np.cumprod(np.append(1.0, 1.0 + excess)), periods_per_year=12)
    sharpe = float(excess.mean()) / spread
    return {
        "trials_luck": luck,
        "backtest_skew": figures.skew,
        "backtest_kurtosis": figures.kurtosis,
        "deflated_sharpe": deflated_sharpe_ratio(
            sharpe, len(excess), TRIALS, TRIALS_SPREAD**2, figures.skew, figures.kurtosis
        ),
    }


def _calendar_years(dates: NDArray[np.int64], wealth: FloatArray, walked: bool) -> dict[str, Any]:
    """Return the last calendar years with their returns, the first and last in part; then nothing."""
    numbers = np.full(YEARS_SHOWN, NO_FIGURE, dtype=object)
    returns = np.full((YEARS_SHOWN, wealth.shape[1]), NO_FIGURE, dtype=object)
    if walked:
        days = np.array([EPOCH.toordinal() + int(day) for day in dates])
        year = np.array([date.fromordinal(day).year for day in days])
        listed = np.unique(year[1:])[-YEARS_SHOWN:]
        for i, y in enumerate(listed.tolist()):
            last = np.flatnonzero(year <= y)[-1]
            before = np.flatnonzero(year[1:] < y)
            numbers[i] = y
            returns[i] = wealth[last] / wealth[before[-1] + 1 if len(before) else 0] - 1.0
    return {"calendar_year": numbers, "calendar_return": returns}


def _figure(value: float) -> float | str:
    return NO_FIGURE if np.isnan(value) else value
