"""What is new in a series, and how it joins what is stored: pure functions over tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from pyalloc.errors import UnavailableError
from pyalloc.marketdata.macro_history import MacroHistory, macro_rows
from pyalloc.marketdata.sources import some

if TYPE_CHECKING:
    import pandas as pd

STALE_DAYS: Final = 10
"""Calendar days without an observation after which a daily series is stale: no holidays last so long."""

STALE_GROWTH_DAYS: Final = 200
"""The same for quarterly growth: a quarter, and what government shutdowns have delayed a release by."""

_AVERAGED_DAYS: Final = 60
"""Calendar days before the first new row that its 21-day averages may reach back to."""

_OVERLAP_DAYS: Final = 15
"""Calendar days before the last stored close asked for again, to see what adjustments have changed."""

_SAME: Final = 1e-5
"""Relative difference between two adjusted closes that is the vendor's rounding."""

_CONSTANT: Final = 1e-4
"""Spread of new over stored closes, across the overlap, that one split or dividend can explain."""


class PriceVendor(Protocol):
    """Where closes come from."""

    def closes(self, symbol: str, since: date, now: datetime) -> pd.Series | None:
        """Return adjusted closes by date, or None where there is no such symbol."""
        ...


@dataclass(frozen=True)
class Arrival:
    """What came of one series.

    Attributes
    ----------
    name : str
    new : int
        Observations, or rows, that were not there before.
    last : date
        The last there is now.
    state : str
        "new", "unchanged", "stale" or "missing".
    note : str
        What else to know, as a split that the stored closes follow; may be empty.
    """

    name: str
    new: int
    last: date
    state: str
    note: str = ""


# --- prices ---------------------------------------------------------------------------------------------


def refreshed(
    vendor: PriceVendor, symbols: Sequence[str], stored: pd.DataFrame | None, since: date, now: datetime
) -> tuple[pd.DataFrame, list[Arrival]]:
    """Return the closes of all symbols, stored and new, and what came of each.

    Raises
    ------
    UnavailableError
        Where the vendor fails, or has nothing of a symbol of which nothing is stored.
    """
    import pandas as pd

    columns: dict[str, pd.Series] = {}
    arrivals: list[Arrival] = []
    unknown = []
    for symbol in symbols:
        old = None if stored is None or symbol not in stored else stored[symbol].dropna()
        found = _column(vendor, symbol, old, since, now)
        if found is None:
            unknown.append(symbol)
        else:
            columns[symbol], arrival = found
            arrivals.append(arrival)
    if unknown:
        raise UnavailableError(
            f"Yahoo has no prices of {some(unknown)} since {since}: correct the symbols (Yahoo writes "
            "BRK-B for BRK.B), or take them off the list; nothing was written"
        )
    return pd.DataFrame(columns).sort_index(), arrivals


def _column(
    vendor: PriceVendor, symbol: str, old: pd.Series | None, since: date, now: datetime
) -> tuple[pd.Series, Arrival] | None:
    if old is None or not len(old):
        fresh = vendor.closes(symbol, since, now)
        return None if fresh is None or not len(fresh) else (fresh, _arrival(fresh, len(fresh), now))
    overlap = old.index[-1].date() - timedelta(days=_OVERLAP_DAYS)
    fresh = vendor.closes(symbol, overlap, now)
    if fresh is None or not len(fresh):
        last = old.index[-1].date()
        note = f"Yahoo knows no such symbol since {overlap}: it ended, or has another name now"
        return old, Arrival(symbol, 0, last, "missing", note)
    joined = splice(old, fresh)
    if joined is not None:
        series, factor = joined
        note = "" if factor == 1.0 else f"stored closes × {factor:.6g}, as a split or dividend changed them"
    else:
        whole = vendor.closes(symbol, old.index[0].date(), now)
        if whole is None or len(whole) < len(old):
            raise UnavailableError(
                f"Yahoo's {symbol} no longer agrees with what is stored, and its history is shorter: it may "
                "be another company's now; nothing was written. Give what is stored another symbol, in the "
                "prices and in the list, or fetch into a new folder"
            )
        series, note = whole, "the vendor revised its history: fetched anew"
    return series, _arrival(series, len(series.index.difference(old.index)), now, note)


