"""What is wrong with a market, as far as its own numbers can tell, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.errors import TableError
from pyalloc.macro import MacroPolicy, MacroSnapshot
from pyalloc.marketdata.comparison import TOLERANCE, disagreement
from pyalloc.marketdata.data import CARRIED_DAYS
from pyalloc.marketdata.sources import MarketParts, read_parts, read_prices_of, some
from pyalloc.stocks import TRADING_YEAR

FloatArray = NDArray[np.float64]

JUMP: Final = 0.40
"""Return of one day, up or down, beyond which a close is shown for a look."""

STALE_RUN: Final = 10
"""Closes in a row without a change, from which on a price is stale."""

SURVIVORS_AFTER: Final = 3 * TRADING_YEAR
"""Trading days after which a market of stocks of which none has ended is one of survivors."""

REPEATED_ROWS: Final = 3
"""Macro rows in a row with one and the same VIX, or with a zero, that are a filler and no figure."""

# A phantom dividend: the vendor added dividends that were not adjusted for later splits, so that each ex-day
# has a return too high by several percent. One day proves nothing. But best paths through the daily returns,
# in steps of a quarter over five years, go as well up as down in any sound series; phantoms lift one of them.
_QUARTER: Final = (57, 69)  # trading days from one ex-day to the next
_QUARTERS: Final = 20
_CAP: Final = 6.0  # robust standard deviations that one day can count
_LIFT: Final = 1.1  # mean deviations by which the path upward exceeds that downward

UNSEEN: Final = (
    "one wrong return of ordinary size, as of a spin-off that was not adjusted for",
    "phantom dividends that are small beside the stock's own moves",
    "a symbol that another company has taken over",
    "figures that were revised after the day in known_on",
    "names that are not in the list",
)
"""What no look at the market alone can find: a second source can."""


@dataclass(frozen=True)
class Coverage:
    """How much there is of one asset; `blank` is the share of days without a close, first to last."""

    asset: str
    first: date
    last: date
    closes: int
    blank: float


@dataclass(frozen=True)
class Finding:
    """Something to look at.

    Attributes
    ----------
    kind : str
        "unreadable", "gap", "jump", "stale", "dividends", "disagreement", "macro"; to know, no fault:
        "young", "ended", "survivors", "uncompared".
    about : str
        The asset, or nothing.
    says : str
        One sentence.
    """

    kind: str
    about: str
    says: str

    @property
    def is_fault(self) -> bool:
        """Whether it may be an error in the data, and not only something to know."""
        return self.kind not in ("young", "ended", "survivors", "uncompared")


@dataclass(frozen=True)
class MarketReport:
    """Everything found in a market.

    Attributes
    ----------
    source : str
        Name of the folder or file.
    coverage : tuple of Coverage
        By asset, in the market's order; none where the market cannot be read.
    macro_rows : int
    macro_last : date or None
        The last day on which something became known.
    findings : tuple of Finding
    unseen : tuple of str
        What cannot be found in the market alone.
    """

    source: str
    coverage: tuple[Coverage, ...]
    macro_rows: int
    macro_last: date | None
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = UNSEEN

    @property
    def well(self) -> bool:
        """Whether nothing looks like an error in the data."""
        return not any(finding.is_fault for finding in self.findings)


def check_market(
    path: Path, against: Path | None = None, *, max_age_days: int = MacroPolicy.max_age_days
) -> MarketReport:
    """Return the report of a market; one that cannot be read has a finding for each problem.

    Parameters
    ----------
    path : Path
        Of a market, as for :meth:`MarketData.from_path`.
    against : Path, optional
        A second source: another market, or a file of prices alone.
    max_age_days : int
        That the last macro row may be older than the last close.

    Raises
    ------
    TableError
        Where the second source cannot be read.
    """
    second = None if against is None else read_prices_of(against)
    try:
        parts = read_parts(path)
    except TableError as error:
        problems = tuple(Finding("unreadable", "", problem) for problem in error.problems)
        return MarketReport(path.name, (), 0, None, problems)
    days, prices = pd.DatetimeIndex(parts.prices.index), parts.prices
    findings: list[Finding] = []
    for asset in prices.columns:
        closes = prices[asset].to_numpy(dtype=np.float64)
        findings += asset_findings(asset, days, closes, parts.assets[asset].category)
    if against is not None and second is not None:
        findings += _disagreements(prices, second, against.name)
    findings += _survivors(parts)
    findings += macro_findings(parts.macro, days[-1].date(), max_age_days)
    return MarketReport(
        source=path.name,
        coverage=tuple(_coverage(asset, prices[asset]) for asset in prices.columns),
        macro_rows=len(parts.macro),
        macro_last=parts.macro[-1].known_on if parts.macro else None,
        findings=tuple(findings),
    )


def _coverage(asset: str, closes: pd.Series) -> Coverage:
    there = closes.dropna()
    if there.empty:
        return Coverage(asset, closes.index[0].date(), closes.index[-1].date(), 0, 1.0)
    first, last = there.index[0], there.index[-1]
    blank = 1.0 - len(there) / len(closes[first:last])
    return Coverage(asset, first.date(), last.date(), len(there), blank)


# --- prices ---------------------------------------------------------------------------------------------


def asset_findings(
    asset: str, days: pd.DatetimeIndex, closes: FloatArray, category: str = names.STOCKS
) -> Iterator[Finding]:
    """Yield what there is to look at in one asset's closes, shape (t,), NaN where blank; cash may stand."""
    priced = np.flatnonzero(np.isfinite(closes))
    if not len(priced):
        yield Finding("gap", asset, f"{asset} has no close at all.")
        return
    for before, after in pairwise(priced.tolist()):
        if after - before - 1 > CARRIED_DAYS:
            says = f"{asset} has no close on {after - before - 1} trading days after {days[before]:%Y-%m-%d}"
            yield Finding("gap", asset, f"{says}; {CARRIED_DAYS} are carried forward.")
    held, when = closes[priced], days[priced]
    returns = held[1:] / held[:-1] - 1.0
    for i in np.flatnonzero(np.abs(returns) > JUMP).tolist():
        yield Finding("jump", asset, f"{asset} moves {100 * returns[i]:+.1f} % on {when[i + 1]:%Y-%m-%d}.")
    stale = [(length, start) for start, length in _runs(returns == 0.0) if length >= STALE_RUN]
    if stale and category != names.CASH:
        length, start = max(stale)
        more = f"; and {len(stale) - 1} more such runs" if len(stale) > 1 else ""
        says = f"{asset} stands at {held[start]:g} for {length} days from {when[start]:%Y-%m-%d}"
        yield Finding("stale", asset, f"{says}{more}.")
    if (since := phantom_dividends(returns)) is not None:
        yield Finding(
            "dividends",
            asset,
            f"{asset} leaps up about once a quarter for five years from {when[since + 1]:%Y-%m-%d}: "
            "dividends may have been added that later splits make too large.",
        )
    missing = len(closes) - 1 - priced[-1]
    if missing > CARRIED_DAYS:
        yield Finding("ended", asset, f"{asset} has no close after {when[-1]:%Y-%m-%d}.")
    elif len(returns) < TRADING_YEAR:
        yield Finding("young", asset, f"{asset} has {len(returns)} daily returns, {TRADING_YEAR} needed.")


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield where each run of true flags starts, and its length."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield start, end - start


