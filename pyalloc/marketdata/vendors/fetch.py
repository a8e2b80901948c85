"""Bring a market folder up to date: ask for what is new, check the whole, then put it in place."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import astuple, dataclass
from datetime import date, datetime
from os.path import samestat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from pyalloc.errors import InputError, TableError
from pyalloc.locks import take_lock
from pyalloc.marketdata.sources import Asset, price_file, read_assets, read_macro, read_parts, some
from pyalloc.marketdata.vendors.fred import GDP_LAG_DAYS, Fred
from pyalloc.marketdata.vendors.refresh import Arrival, PriceVendor, macro_start, new_macro_rows, refreshed
from pyalloc.tables import read_prices
from pyalloc.tables.delimited import read_delimited

if TYPE_CHECKING:
    import pandas as pd

SINCE: Final = date(1990, 1, 2)
"""The first day of the VIX."""

EARLIEST: Final = date(1900, 1, 1)
"""The first day that may be asked for."""

_NOTICE: Final = (
    f"Growth is FRED's vintage of the day it was fetched, taken as known {GDP_LAG_DAYS} days after "
    "the quarter: not as first released."
)
_SYMBOL: Final = re.compile(r"[A-Z0-9.=^-]+", re.ASCII)
_MACRO_HEADER: Final = "known_on,vix,gdp_growth,yield_spread,spread_10y_3m"
_ASSETS_HEADER: Final = ("asset", "name", "category", "sector")


@dataclass(frozen=True)
class Fetched:
    """What a fetch found: a line for the macro rows and for each asset, and sentences for the reader."""

    arrivals: tuple[Arrival, ...]
    notes: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether nothing is stale or missing."""
        return all(arrival.state in ("new", "unchanged") for arrival in self.arrivals)


def fetch_market(
    folder: Path,
    fred: Fred,
    yahoo: PriceVendor,
    *,
    now: datetime,
    assets: Path | None = None,
    since: date = SINCE,
    dry_run: bool = False,
) -> Fetched:
    """Ask the vendors for what a market folder lacks, and write it there, whole or not at all.

    Rows of ``macro.csv`` that are there stay as they are: they say what was known. Stored closes are
    scaled by what a split or a dividend has changed in the vendor's adjustment since.

    Parameters
    ----------
    folder : Path
        Made if need be.
    fred, yahoo
        The vendors.
    now : datetime
        With a time zone; what is stale is measured to its day, and a session still open then has no close.
    assets : Path, optional
        List of assets in place of the folder's ``assets.csv``; it may add assets, not drop them.
    since : date
        First day asked for where nothing is stored.
    dry_run : bool
        Ask and check, write nothing.

    Raises
    ------
    InputError, TableError
        Where the list of assets, the first day, or what is in the folder, cannot be used; or another fetch is
        at work there.
    UnavailableError
        Where a vendor cannot be reached, or has never heard of an asset that nothing is stored of.
    """
    folder = folder.resolve()  # a link, or ".", is the folder that it stands for
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder.name} is a file: name the market folder that it should go to")
    if not EARLIEST <= since <= now.date():
        raise InputError(f"the first day is {since}: write one from {EARLIEST} to today, {now.date()}")
    with nullcontext() if dry_run else _alone(folder):
        own_list = folder / "assets.csv"
        _refuse_synthetic(folder / "NOTICE")
        listed = read_assets(assets or own_list)
        _refuse_odd_symbols(listed)
        stored = _stored_prices(folder, listed)
        prices, arrivals = refreshed(yahoo, list(listed), stored, since, now)
        rows, macro = _macro_csv(fred, folder / "macro.csv", since, now.date())
        name = "prices.csv.gz" if stored is None else price_file(folder).name
        files = {
            "macro.csv": rows,
            # The folder's own list stays as it is, with columns of the firm's own.
            "assets.csv": _assets_csv(listed.values())
            if assets and assets.resolve() != own_list
            else own_list.read_bytes(),
            name: _prices_csv(prices, packed=name.endswith(".gz")),
        }
        notes = () if fred.key else (_NOTICE,)
        if notes and not (folder / "NOTICE").exists():
            files["NOTICE"] = f"{_NOTICE}\n".encode()
        if dry_run:
            with TemporaryDirectory() as scratch:
                _write_market(Path(scratch), files)
        else:
            _put_in_place(folder, files)
    return Fetched((macro, *arrivals), notes)


