"""A table of raw cells under named columns, however it was stored."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from pyalloc.errors import TableError

_COLUMNS_LISTED = 20


@dataclass(frozen=True)
class ErrorCell:
    """A workbook cell without a usable value, as ``#DIV/0!``; ``reason`` names the cell and the remedy."""

    reason: str


@dataclass(frozen=True)
class Table:
    """Raw cells under named columns; column names match whatever their case and spacing.

    Attributes
    ----------
    source : str
        Name of the file, without its folder, for messages.
    columns : tuple of str
        Names as written in the header, stripped.
    rows : tuple of tuple
        One value per column: str from csv; float, bool, str, date, datetime, time, timedelta or
        :class:`ErrorCell` from a workbook. Blank is the empty string.
    row_numbers : tuple of int
        The number of each row as a spreadsheet shows it, from 1, header and blank rows counted.
    decimal_marks : str
        The decimal marks that text cells may use: ``"."`` in comma-separated files, ``".,"`` where the
        separator leaves it open, none in a workbook, whose numbers are not text.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    row_numbers: tuple[int, ...]
    decimal_marks: str = ""

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name_key(name): position for position, name in enumerate(self.columns)}

    def has(self, column: str) -> bool:
        """Return whether the table has this column."""
        return name_key(column) in self._positions

    def require(self, *columns: str) -> None:
        """Refuse the table, by a TableError that names what is missing, unless it has all these columns."""
        missing = [column for column in columns if not self.has(column)]
        if not missing:
            return
        wanted = " and ".join(f'"{name}"{hint(name, self.columns)}' for name in missing)
        listed = ", ".join(self.columns[:_COLUMNS_LISTED])
        more = len(self.columns) - _COLUMNS_LISTED
        present = f"{listed} and {more:,} more" if more > 0 else listed
        raise TableError(f"{self.source} has no column {wanted}: its columns are {present}")

    def name(self, column: str) -> str:
        """Return the column's name as written in the file."""
        self.require(column)
        return self.columns[self._positions[name_key(column)]]

    def column(self, column: str) -> tuple[object, ...]:
        """Return the raw cells of a column, one per row."""
        self.require(column)
        position = self._positions[name_key(column)]
        return tuple(row[position] for row in self.rows)


@dataclass(frozen=True)
class Header:
    """The named columns of a table, and where in its rows they are.

    Attributes
    ----------
    source : str
    names : tuple of str
        One per column of the file, stripped; empty where the column has none.
    decimal_marks : str
        As in :class:`Table`.
    """

    source: str
    names: tuple[str, ...]
    decimal_marks: str = ""

    @classmethod
    def of(cls, source: str, cells: Sequence[object], decimal_marks: str = "") -> Header:
        """Return the header that a row of cells is, unless two columns have one name."""
        header = cls(source, tuple(_header_name(source, cell) for cell in cells), decimal_marks)
        _refuse_duplicates(source, header.columns)
        return header

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names that are not empty."""
        return tuple(filter(None, self.names))

    @cached_property
    def _named(self) -> tuple[int, ...]:
        return tuple(position for position, name in enumerate(self.names) if name)

    @cached_property
    def _unnamed(self) -> tuple[int, ...]:
        return tuple(position for position, name in enumerate(self.names) if not name)

    def table(self, numbered_rows: Sequence[tuple[int, Sequence[object]]]) -> Table:
        """Return the table of rows below this header.

        Rows may be shorter than the header (Excel omits trailing separators); a value outside the named
        columns belongs to nothing and is refused, since reading on would shift or lose it.
        """
        for number, cells in numbered_rows:
            outside = [*(p for p in self._unnamed if p < len(cells)), *range(len(self.names), len(cells))]
            stray = next((position for position in outside if not is_blank(cells[position])), None)
            if stray is not None:
                raise TableError(
                    f"{self.source} has a value in cell {cell_reference(number - 1, stray)}, under no column "
                    "name: name the column, or check the separators and quotes of the row"
                )
        return Table(
            source=self.source,
            columns=self.columns,
            rows=tuple(
                tuple(cells[p] if p < len(cells) else "" for p in self._named) for _, cells in numbered_rows
            ),
            row_numbers=tuple(number for number, _ in numbered_rows),
            decimal_marks=self.decimal_marks,
        )


def tabulate(
    source: str, numbered_rows: Iterable[tuple[int, Sequence[object]]], decimal_marks: str = ""
) -> Table:
    """Return the table whose header is the first of ``numbered_rows`` that is not entirely blank."""
    (table,) = blocks(source, numbered_rows, decimal_marks)
    return table


def blocks(
    source: str,
    numbered_rows: Iterable[tuple[int, Sequence[object]]],
    decimal_marks: str = "",
    size: int | None = None,
) -> Iterator[Table]:
    """Yield the table of which :func:`tabulate` returns the whole, `size` rows at a time."""
    filled = ((number, cells) for number, cells in numbered_rows if not all(map(is_blank, cells)))
    _, first = next(filled, (0, None))
    if first is None:
        raise TableError(f"{source} is empty: give it a header row and at least one row below")
    header = Header.of(source, first, decimal_marks)
    block = list(islice(filled, size))
    if not block:
        raise TableError(f"{source} has a header but no rows below it: add at least one")
    while block:
        yield header.table(block)
        block = list(islice(filled, size))


def is_blank(cell: object) -> bool:
    """Return whether a cell is empty or holds only white space."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def cell_reference(row: int, column: int) -> str:
    """Return what a spreadsheet calls the cell at these positions, counted from 0: A1 is (0, 0)."""
    letters, column = "", column + 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"


def name_key(name: str) -> str:
    """Return what two spellings of one name have in common: no case, single spaces."""
    return " ".join(name.split()).casefold()


def hint(name: str, known: Iterable[str]) -> str:
    """Return a bracketed question with the known name nearest to a misspelt one, or nothing."""
    spellings = {name_key(candidate): candidate for candidate in known}
    nearest = difflib.get_close_matches(name_key(name), spellings, n=1)
    return f' (did you mean "{spellings[nearest[0]]}"?)' if nearest else ""


def _header_name(source: str, cell: object) -> str:
    if isinstance(cell, ErrorCell):
        raise TableError(f"{source} header: {cell.reason}")
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell).strip()


def _refuse_duplicates(source: str, columns: tuple[str, ...]) -> None:
    repeats = [key for key, count in Counter(map(name_key, columns)).items() if count > 1]
    if repeats:
        listed = ", ".join(repeats[:_COLUMNS_LISTED])
        raise TableError(f"{source} names more than one column {listed}: keep one of each")
