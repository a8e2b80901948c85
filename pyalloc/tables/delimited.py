"""Delimited text: which encoding, which separator, which decimal mark; told by the file or refused."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyalloc.errors import TableError
from pyalloc.tables.files import gunzip, read_bytes
from pyalloc.tables.table import Table, tabulate

CSV_SUFFIXES: Final = (".csv", ".csv.gz")
MAX_CSV_BYTES: Final = 1 << 30
"""The largest csv, after decompression, that is read."""

MAX_CSV_CELLS: Final = 50_000_000
"""The most cells that are read: 3,000 assets over 60 years of days."""

_SEPARATORS = ",;\t"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_FIRST_RECORD = re.compile(r'(?:[^"\n]++|"[^"]*+")*+')
_QUOTED = re.compile(r'"[^"]*+"')


@dataclass(frozen=True)
class DelimitedText:
    """The text of a csv file, its lines ending in a bare newline, and the separator of its cells."""

    source: str
    text: str
    separator: str

    @property
    def decimal_marks(self) -> str:
        """The decimal marks its numbers may use: a comma that separates cells does not mark decimals."""
        return "." if self.separator == "," else ".,"

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each record with its number, from 1; a record may span lines inside quotes."""
        # The csv module's limit on the length of a cell stays in force: past it, a quote was left open.
        number = 0
        try:
            for number, record in enumerate(_records(self.text, self.separator), start=1):
                yield number, record
        except csv.Error:
            raise TableError(
                f"{self.source} row {number + 1} cannot be split into cells: "
                f"close its quotes, and keep each cell under {csv.field_size_limit():,} characters"
            ) from None

    def table(self) -> Table:
        """Return the records as a table."""
        records = list(self.records())
        table = tabulate(self.source, records, self.decimal_marks)
        number, last = records[-1]
        if not self.text.endswith("\n") and len(last) < len(table.columns):
            raise TableError(
                f"{self.source} ends in row {number} after {len(last)} of {len(table.columns)} cells, "
                "without a line end: it was cut off, copy it again"
            )
        return table


def read_delimited(path: Path) -> DelimitedText:
    """Read a csv file, compressed or not, and recognise its encoding and separator."""
    data = read_bytes(path, MAX_CSV_BYTES)
    if path.name.lower().endswith(".gz"):
        data = gunzip(path.name, data, MAX_CSV_BYTES)
    text = _decode(path.name, data).replace("\r\n", "\n").replace("\r", "\n")
    separator = _separator(path.name, text.lstrip(" \n"))
    if text.count(separator) + text.count("\n") > MAX_CSV_CELLS:
        raise TableError(f"{path.name} has more than {MAX_CSV_CELLS:,} cells: split it")
    return DelimitedText(path.name, text, separator)


def _decode(source: str, data: bytes) -> str:
    encoding, name = ("utf-16", "UTF-16") if data.startswith(_UTF16_BOMS) else ("utf-8-sig", "UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{source} line {line} is not {name} text (byte 0x{data[error.start]:02x}): "
            'save the file as "CSV UTF-8"'
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TableError(
            f'{source} line {line} contains a NUL byte, so it is not text: save it as "CSV UTF-8"'
        )
    return text


def _separator(source: str, text: str) -> str:
    """Return the separator that the header contains outside quotes.

    A header with several candidates ("budget, EUR;risk") is settled by the rows: the separator is the one
    that cuts every row into as many cells as the header.
    """
    first = _FIRST_RECORD.match(text)
    header = _QUOTED.sub("", first.group() if first else "")
    found = [separator for separator in _SEPARATORS if separator in header]
    if len(found) > 1:
        found = [separator for separator in found if _is_rectangular(text, separator)]
        if len(found) != 1:
            raise TableError(
                f"{source} may be separated by comma, semicolon or tab: "
                "put header names that contain one of them in quotes"
            )
    return found[0] if found else ","


def _is_rectangular(text: str, separator: str) -> bool:
    try:
        return len({len(record) for record in _records(text, separator) if record}) == 1
    except csv.Error:
        return False


def _records(text: str, separator: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text), delimiter=separator, strict=True)
