"""A client list: a csv or xlsx file read into validated clients, and every bad row named."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import isnan
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Protocol

from pyalloc.errors import InputError, TableError
from pyalloc.names import CATEGORIES
from pyalloc.profile import InvestorProfile
from pyalloc.tables import ColumnReader, Problem, Table, read_table
from pyalloc.tables.table import hint, name_key

REQUIRED: Final = ("client_id", "name", "risk", "budget")
OPTIONAL: Final = ("currency", "exclude", "as_of")
DEFAULT_CURRENCY: Final = "USD"

SUMMARY_FILE: Final = "batch-summary.xlsx"
"""The workbook that lists all the others; no client's file can take its name."""

_ROW_NUMBER = attrgetter("row_number")
_BOUND_SUFFIXES = ("_min", "_max")
_BETWEEN_ASSETS = re.compile(r"[;,\s]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?", re.ASCII)


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
    """A client list of any length, read while it is iterated over: clients, and what is wrong with rows."""

    @property
    def source(self) -> str:
        """Name of the list."""

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Columns that mean nothing here."""

    def __iter__(self) -> Iterator[Client | Problem]: ...

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
    """The usable rows of a client list, and what is wrong with the others: a list held in memory.

    Attributes
    ----------
    clients : tuple of Client
        In the order of the list.
    problems : tuple of Problem
        Every fault of the rows that were refused.
    ignored_columns : tuple of str
        Columns that mean nothing here.
    source : str
        Name of the file.
    """

    clients: tuple[Client, ...]
    problems: tuple[Problem, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    source: str = "the client list"

    @property
    def refused(self) -> Mapping[int, tuple[Problem, ...]]:
        """The problems of each refused row, by the row's number in the file."""
        by_row = groupby(sorted(self.problems, key=_ROW_NUMBER), _ROW_NUMBER)
        return {row: tuple(problems) for row, problems in by_row}

    def __iter__(self) -> Iterator[Client | Problem]:
        yield from self.clients
        yield from self.problems

    def only(self, client_ids: Sequence[str]) -> ClientList:
        """Return the list of these clients alone, in the list's order; TableError where one is not there."""
        return chosen(self, client_ids)


def read_clients(
    path: str | Path, *, sheet: str | None = None, categories: Sequence[str] = CATEGORIES
) -> ClientList:
    """Read a client list; rows that cannot be used are left out and named, the others stay usable.

    Parameters
    ----------
    path : path-like
        A csv or xlsx file with the columns client_id, name, risk (low, medium, high or 1 to 10) and budget,
        and optionally currency, exclude (assets separated by semicolons or spaces), as_of (ISO date) and
        bounds as fractions: stocks_min, stocks_max and so on for each category.
    sheet : str, optional
        The sheet of a workbook; by default the first visible one.
    categories : sequence of str
        The policy's categories, which bounds may be given for.

    Raises
    ------
    TableError
        Where the file is no client list at all: unreadable, without a required column, or with a column
        whose name is nearly one of those above.
    """
    table = read_table(path, sheet=sheet)
    table.require(*REQUIRED)
    ignored = _ignored_columns(table, categories)
    reader = ColumnReader(table)
    client_ids = reader.text("client_id")
    _refuse_repeats(reader, client_ids)
    client_names = reader.text("name")
    risks = _risks(reader)
    currencies = _currencies(reader)
    budgets = _budgets(reader, currencies)
    bounds = _bounds(reader, categories)
    exclusions = _exclusions(reader)
    days = reader.date("as_of", required=False)
    clients = tuple(
        Client(
            client_ids[row],
            client_names[row],
            InvestorProfile(risks[row], budgets[row], currencies[row], bounds[row], exclusions[row]),
            days[row],
        )
        for row in reader.good_rows
    )
    return ClientList(clients, reader.problems, ignored, table.source)


def risk_from_text(text: str) -> str | float:
    """Return risk as written in a cell or on the command line: a number, or a level in lower case."""
    if not _NUMBER.fullmatch(text):
        return text.lower()
    number = float(text.replace(",", "."))
    return int(number) if number.is_integer() else number


# --- columns --------------------------------------------------------------------------------------------


def _bound_columns(category: str) -> tuple[str, str]:
    """Return the names of the columns with a category's least and greatest weight."""
    stem = "_".join(category.lower().split())
    least, greatest = (stem + suffix for suffix in _BOUND_SUFFIXES)
    return least, greatest


