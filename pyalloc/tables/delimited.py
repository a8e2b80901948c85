"""Delimited text: which encoding, which separator, which decimal mark; told by the file or refused."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from pyalloc.errors import TableError
from pyalloc.tables.files import read_chunks
from pyalloc.tables.table import Table, blocks, is_blank, tabulate

CSV_SUFFIXES: Final = (".csv", ".csv.gz")
MAX_CSV_BYTES: Final = 1 << 30
"""The largest csv, after decompression, that is read whole."""

MAX_CSV_CELLS: Final = 50_000_000
"""The most cells that are read whole: 3,000 assets over 60 years of days."""

MAX_LINE: Final = 1 << 20
"""Characters of the longest line of a file that is read a block at a time."""

_HEAD = 1 << 22  # characters that settle the separator of a file that is not read whole
_SEPARATORS = ",;\t"
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FIRST_RECORD = re.compile(r'(?:[^"\n]++|"[^"]*+")*+')
_QUOTED = re.compile(r'"[^"]*+"')


@dataclass(frozen=True)
class DelimitedText:
    """The text of a csv file, its lines ending in a bare newline, and the separator of its cells."""

    source: str
    text: str
    separator: str

    def table(self) -> Table:
        """Return the records as a table."""
        records = _records(self.source, io.StringIO(self.text), self.separator)
        return tabulate(self.source, records, _decimal_marks(self.separator))


def read_delimited(path: Path) -> DelimitedText:
    """Read a csv file, compressed or not, and recognise its encoding and separator."""
    text = "".join(_decoded(path.name, read_chunks(path, MAX_CSV_BYTES)))
    separator = _separator(path.name, text)
    if text.count(separator) + text.count("\n") > MAX_CSV_CELLS:
        raise TableError(f"{path.name} has more than {MAX_CSV_CELLS:,} cells: split it")
    return DelimitedText(path.name, text, separator)


def stream_delimited(path: Path, size: int) -> Iterator[Table]:
    """Yield the table of a csv file of any length, compressed or not, `size` rows at a time."""
    lines = _lines(path.name, _decoded(path.name, read_chunks(path)))
    head: list[str] = []
    room = _HEAD
    for line in lines:
        head.append(line)
        room -= len(line)
        if room < 0:
            break
    separator = _separator(path.name, "".join(head), is_cut=room < 0)
    records = _records(path.name, chain(head, lines), separator)
    yield from blocks(path.name, records, _decimal_marks(separator), size)


def _decoded(source: str, pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the text of encoded pieces, with bare newlines for line ends."""
    decoder = None
    line = 1
    for piece in pieces:
        if decoder is None:
            encoding = "utf-16" if piece.startswith(_UTF16_BOMS) else "utf-8-sig"
            decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise _undecodable(source, error, line) from None
        if "\0" in text:
            line += text.count("\n", 0, text.index("\0"))
            raise TableError(
                f'{source} line {line} contains a NUL byte, so it is not text: save it as "CSV UTF-8"'
            )
        line += text.count("\n")
        yield text
    if decoder is not None:
        try:
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise _undecodable(source, error, line) from None


def _undecodable(source: str, error: UnicodeDecodeError, line: int) -> TableError:
    line += error.object.count(b"\n", 0, error.start)
    name = "UTF-16" if error.encoding.startswith("utf-16") else "UTF-8"
    return TableError(
        f"{source} line {line} is not {name} text (byte 0x{error.object[error.start]:02x}): "
        'save the file as "CSV UTF-8"'
    )


def _lines(source: str, texts: Iterable[str]) -> Iterator[str]:
    """Yield each line of pieces of text, with its newline, none longer than memory is meant to hold."""
    rest, number = "", 1
    for text in texts:
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield f"{line}\n"
        number += len(lines)
        if len(rest) > MAX_LINE:
            raise TableError(
                f"{source} line {number} is longer than {MAX_LINE:,} characters: it is no table, or "
                "its lines have lost their ends"
            )
    if rest:
        yield rest


def _decimal_marks(separator: str) -> str:
    """Return the decimal marks that numbers may use: a comma that separates cells does not mark decimals."""
    return "." if separator == "," else ".,"


def _separator(source: str, text: str, *, is_cut: bool = False) -> str:
    """Return the separator that the header contains outside quotes.

    A header with several candidates ("budget, EUR;risk") is settled by the rows: the separator is the one
    that cuts every row into as many cells as the header.
    """
    first = _FIRST_RECORD.match(text.lstrip(" \n"))
    header = _QUOTED.sub("", first.group() if first else "")
    found = [separator for separator in _SEPARATORS if separator in header]
    if len(found) > 1:
        found = [separator for separator in found if _is_rectangular(text, separator, is_cut=is_cut)]
        if len(found) != 1:
            raise TableError(
                f"{source} may be separated by comma, semicolon or tab: "
                "put header names that contain one of them in quotes"
            )
    return found[0] if found else ","


def _is_rectangular(text: str, separator: str, *, is_cut: bool) -> bool:
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    lengths = set()
    try:
        for record in reader:
            if record:
                lengths.add(len(record))
    except csv.Error:
        if not is_cut or reader.line_num < text.count("\n"):
            return False
    return len(lengths) == 1


def _records(source: str, lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with its number, from 1; a record may span lines inside quotes."""
    number, width, line, record = 0, 0, "\n", list[str]()

    def watched() -> Iterator[str]:
        nonlocal line
        for each in lines:
            line = each
            yield each

    # The csv module's limit on the length of a cell stays in force: past it, a quote was left open.
    try:
        for number, record in enumerate(csv.reader(watched(), delimiter=separator, strict=True), start=1):
            width = width or sum(not is_blank(cell) for cell in record)
            yield number, record
    except csv.Error:
        raise TableError(
            f"{source} row {number + 1} cannot be split into cells: "
            f"close its quotes, and keep each cell under {csv.field_size_limit():,} characters"
        ) from None
    if not line.endswith("\n") and len(record) < width:
        raise TableError(
            f"{source} ends in row {number} after {len(record)} of {width} cells, "
            "without a line end: it was cut off, copy it again"
        )