def phantom_dividends(returns: FloatArray) -> int | None:
    """Return the return with which five years of quarterly leaps upward begin, or None where there are none.

    Deviations are log returns over their robust scale, 1.4826 times the median absolute one of the 63 days
    around, capped. Over all paths of 20 deviations in steps of 57 to 69 trading days, the greatest mean is
    compared with the greatest of the same series turned upside down.
    """
    if len(returns) < _QUARTERS * _QUARTER[1]:
        return None
    logs = pd.Series(np.log1p(returns))
    scale = 1.4826 * logs.abs().rolling(63, center=True, min_periods=30).median().clip(lower=1e-4)
    deviations = (logs / scale).clip(-_CAP, _CAP).to_numpy()
    (up, start), (down, _) = _best_path(deviations), _best_path(-deviations)
    return start if up - down > _LIFT else None


def _best_path(deviations: FloatArray) -> tuple[float, int]:
    """Return the greatest mean of a path of quarterly steps, and where that path begins."""
    shortest, longest = _QUARTER
    best, starts = deviations, np.arange(len(deviations))
    for _ in range(_QUARTERS - 1):
        reached = np.full(len(best), -np.inf)
        begun = starts
        for step in range(shortest, longest + 1):
            earlier = np.concatenate([np.full(step, -np.inf), best[:-step]])
            better = earlier > reached
            reached = np.where(better, earlier, reached)
            begun = np.where(better, np.roll(starts, step), begun)
        best, starts = deviations + reached, begun
    end = int(np.nanargmax(best))
    return float(best[end]) / _QUARTERS, int(starts[end])


