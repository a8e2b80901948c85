"""Whether the destination of a run agrees with its ledger, file by file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from workbooks.clients import SUMMARY_FILE
from workbooks.recorded import PAGE, RunRecord
from workbooks.results import DONE

if TYPE_CHECKING:
    from workbooks.destination import Destination

MOST_NAMED: Final = 1000
"""Files of a kind, failures and refusals that are named one by one."""


@dataclass(frozen=True)
class FilesBeside:
    """Names of workbooks that are not as the ledger says, in order, at most a thousand of each kind.

    Attributes
    ----------
    missing, changed : tuple of str
        Of clients that are done: not there, or not as they were written.
    unrecorded : tuple of str
        Of clients that are not done.
    strangers : tuple of str
        Of no client.
    """

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unrecorded: tuple[str, ...]
    strangers: tuple[str, ...]


def files_beside(record: RunRecord, out: Destination, *, summary: bool, verify: bool) -> FilesBeside:
    """Compare a destination with a ledger.

    Parameters
    ----------
    record : RunRecord
    out : Destination
    summary : bool
        Whether there is to be a summary.
    verify : bool
        Also read every workbook and compare its SHA-256 with the ledger's.
    """
    # Sorted and compared in a database of its own, which leaves memory for the disk as it grows.
    with closing(sqlite3.connect("")) as names:
        names.execute("CREATE TABLE found (name TEXT PRIMARY KEY)")
        names.execute("CREATE TABLE known (name TEXT PRIMARY KEY, done INTEGER, sha256 TEXT)")
        names.executemany(
            "REPLACE INTO known VALUES (?, ?, ?)",
            ((entry.file_name, entry.status == DONE, entry.sha256) for entry in record.entries()),
        )
        # After the ledger, so that a run that goes has written every file that was read to be done.
        names.executemany("INSERT INTO found VALUES (?)", ((name,) for name in out.workbooks()))
        if summary:
            names.execute("REPLACE INTO known VALUES (?, 1, '')", (SUMMARY_FILE,))
        else:
            names.execute("DELETE FROM found WHERE name = ?", (SUMMARY_FILE,))

        def listed(query: str) -> tuple[str, ...]:
            rows = names.execute(f"{query} ORDER BY name LIMIT {MOST_NAMED}")
            return tuple(name for (name,) in rows)

        present = names.execute(
            "SELECT name, sha256 FROM known JOIN found USING (name) WHERE sha256 <> '' ORDER BY name"
        )
        changed = (name for name, sha256, found in _reread(present, out) if found != sha256)
        return FilesBeside(
            missing=listed("SELECT name FROM known WHERE done AND name NOT IN (SELECT name FROM found)"),
            changed=tuple(islice(changed, MOST_NAMED)) if verify else (),
            unrecorded=listed("SELECT name FROM found JOIN known USING (name) WHERE NOT done"),
            strangers=listed("SELECT name FROM found WHERE name NOT IN (SELECT name FROM known)"),
        )


def _reread(named: Iterator[tuple[str, str]], out: Destination) -> Iterator[tuple[str, str, str | None]]:
    """Yield name, recorded and present SHA-256 of each file, read a page at a time."""
    while page := list(islice(named, PAGE)):
        for (name, sha256), found in zip(
            page, out.sha256s([name for name, _ in page], reread=True), strict=True
        ):
            yield name, sha256, found
