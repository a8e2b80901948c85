"""Clients, and what every list of them offers: in memory, or streamed from a file or database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, groupby
from operator import attrgetter
from typing import Protocol

from pyalloc.errors import TableError
from pyalloc.profile import InvestorProfile
from pyalloc.tables import Problem
from workbooks.clients.filenames import safe_file_name

ROW_NUMBER = attrgetter("row_number")


@dataclass(frozen=True)
class Client:
    """One row of a client list.

    Attributes
    ----------
    client_id : str
    name : str
        Plain text, whatever it looks like.
    profile : InvestorProfile
    as_of : date or None
        The date to allocate at; None is the market's last.
    """

    client_id: str
    name: str
    profile: InvestorProfile
    as_of: date | None = None

    @property
    def file_name(self) -> str:
        """Name of the client's workbook."""
        return f"{safe_file_name(self.client_id)}.xlsx"


class ClientSource(Protocol):
    """A client list of any length, read as it is iterated over, each time from its beginning."""

    @property
    def source(self) -> str:
        """Name of the file, or the address of the database without user and password."""

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Columns that mean nothing here."""

    def __iter__(self) -> Iterator[Client | Problem]:
        """Yield the client of each usable row, and each problem of the others."""

    def only(self, client_ids: Sequence[str]) -> ClientList:
        """Return the list of these clients alone; TableError where one is not there."""


def chosen(clients: ClientSource, client_ids: Sequence[str]) -> ClientList:
    """Return the list of these clients alone, in the list's order.

    Raises
    ------
    TableError
        For an id that no usable row has; the problems of the refused rows follow.
    """
    found, problems = [], []
    for item in clients:
        if not isinstance(item, Client):
            problems.append(item)
        elif item.client_id in client_ids:
            found.append(item)
    missing = set(client_ids) - {client.client_id for client in found}
    if missing:
        names = ", ".join(client_id for client_id in client_ids if client_id in missing)
        raise TableError([f"{clients.source} has no usable client {names}", *map(str, problems)])
    return ClientList(tuple(found), (), clients.ignored_columns, clients.source)


@dataclass(frozen=True)
class ClientList:
    """The usable rows of a client list, and what is wrong with the others.

    Attributes
    ----------
    clients : tuple of Client
        In the order of the list.
    problems : tuple of Problem
        Every fault of the rows that were refused.
    ignored_columns : tuple of str
        Columns that mean nothing here.
    source : str
        Name of the file, or the address of the database without user and password.
    """

    clients: tuple[Client, ...]
    problems: tuple[Problem, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    source: str = "the client list"

    def __iter__(self) -> Iterator[Client | Problem]:
        """Yield the clients, and then the problems of the refused rows."""
        return chain(self.clients, self.problems)

    @property
    def refused(self) -> Mapping[int, tuple[Problem, ...]]:
        """The problems of each refused row, by the row's number in the file."""
        by_row = groupby(sorted(self.problems, key=ROW_NUMBER), ROW_NUMBER)
        return {row: tuple(problems) for row, problems in by_row}

    def only(self, client_ids: Sequence[str]) -> ClientList:
        """Return the list of these clients alone, in the list's order; TableError where one is not there."""
        return chosen(self, client_ids)
