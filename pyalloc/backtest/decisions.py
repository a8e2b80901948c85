"""What the chain would have decided at each month end, from what was known then and nothing later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.allocation import Allocation, allocate
from pyalloc.errors import InputError, MissingHistoryError, PyallocError
from pyalloc.execution import Workers, here
from pyalloc.macro import MacroPolicy, MacroSnapshot
from pyalloc.profile import InvestorProfile
from pyalloc.ranking.panel import month_rows

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy

FloatArray = NDArray[np.float64]

_TABLES: Final = ("(n, T+1)", "(n, T)", "(n, n)", "(n, K)")
LEFT_OUT: Final = frozenset(name for name, quantity in names.TRACE.items() if quantity.shape in _TABLES)
"""Entries of the trace that a decision does not keep: tables of stocks by stocks, months or points.

They are most of its memory, and ``allocate`` on the market at that date gives them again.
"""


@dataclass(frozen=True, slots=True)
class Mandate:
    """Who invests, and by which policy."""

    profile: InvestorProfile
    policy: Policy


@dataclass(frozen=True, eq=False, slots=True)
class Decision:
    """One decision, with everything it rests on but the tables of :data:`LEFT_OUT`.

    Attributes
    ----------
    row : int
        Of the market's closes, the last that was known.
    weights : ndarray, shape (n,)
        Of the market's assets, in its order; they sum to 1.
    neutral_weights : ndarray, shape (n,)
        What the same policy decides with macro conditions at their reference means, so stress at 0.5.
    trace, neutral_trace : mapping of str to value
        By the names of :data:`pyalloc.names.TRACE`.
    excluded : mapping of str to str
        Assets left out, with the reason.
    notices : tuple of str
    """

    row: int
    weights: FloatArray
    neutral_weights: FloatArray
    trace: Mapping[str, Any]
    neutral_trace: Mapping[str, Any]
    excluded: Mapping[str, str]
    notices: tuple[str, ...]

    @property
    def day(self) -> date:
        """The day of the close that it was made at."""
        day: date = self.trace["as_of"]
        return day

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only view cannot be pickled, what it shows can.
        traces = dict(self.trace), dict(self.neutral_trace), dict(self.excluded)
        return _decision, (self.row, self.weights, self.neutral_weights, *traces, self.notices)


def _decision(
    row: int,
    weights: FloatArray,
    neutral_weights: FloatArray,
    trace: dict[str, Any],
    neutral_trace: dict[str, Any],
    excluded: dict[str, str],
    notices: tuple[str, ...],
) -> Decision:
    """Return the decision that was pickled."""
    views = MappingProxyType(trace), MappingProxyType(neutral_trace), MappingProxyType(excluded)
    return Decision(row, weights, neutral_weights, *views, notices)


def neutral_conditions(policy: MacroPolicy) -> MacroSnapshot:
    """Return macro conditions at the policy's reference means: every z-score is 0, and stress is 0.5."""
    return MacroSnapshot(exp(policy.vix_mean), policy.gdp_mean, policy.spread_mean)


def decision_rows(market: MarketData, start: date | None = None, end: date | None = None) -> NDArray[np.intp]:
    """Return the rows of month ends from `start` to `end` that a next close follows."""
    rows = month_rows(market.days)[:-1]
    days = market.days[rows]
    kept = np.ones(len(rows), dtype=np.bool_)
    if start is not None:
        kept &= days >= np.datetime64(start, "D")
    if end is not None:
        kept &= days < np.datetime64(end, "D")
    return np.asarray(rows[kept])


