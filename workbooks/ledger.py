"""The ledger of a run: one SQLite file beside the workbooks, written while the run goes.

Its journal is SQLite's rollback journal: a write-ahead log would keep part of the ledger in files beside it,
and does not work on network shares.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from pyalloc.errors import InputError
from workbooks.record import Entry, Run, RunRecord, figures_text, now
from workbooks.results import ClientResult

if TYPE_CHECKING:
    from pyalloc.tables import Problem

LEDGER_FILE: Final = "run.sqlite"

SCHEMA_VERSION: Final = 2

_APPLICATION = int.from_bytes(b"pyal")  # in the file's head: no other program's database is taken for ours

_SCHEMA = (
    "DROP TABLE IF EXISTS run",
    """CREATE TABLE run (
        started TEXT, finished TEXT, problem TEXT, options TEXT,
        source TEXT, clients_sha256 TEXT, market_sha256 TEXT, as_of TEXT,
        policy TEXT, policy_sha256 TEXT, template BLOB, template_sha256 TEXT, engine TEXT, flavour TEXT,
        versions TEXT)""",
    "DROP TABLE IF EXISTS clients",
    """CREATE TABLE clients (
        position INTEGER PRIMARY KEY, client_id TEXT, file_name TEXT, inputs TEXT, input_sha256 TEXT,
        status TEXT, error TEXT, sha256 TEXT, size INTEGER, seconds REAL, figures TEXT, kept INTEGER)""",
    "DROP TABLE IF EXISTS refused",
    'CREATE TABLE refused (source TEXT, row_number INTEGER, "column" TEXT, reason TEXT, key TEXT)',
    f"PRAGMA user_version = {SCHEMA_VERSION}",
    f"PRAGMA application_id = {_APPLICATION}",
)
"""Columns are the fields of Run, Entry and Problem, in their order."""

_BETWEEN_COMMITS = 0.25  # seconds of work that a kill can cost; each commit waits for the disk
_PATIENCE = 60.0  # seconds that another program may hold the file


class Ledger:
    """The ledger of a run that goes, held open by :func:`recording`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._commit_at = 0.0

    def record(self, position: int, result: ClientResult) -> None:
        """Write what became of the client at a position; a kill can undo the last quarter of a second."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(
            "UPDATE clients SET status = ?, error = ?, sha256 = ?, size = ?, seconds = ?, figures = ?"
            " WHERE position = ?",
            (
                result.status,
                result.error,
                result.sha256,
                result.size,
                result.seconds,
                figures_text(result.figures),
                position,
            ),
        )
        if monotonic() >= self._commit_at:
            self.commit()

    def finish(self, problem: str) -> None:
        """Write that the run is complete, and why it has no summary if it has none."""
        self.commit()
        self._connection.execute("UPDATE run SET finished = ?, problem = ?", (now(), problem))

    def commit(self) -> None:
        """Put on disk what was recorded."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._commit_at = monotonic() + _BETWEEN_COMMITS


@contextmanager
def recording(path: Path, record: RunRecord) -> Iterator[Ledger]:
    """Put a new ledger in the place of an earlier one, all of it at once, and hold it open for the run.

    Raises
    ------
    InputError
        Where it cannot be written, at once or later, as on a full disk; or where the file is no ledger.
    """
    with _opened(path) as connection:
        _format_of(path, connection)
        _write(connection, record)
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
    from pyalloc.tables import Problem

    if not path.is_file():
        return None
    with _opened(path) as connection:
        connection.execute("BEGIN")  # so that all of it is of one moment
        version = _format_of(path, connection)
        if version == 0:
            return None
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{path} has format {version} and this pyalloc reads format {SCHEMA_VERSION}: use the "
                "version that wrote it, or run anew, without --resume"
            )
        (run,) = connection.execute("SELECT * FROM run")
        entries = [Entry(*row) for row in connection.execute("SELECT * FROM clients ORDER BY position")]
        refused = [Problem(*row) for row in connection.execute("SELECT * FROM refused ORDER BY rowid")]
    return RunRecord(Run(*run), tuple(entries), tuple(refused))


# --- SQLite ---------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database; what SQLite meets there becomes a sentence."""
    try:
        with closing(sqlite3.connect(path, _PATIENCE, isolation_level=None)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        raise InputError(
            f"{path} cannot be used ({error}): make some room, or close what holds it, and go on with "
            "--resume"
        ) from error
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is no ledger of pyalloc ({error}): move it away") from error


def _format_of(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 where there are none; refuse what pyalloc did not write."""
    ((application,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
    if tables and application != _APPLICATION:
        raise InputError(f"{path} is no ledger of pyalloc: move it away")
    return int(version)


def _write(connection: sqlite3.Connection, record: RunRecord) -> None:
    """Replace all that the ledger says, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    _insert(connection, "run", [record.run])
    _insert(connection, "clients", record.entries)
    _insert(connection, "refused", record.refused)
    connection.execute("COMMIT")


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[Run | Entry | Problem]) -> None:
    for row in map(astuple, rows):
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 (the names are ours)
