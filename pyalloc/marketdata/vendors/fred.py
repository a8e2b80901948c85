"""Macro series of the Federal Reserve Bank of St. Louis: FRED's csv as it stands, ALFRED's vintages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from pyalloc.errors import TableError, UnavailableError
from pyalloc.marketdata.macro_history import MacroHistory
from pyalloc.marketdata.vendors.transport import Patience, get_text
from pyalloc.tables import ColumnReader
from pyalloc.tables.delimited import DelimitedText

if TYPE_CHECKING:
    import pandas as pd

FRED_URL: Final = "https://fred.stlouisfed.org"
ALFRED_URL: Final = "https://api.stlouisfed.org"

DAILY: Final = ("VIXCLS", "T10Y2Y", "DGS10", "DGS3MO")
GDP: Final = "GDPC1"
"""Real gross domestic product, chained dollars, seasonally adjusted annual rate, by quarter."""

GDP_LAG_DAYS: Final = 45
"""Days after a quarter's end from which its growth in today's vintage counts as known.

The advance estimate is usually out after 30; the middle of the second month is what the Philadelphia Fed's
real-time data set takes as known, and leaves room for a late one.
"""

_LATEST_FIRST_RELEASE: Final = 200
"""Days after a quarter's end by which even a shutdown has let its first release out; what ALFRED first knew
later is the start of its records, no release."""

_ROWS: Final = 100_000
"""Observations that one answer of the ALFRED API can hold."""


@dataclass(frozen=True)
class Fred:
    """FRED, and ALFRED where there is a key.

    Attributes
    ----------
    fred_url, alfred_url : str
        Base addresses of ``/graph/fredgraph.csv`` and of ``/fred/series/observations``.
    key : str
        ALFRED's API key; without one, growth is today's vintage, known `GDP_LAG_DAYS` after the quarter.
    patience : Patience
    """

    fred_url: str = FRED_URL
    alfred_url: str = ALFRED_URL
    key: str = field(default="", repr=False)
    patience: Patience = field(default_factory=Patience)

    def history(self, since: date) -> MacroHistory:
        """Return the series of the macro rows from `since` on; growth from two years earlier.

        Raises
        ------
        UnavailableError
            Where a series cannot be had, or is not what its vendor's format says.
        """
        daily = {name: self.series(name, since) for name in DAILY}
        earlier = since.replace(year=since.year - 2, day=1)
        return MacroHistory(
            vix=daily["VIXCLS"],
            yield_spread=daily["T10Y2Y"] / 100,
            spread_10y_3m=(daily["DGS10"] - daily["DGS3MO"]).dropna() / 100,
            gdp_growth=self.first_growth(earlier) if self.key else self.lagged_growth(earlier),
        )

    def series(self, name: str, since: date) -> pd.Series:
        """Return the observations of a series from `since` on, by date; without those that are missing."""
        import pandas as pd

        address = f"{self.fred_url}/graph/fredgraph.csv"
        text = get_text(f"FRED's {name}", address, {"id": name, "cosd": f"{since}"}, self.patience)
        found = _observations(name, text)
        return pd.Series(list(found.values()), pd.DatetimeIndex(list(found), name="date"), float, name)

    def lagged_growth(self, since: date) -> pd.Series:
        """Return q/q annualised growth in today's vintage, by the day it counts as known; fractions."""
        import pandas as pd

        levels = self.series(GDP, since)
        if not (levels > 0.0).all():
            raise UnavailableError(f"FRED's {GDP} has a level that is not positive: check the address")
        quarters = pd.DatetimeIndex(levels.index).to_period("Q")
        growth = _annualised(levels.to_numpy()[1:] / levels.to_numpy()[:-1])
        follows = quarters[1:] == quarters[:-1] + 1
        known = (quarters[1:] + 1).start_time + pd.Timedelta(days=GDP_LAG_DAYS - 1)
        return pd.Series(growth, known, name=GDP)[follows].rename_axis("known_on")

    def first_growth(self, since: date) -> pd.Series:
        """Return q/q annualised growth as first released, by the day of release; fractions.

        Both levels come from the vintage of that day: levels of two vintages differ by their base year.
        """
        import pandas as pd

        vintages = self._vintages(since)
        known: dict[pd.Timestamp, float] = {}
        for quarter in sorted(vintages):
            released, level = min((start, level) for start, _, level in vintages[quarter])
            delay = (released - quarter.end_time.normalize()).days
            before = [old for start, end, old in vintages.get(quarter - 1, ()) if start <= released <= end]
            if before and delay <= _LATEST_FIRST_RELEASE:
                # After a shutdown two quarters come out in one day: the later one is the news.
                known[released] = _annualised(level / before[0])
        days = pd.DatetimeIndex(list(known), name="known_on")
        return pd.Series(list(known.values()), days, float, GDP).sort_index()

    def _vintages(self, since: date) -> dict[pd.Period, list[tuple[pd.Timestamp, pd.Timestamp, float]]]:
        """Return every level of each quarter: known from, until, level."""
        import pandas as pd

        query = {
            "series_id": GDP,
            "api_key": self.key,
            "file_type": "json",
            "observation_start": f"{since}",
            "realtime_start": "1776-07-04",
            "realtime_end": "9999-12-31",
            "output_type": "1",
            "limit": f"{_ROWS}",
        }
        address = f"{self.alfred_url}/fred/series/observations"
        text = get_text(f"ALFRED's {GDP}", address, query, self.patience)
        try:
            answer: dict[str, Any] = json.loads(text)
            listed = answer["observations"]
            if len(listed) != int(answer["count"]):
                raise ValueError("not all observations")
            found: dict[pd.Period, list[tuple[pd.Timestamp, pd.Timestamp, float]]] = {}
            for entry in listed:
                if entry["value"] == ".":
                    continue
                # The last day of a vintage in force is 9999-12-31, past what a timestamp can hold.
                until = min(entry["realtime_end"], "2200-12-31")
                level = (pd.Timestamp(entry["realtime_start"]), pd.Timestamp(until), float(entry["value"]))
                if not level[2] > 0.0:
                    raise ValueError("a level that is not positive")
                found.setdefault(pd.Period(entry["date"], freq="Q"), []).append(level)
        except (ValueError, TypeError, KeyError):
            raise UnavailableError(
                f"ALFRED's {GDP} is not the list of observations that its format promises: "
                "check the address given for ALFRED, or fetch without a key"
            ) from None
        return found


