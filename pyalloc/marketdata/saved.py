"""A market's ridge, fitted once and kept beside its prices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pyalloc.errors import InputError, TableError
from pyalloc.ranking.ranker import StockRanker
from pyalloc.ranking.saved import ranker_arrays, ranker_from_arrays
from pyalloc.tables.arrays import read_arrays, write_arrays

SAVED_RANKER: Final = "ranker.npz"
"""The file's name in a market directory."""


@dataclass(frozen=True, eq=False)
class SavedRanker:
    """A fitted ridge and the fingerprint of the prices that it was fitted to."""

    ranker: StockRanker
    prices: str


def write_ranker(path: Path, ranker: StockRanker, prices: str) -> None:
    """Save a fitted ridge as plain arrays.

    Parameters
    ----------
    path : Path
        ``ranker.npz`` in the market's directory, for it to be found there.
    ranker : StockRanker
    prices : str
        :attr:`pyalloc.marketdata.MarketData.fingerprint` of the prices.
    """
    write_arrays(path, {"prices": np.array(prices), **ranker_arrays(ranker)})


def read_ranker(path: Path) -> SavedRanker:
    """Return a ridge that was saved.

    Raises
    ------
    TableError
        Where the file holds something else.
    """
    arrays = read_arrays(path)
    try:
        return SavedRanker(ranker_from_arrays(arrays), str(arrays.get("prices", "")))
    except InputError as error:
        raise TableError(f"{path.name}: {error}") from None
