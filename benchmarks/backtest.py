"""Thirty years of daily prices rebalanced by month: from weights to wealth beside the peers, then the chain.

Correctness comes first: without costs every rival must find the same wealth before anything is timed. With
costs they differ by convention: ours solves for the wealth that is left, theirs size orders before costs.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import tracemalloc
from collections.abc import Callable
from datetime import date
from functools import partial
from importlib.util import find_spec
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.measure import paired, show
from pyalloc import InvestorProfile, MacroSnapshot, MarketData, walk_forward
from pyalloc.backtest import trade
from pyalloc.marketdata import Asset
from pyalloc.names import SECTORS
from pyalloc.ranking.panel import month_rows

FloatArray: TypeAlias = NDArray[np.float64]

YEARS: Final = 30
FEE: Final = 0.001
ROUNDS: Final = {20: 3, 500: 1, 3000: 1}
"""Rounds for so many assets; a round of the rivals takes a minute or more for 3,000."""

SLOW: Final = 1000
"""Assets from which bt, slower by thousands, is left out: it would take a quarter of an hour."""

EQUAL: Final = 1e-10
CHAIN_STOCKS: Final = 500
CHAIN_MONTHS: Final = 12 * YEARS if os.environ.get("PYALLOC_SOAK") == "1" else 3
"""The last months that the chain is walked through: a few, or, which takes ten minutes, all of them."""

STEPS: Final = {
    "features, scores, covariance": ("view.py", "universe"),
    "anchor, frontier, return target": ("sleeve.py", "stock_sleeve"),
    "categories": ("allocation.py", "_categories"),
    "weights to wealth, all nine paths": ("trading.py", "trade"),
}


def run() -> None:
    """Compare weights to wealth, then print where the whole chain spends time and memory."""
    for assets, rounds in ROUNDS.items():
        closes, days, rows, weights = _history(assets)
        candidates: dict[str, Callable[[float], FloatArray]] = {
            "pyalloc": partial(_by_pyalloc, closes, rows, weights),
        }
        notes = {"skfolio": "no costs, no drift"}
        if find_spec("vectorbt"):
            candidates["vectorbt"] = partial(_by_vectorbt, closes, days, rows, weights)
        else:
            print("vectorbt is not installed, so it is not compared: pip install vectorbt")
        if assets < SLOW:
            candidates["bt"] = partial(_by_bt, closes, days, rows, weights)
        ours = candidates["pyalloc"](0.0)
        for name, by in candidates.items():
            apart = float(np.abs(by(0.0) / ours - 1.0).max())
            if not apart <= EQUAL:
                raise SystemExit(
                    f"{name} finds another wealth without costs, by {apart:.1e}: nothing is timed"
                )
            notes.setdefault(name, f"without costs equal to {apart:.0e}")
        timed: dict[str, Callable[[], object]] = {name: partial(by, FEE) for name, by in candidates.items()}
        timed["skfolio"] = partial(_by_skfolio, closes, days, rows, weights)
        title = f"{assets} assets, {len(days)} days, {len(rows)} rebalances, 10 bp, ratio to pyalloc"
        show(title, paired(timed, rounds), "pyalloc", notes)
    _chain()


def _history(
    assets: int,
) -> tuple[FloatArray, NDArray[np.datetime64], NDArray[np.intp], FloatArray]:
    rng = np.random.default_rng(0)
    days = np.arange(np.datetime64("1990-01-01"), np.datetime64(f"{1990 + YEARS}-01-01"))
    days = days[np.is_busday(days)]
    closes = 50.0 * np.exp(np.cumsum(rng.normal(2e-4, 0.015, (len(days), assets)), axis=0))
    rows = month_rows(days)[:-1] + 1
    return closes, days, rows, rng.dirichlet(np.ones(assets), len(rows))


def _by_pyalloc(closes: FloatArray, rows: NDArray[np.intp], weights: FloatArray, fee: float) -> FloatArray:
    return trade(closes, rows, weights, first=0, cash=np.ones(len(closes)), fee=fee).wealth


def _by_vectorbt(
    closes: FloatArray, days: NDArray[np.datetime64], rows: NDArray[np.intp], weights: FloatArray, fee: float
) -> FloatArray:
    import vectorbt

    size = np.full_like(closes, np.nan)
    size[rows] = weights
    index = pd.DatetimeIndex(days)
    portfolio = vectorbt.Portfolio.from_orders(
        pd.DataFrame(closes, index),
        pd.DataFrame(size, index),
        size_type="targetpercent",
        group_by=True,
        cash_sharing=True,
        call_seq="auto",
        fees=fee,
        init_cash=1e6,
        freq="1D",
    )
    return np.asarray(portfolio.value()) / 1e6


def _by_bt(
    closes: FloatArray, days: NDArray[np.datetime64], rows: NDArray[np.intp], weights: FloatArray, fee: float
) -> FloatArray:
    import bt

    index = pd.DatetimeIndex(days)
    names = [f"A{i}" for i in range(closes.shape[1])]
    targets = pd.DataFrame(weights, index[rows], names)
    strategy = bt.Strategy(
        "monthly", [bt.algos.RunOnDate(*index[rows]), bt.algos.WeighTarget(targets), bt.algos.Rebalance()]
    )
    test = bt.Backtest(
        strategy,
        pd.DataFrame(closes, index, names),
        initial_capital=1e6,
        commissions=lambda quantity, price: abs(quantity) * price * fee,
        integer_positions=False,
        progress_bar=False,
    )
    bt.run(test)
    return np.asarray(test.strategy.values)[1:] / 1e6  # bt puts a day before the first


def _by_skfolio(
    closes: FloatArray, days: NDArray[np.datetime64], rows: NDArray[np.intp], weights: FloatArray
) -> object:
    from skfolio import MultiPeriodPortfolio, Portfolio

    returns = pd.DataFrame(closes, pd.DatetimeIndex(days)).pct_change().iloc[1:]
    whole = MultiPeriodPortfolio()
    for start, end, held in zip(rows, [*rows[1:], len(days) - 1], weights, strict=True):
        whole.append(Portfolio(returns.iloc[start:end], held))
    return whole.cumulative_returns


# --- the chain ------------------------------------------------------------------------------------------


def _chain() -> None:
    """Print where the decisions of the last months of a large market spend their time."""
    market = _market()
    month = 12 * (1990 + YEARS) - CHAIN_MONTHS
    start = None if CHAIN_MONTHS == 12 * YEARS else date(month // 12, month % 12 + 1, 1)
    walk = partial(walk_forward, market, InvestorProfile(risk="high"), start=start)
    profile = cProfile.Profile()
    made = len(profile.runcall(walk).decisions)
    stats = pstats.Stats(profile)
    spent = {(key[0].rpartition("/")[2], key[2]): entry[3] for key, entry in stats.stats.items()}  # type: ignore[attr-defined]
    whole = spent["walk.py", "walk_forward"]
    print(
        f"\nThe chain, {CHAIN_STOCKS} stocks, {made} month ends decided twice, under a profiler: "
        f"{whole:.1f} s"
    )
    told = 0.0
    for step, key in STEPS.items():
        told += spent[key]
        print(f"  {step:<36}{100 * spent[key] / whole:>6.1f} %")
    print(f"  {'all bookkeeping':<36}{100 * (whole - told) / whole:>6.1f} %")
    tracemalloc.start()
    walk()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"  {peak / 2**20:.0f} MB at most, beside {market.closes.nbytes / 2**20:.0f} MB of prices")


def _market() -> MarketData:
    rng = np.random.default_rng(1)
    days = np.arange(np.datetime64("1990-01-01"), np.datetime64(f"{1990 + YEARS}-01-01"))
    days = days[np.is_busday(days)]
    stocks = [Asset(f"S{i:03d}", f"Stock {i}", "Stocks", SECTORS[i % 11]) for i in range(CHAIN_STOCKS)]
    funds = [
        Asset("BOND", "Bonds", "Bonds"),
        Asset("BILL", "Bills", "Cash"),
        Asset("GOLD", "Gold", "Commodities"),
    ]
    shocks = rng.normal(2e-4, 0.015, (len(days), CHAIN_STOCKS + 3))
    shocks[:, :CHAIN_STOCKS] += rng.normal(0.0, 0.01, (len(days), 1))
    shocks[:, CHAIN_STOCKS + 1] = 0.02 / 261
    macro = tuple(
        MacroSnapshot(20.0 * np.exp(0.4 * np.sin(i / 9)), 0.02, 0.01, known_on=days[row].item())
        for i, row in enumerate(month_rows(days))
    )
    return MarketData(days, 50.0 * np.exp(np.cumsum(shocks, axis=0)), (*stocks, *funds), macro)
