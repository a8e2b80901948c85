"""A market on disk: prices, assets and macro rows, read and checked as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.errors import InputError, MissingHistoryError, TableError
from pyalloc.macro import MacroSnapshot
from pyalloc.marketdata.saved import SAVED_RANKER, SavedRanker, read_ranker
from pyalloc.marketdata.view import MarketView
from pyalloc.ranking.choice import stock_ranker
from pyalloc.ranking.panel import Panel, feature_panel
from pyalloc.ranking.ranker import StockRanker
from pyalloc.stocks import StockPolicy
from pyalloc.tables import ColumnReader, cells, read_prices, read_table
from pyalloc.tables.columns import MAX_TEXT
from pyalloc.tables.table import name_key

FloatArray = NDArray[np.float64]
Content = TypeVar("Content")

CARRIED_DAYS: Final = 5
"""Trading days over which a missing close is carried forward; a longer gap stays one."""

_STANDARD_CATEGORIES: Final = {name_key(name): name for name in names.CATEGORIES}


@dataclass(frozen=True)
class Asset:
    """One instrument: its symbol, name, category, and for stocks its GICS sector."""

    asset: str
    name: str
    category: str
    sector: str = ""


@dataclass(frozen=True, eq=False)
class MarketData:
    """Everything a market directory holds.

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
        """Read a market directory: ``prices.csv`` or ``prices.csv.gz``, ``assets.csv``, ``macro.csv``.

        A ridge that was saved there (``ranker.npz``) is read too.

        Raises
        ------
        TableError
            With a sentence for each problem found in the three files.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise TableError(
                f"{folder.name} is not a market directory: it needs prices, assets.csv and macro.csv"
            )
        plain, packed = folder / "prices.csv", folder / "prices.csv.gz"
        if plain.exists() and packed.exists():
            raise TableError("prices.csv and prices.csv.gz both exist: keep the one that counts")
        problems: list[str] = []

        def attempt(read: Callable[[Path], Content], file: Path) -> Content | None:
            try:
                return read(file)
            except TableError as error:
                problems.extend(error.problems)
                return None

        prices = attempt(read_prices, packed if packed.exists() else plain)
        listed = attempt(_read_assets, folder / "assets.csv")
        macro = attempt(_read_macro, folder / "macro.csv")
        notice = attempt(_read_notice, folder / "NOTICE")
        saved = attempt(read_ranker, kept) if (kept := folder / SAVED_RANKER).exists() else None
        if prices is not None and listed is not None:
            problems += _unmatched(list(prices.columns), listed)
        if problems or prices is None or listed is None or macro is None or notice is None:
            raise TableError(problems)
        return cls(
            days=prices.index.to_numpy().astype("datetime64[D]"),
            closes=np.ascontiguousarray(prices.ffill(limit=CARRIED_DAYS).to_numpy(dtype=np.float64)),
            assets=tuple(listed[column] for column in prices.columns),
            macro=macro,
            notice=notice,
            saved_ranker=saved,
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


def _read_assets(path: Path) -> dict[str, Asset]:
    table = read_table(path)
    table.require("asset", "name", "category", "sector")
    reader = ColumnReader(table)
    symbols = reader.text("asset", max_length=24)
    titles = reader.text("name", max_length=80)
    categories = [
        _STANDARD_CATEGORIES.get(name_key(written), written)
        for written in reader.text("category", max_length=40)
    ]
    sectors = reader.text("sector", required=False, max_length=40)
    first: dict[str, int] = {}
    for row, (symbol, category, sector) in enumerate(zip(symbols, categories, sectors, strict=True)):
        if symbol and symbol in first:
            number = table.row_numbers[first[symbol]]
            reader.refuse(row, "asset", f"{symbol} is listed already in row {number}: keep one")
        first.setdefault(symbol, row)
        if category == names.STOCKS and not sector:
            reader.refuse(
                row,
                "sector",
                f"{symbol} is a stock and has no sector: write one of {', '.join(names.SECTORS)}",
            )
    reader.check()
    assets = (Asset(*entry) for entry in zip(symbols, titles, categories, sectors, strict=True))
    return {asset.asset: asset for asset in assets}


def _unmatched(priced: Sequence[str], listed: dict[str, Asset]) -> list[str]:
    problems = []
    unlisted = [symbol for symbol in priced if symbol not in listed]
    if unlisted:
        problems.append(f"prices has columns that assets.csv does not list: {_some(unlisted)}")
    unpriced = [symbol for symbol in listed if symbol not in set(priced)]
    if unpriced:
        problems.append(f"assets.csv lists assets that prices has no column for: {_some(unpriced)}")
    return problems


def _some(symbols: Sequence[str]) -> str:
    more = f" and {len(symbols) - 10} more" if len(symbols) > 10 else ""
    return ", ".join(symbols[:10]) + more


def _read_macro(path: Path) -> tuple[MacroSnapshot, ...]:
    table = read_table(path)
    table.require("known_on", "vix", "gdp_growth", "yield_spread")
    reader = ColumnReader(table)
    days = reader.date("known_on")
    vix, growth, spread = (reader.number(name) for name in ("vix", "gdp_growth", "yield_spread"))
    optional = reader.number("spread_10y_3m", required=False)
    snapshots: dict[date, MacroSnapshot] = {}
    for row in reader.good_rows:
        day, term = days[row], optional[row]
        if day is None:
            continue
        if day in snapshots:
            reader.refuse(row, "known_on", f"{day} has a row already: keep one complete row a day")
            continue
        try:
            snapshots[day] = MacroSnapshot(
                vix[row], growth[row], spread[row], None if np.isnan(term) else term, day
            )
        except InputError as error:
            reader.refuse(row, str(error).partition(" ")[0], str(error))
    reader.check()
    return tuple(snapshots[day] for day in sorted(snapshots))


def _read_notice(path: Path) -> str:
    """Return the notice as one line, or nothing where there is no such file."""
    if not path.is_file():
        return ""
    words = path.read_text(encoding="utf-8", errors="replace").split()
    try:
        return cells.text(" ".join(words), MAX_TEXT)
    except InputError as error:
        raise TableError(f"{path.name}: {error}") from None
