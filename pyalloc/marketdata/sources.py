"""The files that a market is read from: a folder, one workbook, or prices in parquet with the rest beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from pyalloc import names
from pyalloc.errors import InputError, TableError
from pyalloc.macro import MacroSnapshot
from pyalloc.marketdata.saved import SAVED_RANKER, SavedRanker, read_ranker
from pyalloc.tables import ColumnReader, Table, cells, read_prices, read_table
from pyalloc.tables.columns import MAX_TEXT
from pyalloc.tables.parquet import PARQUET_SUFFIX
from pyalloc.tables.table import name_key
from pyalloc.tables.workbook import WORKBOOK_SUFFIXES, sheet_names

if TYPE_CHECKING:
    import pandas as pd

Content = TypeVar("Content")

PRICE_FILES: Final = ("prices.csv", "prices.csv.gz", "prices.parquet")
"""What the prices of a market folder may be called; exactly one is there."""

_STANDARD_CATEGORIES: Final = {name_key(name): name for name in names.CATEGORIES}


@dataclass(frozen=True)
class Asset:
    """One instrument: its symbol, name, category, and for stocks its GICS sector."""

    asset: str
    name: str
    category: str
    sector: str = ""


@dataclass(frozen=True)
class MarketParts:
    """What the files of a market say, each checked in itself and all against each other.

    Attributes
    ----------
    prices : DataFrame of shape (n_dates, n_assets)
        As :func:`pyalloc.tables.read_prices` returns them, gaps and all.
    assets : dict of str to Asset
        By symbol; the same symbols as the columns of `prices`.
    macro : tuple of MacroSnapshot
        By `known_on`, ascending.
    notice : str
    saved_ranker : SavedRanker or None
    """

    prices: pd.DataFrame
    assets: dict[str, Asset]
    macro: tuple[MacroSnapshot, ...]
    notice: str
    saved_ranker: SavedRanker | None


def read_parts(path: str | Path) -> MarketParts:
    """Read a market.

    Parameters
    ----------
    path : path-like
        A folder with ``prices.csv``, ``prices.csv.gz`` or ``prices.parquet``, with ``assets.csv`` and
        ``macro.csv``, and perhaps ``NOTICE`` and ``ranker.npz``; a workbook with the sheets prices, assets,
        macro and perhaps notice; or a parquet file of prices with the other files of a folder beside it.

    Raises
    ------
    TableError
        With a sentence for each problem found in any of them.
    """
    path = Path(path)
    if path.is_dir():
        return _from_folder(path, price_file(path))
    if path.is_file() and path.name.lower().endswith(PARQUET_SUFFIX):
        return _from_folder(path.parent, path)
    if path.is_file() and path.name.lower().endswith(WORKBOOK_SUFFIXES):
        return _from_workbook(path)
    raise TableError(
        f"{path.name} is not a market directory: it needs prices, assets.csv and macro.csv "
        "(or name a workbook, .xlsx, or prices in .parquet)"
    )


def price_file(folder: Path) -> Path:
    """Return the one file of prices in a folder; ``prices.csv`` where there is none yet."""
    found = [folder / name for name in PRICE_FILES if (folder / name).exists()]
    if len(found) > 1:
        raise TableError(f"{found[0].name} and {found[1].name} both exist: keep the one that counts")
    return found[0] if found else folder / PRICE_FILES[0]


def read_prices_of(path: Path) -> pd.DataFrame:
    """Return the prices of a market, or of a file that holds nothing else.

    Raises
    ------
    TableError
        Where there are none, or they cannot be used.
    """
    if path.is_dir():
        return read_prices(price_file(path))
    in_workbook = path.is_file() and path.name.lower().endswith(WORKBOOK_SUFFIXES)
    has_sheet = in_workbook and "prices" in map(name_key, sheet_names(path))
    return read_prices(path, sheet="prices" if has_sheet else None)


def read_assets(path: Path, sheet: str | None = None) -> dict[str, Asset]:
    """Return the assets that a table lists, by symbol.

    Raises
    ------
    TableError
        With a sentence for each cell that cannot be used.
    """
    table = read_table(path, sheet=sheet)
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


def read_macro(path: Path, sheet: str | None = None) -> tuple[MacroSnapshot, ...]:
    """Return the macro rows of a table by the day they became known.

    Raises
    ------
    TableError
        With a sentence for each cell that cannot be used.
    """
    table = read_table(path, sheet=sheet)
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


def _from_folder(folder: Path, prices: Path) -> MarketParts:
    ranker = folder / SAVED_RANKER
    return _collected(
        partial(read_prices, prices),
        partial(read_assets, folder / "assets.csv"),
        partial(read_macro, folder / "macro.csv"),
        partial(_read_notice, folder / "NOTICE"),
        partial(read_ranker, ranker) if ranker.exists() else lambda: None,
        listed_in="assets.csv",
    )


def _from_workbook(path: Path) -> MarketParts:
    noticed = "notice" in map(name_key, sheet_names(path))
    return _collected(
        partial(read_prices, path, sheet="prices"),
        partial(read_assets, path, "assets"),
        partial(read_macro, path, "macro"),
        (lambda: _notice_of(read_table(path, sheet="notice"))) if noticed else lambda: "",
        lambda: None,
        listed_in=f'{path.name} sheet "assets"',
    )


def _collected(
    prices: Callable[[], pd.DataFrame],
    assets: Callable[[], dict[str, Asset]],
    macro: Callable[[], tuple[MacroSnapshot, ...]],
    notice: Callable[[], str],
    ranker: Callable[[], SavedRanker | None],
    listed_in: str,
) -> MarketParts:
    """Read every part, and refuse the market with the problems of all of them at once."""
    problems: list[str] = []

    def attempt(read: Callable[[], Content]) -> Content | None:
        try:
            return read()
        except TableError as error:
            problems.extend(error.problems)
            return None

    priced, listed, rows, said = attempt(prices), attempt(assets), attempt(macro), attempt(notice)
    saved = attempt(ranker)
    if priced is not None and listed is not None:
        problems += _unmatched(list(priced.columns), listed, listed_in)
    if problems or priced is None or listed is None or rows is None or said is None:
        raise TableError(problems)
    return MarketParts(priced, listed, rows, said, saved)


def _unmatched(priced: Sequence[str], listed: dict[str, Asset], listed_in: str) -> list[str]:
    problems = []
    unlisted = [symbol for symbol in priced if symbol not in listed]
    if unlisted:
        problems.append(f"prices has columns that {listed_in} does not list: {some(unlisted)}")
    unpriced = [symbol for symbol in listed if symbol not in set(priced)]
    if unpriced:
        problems.append(f"{listed_in} lists assets that prices has no column for: {some(unpriced)}")
    return problems


def some(symbols: Sequence[str]) -> str:
    """Return the first ten symbols, and how many more there are."""
    more = f" and {len(symbols) - 10} more" if len(symbols) > 10 else ""
    return ", ".join(symbols[:10]) + more


def _read_notice(path: Path) -> str:
    """Return the notice as one line, or nothing where there is no such file."""
    if not path.is_file():
        return ""
    return _one_line(path.name, path.read_text(encoding="utf-8", errors="replace"))


def _notice_of(table: Table) -> str:
    """Return the notice of a sheet: the text below its header, as one line."""
    return _one_line(table.source, " ".join(str(cell) for row in table.rows for cell in row))


def _one_line(source: str, written: str) -> str:
    try:
        return cells.text(" ".join(written.split()), MAX_TEXT)
    except InputError as error:
        raise TableError(f"{source}: {error}") from None