def splice(old: pd.Series, fresh: pd.Series) -> tuple[pd.Series, float] | None:
    """Return stored closes continued by newer ones, and the factor by which the stored ones were multiplied.

    A day that was blank, and has a close by now, gets it.
    Each split or dividend changes the vendor's adjustment of all closes before it, by one factor. Where the
    closes in common do not differ by one factor, or there are none, nothing can be joined: None.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2016-01-04", periods=4)
    >>> old = pd.Series([100.0, 102.0, 104.0], days[:3])
    >>> series, factor = splice(old, pd.Series([51.0, 52.0, 53.0], days[1:]))
    >>> series.tolist(), factor
    ([50.0, 51.0, 52.0, 53.0], 0.5)
    """
    import pandas as pd

    common = old.index.intersection(fresh.index)
    if not len(common):
        return None
    ratio = fresh[common] / old[common]
    if ratio.max() / ratio.min() - 1.0 > _CONSTANT:
        return None
    factor = float(ratio.median())
    if abs(factor - 1.0) <= _SAME:
        factor = 1.0
    return pd.concat([old * factor, fresh[~fresh.index.isin(old.index)]]).sort_index(), factor


def _arrival(series: pd.Series, new: int, now: datetime, note: str = "") -> Arrival:
    last = series.index[-1].date()
    state = "stale" if (now.date() - last).days > STALE_DAYS else "new" if new else "unchanged"
    return Arrival(str(series.name), new, last, state, note)


# --- macro ----------------------------------------------------------------------------------------------


def macro_start(last: date | None, since: date) -> date:
    """Return the first day of observations that rows after `last`, or from `since` on, need."""
    return (last or since) - timedelta(days=_AVERAGED_DAYS)


def new_macro_rows(
    history: MacroHistory, last: date | None, since: date, today: date
) -> tuple[pd.DataFrame, Arrival]:
    """Return the rows of the VIX's days after `last`, or from `since` on, as far as nothing in them is stale.

    The recession spread, which the chain does without, is left blank where it is stale.

    Raises
    ------
    UnavailableError
        Where there is no row, and none is stored.
    """
    import pandas as pd

    days = pd.DatetimeIndex(history.vix.index)
    days = days[days > pd.Timestamp(last)] if last else days[days >= pd.Timestamp(since)]
    rows = macro_rows(history, days)
    ends = {
        "T10Y2Y": _end(history.yield_spread, STALE_DAYS),
        "GDPC1": _end(history.gdp_growth, STALE_GROWTH_DAYS),
    }
    rows.loc[rows.index > _end(history.spread_10y_3m, STALE_DAYS), "spread_10y_3m"] = float("nan")
    rows = rows[rows.index <= min(ends.values())].dropna(subset=["vix", "gdp_growth", "yield_spread"])
    stale = [name for name, end in ends.items() if end < pd.Timestamp(today)]
    notes = [f"{' and '.join(stale)} ended: no rows without them"] if stale else []
    newest = rows.index[-1].date() if len(rows) else last
    if newest is None:
        raise UnavailableError(
            f"no macro row can be made since {since}: FRED's {' or '.join(stale) or 'VIXCLS'} has too few "
            "values there; give an earlier --since, or check the address; nothing was written"
        )
    if last is None and (rows.index[0].date() - since).days > STALE_DAYS:
        notes.append(f"rows begin on {rows.index[0]:%Y-%m-%d}: before, not every series had a value known")
    state = "stale" if (today - newest).days > STALE_DAYS else "new" if len(rows) else "unchanged"
    return rows, Arrival("macro.csv", len(rows), newest, state, "; ".join(notes))


def _end(series: pd.Series, days: int) -> pd.Timestamp:
    """Return the last day on which the last value of a series is not yet stale."""
    import pandas as pd

    return pd.Timestamp.min if series.empty else series.index[-1] + pd.Timedelta(days=days)
