"""From published series to the rows of ``macro.csv``: averages of what was known, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

AVERAGE_DAYS: Final = 21
"""Daily observations, about a month of them, in each average of VIX and of the spreads."""


@dataclass(frozen=True)
class MacroHistory:
    """The macro series, each indexed by the day its values became known.

    Attributes
    ----------
    vix : Series
        Daily closes, index points.
    yield_spread, spread_10y_3m : Series
        Daily Treasury constant-maturity spreads, decimal fractions. The Fed's H.15 quotes the three-month
        yield on an investment basis, which is bond-equivalent already.
    gdp_growth : Series
        First releases of real growth, q/q annualised, decimal fractions.
    """

    vix: pd.Series
    yield_spread: pd.Series
    spread_10y_3m: pd.Series
    gdp_growth: pd.Series


def macro_rows(history: MacroHistory, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one snapshot per day, from nothing known after that day's close: the rows of macro.csv.

    VIX and spreads are averages of 21 observations. The New York Fed takes 10y - 3m over the calendar month,
    which at a month's end is nearly the same.
    """
    import pandas as pd

    def average(daily: pd.Series) -> pd.Series:
        return daily.rolling(AVERAGE_DAYS).mean().reindex(days, method="ffill")

    rows = {
        "vix": average(history.vix),
        "gdp_growth": history.gdp_growth.reindex(days, method="ffill"),
        "yield_spread": average(history.yield_spread),
        "spread_10y_3m": average(history.spread_10y_3m),
    }
    return pd.DataFrame(rows).rename_axis("known_on").round(6)
