"""A client list from a file or a database: streamed at any length, or held in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain
from pathlib import Path

from pyalloc.errors import InputError
from pyalloc.names import CATEGORIES
from pyalloc.tables import NumberFormats, Problem, Table, stream_query, stream_table
from pyalloc.tables.files import is_address
from workbooks.clients.client import Client, ClientList, chosen
from workbooks.clients.repeats import Repeats
from workbooks.clients.rows import REQUIRED, ignored_columns, judged

Blocks = Generator[Table, None, None]


class ClientStream:
    """A client list that is validated as it streams; memory does not grow with its length.

    Parameters
    ----------
    blocks : callable
        Returns the rows of the list, a block at a time, from the beginning.
    categories : sequence of str
        The policy's categories, which bounds may be given for.

    Raises
    ------
    TableError
        Here and while it is iterated over, where the list is no client list at all.
    """

    def __init__(self, blocks: Callable[[], Blocks], categories: Sequence[str]) -> None:
        self._blocks = blocks
        self._categories = tuple(categories)
        with ExitStack() as stack:
            opened = stack.enter_context(closing(blocks()))
            first = next(opened)
            first.require(*REQUIRED)
            self.source: str = first.source
            self.ignored_columns: tuple[str, ...] = ignored_columns(first, categories)
            stack.pop_all()
        self._opened: tuple[Table, Blocks] | None = (first, opened)

    def __iter__(self) -> Iterator[Client | Problem]:
        """Yield the client of each usable row, and each problem of the others, in the order of the list."""
        # What was opened to see the columns is read on: a query runs once.
        opened, self._opened = self._opened, None
        seen, blocks = ((opened[0],), opened[1]) if opened else ((), self._blocks())
        formats = NumberFormats()
        with closing(blocks), closing(Repeats()) as repeats:
            for block in chain(seen, blocks):
                yield from judged(block, formats, repeats, self._categories)

    def only(self, client_ids: Sequence[str]) -> ClientList:
        """Return the list of these clients alone, in the list's order; TableError where one is not there."""
        return chosen(self, client_ids)


def stream_clients(
    source: str | Path,
    *,
    sheet: str | None = None,
    query: str | None = None,
    categories: Sequence[str] = CATEGORIES,
) -> ClientStream:
    """Open a client list of any length; rows that cannot be used are named, the others stay usable.

    Parameters
    ----------
    source : path-like or str
        A csv, parquet or xlsx file, or the address of a database (``postgresql+psycopg://user@host/database``,
        ``sqlite:///file.db``), with the columns client_id, name, risk (low, medium, high or 1 to 10) and
        budget, and optionally currency, exclude (assets separated by semicolons or spaces), as_of (ISO date)
        and bounds as fractions: stocks_min, stocks_max and so on for each category.
    sheet : str, optional
        The sheet of a workbook; by default the first visible one.
    query : str, optional
        What to ask the database, and nothing else.
    categories : sequence of str
        The policy's categories, which bounds may be given for.

    Raises
    ------
    InputError
        Where a database comes without a query, or what is no database with one.
    TableError
        Where the list is no client list at all: unreadable, without a required column, or with a column
        whose name is nearly one of those above.
    """
    if not is_address(str(source)):
        if query is not None:
            raise InputError(
                f"a query was given with {Path(source).name}, which is no database: leave it out, or give "
                "the address of a database as postgresql+psycopg://user@host/database or sqlite:///file.db"
            )
        return ClientStream(partial(stream_table, source, sheet=sheet), categories)
    if query is None or not query.strip():
        raise InputError(
            "a database was given without a query: add one that selects client_id, name, risk and budget, as "
            '--query "select client_id, name, risk, budget from clients order by client_id"'
        )
    if sheet is not None:
        raise InputError(
            f'a database has no sheets: leave out the sheet "{sheet}", and name the table in the query'
        )
    return ClientStream(partial(stream_query, str(source), query), categories)


def read_clients(
    source: str | Path,
    *,
    sheet: str | None = None,
    query: str | None = None,
    categories: Sequence[str] = CATEGORIES,
) -> ClientList:
    """Read a client list, as :func:`stream_clients` opens it, into memory."""
    stream = stream_clients(source, sheet=sheet, query=query, categories=categories)
    clients: list[Client] = []
    problems: list[Problem] = []
    for item in stream:
        if isinstance(item, Client):
            clients.append(item)
        else:
            problems.append(item)
    return ClientList(tuple(clients), tuple(problems), stream.ignored_columns, stream.source)
