"""The one safe reader of csv and xlsx that anything external passes through.

``read_table`` opens a small table (a client list, the assets, the macro conditions) as raw cells;
``ColumnReader`` turns its columns into text, numbers and dates and collects every complaint on the way;
``read_prices`` opens the large table of prices. Whatever is wrong with a file is a
:class:`~pyalloc.errors.TableError` of one sentence per problem, naming the file but never its folder.
"""

from pyalloc.tables.columns import ColumnReader, Problem
from pyalloc.tables.prices import read_prices
from pyalloc.tables.reading import read_table
from pyalloc.tables.table import ErrorCell, Table

__all__ = ["ColumnReader", "ErrorCell", "Problem", "Table", "read_prices", "read_table"]
