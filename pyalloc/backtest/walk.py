"""Walk the chain forward: decide at month ends, execute at the next close, and hold it against benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.backtest.attribution import Attribution, attribute
from pyalloc.backtest.decisions import Decision, Mandate, check_dates, decide, decision_rows, portfolio
from pyalloc.backtest.result import LEAST_CLOSES, BacktestResult
from pyalloc.backtest.trading import Trading, cash_growth, check_costs, trade
from pyalloc.errors import MissingHistoryError
from pyalloc.execution import Workers, here

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from pyalloc.profile import InvestorProfile

FloatArray = NDArray[np.float64]

FEE: Final = 0.001
"""Cost of trading where none is given, a fraction of the value traded: 10 basis points."""

BAND: Final = 0.03
"""Least one-way turnover that is traded where none is given."""

SIXTY_FORTY: Final = "60/40"
EQUAL_WEIGHT: Final = "Equal weight"
NEUTRAL: Final = "Stress held at 0.5"
BENCHMARKS: Final = {
    SIXTY_FORTY: "60 % in the stocks that could be held and 40 % in bonds, each equally weighted",
    EQUAL_WEIGHT: "every stock and instrument that could be held, equally weighted",
    NEUTRAL: "the same policy with macro conditions at their reference means",
}
"""What the strategy is held against; rebalanced on the same days, with the same costs and band."""

MIX: Final = "Mix of categories"
SELECTION: Final = "Selection of stocks"
TILTS: Final = "Sector tilts"
TARGET: Final = "Return target"
DYNAMICS: Final = "Categories through time"
COSTS: Final = "Costs"

Progress = Callable[[int, int], None]


def walk_forward(
    market: MarketData,
    profile: InvestorProfile,
    policy: Policy | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    fee: float = FEE,
    band: float = BAND,
    workers: Workers = here,
    on_progress: Progress | None = None,
) -> BacktestResult:
    """Backtest one investor's policy by the same ``allocate`` that makes client workbooks.

    Every decision is made at a month-end close from ``market.at`` that day, so from prices, macro rows and
    models known then; it is executed at the close of the next trading day. Between executions weights drift.
    An asset whose prices end is sold at its last one. What is in no asset earns the cash instruments.

    Parameters
    ----------
    market : MarketData
    profile : InvestorProfile
        Its budget is a unit; wealth is counted from 1.
    policy : Policy, optional
        Default: the house policy.
    start, end : date, optional
        First day to decide on, default the first month end with history enough; last day, default the
        market's.
    fee : float
        Cost as a fraction of the value traded.
    band : float
        One-way turnover, a fraction of wealth, up to which nothing is traded.
    workers : Workers
        Who decides at each date, as :func:`pyalloc.execution.lent` makes them of any executor; by default
        this process.
    on_progress : callable, optional
        Called after each date with how many are done, and how many there are.

    Raises
    ------
    MissingHistoryError
        Where history is too short for a single decision.
    PyallocError
        Whatever ``allocate`` raises, with its date.
    """
    if policy is None:
        from pyalloc.policy import Policy

        policy = Policy()
    mandates = [Mandate(profile, policy)]
    [result] = walk_forward_all(
        market,
        mandates,
        start=start,
        end=end,
        fee=fee,
        band=band,
        workers=workers,
        on_progress=on_progress,
    )
    return result


def walk_forward_all(
    market: MarketData,
    mandates: Sequence[Mandate],
    *,
    start: date | None = None,
    end: date | None = None,
    fee: float = FEE,
    band: float = BAND,
    workers: Workers = here,
    on_progress: Progress | None = None,
) -> tuple[BacktestResult, ...]:
    """Backtest several mandates on the same days; what depends on the market alone is computed once."""
    check_costs(fee, band)
    check_dates(market, start, end)
    rows = decision_rows(market, start, end)
    decided = decide(
        market,
        mandates,
        rows,
        start_when_possible=start is None,
        workers=workers,
        on_progress=on_progress,
    )
    stop = len(market.days)
    if end is not None:
        stop = int(np.searchsorted(market.days, np.datetime64(end, "D"), side="right"))
    closes = market.closes[:stop]
    cash = cash_growth(closes[:, [market.column(asset.asset) for asset in market.in_category(names.CASH)]])
    first = decided[0][0].row
    if stop - first < LEAST_CLOSES:
        raise MissingHistoryError(
            f"the first decision can be made on {market.days[first]}, {stop - first - 1} closes before the "
            "end: extend the market, or end later"
        )
    traded = partial(_traded, closes, cash, first=first, band=band)
    return tuple(
        _result(market, mandate, decisions, traded, cash[first:] / cash[first], fee, band)
        for mandate, decisions in zip(mandates, decided, strict=True)
    )


def _traded(
    closes: FloatArray,
    cash: FloatArray,
    decisions: Sequence[Decision],
    targets: Sequence[FloatArray],
    fee: float,
    *,
    first: int,
    band: float,
) -> Trading:
    rows = np.array([decision.row + 1 for decision in decisions])
    return trade(closes, rows, np.array(targets), first=first, cash=cash, fee=fee, band=band)


def _result(
    market: MarketData,
    mandate: Mandate,
    decisions: tuple[Decision, ...],
    traded: Callable[[Sequence[Decision], Sequence[FloatArray], float], Trading],
    cash: FloatArray,
    fee: float,
    band: float,
) -> BacktestResult:
    """Return the backtest of a mandate, and the chain of backtests that explains it."""

    def run(weights: Callable[[Decision], FloatArray], cost: float = 0.0) -> Trading:
        return traded(decisions, [weights(decision) for decision in decisions], cost)

    def neutral_mix(sleeve: Callable[[Decision], FloatArray]) -> FloatArray:
        return run(
            lambda d: portfolio(market, d.trace, d.neutral_trace["category_weights"], sleeve(d))
        ).wealth

    kinds: dict[str, Callable[[Decision], FloatArray]] = {
        SIXTY_FORTY: partial(_sixty_forty, market),
        EQUAL_WEIGHT: partial(_equal_weight, market),
        NEUTRAL: lambda d: d.neutral_weights,
    }
    strategy = run(lambda d: d.weights, fee)
    gross = run(lambda d: d.weights).wealth
    benchmarks = {name: run(weights, fee) for name, weights in kinds.items()}
    through_tilts = neutral_mix(lambda d: d.trace["sleeve_weights"])
    chain = {
        MIX: neutral_mix(lambda d: np.full(len(d.trace["stock_ticker"]), 1.0 / len(d.trace["stock_ticker"]))),
        SELECTION: neutral_mix(lambda d: d.neutral_trace["stock_weight"]),
        TILTS: neutral_mix(lambda d: d.trace["stock_weight"]),
        TARGET: through_tilts,
        DYNAMICS: gross,
    }
    attributions = {}
    for name, weights in kinds.items():
        steps = {TILTS: through_tilts, DYNAMICS: gross} if name == NEUTRAL else chain
        attributions[name] = _with_costs(
            name, steps, run(weights).wealth, strategy.wealth, benchmarks[name].wealth
        )
    return BacktestResult(
        market=market,
        mandate=mandate,
        fee=fee,
        band=band,
        decisions=decisions,
        trading=strategy,
        cash=cash,
        benchmarks=benchmarks,
        attributions=attributions,
    )


def _with_costs(
    against: str,
    steps: Mapping[str, FloatArray],
    benchmark_gross: FloatArray,
    strategy: FloatArray,
    benchmark: FloatArray,
) -> Attribution:
    """Return the attribution with the difference in costs as its last step.

    Steps are free of cost; the last multiplies by what costs left of the strategy, and undoes what they left
    of the benchmark.
    """
    gross = attribute(against, tuple(steps), tuple(steps.values()), benchmark_gross)
    total = np.diff(np.log(strategy)) - np.diff(np.log(benchmark))
    effects = np.column_stack([gross.effects, total - gross.total])
    return Attribution(against, (*steps, COSTS), effects, total)


def _sixty_forty(market: MarketData, decision: Decision) -> FloatArray:
    weights = np.zeros(len(market.assets))
    for part, columns in ((0.6, _stocks(market, decision)), (0.4, _priced(market, decision, names.BONDS))):
        weights[columns] = part / max(1, len(columns))
    return weights


def _equal_weight(market: MarketData, decision: Decision) -> FloatArray:
    others = [name for name in decision.trace["category_names"] if name != names.STOCKS]
    columns = _stocks(market, decision)
    columns += [column for name in others for column in _priced(market, decision, name)]
    weights = np.zeros(len(market.assets))
    weights[columns] = 1.0 / len(columns)
    return weights


def _stocks(market: MarketData, decision: Decision) -> list[int]:
    return [market.column(asset) for asset in decision.trace["stock_ticker"]]


def _priced(market: MarketData, decision: Decision, category: str) -> list[int]:
    """Return the columns of a category's instruments that the decision could hold."""
    listed = [asset.asset for asset in market.in_category(category)]
    return [market.column(asset) for asset in listed if asset not in decision.excluded]