def decide(
    market: MarketData,
    mandates: Sequence[Mandate],
    rows: NDArray[np.intp],
    *,
    start_when_possible: bool = True,
    workers: Workers = here,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Decision, ...], ...]:
    """Return the decisions of each mandate, date by date, so that a view is made once for all of them.

    Decisions of one date rest on no other's, so dates may be shared out among workers.

    Parameters
    ----------
    market : MarketData
    mandates : sequence of Mandate
    rows : ndarray of int
        The closes to decide at, ascending.
    start_when_possible : bool
        Whether to begin with the first date that has history enough for all mandates. Once one decision
        is made, a later date that has not is an error.
    workers : Workers
        Who decides; by default this process.
    on_progress : callable, optional
        Called after each date with how many are done, and how many there are.

    Returns
    -------
    tuple of tuple of Decision
        As many for each mandate, at the same dates.

    Raises
    ------
    MissingHistoryError
        Where no date has the history.
    PyallocError
        Whatever ``allocate`` raises, with its date.
    """
    found: dict[int, list[Decision] | MissingHistoryError] = {}
    with workers((market, tuple(mandates), start_when_possible)) as workforce:
        for row, decisions in workforce.computed(_decided, rows.tolist(), len(rows)):
            found[row] = decisions
            if on_progress is not None:
                on_progress(len(found), len(rows))
    made: list[list[Decision]] = []
    lacking: MissingHistoryError | str = "there is no month end that a next close follows"
    for row in rows.tolist():
        decisions = found[row]
        if not isinstance(decisions, MissingHistoryError):
            made.append(decisions)
        elif made:
            raise decisions
        else:
            lacking = decisions
    if not made:
        raise MissingHistoryError(f"nothing can be decided at any of {len(rows)} month ends: {lacking}")
    return tuple(tuple(by_date) for by_date in zip(*made, strict=True))


def _decided(
    shared: tuple[MarketData, Sequence[Mandate], bool], row: int
) -> list[Decision] | MissingHistoryError:
    """Return the decisions of all mandates at a close, or why history is too short, where that may be."""
    market, mandates, may_lack = shared
    try:
        return _at(market, mandates, row)
    except MissingHistoryError as error:
        if not may_lack:
            raise
        return error


def _at(market: MarketData, mandates: Sequence[Mandate], row: int) -> list[Decision]:
    view = market.at(market.days[row].item())
    decisions = []
    for mandate in mandates:
        try:
            live = allocate(view, profile=mandate.profile, policy=mandate.policy)
            neutral = allocate(
                view,
                neutral_conditions(mandate.policy.macro),
                profile=mandate.profile,
                policy=mandate.policy,
            )
        except PyallocError as error:
            raise type(error)(f"{view.as_of}: {error}") from error
        decisions.append(
            Decision(
                row=row,
                weights=_weights(live),
                neutral_weights=_weights(neutral),
                trace=_kept(live),
                neutral_trace=_kept(neutral),
                excluded=live.excluded,
                notices=live.notices,
            )
        )
    return decisions


def _weights(allocation: Allocation) -> FloatArray:
    market = allocation.view.market
    weights = np.zeros(len(market.assets))
    columns = [market.column(asset.asset) for asset in allocation.holdings]
    weights[columns] = allocation.trace["holding_weight"]
    return weights


def _kept(allocation: Allocation) -> Mapping[str, Any]:
    return MappingProxyType({name: value for name, value in allocation.trace.items() if name not in LEFT_OUT})


def portfolio(
    market: MarketData, trace: Mapping[str, Any], categories: FloatArray, stocks: FloatArray
) -> FloatArray:
    """Return the weights of the market's assets with these category weights and this stock sleeve.

    Other categories keep the shares that the trace gives their instruments.

    Parameters
    ----------
    market : MarketData
    trace : mapping
        Of a decision.
    categories : ndarray, shape (k,)
        Weights of its categories.
    stocks : ndarray, shape (n,)
        Weights of its stocks within their category.
    """
    weights = np.zeros(len(market.assets))
    by_category = dict(zip(trace["category_names"], categories, strict=True))
    for asset, category, share in zip(
        trace["holding_ticker"], trace["holding_category"], trace["holding_share"], strict=True
    ):
        if category != names.STOCKS:
            weights[market.column(asset)] = share * by_category[category]
    columns = [market.column(asset) for asset in trace["stock_ticker"]]
    weights[columns] = stocks * by_category.get(names.STOCKS, 0.0)
    return weights


def check_dates(market: MarketData, start: date | None, end: date | None) -> None:
    """Refuse a period that the market does not have."""
    first, last = market.days[0].item(), market.days[-1].item()
    low, high = start or first, end or last
    if not (low < high and low <= last and high >= first):
        raise InputError(f"{low} to {high} is no period of the market, {first} to {last}")
