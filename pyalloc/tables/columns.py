"""Typed access to the columns of a table that collects every problem instead of stopping at the first."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeVar

from pyalloc.errors import InputError, TableError
from pyalloc.tables import cells
from pyalloc.tables.table import ErrorCell, Table, hint, is_blank, name_key

_T = TypeVar("_T")

MAX_TEXT = 255
"""Characters allowed in a text cell unless the caller says otherwise."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one cell; as text, a sentence that starts with where it is.

    Attributes
    ----------
    source : str
    row_number : int
    column, reason : str
    key : str
        What the row is known by where rows have no numbers, as in a database; may be empty.
    """

    source: str
    row_number: int
    column: str
    reason: str
    key: str = ""

    def __str__(self) -> str:
        known_by = f" ({self.key})" if self.key else ""
        return f"{self.source} row {self.row_number}, column {self.column}: {self.reason}{known_by}"


class NumberFormats:
    """How the columns of a table write numbers, as far as it was read block by block.

    The first block that proves the decimal mark of a column settles it: what departs from it later is
    refused, cell by cell, and what came before it and had more than one reading was.
    """

    def __init__(self) -> None:
        self._settled: dict[str, cells.NumberFormat] = {}

    def of(self, table: Table, column: str, proven_marks: str) -> cells.NumberFormat | None:
        """Return the format of a column; None where text is never a number.

        Parameters
        ----------
        table : Table
            The block that is read.
        column : str
        proven_marks : str
            The decimal marks that all columns of the block together prove.
        """
        if not table.decimal_marks:
            return None
        if len(table.decimal_marks) == 1:
            return cells.NumberFormat(table.decimal_marks)
        if settled := self._settled.get(name_key(column)):
            return settled
        own = table.column(column) if table.has(column) else ()
        form = cells.number_format(own, proven_marks)
        if form.is_settled:
            self._settled[name_key(column)] = form
        return form


class ColumnReader:
    """Reads the columns of a table one by one, remembering each cell that cannot be used.

    Each method returns one value per row of the table, in its order. Where the cell is blank or refused the
    value is the blank of its kind (empty text, NaN, None): use the rows in :attr:`good_rows`, or call
    :meth:`check` to have none but good ones. A column that is not required may be absent; the absence of a
    required one is a TableError at once.

    Parameters
    ----------
    table : Table
    formats : NumberFormats, optional
        Shared by the readers of all blocks of one table.

    Examples
    --------
    >>> table = Table("clients.csv", ("client", "budget"), (("C1", "100"), ("C2", "12o000")), (2, 3), ".")
    >>> reader = ColumnReader(table)
    >>> reader.number("budget", above=0, unit="USD")
    (100.0, nan)
    >>> reader.good_rows
    (0,)
    >>> print(*reader.problems)
    clients.csv row 3, column budget: "12o000" is not a number
    """

    def __init__(self, table: Table, formats: NumberFormats | None = None) -> None:
        self.table = table
        self._formats = formats or NumberFormats()
        self._problems: dict[int, list[Problem]] = {}

    def text(self, column: str, *, required: bool = True, max_length: int = MAX_TEXT) -> tuple[str, ...]:
        """Return a column as stripped text without control characters."""
        return self._read(column, lambda cell: cells.text(cell, max_length), "", required)

    def choice(self, column: str, allowed: Iterable[str], *, required: bool = True) -> tuple[str, ...]:
        """Return a column of which each cell is one of ``allowed``, spelt as there, whatever its case."""
        spellings = {name_key(word): word for word in allowed}

        def convert(cell: object) -> str:
            word = cells.text(cell, MAX_TEXT)
            if name_key(word) not in spellings:
                known = ", ".join(spellings.values())
                suggestion = hint(word, spellings.values())
                raise InputError(f"{cells.shown(word)} is not one of {known}{suggestion}")
            return spellings[name_key(word)]

        return self._read(column, convert, "", required)

    def number(
        self,
        column: str,
        *,
        required: bool = True,
        minimum: float | None = None,
        maximum: float | None = None,
        above: float | None = None,
        below: float | None = None,
        unit: str = "",
    ) -> tuple[float, ...]:
        """Return a column of finite numbers.

        Parameters
        ----------
        column : str
        required : bool
            Whether a blank is a problem; if not it reads as NaN.
        minimum, maximum : float, optional
            Inclusive bounds.
        above, below : float, optional
            Exclusive bounds.
        unit : str
            The unit of the numbers, for messages.
        """
        bounds = [
            (operator.ge, "at least", minimum),
            (operator.gt, "above", above),
            (operator.le, "at most", maximum),
            (operator.lt, "below", below),
        ]
        limits = [(holds, word, bound) for holds, word, bound in bounds if bound is not None]
        allowed = " and ".join(f"{word} {_with_unit(bound, unit)}" for _, word, bound in limits)
        form = self._formats.of(self.table, column, self._proven_marks)

        def convert(cell: object) -> float:
            value = cells.number(cell, form)
            if not all(holds(value, bound) for holds, _, bound in limits):
                raise InputError(f"{_with_unit(value, unit)} is out of range: write a number {allowed}")
            return value

        return self._read(column, convert, math.nan, required)

    def date(self, column: str, *, required: bool = True) -> tuple[dt.date | None, ...]:
        """Return a column of dates: date cells of a workbook, or ISO text as 2016-12-30."""
        return self._read(column, cells.calendar_date, None, required)

    def refuse(self, row: int, column: str, reason: str) -> None:
        """Remember a problem that the caller found in the row at this position of ``table.rows``."""
        problem = Problem(self.table.source, self.table.row_numbers[row], self.table.name(column), reason)
        self._problems.setdefault(row, []).append(problem)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem so far, by row and then in the order the columns were read."""
        return tuple(chain.from_iterable(self._problems[row] for row in sorted(self._problems)))

    @property
    def good_rows(self) -> tuple[int, ...]:
        """Positions in ``table.rows`` of the rows without a problem so far."""
        return tuple(row for row in range(len(self.table.rows)) if row not in self._problems)

    def check(self) -> None:
        """Raise one TableError with all problems, if there are any."""
        if self._problems:
            raise TableError([str(problem) for problem in self.problems])

    def _read(
        self, column: str, convert: Callable[[object], _T], blank: _T, required: bool
    ) -> tuple[_T, ...]:
        if not required and not self.table.has(column):
            return (blank,) * len(self.table.rows)
        values = []
        for row, cell in enumerate(self.table.column(column)):
            value = blank
            if isinstance(cell, ErrorCell):
                self.refuse(row, column, cell.reason)
            elif not is_blank(cell):
                try:
                    value = convert(cell)
                except InputError as error:
                    self.refuse(row, column, str(error))
            elif required:
                self.refuse(row, column, "the cell is blank: fill it in")
            values.append(value)
        return tuple(values)

    @cached_property
    def _proven_marks(self) -> str:
        """The decimal marks that all columns together prove, where that is not certain beforehand."""
        if len(self.table.decimal_marks) < 2:
            return self.table.decimal_marks
        return cells.decimal_marks(cells.joined(chain.from_iterable(self.table.rows)))


def _with_unit(value: float, unit: str) -> str:
    return f"{value:,.15g} {unit}".rstrip()
