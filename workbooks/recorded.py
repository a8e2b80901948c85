"""What a ledger says, read page by page: a run of any size is never in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from workbooks.fingerprint import client_of
from workbooks.record import Counts, Entry, Run
from workbooks.results import DONE, FAILED, PENDING, ClientResult

if TYPE_CHECKING:
    from pyalloc.policy import Policy
    from pyalloc.tables import Problem
    from workbooks.clients import Client, ClientList

PAGE: Final = 1000
"""Rows read at a time: a reader that held the file for longer would keep the run from writing."""

_Opened = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Allocated(NamedTuple):
    """What all clients of a currency were allocated.

    Attributes
    ----------
    currency : str
    as_of : str or None
        The last date that was allocated at, ISO 8601.
    amounts : tuple of float or None
        Of the policy's categories, in the currency; None where no client has a workbook.
    """

    currency: str
    as_of: str | None
    amounts: tuple[float | None, ...]


class RunRecord:
    """What a ledger says, read from it page by page when it is asked for, also while its run goes."""

    def __init__(self, opened: _Opened) -> None:
        self._opened = opened

    @property
    def run(self) -> Run:
        """What all workbooks of the run have in common."""
        [row] = self._rows("SELECT * FROM run")
        return Run(*row)

    @property
    def clients(self) -> RecordedClients:
        """The client list of the run, each client with the as-of date that held for it."""
        return RecordedClients(self)

    def policy(self) -> Policy:
        """Return the policy of the run.

        Raises
        ------
        InputError
            Where this version of pyalloc knows no such policy.
        """
        import tomllib

        from pyalloc.policy import Policy

        return Policy.from_document(tomllib.loads(self.run.policy), "policy.toml")

    def counts(self) -> Counts:
        """Return how many clients there are of each status, and how many refused rows."""
        by_status = dict(self._rows("SELECT status, count(*) FROM clients GROUP BY status"))
        [[kept]] = self._rows("SELECT count(*) FROM clients WHERE kept")
        [[refused]] = self._rows("SELECT count(DISTINCT row_number) FROM refused")
        done, failed, pending = (by_status.get(status, 0) for status in (DONE, FAILED, PENDING))
        return Counts(done, kept, failed, pending, refused)

    def entries(self, status: str | None = None, *, kept: bool | None = None) -> Iterator[Entry]:
        """Yield the clients in the order of the list: all, those of a status, those (not) kept."""
        query = (
            "SELECT * FROM clients WHERE position > ? AND ifnull(status = ?, 1) AND ifnull(kept = ?, 1)"
            " ORDER BY position LIMIT ?"
        )
        last = -1
        while rows := self._rows(query, last, status, kept, PAGE):
            for row in rows:
                yield Entry(*row)
            last = rows[-1][0]

    def entry_of(self, client_id: str) -> Entry | None:
        """Return the client of this id, the last where a list gave it twice; None where there is none."""
        found = self._rows(
            "SELECT * FROM clients WHERE client_id = ? ORDER BY position DESC LIMIT 1", client_id
        )
        return Entry(*found[0]) if found else None

    def refused(self) -> Iterator[Problem]:
        """Yield every fault of the rows that were refused, row by row."""
        from pyalloc.tables import Problem

        query = (
            "SELECT row_number, rowid, * FROM refused WHERE (row_number, rowid) > (?, ?)"
            " ORDER BY row_number, rowid LIMIT ?"
        )
        last = (-1, -1)
        while rows := self._rows(query, *last, PAGE):
            for row in rows:
                yield Problem(*row[2:])
            last = rows[-1][:2]

    def risk_levels(self) -> tuple[str | float, ...]:
        """Return the levels of risk that occur among the clients, each once."""
        query = "SELECT DISTINCT json_extract(inputs, '$.risk') FROM clients ORDER BY 1"
        return tuple(risk for (risk,) in self._rows(query))

    def allocated(self, categories: int) -> tuple[Allocated, ...]:
        """Return what was allocated in each currency, in the order in which currencies occur in the list.

        Parameters
        ----------
        categories : int
            How many the policy has.
        """
        sums = (f"sum(json_extract(nullif(figures, ''), '$.amounts[{i}]'))" for i in range(categories))
        query = f"""SELECT json_extract(inputs, '$.currency'),
            max(json_extract(nullif(figures, ''), '$.as_of')), {", ".join(sums)}
            FROM clients GROUP BY 1 ORDER BY min(position)"""  # noqa: S608 (the names are ours)
        return tuple(Allocated(currency, day, tuple(rest)) for currency, day, *rest in self._rows(query))

    def departing(self, results: Iterable[ClientResult]) -> Iterator[str]:
        """Yield the ids of clients whose workbook does not have the bytes that were recorded."""
        for result in results:
            entry = self.entry_of(result.client.client_id)
            if entry is None or result.sha256 != entry.sha256:
                yield result.client.client_id

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._opened() as connection:
            return connection.execute(query, values).fetchall()


class RecordedClients:
    """The client list of a run that is to be repeated."""

    ignored_columns: tuple[str, ...] = ()

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self.source = record.run.source

    def __iter__(self) -> Iterator[Client | Problem]:
        for entry in self._record.entries():
            yield client_of(entry.inputs)
        yield from self._record.refused()

    def only(self, client_ids: Sequence[str]) -> ClientList:
        """Return the list of these clients alone, in the list's order."""
        from workbooks.clients import chosen

        return chosen(self, client_ids)
