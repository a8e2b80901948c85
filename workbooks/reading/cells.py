"""The cells of one sheet as its XML stores them: values as cached, formulas as written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

import defusedxml.sax  # type: ignore[import-untyped]
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from pyalloc.errors import TableError
from pyalloc.tables.sheetxml import MAX_CELLS
from workbooks.reading.formulas import translated

if TYPE_CHECKING:
    Attributes = AttributesImpl[str]

Value = float | str | bool | None

_TRUE: Final = ("1", "true")
_BY_NUMBER: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


class FoundCell(NamedTuple):
    """What stands in a cell.

    Attributes
    ----------
    value : float, str, bool or None
        What was typed, or what a formula came to when the file was saved; None where neither is there. An
        error is its text, as ``#DIV/0!``.
    formula : str
        Without its ``=``; empty where there is none, as in the other cells of an array formula.
    area : str
        The range of the array formula whose first cell this is.
    is_error : bool
    """

    value: Value
    formula: str = ""
    area: str = ""
    is_error: bool = False


def parse(xml: bytes, handler: ContentHandler) -> None:
    """Let a handler read a document, which may declare no doctype, and with it entities of its own."""
    defusedxml.sax.parseString(xml, handler, forbid_dtd=True)


class SheetReader(ContentHandler):
    """Collects the cells of a worksheet part, and which of its rows and columns are hidden.

    Parameters
    ----------
    label : str
        The file and sheet, for messages.
    xml : bytes
    strings : sequence of str
        The workbook's shared strings.

    Attributes
    ----------
    cells : dict of str to FoundCell
        By address; cells with neither value nor formula are left out.
    hidden : list of str
        Ranges of whole rows or columns, as ``12:12`` and ``C:E``.

    Raises
    ------
    TableError
        The sheet has more cells than any workbook of ours.
    ValueError
        It is no worksheet as a spreadsheet writes it.
    """

    def __init__(self, label: str, xml: bytes, strings: Sequence[str]) -> None:
        super().__init__()
        self.cells: dict[str, FoundCell] = {}
        self.hidden: list[str] = []
        self._label = label
        self._strings = strings
        self._shared: dict[str, tuple[str, int, int]] = {}
        self._row = self._column = 0
        self._kind = ""
        self._formula: str | None = None
        self._area = ""
        self._value: str | None = None
        self._written: list[str] = []
        self._attributes: Attributes = AttributesImpl({})
        self._spoken = False
        parse(xml, self)

    def startElement(self, name: str, attrs: Attributes) -> None:
        """Note where the parser is."""
        match name.rpartition(":")[2]:
            case "c":
                self._open_cell(attrs)
            case "f" | "v" | "t":
                self._written, self._attributes = [], attrs
            case "row":
                self._row, self._column = int(attrs.get("r") or self._row + 1), 0
                if _hidden(attrs, "ht"):
                    self.hidden.append(f"{self._row}:{self._row}")
            case "col" if _hidden(attrs, "width"):
                self.hidden.append(":".join(get_column_letter(int(attrs[end])) for end in ("min", "max")))
            case "rPh":
                self._spoken = True

    def characters(self, content: str) -> None:
        """Collect text, of which the parser may deliver pieces."""
        self._written.append(content)

    def endElement(self, name: str) -> None:
        """Keep what has been read."""
        match name.rpartition(":")[2]:
            case "f":
                self._close_formula("".join(self._written))
            case "v":
                self._value = "".join(self._written)
            case "t" if not self._spoken:
                self._value = f"{self._value or ''}{''.join(self._written)}"
            case "rPh":
                self._spoken = False
            case "c":
                self._close_cell()

    def _open_cell(self, attributes: Attributes) -> None:
        at = attributes.get("r") or f"{get_column_letter(self._column + 1)}{self._row}"
        letters, row = coordinate_from_string(at)
        if row != self._row:
            raise ValueError(f"cell {at} is not in row {self._row}")
        self._column = column_index_from_string(letters)
        self._kind, self._value, self._formula, self._area = attributes.get("t", "n"), None, None, ""

    def _close_formula(self, text: str) -> None:
        attributes, kind = self._attributes, self._attributes.get("t")
        if kind == "array":
            self._area = attributes["ref"]
        elif kind == "shared":
            # Its text stands in the first cell only.
            first, row, column = self._shared.setdefault(attributes["si"], (text, self._row, self._column))
            text = text or translated(first, self._row - row, self._column - column)
        self._formula = text

    def _close_cell(self) -> None:
        value = self._converted()
        if value is None and not self._formula:
            return
        if len(self.cells) == MAX_CELLS:
            raise TableError(f"{self._label} has more than {MAX_CELLS:,} cells: it is no workbook of pyalloc")
        at = f"{get_column_letter(self._column)}{self._row}"
        self.cells[at] = FoundCell(value, self._formula or "", self._area, self._kind == "e")

    def _converted(self) -> Value:
        text = self._value
        if text == "" and self._kind == "str" and self._formula:
            return ""  # which is what the formula came to
        if not text:
            return None
        match self._kind:
            case "n":
                return _finite(text)
            case "b":
                return text in _TRUE
            case "s":
                return _decoded(self._strings[int(text)])
            case _:
                return _decoded(text)


def _hidden(attributes: Attributes, size: str) -> bool:
    """Return whether a row or column is hidden, or so small that it might as well be."""
    return attributes.get("hidden") in _TRUE or float(attributes.get(size, "1")) == 0.0


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text} is no number that a cell can hold")
    return value


def _decoded(text: str) -> str:
    """Return a text with the characters that the format writes by their number, as ``_x000D_``."""
    return _BY_NUMBER.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    allowed = code in (0x9, 0xA, 0xD) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE
    return chr(code) if allowed else found[0]
