"""Walk the house policy through real prices at three risk levels, beside its benchmarks.

    python docs/examples/backtest.py DATA
    python docs/examples/backtest.py DATA --out reports/

DATA is the folder that ``real_market.py`` reads. The stocks were chosen among index members of 2026, so all
of them survived: no level of return below is one that anybody could have earned.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from real_market import build_market

from pyalloc import InvestorProfile, MarketData, Policy
from pyalloc.backtest import NEUTRAL, BacktestResult, Mandate, walk_forward_all
from pyalloc.evaluation import bootstrap_interval
from pyalloc.names import RISK_LEVELS
from workbooks.reports.backtest import write_backtest_report

FloatArray = NDArray[np.float64]

CRISIS = ("2007-12-31", "2008-12-31")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, and write a report for each risk level where a folder is given."""
    parser = ArgumentParser(description="The house policy walked through real prices.")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of reference data")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a report for each risk level here")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        build_market(asked.data, Path(folder))
        market = MarketData.from_path(folder)
    results = backtests(market)
    for table in (statistics, differences, dynamics):
        rows = [row for result in results for row in table(result)]
        print(pd.DataFrame(rows).to_string(index=False), end="\n\n")
    print("The stocks are survivors: read differences from this, and no level of return.")
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        for result in results:
            write_backtest_report(result, asked.out / f"backtest_{result.mandate.profile.risk}.xlsx")
    return 0


def backtests(market: MarketData) -> tuple[BacktestResult, ...]:
    """Return the backtest of each risk level after 10 basis points."""
    policy = Policy()
    return walk_forward_all(market, [Mandate(InvestorProfile(risk=risk), policy) for risk in RISK_LEVELS])


def statistics(result: BacktestResult) -> Iterator[dict[str, str]]:
    """Yield the figures of the strategy and of each benchmark."""
    start, end = np.searchsorted(result.days, np.array(CRISIS, dtype="datetime64[D]"), side="right") - 1
    for name, trading in {"strategy": result.trading, **result.benchmarks}.items():
        figures = result.performance_of(trading)
        monthly = result.monthly_returns(trading.wealth)
        yield {
            "risk": str(result.mandate.profile.risk),
            "": name,
            "CAGR": percent(figures.cagr),
            "volatility": percent(figures.volatility),
            "Sharpe": f"{figures.sharpe:.2f}",
            "Sortino": f"{figures.sortino:.2f}",
            "deepest fall": percent(figures.max_drawdown, 1),
            "2008": percent(float(trading.wealth[end] / trading.wealth[start]) - 1.0, 1),
            "worst month": percent(float(monthly.min()), 1),
            "turnover": percent(trading.turnover.sum() / result.years, 0),
        }


def differences(result: BacktestResult) -> Iterator[dict[str, str]]:
    """Yield how far monthly Sharpe ratios lie apart, with the interval of months drawn for both at once.

    Strategy and benchmark hold much the same, so their difference is known better than either of them.
    """
    cash = result.monthly_returns(result.cash)
    own = result.monthly_returns(result.wealth) - cash
    for name, trading in result.benchmarks.items():
        other = result.monthly_returns(trading.wealth) - cash
        low, high = bootstrap_interval(lambda x, y: sharpe(x) - sharpe(y), own, other)
        yield {
            "risk": str(result.mandate.profile.risk),
            "against": name,
            "Sharpe": f"{sharpe(own) - sharpe(other):.2f}",
            "95 %": f"{low:.2f} to {high:.2f}",
        }


def sharpe(excess: FloatArray) -> FloatArray:
    """Return the Sharpe ratio a year of monthly returns above cash, along the last axis."""
    return np.asarray(excess.mean(axis=-1) / excess.std(axis=-1, ddof=1) * np.sqrt(12.0))


def dynamics(result: BacktestResult) -> Iterator[dict[str, str]]:
    """Yield what the macro dynamics cost or gained against stress held at 0.5, step by step, a year."""
    attribution = result.attributions[NEUTRAL]
    effects = [*attribution.a_year(result.years), attribution.total.sum() / result.years]
    t_values = attribution.t_values(result.month_of_day)
    for step, effect, t in zip([*attribution.steps, "All"], effects, t_values, strict=True):
        yield {
            "risk": str(result.mandate.profile.risk),
            "step": step,
            "log growth a year": percent(float(effect)),
            "t": f"{t:.1f}",
        }


def percent(fraction: float, digits: int = 2) -> str:
    """Return a fraction as percent."""
    return f"{round(100 * fraction, digits) + 0.0:.{digits}f} %"


if __name__ == "__main__":
    sys.exit(main())
