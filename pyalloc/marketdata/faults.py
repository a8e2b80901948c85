"""Faults in the closes of one asset, and in macro rows: what each looks like in the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.macro import MacroSnapshot
from pyalloc.marketdata.data import CARRIED_DAYS
from pyalloc.marketdata.sources import some
from pyalloc.stocks import TRADING_YEAR

FloatArray = NDArray[np.float64]

JUMP: Final = 0.40
"""Return of one day, up or down, beyond which a close is shown for a look."""

STALE_RUN: Final = 10
"""Returns of zero in a row, from which on a price is stale."""

REPEATED_ROWS: Final = 3
"""Macro rows in a row with one and the same VIX, or with a zero, that are a filler and no figure."""

# A phantom dividend: the vendor added dividends that were not adjusted for later splits, so that each ex-day
# has a return too high by several percent. One day proves nothing. But best paths through the daily returns,
# in steps of a quarter over five years, go as well up as down in any sound series; phantoms lift one of them.
_QUARTER: Final = (57, 69)  # trading days from one ex-day to the next
_QUARTERS: Final = 20
_CAP: Final = 6.0  # robust standard deviations that one day can count
_LIFT: Final = 1.1  # mean deviations by which the path upward exceeds that downward


@dataclass(frozen=True)
class Finding:
    """Something to look at.

    Attributes
    ----------
    kind : str
        "unreadable", "gap", "jump", "stale", "dividends", "days", "disagreement", "macro"; to know, no
        fault: "young", "ended", "survivors", "uncompared".
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
