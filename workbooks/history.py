"""What a policy's past was at a level of risk: walked once for a run, shown to every client of that level.

Every backtest runs to the end of the market and is cut at the day that a workbook is for, so that its bytes
do not depend on which other clients a run has.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.backtest.months import Months, by_month
from pyalloc.errors import MissingHistoryError, PyallocError
from pyalloc.names import CASH, risk_tolerance

if TYPE_CHECKING:
    from pyalloc.backtest import BacktestResult
    from pyalloc.backtest.walk import Progress
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy

FloatArray = NDArray[np.float64]

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

LEAST_MONTHS: Final = 12
"""Months below which a history is not shown: figures a year of less than a year are none."""

START: Final = 100.0
"""What wealth and cash are counted from."""

SENTENCES: Final = 6
"""What a reader is told of a backtest before its figures, here and in the report."""

_TOGETHER: Final = 20
"""Levels of risk that are walked together; each keeps every one of its decisions meanwhile."""

NOT_WALKED: Final = "No backtest was run for this workbook, so it shows no history."


@dataclass(frozen=True, eq=False, slots=True)
class History:
    """The policy's past at one risk tolerance, up to a day.

    Attributes
    ----------
    tolerance : float or None
        The risk tolerance t that it was walked at; None where there is no history.
    said : tuple of str
        What to know of it first; why there is none, where there is none.
    fee : float
        Cost of trading, a fraction of the value traded.
    least_months : int
        Monthly returns that a stock needed to be held.
    months : Months
        Without a history: one row on the day itself, all in cash, its stress not a number.
    end : float
        Wealth at the last month end, from :data:`START`, as the engine has it.
    others : ndarray, shape (m + 1, 3)
        Wealth of what it is held against at the month ends: stress held at 0.5, 60/40, equal weight.
    cash : ndarray, shape (m + 1,)
        The same of cash.
    """

    tolerance: float | None
    said: tuple[str, ...]
    fee: float
    least_months: int
    months: Months
    end: float
    others: FloatArray
    cash: FloatArray

    @property
    def walked(self) -> bool:
        """Whether there is a history."""
        return self.tolerance is not None


Histories = Mapping[tuple[float, date], History]
"""By risk tolerance and day; the day is a close of the market."""


def history_of(result: BacktestResult, day: date) -> History:
    """Return the history that a backtest tells at the close of a day.

    Raises
    ------
    MissingHistoryError
        Where it was shorter than a year.
    """
    from pyalloc.backtest import EQUAL_WEIGHT, NEUTRAL, SIXTY_FORTY
    from workbooks.reports.backtest.facts import told

    known = result.until(day)
    months = by_month(known)
    if len(months.stress) < LEAST_MONTHS:
        raise MissingHistoryError(
            f"the first decision was made on {months.days[0]}, {len(months.stress)} months before {day}; "
            f"{LEAST_MONTHS} months are needed for figures a year"
        )
    ends = known.month_ends
    others = (known.benchmarks[name].wealth[ends] for name in (NEUTRAL, SIXTY_FORTY, EQUAL_WEIGHT))
    return History(
        tolerance=risk_tolerance(known.mandate.profile.risk),
        said=told(known),
        fee=known.fee,
        least_months=known.mandate.policy.sleeve.minimum_months,
        months=months,
        end=START * float(known.wealth[-1]),
        others=START * np.column_stack(list(others)),
        cash=START * known.cash[ends],
    )


@lru_cache(maxsize=64)
def no_history(day: date, categories: tuple[str, ...], reason: str = NOT_WALKED) -> History:
    """Return what stands for a history where there is none, with the reason."""
    none = np.zeros((1, len(categories)))
    held = CASH if CASH in categories else categories[0]
    in_cash = np.array([[float(name == held) for name in categories]])
    return History(
        tolerance=None,
        said=(reason, *[""] * (SENTENCES - 1)),
        fee=0.0,
        least_months=0,
        months=Months(
            days=np.array([day, day], dtype="datetime64[D]"),
            categories=categories,
            stress=np.array([np.nan]),
            first_day=np.zeros(1),
            traded=np.zeros(1),
            weights=in_cash,
            returns=none,
        ),
        end=START,
        others=np.full((2, 3), START),
        cash=np.full(2, START),
    )


def histories_of(
    market: MarketData,
    policy: Policy,
    wanted: Iterable[tuple[str | float, date | None]],
    on_progress: Progress | None = None,
) -> Histories:
    """Return the histories of a run, each date of the market seen once for the levels of risk together.

    What keeps a policy from being walked becomes the sentence of its histories, and no error.

    Parameters
    ----------
    market : MarketData
    policy : Policy
    wanted : iterable of (risk, as-of date)
        As clients have them, in any order and as often; without a date: at the last close. A day that the
        market does not have is left out.
    on_progress : callable, optional
        As of :func:`pyalloc.backtest.walk_forward`, once for every twenty levels of risk.
    """
    asked: dict[float, _Level] = {}
    for risk, as_of in set(wanted):
        with suppress(MissingHistoryError):
            day = market.at(as_of).as_of
            asked.setdefault(risk_tolerance(risk), _Level(risk, set())).days.add(day)
    levels = [asked[tolerance] for tolerance in sorted(asked)]
    found: dict[tuple[float, date], History] = {}
    for start in range(0, len(levels), _TOGETHER):
        found |= _together(market, policy, levels[start : start + _TOGETHER], on_progress)
    return found


@lru_cache(maxsize=64)
def history_at(market: MarketData, policy: Policy, risk: str | float, day: date) -> History:
    """Return the history of a single workbook, for a day that is a close of the market; the last are kept."""
    return histories_of(market, policy, [(risk, day)])[risk_tolerance(risk), day]


class _Level(NamedTuple):
    """A level of risk, by one of the names for it, and the days that it is asked for."""

    risk: str | float
    days: set[date]


def _together(
    market: MarketData, policy: Policy, levels: Sequence[_Level], on_progress: Progress | None
) -> dict[tuple[float, date], History]:
    """Return the histories at some levels of risk, from one walk to the end of the market.

    Where the policy cannot be followed to the end, each day has a walk of its own: what came after a day must
    not decide whether it has a history.
    """
    results: Sequence[BacktestResult | None]
    try:
        results = _walked(market, policy, [level.risk for level in levels], on_progress=on_progress)
    except PyallocError as refusal:
        logger.info("no backtest to the end of the market: %s", refusal)
        results = [None] * len(levels)
    return {
        (risk_tolerance(level.risk), day): _or_why_not(market, policy, level.risk, day, result)
        for level, result in zip(levels, results, strict=True)
        for day in sorted(level.days)
    }


def _or_why_not(
    market: MarketData, policy: Policy, risk: str | float, day: date, result: BacktestResult | None
) -> History:
    try:
        return history_of(result or _walked(market, policy, [risk], end=day)[0], day)
    except PyallocError as refusal:
        return no_history(day, policy.category.names, f"There is no history to show: {refusal}.")


def _walked(
    market: MarketData,
    policy: Policy,
    risks: Iterable[str | float],
    *,
    end: date | None = None,
    on_progress: Progress | None = None,
) -> tuple[BacktestResult, ...]:
    from pyalloc.backtest import Mandate, walk_forward_all
    from pyalloc.profile import InvestorProfile

    mandates = [Mandate(InvestorProfile(risk=risk), policy) for risk in risks]
    return walk_forward_all(market, mandates, end=end, on_progress=on_progress)
