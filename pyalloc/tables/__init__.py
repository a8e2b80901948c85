"""The one safe reader of files and databases that anything external passes through.

``read_table`` opens a small table (the assets, the macro conditions) as raw cells; ``stream_table`` and
``stream_query`` open one of any length (a client list), a block of rows at a time; ``ColumnReader`` turns
columns into text, numbers and dates and collects every complaint on the way;
``read_prices`` opens the large table of prices. Whatever is wrong with a file is a
:class:`~pyalloc.errors.TableError` of one sentence per problem, naming the file but never its folder.
"""

from pyalloc.tables.columns import ColumnReader, NumberFormats, Problem
from pyalloc.tables.database import stream_query
from pyalloc.tables.prices import read_prices
from pyalloc.tables.reading import read_table, stream_table
from pyalloc.tables.table import ErrorCell, Table

__all__ = [
    "ColumnReader",
    "ErrorCell",
    "NumberFormats",
    "Problem",
    "Table",
    "read_prices",
    "read_table",
    "stream_query",
    "stream_table",
]
