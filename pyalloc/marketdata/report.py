"""What is wrong with a market, as far as its own numbers can tell, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.errors import TableError
from pyalloc.macro import MacroPolicy
from pyalloc.marketdata.comparison import TOLERANCE, common_closes, disagreement
from pyalloc.marketdata.data import CARRIED_DAYS
from pyalloc.marketdata.faults import Finding, asset_findings, macro_findings
from pyalloc.marketdata.sources import MarketParts, read_parts, read_prices_of, some
from pyalloc.stocks import TRADING_YEAR

FloatArray = NDArray[np.float64]

SURVIVORS_AFTER: Final = 3 * TRADING_YEAR
"""Trading days after which a market of stocks of which none has ended is one of survivors."""

MOST_OTHER_DAYS: Final = 0.05
"""Share of days on which most assets may have no close: holidays of other countries are fewer."""

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
    findings += _other_days(prices)
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


# --- all assets together --------------------------------------------------------------------------------


def _other_days(prices: pd.DataFrame) -> Iterator[Finding]:
    """Yield that an asset brings days of its own, as one that trades at weekends does.

    On those days all others stand still, so that a year of 252 days is no year of theirs.
    """
    listed = prices.ffill().notna() & prices.bfill().notna()
    few = prices.notna().sum(axis=1) < listed.sum(axis=1) / 2
    if few.mean() > MOST_OTHER_DAYS:
        alone = prices.columns[prices[few].notna().any()].tolist()
        yield Finding(
            "days",
            "",
            f"On {int(few.sum()):,} of {len(prices):,} days fewer than half of the assets have a close: "
            f"{some(alone)} has days of its own, and features over days mean something else for the others.",
        )


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
    apart = [
        asset
        for asset in prices.columns.intersection(second.columns)
        if len(common_closes(prices[asset], second[asset])) < 2
    ]
    if apart:
        yield Finding(
            "uncompared",
            "",
            f"{source} has fewer than two days in common with {some(apart)}: compared with nothing.",
        )
