"""The table of prices: dates by assets, read fast where the file leaves no doubt and with care elsewhere."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyalloc.errors import TableError
from pyalloc.tables.cells import decimal_marks
from pyalloc.tables.columns import ColumnReader
from pyalloc.tables.delimited import CSV_SUFFIXES, DelimitedText, read_delimited
from pyalloc.tables.parquet import PARQUET_SUFFIX, read_parquet, read_plain_prices
from pyalloc.tables.reading import read_table
from pyalloc.tables.table import Table, name_key
from pyalloc.tables.workbook import WORKBOOK_SUFFIXES

if TYPE_CHECKING:
    import pandas as pd

PROBLEMS_LISTED: Final = 10
"""A price file can be wrong in every cell: this many problems are named."""

_PLAIN = b"0123456789eE+-.,;\t\n"
_ISO_DATE = r"\d{4}-\d\d-\d\d"


def read_prices(path: str | os.PathLike[str], *, sheet: str | None = None) -> pd.DataFrame:
    """Read prices: ISO dates in the first column, one further column per asset, blank before listing.

    Rows may come in any order, since each carries its date; they are returned sorted.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.csv.gz``, ``.parquet``, ``.xlsx`` or ``.xlsm`` file.
    sheet : str, optional
        The sheet of a workbook; by default the first visible one.

    Returns
    -------
    DataFrame of shape (n_dates, n_assets)
        Positive prices as float, NaN where blank; the index, named date, holds the dates in ascending order.

    Raises
    ------
    TableError
        The file cannot be read as a table, or holds a cell that is no date or number, a date or an asset
        twice, or a price that is not positive and finite.
    """
    path = Path(path)
    name = path.name.lower()
    frame: pd.DataFrame | None
    if name.endswith(PARQUET_SUFFIX):
        frame = read_plain_prices(path)
        frame = _with_care(read_parquet(path)) if frame is None else frame
    elif name.endswith(WORKBOOK_SUFFIXES):
        frame = _with_care(read_table(path, sheet=sheet))
    elif name.endswith(CSV_SUFFIXES):
        document = read_delimited(path)
        frame = _read_plain(document)
        frame = _with_care(document.table()) if frame is None else frame
    else:
        raise TableError(f"{path.name} is not csv: save the prices as .csv, .csv.gz, .xlsx or .parquet")
    _refuse_repeated_dates(path.name, frame)
    _refuse_impossible_prices(path.name, frame)
    return frame.sort_index()


def _read_plain(document: DelimitedText) -> pd.DataFrame | None:
    """Return what pandas reads from digits, signs and separators alone; None where it might misread.

    pandas turns TRUE into 1, cuts or shifts rows of uneven length, and guesses at text: no such file gets
    this far.
    """
    import pandas as pd

    header, _, body = document.text.lstrip("\n").partition("\n")
    names = [name.strip() for name in header.split(document.separator)]
    marks = "." if document.separator == "," else decimal_marks(body)
    if (
        body.encode().translate(None, _PLAIN)
        or '"' in header
        or len(marks) != 1
        or len({name_key(name) for name in names if name}) < max(len(names), 2)
    ):
        return None
    try:
        frame = pd.read_csv(
            io.StringIO(body),
            sep=document.separator,
            decimal=marks,
            header=None,
            names=names,
            dtype={names[0]: str, **dict.fromkeys(names[1:], float)},
        )
        dates = frame.pop(names[0])
        if not dates.str.fullmatch(_ISO_DATE).all():
            return None
        frame.index = _date_index(dates.tolist())
    except ValueError:
        return None
    even = body.count(document.separator) == len(frame) * (len(names) - 1)
    return frame if even and len(frame) else None


def _with_care(table: Table) -> pd.DataFrame:
    """Return the prices read cell by cell, or refuse them with the first problems."""
    import pandas as pd

    first, *assets = table.columns
    if not assets:
        raise TableError(f"{table.source} has the one column {first}: add a column of prices per asset")
    reader = ColumnReader(table)
    dates = [date.isoformat() for date in reader.date(first) if date]
    prices = {asset: reader.number(asset, required=False) for asset in assets}
    _refuse([str(problem) for problem in reader.problems])
    return pd.DataFrame(prices, index=_date_index(dates))


def _date_index(dates: list[str]) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(pd.to_datetime(dates, format="%Y-%m-%d"), name="date")


def _refuse_repeated_dates(source: str, frame: pd.DataFrame) -> None:
    repeated = frame.index[frame.index.duplicated()].unique()
    _refuse([f"{source} has more than one row of {date:%Y-%m-%d}: keep one" for date in repeated])


def _refuse_impossible_prices(source: str, frame: pd.DataFrame) -> None:
    import numpy as np

    values = frame.to_numpy()
    impossible = np.argwhere((values <= 0) | np.isinf(values))
    _refuse(
        [
            f"{source} gives {frame.columns[column]} the price {values[row, column]:g} on "
            f"{frame.index[row]:%Y-%m-%d}: a price is positive and finite, and blank before listing"
            for row, column in impossible
        ]
    )


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        more = len(problems) - PROBLEMS_LISTED
        rest = [f"and {more:,} more problems like these"] if more > 0 else []
        raise TableError([*problems[:PROBLEMS_LISTED], *rest])