def _ignored_columns(table: Table, categories: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that mean nothing; refuse the table where one was probably meant to."""
    bounds = [column for category in categories for column in _bound_columns(category)]
    known = {name_key(column): column for column in (*REQUIRED, *OPTIONAL, *bounds)}
    unknown = [column for column in table.columns if name_key(column) not in known]
    absent = [column for column in known.values() if not table.has(column)]
    problems = []
    for column in unknown:
        if name_key(column).endswith(_BOUND_SUFFIXES):
            problems.append(
                f'{table.source} bounds no category of the policy with the column "{column}": '
                f"the columns for bounds are {', '.join(bounds)}"
            )
        elif suggestion := hint(column, absent):
            problems.append(f'{table.source} has a column "{column}"{suggestion}: rename or remove it')
    if problems:
        raise TableError(problems)
    return tuple(unknown)


def _risks(reader: ColumnReader) -> list[str | float]:
    risks = [risk_from_text(cell) for cell in reader.text("risk")]
    for row, risk in enumerate(risks):
        if risk != "":
            _profile_accepts(reader, row, "risk", risk=risk)
    return risks


def _currencies(reader: ColumnReader) -> list[str]:
    """Return each row's currency; the default where it is blank or refused."""
    currencies = []
    for row, cell in enumerate(reader.text("currency", required=False)):
        currency = cell.upper() or DEFAULT_CURRENCY
        accepted = _profile_accepts(reader, row, "currency", currency=currency)
        currencies.append(currency if accepted else DEFAULT_CURRENCY)
    return currencies


def _budgets(reader: ColumnReader, currencies: Sequence[str]) -> tuple[float, ...]:
    budgets = reader.number("budget")
    for row, (budget, currency) in enumerate(zip(budgets, currencies, strict=True)):
        if not isnan(budget):
            _profile_accepts(reader, row, "budget", budget=budget, currency=currency)
    return budgets


def _bounds(reader: ColumnReader, categories: Sequence[str]) -> list[dict[str, tuple[float, float]]]:
    bounds: list[dict[str, tuple[float, float]]] = [{} for _ in reader.table.rows]
    for category in categories:
        columns = _bound_columns(category)
        lower, upper = (reader.number(column, required=False) for column in columns)
        for row, given in enumerate(zip(lower, upper, strict=True)):
            if all(map(isnan, given)):
                continue
            least, greatest = (0.0 if isnan(given[0]) else given[0]), (1.0 if isnan(given[1]) else given[1])
            # Each end is judged alone first, so that its own column is blamed.
            ends = zip(columns, ((least, 1.0), (0.0, greatest)), strict=True)
            accepted = [_bound_accepted(reader, row, column, category, pair) for column, pair in ends]
            if all(accepted) and _bound_accepted(reader, row, columns[0], category, (least, greatest)):
                bounds[row][category] = (least, greatest)
    return bounds


def _bound_accepted(
    reader: ColumnReader, row: int, column: str, category: str, pair: tuple[float, float]
) -> bool:
    beyond = next((value for value in pair if 1.0 < value <= 100.0), None)
    if beyond is None:
        return _profile_accepts(reader, row, column, bounds={category: pair})
    reader.refuse(
        row,
        column,
        f"{beyond:g} is more than the whole: was percent meant? Write {beyond / 100:g} for {beyond:g} %",
    )
    return False


def _profile_accepts(reader: ColumnReader, row: int, column: str, **given: Any) -> bool:
    """Let the investor's profile judge one part of it alone, so that the fault has its column."""
    try:
        InvestorProfile(**given)
    except InputError as error:
        reader.refuse(row, column, str(error))
        return False
    return True


def _exclusions(reader: ColumnReader) -> list[tuple[str, ...]]:
    cells = reader.text("exclude", required=False, max_length=10_000)
    return [tuple(dict.fromkeys(filter(None, _BETWEEN_ASSETS.split(cell)))) for cell in cells]


def _refuse_repeats(reader: ColumnReader, client_ids: Sequence[str]) -> None:
    """Refuse each row whose id is that of an earlier one, or would share a file with it."""
    first: dict[tuple[str, str], int] = {}
    for row, client_id in enumerate(client_ids):
        if not client_id:
            continue
        for taken, key in (("is the client", client_id), ("shares the file", safe_file_name(client_id))):
            # Windows and macOS take names that differ only in case for one.
            earlier = first.setdefault((taken, key.casefold()), row)
            if earlier != row:
                number = reader.table.row_numbers[earlier]
                reason = f"{client_id} {taken} of row {number} already: give it an id of its own"
                reader.refuse(row, "client_id", reason)
                break


# --- file names -----------------------------------------------------------------------------------------

MAX_FILE_NAME_BYTES: Final = 80
"""In UTF-8, without the extension: what every file system and a long folder leave room for."""

_DEVICES: Final = frozenset(
    ["CON", "PRN", "AUX", "NUL"] + [f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"]
)
_KEPT_CATEGORIES: Final = "LMN"
"""Unicode's letters, marks and numbers."""


def safe_file_name(client_id: str) -> str:
    """Return a file name, without extension, that any id can have on any system.

    Letters and digits of every script and ``._-`` stay; everything else becomes ``_``. It is never empty, a
    path, hidden, an option or the name of a device. Where anything had to change, eight hexadecimal digits
    of the id's SHA-256 follow, so that two ids do not meet in one name.

    Examples
    --------
    >>> safe_file_name("C-1001")
    'C-1001'
    >>> safe_file_name("../../x")
    '_.._x-9cdf6a50'
    """
    name = unicodedata.normalize("NFC", client_id)
    name = "".join(c if c in "._-" or unicodedata.category(c)[0] in _KEPT_CATEGORIES else "_" for c in name)
    name = name.lstrip(".-").rstrip(".")
    if name.partition(".")[0].upper() in _DEVICES or f"{name}.xlsx".casefold() == SUMMARY_FILE:
        name = f"_{name}"
    if name and name == client_id and len(name.encode()) <= MAX_FILE_NAME_BYTES:
        return name
    mark = hashlib.sha256(client_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    room = MAX_FILE_NAME_BYTES - len(mark) - 1
    return f"{name.encode()[:room].decode(errors='ignore') or 'client'}-{mark}"