def _annualised(growth: Any) -> Any:
    """Return the growth of a year in which every quarter grows by this factor, less 1."""
    return growth**4 - 1.0


def _observations(name: str, text: str) -> dict[pd.Timestamp, float]:
    """Return date and value of each observation in FRED's csv, in which missing is blank or a full stop."""
    import pandas as pd

    if [cell.strip() for cell in text.split(",")[1:]] == [name]:
        return {}  # the header alone: nothing from that date on
    try:
        table = DelimitedText(f"FRED's {name}", text, ",").table()
        if len(table.columns) != 2:
            raise TableError(f"columns expected: 2, found: {len(table.columns)}")
        first, second = table.columns
        rows = tuple((day, "" if value == "." else value) for day, value in table.rows)
        reader = ColumnReader(replace(table, rows=rows))
        days, values = reader.date(first), reader.number(second, required=False)
        reader.check()
    except TableError as error:
        raise UnavailableError(
            f"FRED's {name} is not its csv of dates and values ({error.problems[0]}): check the address"
        ) from None
    if second != name:
        raise UnavailableError(f"FRED was asked for {name} and answered with {second}: check the address")
    written = [day for day in days if day]
    if any(later <= earlier for earlier, later in pairwise(written)):
        raise UnavailableError(f"FRED's {name} is not in order of time, day by day: check the address")
    return {pd.Timestamp(day): value for day, value in zip(written, values, strict=True) if isfinite(value)}
