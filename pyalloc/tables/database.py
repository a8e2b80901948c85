"""What a query finds in a database, as a table of any length: nothing is written there, no secret is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pyalloc.errors import TableError
from pyalloc.tables.reading import BLOCK_ROWS
from pyalloc.tables.table import Header, Table

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.exc import DBAPIError

CONNECT_SECONDS: Final = 10
"""How long a PostgreSQL server may take to answer, unless the address says otherwise (connect_timeout)."""

_SHOWN_CHARACTERS = 300
_CREDENTIALS = (
    "give user and password in the address, or the password where the database's own programs find it, as in "
    "PGPASSWORD or ~/.pgpass"
)


def stream_query(address: str, query: str) -> Generator[Table, None, None]:
    """Yield what a query finds, a block of rows at a time; the memory that it takes does not grow.

    One query runs in one transaction, which is rolled back; PostgreSQL and SQLite are told that it may only
    read. Rows are numbered from 1, in the order that they come in.

    Parameters
    ----------
    address : str
        As SQLAlchemy reads it: ``postgresql+psycopg://user@host:5432/database``, ``sqlite:///file.db``.
    query : str
        In the database's own SQL. Marks of parameters (``:name``, ``%s``) mean nothing here.

    Raises
    ------
    TableError
        Where SQLAlchemy or the driver is missing, the database cannot be reached, refuses the user or the
        query, ends the connection, or finds no rows. No message holds the password or the options
        of the address.
    """
    url = _url(address)
    source = _shown(url)
    with _refusals_told(source, url, "the query"), _connection(source, url) as connection:
        result = connection.exec_driver_sql(query)
        if not result.returns_rows:
            raise TableError(f"{source}: the query returns no table: write one that selects rows")
        header = Header.of(source, [*result.keys()])
        number = 0
        for rows in result.yield_per(BLOCK_ROWS).partitions():
            yield header.table([(number + i, [*map(_cell, row)]) for i, row in enumerate(rows, start=1)])
            number += len(rows)
        if not number:
            raise TableError(f"{source}: the query finds no rows: check what it selects from, and where")


def _cell(value: object) -> object:
    """Return a value as a cell: NULL is blank, and an identifier of bytes is the text that it stands for."""
    if value is None:
        return ""
    return str(value) if isinstance(value, UUID) else value


# --- the connection -------------------------------------------------------------------------------------


def _url(address: str) -> URL:
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise TableError(
            "a database needs SQLAlchemy: install it with pip install 'pyalloc[sql]', or export a csv file"
        ) from None
    try:
        return make_url(address)
    except (ArgumentError, ValueError):
        # What is there is not shown: it may hold a password in the wrong place.
        raise TableError(
            "the address of the database cannot be read: write it as "
            "postgresql+psycopg://user@host:5432/database or sqlite:///file.db, with %40 for @ and "
            "%2F for / in a password"
        ) from None


def _shown(url: URL) -> str:
    """Return an address without user, password and options."""
    from sqlalchemy import URL

    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


@contextmanager
def _connection(source: str, url: URL) -> Iterator[Connection]:
    """Connect for one query that only reads, its rows fetched as they are asked for."""
    options: dict[str, Any] = {"stream_results": True, "max_row_buffer": BLOCK_ROWS, "no_parameters": True}
    if url.get_backend_name() == "postgresql":
        options["postgresql_readonly"] = True
    engine = _engine(source, url)
    with _refusals_told(source, url, "the connection"):
        connection = engine.connect()
    with closing(connection):
        yield connection.execution_options(**options)


def _engine(source: str, url: URL) -> Engine:
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import NoSuchModuleError

    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        arguments["creator"] = partial(_sqlite, source, url.database)
    elif url.drivername in {"postgresql", "postgresql+psycopg"} and "connect_timeout" not in url.query:
        arguments["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    try:
        return create_engine(url, poolclass=NullPool, **arguments)
    except NoSuchModuleError:
        raise TableError(
            f"{source}: SQLAlchemy knows no database {url.drivername}: use postgresql+psycopg, sqlite, or "
            "another whose dialect is installed"
        ) from None
    except ImportError as error:
        raise TableError(
            f"{source} needs the Python package {error.name}: install it; pip install "
            "'pyalloc[sql]' brings that of PostgreSQL"
        ) from None


def _sqlite(source: str, database: str | None) -> sqlite3.Connection:
    """Open a file of SQLite for reading alone; it would otherwise be made where there is none."""
    path = Path(database or "")
    if not path.is_file():
        raise TableError(f"{source} does not exist: name a file of SQLite, as sqlite:///folder/file.db")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


# --- refusals -------------------------------------------------------------------------------------------


@contextmanager
def _refusals_told(source: str, url: URL, asked: str) -> Iterator[None]:
    """Turn what the database or its driver refuses into a sentence without credentials."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except DBAPIError as error:
        raise TableError(_sentence(source, url, asked, error)) from None
    except SQLAlchemyError as error:
        raise TableError(f"{source} cannot be used ({type(error).__name__}): check the address") from None


def _sentence(source: str, url: URL, asked: str, error: DBAPIError) -> str:
    words = " ".join(str(error.orig).partition("\nLINE ")[0].split()).removeprefix("connection failed: ")
    if url.password:
        words = words.replace(str(url.password), "***")
    words = words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}…"
    if error.connection_invalidated:
        return f"{source} ended the connection ({words}): run again"
    if asked == "the query":
        return f"{source} refused the query ({words}): correct it, or try it in the database's own program"
    if "password" in words or "authentication" in words:
        return f"{source} refused the user or password ({words}): {_CREDENTIALS}"
    if "database" in words and "not exist" in words:
        return f"{source} is not there ({words}): check the name of the database"
    return f"{source} cannot be reached ({words}): check host and port, and that the server runs"