def _refuse_synthetic(notice: Path) -> None:
    """Keep real figures out of a market that is made up, where nobody could tell them apart."""
    from pyalloc.marketdata.demo import NOTICE

    if notice.is_file() and NOTICE in notice.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{notice.parent} is a demo market, which is synthetic: fetch into another folder")


def _refuse_odd_symbols(listed: Iterable[str]) -> None:
    """Refuse what the vendor would read as another symbol, as all before a question mark."""
    odd = [symbol for symbol in listed if not _SYMBOL.fullmatch(symbol)]
    if odd:
        raise InputError(
            f"{some(odd)} cannot be asked of Yahoo, whose symbols are capital letters, digits and . - = ^ "
            "(BRK-B, EURUSD=X, ^GSPC): correct the list of assets"
        )


def _aside(folder: Path, purpose: str) -> Path:
    """Return a place for what is no part of the market, on the same disk: in the folder, or beside a new one.

    What stands beside a folder that exists may be another disk, or closed to whoever writes the market.
    """
    return folder / f".{purpose}" if folder.exists() else folder.with_name(f".{folder.name}.{purpose}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other fetches out of a market folder, which may not exist yet.

    Raises
    ------
    InputError
        Where another fetch is at work there.
    """
    lock = _aside(folder, "lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as file:
        # A fetch that has just ended has removed the file that was opened here: the next makes another.
        if not take_lock(file) or not lock.exists() or not samestat(os.fstat(file.fileno()), lock.stat()):
            raise InputError(f"another fetch is writing to {folder}: wait until it ends, then run again")
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no file that is open: it stays, empty
                lock.unlink()


def _stored_prices(folder: Path, listed: Mapping[str, Asset]) -> pd.DataFrame | None:
    """Return the prices that are there, of which every asset must still be listed."""
    stored = price_file(folder)
    if not stored.exists():
        return None
    if stored.suffix == ".parquet":
        raise InputError(f"{stored.name} is read, not written: fetch into a folder with prices.csv.gz")
    prices = read_prices(stored)
    dropped = [symbol for symbol in prices.columns if symbol not in listed]
    if dropped:
        raise InputError(
            f"{stored.name} has prices of {some(dropped)}, which the list of assets lacks: go on listing "
            "what has ended, since a market of survivors flatters, or fetch into a new folder"
        )
    return prices


def _macro_csv(fred: Fred, file: Path, since: date, today: date) -> tuple[bytes, Arrival]:
    """Return the rows that are there, untouched, with the new ones below."""
    last, text = None, f"{_MACRO_HEADER}\n"
    if file.exists():
        last, text = read_macro(file)[-1].known_on, read_delimited(file).text
        if text.partition("\n")[0].strip() != _MACRO_HEADER:
            raise TableError(
                f"macro.csv starts with another line than {_MACRO_HEADER}, the only one that rows are added "
                "to: save it with these columns, separated by commas, or fetch into a new folder"
            )
        text = text if text.endswith("\n") else f"{text}\n"
    rows, arrival = new_macro_rows(fred.history(macro_start(last, since)), last, since, today)
    return (text + rows.to_csv(header=False, date_format="%Y-%m-%d", lineterminator="\n")).encode(), arrival


def _assets_csv(assets: Iterable[Asset]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_ASSETS_HEADER)
    writer.writerows(map(astuple, assets))
    return text.getvalue().encode()


def _prices_csv(prices: pd.DataFrame, *, packed: bool) -> bytes:
    text = prices.to_csv(
        index_label="date", date_format="%Y-%m-%d", float_format="%.10g", lineterminator="\n"
    ).encode()
    return gzip.compress(text, mtime=0) if packed else text


def _put_in_place(folder: Path, files: Mapping[str, bytes]) -> None:
    """Check the files as a market aside, then move each that differs into the folder.

    Every file is whole whenever the process ends. A new folder appears at once. In one that exists each name
    changes by itself; should only some have changed, the market is either valid, or refused for an asset
    without prices, and the next fetch completes it.
    """
    scratch = _aside(folder, "fetching")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        _write_market(scratch, files)
        if not folder.exists():
            scratch.rename(folder)
            return
        for name, content in files.items():
            place = folder / name
            if not place.exists() or place.read_bytes() != content:
                (scratch / name).replace(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_market(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files, and read them as a market.

    Raises
    ------
    TableError
        Where they are none.
    """
    for name, content in files.items():
        (folder / name).write_bytes(content)
    read_parts(folder)
