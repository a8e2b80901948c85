"""A block of rows of a client list judged: clients, and every fault of the rows that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from math import isnan
from typing import Any, Final

from pyalloc.errors import InputError, TableError
from pyalloc.profile import InvestorProfile
from pyalloc.tables import ColumnReader, NumberFormats, Problem, Table
from pyalloc.tables.table import hint, name_key
from workbooks.clients.client import ROW_NUMBER, Client
from workbooks.clients.repeats import Repeats

REQUIRED: Final = ("client_id", "name", "risk", "budget")
OPTIONAL: Final = ("currency", "exclude", "as_of")
DEFAULT_CURRENCY: Final = "USD"

_BOUND_SUFFIXES = ("_min", "_max")
_BETWEEN_ASSETS = re.compile(r"[;,\s]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?", re.ASCII)


def judged(
    block: Table, formats: NumberFormats, repeats: Repeats, categories: Sequence[str]
) -> Iterator[Client | Problem]:
    """Yield the client of each usable row, and each problem of the others, in the order of the rows.

    Parameters
    ----------
    block : Table
    formats : NumberFormats
        How the list writes its numbers.
    repeats : Repeats
        The ids and file names of the blocks before.
    categories : sequence of str
        The policy's categories, which bounds may be given for.
    """
    reader = ColumnReader(block, formats)
    client_ids = reader.text("client_id")
    _refuse_repeats(reader, client_ids, repeats)
    client_names = reader.text("name")
    risks = _risks(reader)
    currencies = _currencies(reader)
    budgets = _budgets(reader, currencies)
    bounds = _bounds(reader, categories)
    exclusions = _exclusions(reader)
    days = reader.date("as_of", required=False)
    refused = {number: [*problems] for number, problems in groupby(reader.problems, ROW_NUMBER)}
    for row, number in enumerate(block.row_numbers):
        if number in refused:
            yield from (replace(problem, key=client_ids[row]) for problem in refused[number])
        else:
            profile = InvestorProfile(risks[row], budgets[row], currencies[row], bounds[row], exclusions[row])
            yield Client(client_ids[row], client_names[row], profile, days[row])


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


def ignored_columns(table: Table, categories: Sequence[str]) -> tuple[str, ...]:
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


def _refuse_repeats(reader: ColumnReader, client_ids: Sequence[str], repeats: Repeats) -> None:
    """Refuse each row whose id is that of an earlier one, or would share a file with it."""
    for row, client_id in enumerate(client_ids):
        reason = client_id and repeats.of(client_id, reader.table.row_numbers[row])
        if reason:
            reader.refuse(row, "client_id", reason)
