"""From a path to a table, by the kind of file that the name ends in."""

from __future__ import annotations

import os
from pathlib import Path

from pyalloc.errors import TableError
from pyalloc.tables.delimited import CSV_SUFFIXES, read_delimited
from pyalloc.tables.table import Table
from pyalloc.tables.workbook import WORKBOOK_SUFFIXES, read_sheet


def read_table(path: str | os.PathLike[str], *, sheet: str | None = None) -> Table:
    """Read a csv or xlsx file as a table of raw cells under named columns.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.csv.gz``, ``.xlsx`` or ``.xlsm`` file.
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
    if not name.endswith(CSV_SUFFIXES):
        raise TableError(f"{path.name} is neither csv nor xlsx: save it as .csv, .csv.gz or .xlsx")
    if sheet is not None:
        raise TableError(f'{path.name} is a csv file and has no sheets: leave out the sheet "{sheet}"')
    return read_delimited(path).table()