def _survivors(parts: MarketParts) -> Iterator[Finding]:
    stocks = [asset for asset in parts.prices.columns if parts.assets[asset].category == names.STOCKS]
    last = parts.prices[stocks].tail(CARRIED_DAYS + 1)
    if len(parts.prices) > SURVIVORS_AFTER and len(stocks) > 1 and last.notna().any().all():
        yield Finding(
            "survivors",
            "",
            f"All {len(stocks)} stocks are still priced on the last of {len(parts.prices):,} days: names "
            "that failed are not among them, and every backtest flatters.",
        )


def _disagreements(prices: pd.DataFrame, second: pd.DataFrame, source: str) -> Iterator[Finding]:
    """Yield what two sources say differently, and what only one of them can say."""
    for asset in prices.columns.intersection(second.columns):
        found = disagreement(prices[asset], second[asset])
        if found is not None:
            yield Finding(
                "disagreement",
                asset,
                f"{asset} has {found.differing:,} of {found.compared:,} daily returns that are not those of "
                f"{source} to {100 * TOLERANCE:g} %, furthest apart on {found.worst} "
                f"({100 * found.own:+.1f} % here, {100 * found.other:+.1f} % there); from first to last it "
                f"grows {found.growth_ratio:.3g} times as much as there.",
            )
    alone = [asset for asset in prices.columns if asset not in second]
    if alone:
        yield Finding("uncompared", "", f"{source} has no prices of {some(alone)}: compared with nothing.")


# --- macro rows -----------------------------------------------------------------------------------------


def macro_findings(rows: Sequence[MacroSnapshot], last_close: date, max_age_days: int) -> Iterator[Finding]:
    """Yield what there is to look at in the macro rows, oldest first."""
    days = [row.known_on for row in rows if row.known_on is not None]
    known = [day for day in days if day <= last_close]
    if not known:
        yield Finding("macro", "", f"No macro row was known by the last close, {last_close}.")
    elif (age := (last_close - known[-1]).days) > max_age_days:
        yield Finding(
            "macro",
            "",
            f"The last macro row, of {known[-1]}, is {age} days older than the last close; "
            f"{max_age_days} are allowed.",
        )
    wide = [f"{a} to {b}" for a, b in pairwise(days) if (b - a).days > max_age_days]
    if wide:
        yield Finding("macro", "", f"No macro row for more than {max_age_days} days: {some(wide)}.")
    for name in ("vix", "gdp_growth", "yield_spread"):
        row = 0
        for value, run in groupby(getattr(row, name) for row in rows):
            length = len(list(run))
            if length >= REPEATED_ROWS and (name == "vix" or value == 0.0):
                yield Finding(
                    "macro", name, f"{name} is {value:g} in {length} macro rows from {rows[row].known_on} on."
                )
            row += length
