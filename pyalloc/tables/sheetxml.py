"""The XML of a workbook, read strictly before a lenient reader is let at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final
from xml.parsers import expat

from pyalloc.errors import TableError
from pyalloc.tables.table import ErrorCell, cell_reference

MAX_CELLS: Final = 5_000_000
"""The largest sheet, counted from A1 to its last row and column in use, that is read."""

MAX_CHARACTERS: Final = 64_000_000
"""The longest text of all cells together; each cell that refers to a shared string repeats it."""

_ROWS, _COLUMNS = 1_048_576, 16_384
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})", re.ASCII)


def attributes_of(xml: bytes, tag: str) -> list[dict[str, str]]:
    """Return the attributes of every element with this local name, in the order of the document."""
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == tag:
            found.append(attributes)

    _parse(xml, start)
    return found


def shared_strings(xml: bytes) -> list[str]:
    """Return the texts that cells of kind ``s`` refer to by position."""
    strings: list[list[str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        tag = _local(name)
        if tag == "si":
            strings.append([])
        elif tag == "sst":
            # calamine reserves memory for as many strings as are claimed, and ends the process without it.
            claimed = attributes.get("uniqueCount", "")
            if claimed.isdecimal() and int(claimed) > MAX_CELLS:
                raise ValueError(f"{claimed} shared strings are claimed")

    def data(text: str) -> None:
        if strings:
            strings[-1].append(text)

    _parse(xml, start, data=data)
    return ["".join(pieces) for pieces in strings]


class SheetScan:
    """What a sheet holds that its reader would deliver as blank, lose, or choke on.

    Parameters
    ----------
    label : str
        The file and sheet, for messages.
    xml : bytes
        The part of the sheet.
    strings : sequence of str
        The workbook's shared strings.

    Attributes
    ----------
    errors : dict
        Cells without a usable value, by row and column from 0.
    filled : int
        The number of cells with a value other than white space.

    Raises
    ------
    TableError
        The sheet is too large.
    ValueError
        Cells are out of order or outside the sheet.
    """

    def __init__(self, label: str, xml: bytes, strings: Sequence[str]) -> None:
        self.errors: dict[tuple[int, int], ErrorCell] = {}
        self.filled = 0
        self._label = label
        self._strings = strings
        self._height = self._width = self._characters = 0
        self._row = self._column = -1
        self._kind: str | None = None
        self._written: list[str] = []
        self._in_data = self._in_value = self._is_formula = False
        _parse(xml, self._start, self._end, self._data)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _local(name)
        if tag == "sheetData":
            self._in_data = True
        elif not self._in_data:
            return
        elif tag == "row":
            self._row = _next(self._row, int(attributes.get("r", self._row + 2)) - 1, _ROWS)
            self._column = -1
        elif tag == "c":
            self._column = _next(self._column, self._column_of(attributes.get("r")), _COLUMNS)
            self._kind, self._written, self._is_formula = attributes.get("t"), [], False
        elif tag == "f":
            self._is_formula = True
        self._in_value = tag in {"v", "t"}

    def _data(self, text: str) -> None:
        if self._in_value:
            self._written.append(text)

    def _end(self, name: str) -> None:
        self._in_value = False
        tag = _local(name)
        if tag == "c" and self._in_data:
            self._close_cell()
        elif tag == "sheetData":
            self._in_data = False

    def _column_of(self, reference: str | None) -> int:
        if reference is None:
            return self._column + 1
        match = _REFERENCE.fullmatch(reference)
        if match is None or int(match[2]) != self._row + 1:
            raise ValueError(f"cell {reference} is not in row {self._row + 1}")
        column = 0
        for letter in match[1]:
            column = 26 * column + ord(letter) - ord("A") + 1
        return column - 1

    def _close_cell(self) -> None:
        text = "".join(self._written)
        if self._kind == "s" and text:
            text = self._strings[int(text)]
        if self._kind == "e":
            self._refuse(f"holds the error {text}: correct it and save the file")
        elif self._is_formula and not text and self._kind != "str":
            self._refuse("holds a formula that was never calculated: open the file in Excel and save it")
        elif text.strip():
            self.filled += 1
            self._characters += len(text)
        else:
            return
        self._height = self._row + 1
        self._width = max(self._width, self._column + 1)
        if self._height * self._width > MAX_CELLS or self._characters > MAX_CHARACTERS:
            raise TableError(
                f"{self._label} is larger than {MAX_CELLS:,} cells or {MAX_CHARACTERS:,} characters "
                f"at cell {self._reference()}: delete what lies outside the table"
            )

    def _refuse(self, reason: str) -> None:
        self.errors[self._row, self._column] = ErrorCell(f"cell {self._reference()} {reason}")

    def _reference(self) -> str:
        return cell_reference(self._row, self._column)


def _next(current: int, following: int, count: int) -> int:
    if not current < following < count:
        raise ValueError("cells are out of order or outside the sheet")
    return following


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _parse(
    xml: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    data: Callable[[str], None] | None = None,
) -> None:
    """Parse a document that may not declare a doctype, and with it entities of its own."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.Parse(xml, True)


def _refuse_doctype(*_declaration: object) -> None:
    raise ValueError("a workbook declares no doctype")
