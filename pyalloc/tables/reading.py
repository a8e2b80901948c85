"""From a path to a table, by the kind of file that the name ends in."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

from pyalloc.errors import TableError
from pyalloc.tables.delimited import CSV_SUFFIXES, read_delimited, stream_delimited
from pyalloc.tables.parquet import PARQUET_SUFFIX, read_parquet, stream_parquet
from pyalloc.tables.table import Table
from pyalloc.tables.workbook import WORKBOOK_SUFFIXES, read_sheet

BLOCK_ROWS: Final = 5_000
"""Rows of a table of any length that are in memory at once."""


def read_table(path: str | os.PathLike[str], *, sheet: str | None = None) -> Table:
    """Read a csv, parquet or xlsx file as a table of raw cells under named columns.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.csv.gz``, ``.parquet``, ``.xlsx`` or ``.xlsm`` file.
    sheet : str, optional
        The sheet of a workbook, visible or hidden; by default the first visible one.

    Returns
    -------
    Table
        The rows that are not entirely blank, below the first such row as header.

    Raises
    ------
    TableError
        The file is missing, unreadable, too large, damaged, empty, without rows, or not a table; or the
        sheet does not exist.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(WORKBOOK_SUFFIXES):
        return read_sheet(path, sheet)
    if not name.endswith((*CSV_SUFFIXES, PARQUET_SUFFIX)):
        raise TableError(f"{path.name} is neither csv, xlsx nor parquet: save it as .csv, .csv.gz or .xlsx")
    if sheet is not None:
        kind = "parquet" if name.endswith(PARQUET_SUFFIX) else "csv"
        raise TableError(f'{path.name} is a {kind} file and has no sheets: leave out the sheet "{sheet}"')
    if name.endswith(PARQUET_SUFFIX):
        return read_parquet(path)
    return read_delimited(path).table()


def stream_table(path: str | os.PathLike[str], *, sheet: str | None = None) -> Generator[Table, None, None]:
    """Yield a table of any length a block of rows at a time; the memory that it takes does not grow.

    A workbook comes in one block: Excel's sheets are bounded.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.csv.gz``, ``.parquet``, ``.xlsx`` or ``.xlsm`` file.
    sheet : str, optional
        As in :func:`read_table`.

    Raises
    ------
    TableError
        As :func:`read_table`, where the fault is met: blocks before it are good.
    """
    path = Path(path)
    name = path.name.lower()
    if sheet is None and name.endswith(PARQUET_SUFFIX):
        yield from stream_parquet(path, BLOCK_ROWS)
    elif sheet is None and name.endswith(CSV_SUFFIXES):
        yield from stream_delimited(path, BLOCK_ROWS)
    else:
        yield read_table(path, sheet=sheet)
