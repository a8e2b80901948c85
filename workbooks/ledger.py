"""The ledger of a run: one SQLite file beside the workbooks, written while the run goes, and its queue.

A client list is streamed into a ledger without a name, which takes the place of the earlier one whole; what
is pending is read back from it page by page, so that no run holds its clients in memory. Its journal is
SQLite's rollback journal: a write-ahead log would keep part of the ledger in files beside it, and does not
work on network shares.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import astuple, fields, replace
from functools import cache, partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from pyalloc.errors import InputError
from workbooks.record import Entry, Run, figures_text, new_entry, new_run, now
from workbooks.recorded import PAGE, RunRecord
from workbooks.results import FAILED, PENDING, ClientResult

if TYPE_CHECKING:
    from pyalloc.tables import Problem
    from workbooks.clients import Client
    from workbooks.maker import Maker

LEDGER_FILE: Final = "run.sqlite"

SCHEMA_VERSION: Final = 2

_APPLICATION = int.from_bytes(b"pyal")  # in the file's head: no other program's database is taken for ours

_SCHEMA = (
    """CREATE TABLE run (
        started TEXT, finished TEXT, problem TEXT, options TEXT,
        source TEXT, clients_sha256 TEXT, market_sha256 TEXT, as_of TEXT,
        policy TEXT, policy_sha256 TEXT, template BLOB, template_sha256 TEXT, engine TEXT, flavour TEXT,
        versions TEXT)""",
    """CREATE TABLE clients (
        position INTEGER PRIMARY KEY, client_id TEXT, file_name TEXT, as_of TEXT, inputs TEXT,
        input_sha256 TEXT, status TEXT, error TEXT, sha256 TEXT, size INTEGER, seconds REAL, figures TEXT,
        kept INTEGER)""",
    'CREATE TABLE refused (source TEXT, row_number INTEGER, "column" TEXT, reason TEXT, key TEXT)',
    f"PRAGMA user_version = {SCHEMA_VERSION}",
    f"PRAGMA application_id = {_APPLICATION}",
)
"""Columns are the fields of Run, Entry and Problem, in their order."""

_INDEXES = (
    "CREATE INDEX queue ON clients (as_of, position)",
    "CREATE INDEX client ON clients (client_id)",
    "CREATE INDEX file ON clients (file_name)",
)
"""Made once the clients are in, which is quicker."""

_BETWEEN_COMMITS = 0.25  # seconds of work that a kill can cost; each commit waits for the disk
_PATIENCE = 60.0  # seconds that another program may hold the file


class Ledger(RunRecord):
    """The ledger of a run that goes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(lambda: nullcontext(connection))
        self._connection = connection
        self._commit_at = 0.0

    def queue(self) -> Iterator[Entry]:
        """Yield what is pending in the order of as-of dates, so that a worker computes few market views."""
        query = (
            f"SELECT * FROM clients WHERE status = '{PENDING}' AND (as_of, position) > (?, ?)"  # noqa: S608
            " ORDER BY as_of, position LIMIT ?"
        )
        last = ("", -1)
        while entries := [Entry(*row) for row in self._rows(query, *last, PAGE)]:
            yield from entries
            last = entries[-1].as_of, entries[-1].position

    def record(self, position: int, result: ClientResult) -> None:
        """Write what became of the client at a position; a kill can undo the last quarter of a second."""
        self._change(
            "UPDATE clients SET status = ?, error = ?, sha256 = ?, size = ?, seconds = ?, figures = ?"
            " WHERE position = ?",
            result.status,
            result.error,
            result.sha256,
            result.size,
            result.seconds,
            figures_text(result.figures),
            position,
        )

    def keep(self, entry: Entry) -> None:
        """Write that the workbook of an earlier run stands."""
        self._change(_insertion("clients", Entry), *astuple(replace(entry, kept=True)))

    def give_up(self, reason: str) -> None:
        """Write that whoever is still pending will have no workbook, and why."""
        self._change("UPDATE clients SET status = ?, error = ? WHERE status = ?", FAILED, reason, PENDING)

    def finish(self, problem: str) -> None:
        """Write that the run is complete, and why it has no summary if it has none."""
        self.commit()
        self._connection.execute("UPDATE run SET finished = ?, problem = ?", (now(), problem))

    def commit(self) -> None:
        """Put on disk what was recorded."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._commit_at = monotonic() + _BETWEEN_COMMITS

    def copy_to(self, connection: sqlite3.Connection) -> None:
        """Put all of it in the place of what another database holds, at once or not at all."""
        self.commit()
        self._connection.backup(connection)

    def _change(self, statement: str, *values: object) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(statement, values)
        if monotonic() >= self._commit_at:
            self.commit()


def new_ledger(
    maker: Maker, source: str, listed: Iterable[Client | Problem], options: Mapping[str, Any]
) -> Ledger:
    """Return a ledger in no file, into which a client list was streamed, every client pending.

    Parameters
    ----------
    maker : Maker
    source : str
        The client list's name.
    listed : iterable of Client or Problem
        Its clients, in order, and what is wrong with its rows.
    options : mapping
        How the run was asked for.

    Raises
    ------
    InputError
        What the list raises, or where the disk has no room for temporary files.
    """
    from pyalloc.tables import Problem
    from workbooks.clients import Client

    run = new_run(maker, options, source)
    made_from = json.dumps(run.made_from)
    digest, positions = hashlib.sha256(), count()
    with _told("a temporary file"):
        connection = _unnamed()
        connection.execute("BEGIN")
        for statement in _SCHEMA:
            connection.execute(statement)
        for item in listed:
            if isinstance(item, Client):
                entry = new_entry(next(positions), item, maker.last_day, made_from)
                digest.update(("\n" * bool(entry.position) + entry.inputs).encode())
                connection.execute(_insertion("clients", Entry), astuple(entry))
            else:
                connection.execute(_insertion("refused", Problem), astuple(item))
        for statement in _INDEXES:
            connection.execute(statement)
        run = replace(run, clients_sha256=digest.hexdigest())
        connection.execute(_insertion("run", Run), astuple(run))
        connection.execute("COMMIT")
    return _held(connection)


@contextmanager
def recording(path: Path, begun: Ledger) -> Iterator[Ledger]:
    """Put a new ledger in the place of an earlier one, all of it at once, and hold it open for the run.

    Raises
    ------
    InputError
        Where it cannot be written, at once or later, as on a full disk; or where the file is no ledger.
    """
    with _opened(path) as connection:
        _format_of(path, connection)
        begun.copy_to(connection)
        ledger = Ledger(connection)
        try:
            yield ledger
        finally:
            with suppress(sqlite3.Error):  # clients whose entries are lost here stay pending
                ledger.commit()


def read_ledger(path: Path) -> RunRecord | None:
    """Return what a ledger says, also while its run goes; None where there is none yet.

    Raises
    ------
    InputError
        Where the file is no ledger, or one that another version of pyalloc wrote.
    """
    if not path.is_file():
        return None
    with _opened(path) as connection:
        version = _format_of(path, connection)
    if version == 0:
        return None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has format {version} and this pyalloc reads format {SCHEMA_VERSION}: use the "
            "version that wrote it, or run anew, without --resume"
        )
    return record_at(path)


def record_at(path: Path) -> RunRecord:
    """Return what the ledger of this run says whenever it is asked."""
    return RunRecord(partial(_opened, path))


def held_ledger(path: Path) -> RunRecord | None:
    """Return what a ledger says now, whatever becomes of the file; None where there is none yet."""
    if read_ledger(path) is None:
        return None
    connection = _unnamed()
    with _opened(path) as source:
        source.backup(connection)
    return _held(connection)


# --- SQLite ---------------------------------------------------------------------------------------------


def _unnamed() -> sqlite3.Connection:
    """Open a new database in memory, and on disk as it grows, that is gone when closed, also by a kill."""
    return sqlite3.connect("", isolation_level=None, check_same_thread=False)


def _held(connection: sqlite3.Connection) -> Ledger:
    """Return a ledger in an unnamed database, which is closed when nobody reads it any more."""
    ledger = Ledger(connection)
    weakref.finalize(ledger, connection.close)
    return ledger


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database; what SQLite meets there becomes a sentence."""
    with (
        _told(str(path)),
        closing(sqlite3.connect(path, _PATIENCE, isolation_level=None)) as connection,
    ):
        yield connection


@contextmanager
def _told(file: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise InputError(
            f"{file} cannot be used ({error}): make some room, or close what holds it, and go on with "
            "--resume"
        ) from error
    except sqlite3.DatabaseError as error:
        raise InputError(f"{file} is no ledger of pyalloc ({error}): move it away") from error


def _format_of(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 where there are none; refuse what pyalloc did not write."""
    ((application,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
    if tables and application != _APPLICATION:
        raise InputError(f"{path} is no ledger of pyalloc: move it away")
    return int(version)


@cache
def _insertion(table: str, of: type) -> str:
    marks = ", ".join("?" * len(fields(of)))
    return f"REPLACE INTO {table} VALUES ({marks})"  # noqa: S608 (the names are ours)
