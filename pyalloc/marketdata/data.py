"""A market on disk: prices, assets and macro rows, read and checked as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.macro import MacroSnapshot
from pyalloc.marketdata.saved import SavedRanker
from pyalloc.marketdata.sources import Asset, read_parts
from pyalloc.marketdata.view import MarketView
from pyalloc.ranking.choice import stock_ranker
from pyalloc.ranking.panel import Panel, feature_panel
from pyalloc.ranking.ranker import StockRanker
from pyalloc.stocks import StockPolicy

FloatArray = NDArray[np.float64]

CARRIED_DAYS: Final = 5
"""Trading days over which a missing close is carried forward; a longer gap stays one."""


@dataclass(frozen=True, eq=False)
class MarketData:
    """Everything a market holds.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (t,)
        Trading days, ascending.
    closes : ndarray, shape (t, n)
        Adjusted closes, a missing one carried forward for at most five days; NaN beyond that.
    assets : tuple of Asset, length n
        In the order of the columns of `closes`.
    macro : tuple of MacroSnapshot
        By `known_on`, ascending.
    notice : str
        What must be shown with every result, as that the market is synthetic; may be empty.
    saved_ranker : SavedRanker or None
        A ridge that was fitted to these prices before; one that was not is never used.
    """

    days: NDArray[np.datetime64]
    closes: FloatArray
    assets: tuple[Asset, ...]
    macro: tuple[MacroSnapshot, ...]
    notice: str = ""
    saved_ranker: SavedRanker | None = None
    _columns: dict[str, int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._columns.update({asset.asset: i for i, asset in enumerate(self.assets)})

    @classmethod
    def from_path(cls, path: str | Path) -> MarketData:
        """Read a market: a folder, a workbook, or prices in parquet beside the other files of a folder.

        Raises
        ------
        TableError
            With a sentence for each problem found in any of its files.
        """
        parts = read_parts(path)
        prices = parts.prices
        return cls(
            days=prices.index.to_numpy().astype("datetime64[D]"),
            closes=np.ascontiguousarray(prices.ffill(limit=CARRIED_DAYS).to_numpy(dtype=np.float64)),
            assets=tuple(parts.assets[column] for column in prices.columns),
            macro=parts.macro,
            notice=parts.notice,
            saved_ranker=parts.saved_ranker,
        )

    def at(self, day: date | str | None = None) -> MarketView:
        """Return the market as known at the last close on or before `day`; default: the last date.

        Raises
        ------
        InputError
            For a text that is not an ISO date.
        MissingHistoryError
            For a day before the first close, or after the last.
        """
        if isinstance(day, datetime):
            day = day.date()
        elif isinstance(day, str):
            try:
                day = date.fromisoformat(day)
            except ValueError:
                raise InputError(f"{day!r} is not a date; write it as 2016-12-30") from None
        first, last = self.days[0].item(), self.days[-1].item()
        wanted = last if day is None else day
        if not first <= wanted <= last:
            raise MissingHistoryError(f"{wanted} is outside the market's dates, {first} to {last}")
        row = int(np.searchsorted(self.days, np.datetime64(wanted, "D"), side="right")) - 1
        return MarketView(self, self.days[row].item(), row)

    def ranker(self, stocks: StockPolicy, model: str) -> StockRanker:
        """Return a model walked forward through the whole market with the policy's settings; once, and kept.

        What it says of a close rests on what was known then (:class:`pyalloc.ranking.ranker.StockRanker`).
        """
        unfitted = stock_ranker(stocks, model)
        key = tuple(unfitted.get_params().values())
        if key not in self._rankers:
            saved = self.saved_ranker
            known = saved is not None and saved.ranker == unfitted and saved.prices == self.fingerprint
            self._rankers[key] = saved.ranker if saved and known else unfitted.fit(self._panel)
        return self._rankers[key]

    @cached_property
    def fingerprint(self) -> str:
        """What changes with any price, day or name of a stock."""
        stocks = [asset.asset for asset in self.in_category(names.STOCKS)]
        found = sha256("\n".join(stocks).encode())
        found.update(self.days.tobytes())
        found.update(self.closes[:, [self.column(stock) for stock in stocks]].tobytes())
        return found.hexdigest()

    @cached_property
    def _rankers(self) -> dict[tuple[object, ...], StockRanker]:
        return {}

    @cached_property
    def _panel(self) -> Panel:
        """Features of all stocks at all month ends."""
        columns = [self.column(asset.asset) for asset in self.in_category(names.STOCKS)]
        return feature_panel(self.days, self.closes[:, columns])

    def __contains__(self, asset: str) -> bool:
        return asset in self._columns

    def column(self, asset: str) -> int:
        """Return the column of an asset in `closes`."""
        return self._columns[asset]

    def in_category(self, category: str) -> tuple[Asset, ...]:
        """Return the assets of a category, in the market's order."""
        return self._by_category.get(category, ())

    @cached_property
    def _by_category(self) -> dict[str, tuple[Asset, ...]]:
        categories = dict.fromkeys(asset.category for asset in self.assets)
        return {c: tuple(asset for asset in self.assets if asset.category == c) for c in categories}
