"""A workbook file as it stands: every cell, name and sheet, read safely and judged by nobody yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from pyalloc.errors import TableError
from pyalloc.tables.files import read_bytes
from pyalloc.tables.package import MAX_UNPACKED_BYTES, unpack, worksheets
from pyalloc.tables.sheetxml import shared_strings
from workbooks.reading.cells import FoundCell, SheetReader, Value, parse
from workbooks.reading.formulas import simple_area
from workbooks.template.frame import AUDIT, NOTES

if TYPE_CHECKING:
    from workbooks.reading.cells import Attributes

VISIBLE: Final = "visible"

_WORKBOOK: Final = "xl/workbook.xml"
_STRINGS: Final = "xl/sharedstrings.xml"
_STRICT: Final = b"http://purl.oclc.org/ooxml/"
_EVERY_WORKBOOK_NAMES: Final = "template_version"
_ADDITIONS: Final = {
    "xl/vbaproject": "macros",
    "xl/externallinks/": "links to other files",
    "xl/connections": "connections to data outside",
}
"""Where parts lie that none of our workbooks has, and what they are in words."""

NO_CELL: Final = FoundCell(None)


@dataclass(frozen=True)
class FoundSheet:
    """A sheet of a file.

    Attributes
    ----------
    state : str
        ``visible``, ``hidden`` or ``veryHidden``, which a spreadsheet's own menus do not undo.
    cells : mapping of str to FoundCell
        By address; empty cells are left out.
    hidden : tuple of str
        Ranges of rows and columns that are hidden.
    """

    state: str
    cells: Mapping[str, FoundCell]
    hidden: tuple[str, ...] = ()

    def __getitem__(self, at: str) -> FoundCell:
        return self.cells.get(at, NO_CELL)


class LocalName(NamedTuple):
    """A defined name that holds on one sheet only."""

    sheet: str
    name: str


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    source : str
        Its name, without its folder.
    sheets : mapping of str to FoundSheet
        By title, in order.
    names : mapping of str to str
        Workbook-wide defined names, in lower case as the format compares them, with their ranges as
        :func:`plain_area` writes them.
    local_names : tuple of LocalName
    additions : tuple of str
        In words, what no workbook of ours has: macros, links.
    """

    source: str
    sheets: Mapping[str, FoundSheet]
    names: Mapping[str, str]
    local_names: tuple[LocalName, ...] = ()
    additions: tuple[str, ...] = ()

    def cell(self, sheet: str, at: str) -> FoundCell:
        """Return what stands in a cell; nothing, where there is no such sheet."""
        return self.sheets[sheet][at] if sheet in self.sheets else NO_CELL

    def named(self, name: str) -> Value:
        """Return what stands in the first cell of a workbook-wide name; None where there is none."""
        sheet, _, area = self.names.get(name.lower(), "").rpartition("!")
        return self.cell(sheet, area.partition(":")[0]).value

    def renamed(self, sheet: str, title: str) -> Content:
        """Return the content with a sheet under another title, in formulas and names too."""

        def in_formula(cell: FoundCell) -> FoundCell:
            text = cell.formula.replace(f"'{sheet}'!", f"{title}!").replace(f"{sheet}!", f"{title}!")
            return cell._replace(formula=text)

        return replace(
            self,
            sheets={
                title if found == sheet else found: replace(
                    page, cells={at: in_formula(cell) for at, cell in page.cells.items()}
                )
                for found, page in self.sheets.items()
            },
            names={
                name: f"{title}!{area.removeprefix(f'{sheet}!')}" if area.startswith(f"{sheet}!") else area
                for name, area in self.names.items()
            },
        )


def plain_area(text: str) -> str:
    """Return a reference without what need not be there: ``'Macro'!$C$7:$C$7`` is ``Macro!C7``."""
    sheet, mark, area = text.strip().rpartition("!")
    if sheet.startswith("'"):
        sheet = sheet[1:-1].replace("''", "'")
    return f"{sheet}{mark}{simple_area(area.replace('$', ''))}"


def read_content(path: Path) -> Content:
    """Read every cell, formula, name and sheet of a workbook that pyalloc has made.

    Raises
    ------
    TableError
        In a sentence, where it is no such file: another format, another workbook, protected, damaged, hostile
        or too large.
    """
    return content_of(path.name, read_bytes(path, MAX_UNPACKED_BYTES))


def content_of(source: str, data: bytes) -> Content:
    """Return what a file holds that messages call `source`; see :func:`read_content`."""
    try:
        return _content(source, data)
    except TableError:
        raise
    except Exception as error:
        raise TableError(f"{source} is damaged: open it in Excel and save it again as .xlsx") from error


def _content(source: str, data: bytes) -> Content:
    parts = unpack(source, data)
    if _STRICT in parts[_WORKBOOK]:
        raise TableError(f"{source} is saved as Strict Open XML: save it as Excel Workbook (.xlsx)")
    listed = _WorkbookReader(parts[_WORKBOOK])
    names = {name.lower(): plain_area(area) for name, area in listed.names}
    if _EVERY_WORKBOOK_NAMES not in names and not {AUDIT, NOTES} <= {*listed.states}:
        raise TableError(f"{source} is no workbook of pyalloc: name one that pyalloc generate has made")
    strings = shared_strings(parts[_STRINGS]) if _STRINGS in parts else []
    sheets = {}
    for sheet in worksheets(parts):
        if sheet.name in sheets:
            raise ValueError(f"two sheets are called {sheet.name}")
        found = SheetReader(f'{source} sheet "{sheet.name}"', parts[sheet.part], strings)
        sheets[sheet.name] = FoundSheet(listed.states[sheet.name], found.cells, tuple(found.hidden))
    titles = list(listed.states)
    return Content(
        source=source,
        sheets=sheets,
        names=names,
        local_names=tuple(LocalName(titles[number], name.lower()) for number, name in listed.local_names),
        additions=tuple(
            says for start, says in _ADDITIONS.items() if any(name.startswith(start) for name in parts)
        ),
    )


class _WorkbookReader(ContentHandler):
    """Collects what the workbook part lists: the state of each sheet, and the defined names."""

    def __init__(self, xml: bytes) -> None:
        super().__init__()
        self.states: dict[str, str] = {}
        self.names: list[tuple[str, str]] = []
        self.local_names: list[tuple[int, str]] = []
        self._attributes: Attributes = AttributesImpl({})
        self._written: list[str] = []
        parse(xml, self)

    def startElement(self, name: str, attrs: Attributes) -> None:
        match name.rpartition(":")[2]:
            case "sheet":
                self.states[attrs["name"]] = attrs.get("state", VISIBLE)
            case "definedName":
                self._attributes, self._written = attrs, []

    def characters(self, content: str) -> None:
        self._written.append(content)

    def endElement(self, name: str) -> None:
        if name.rpartition(":")[2] != "definedName":
            return
        if "localSheetId" in self._attributes:
            self.local_names.append((int(self._attributes["localSheetId"]), self._attributes["name"]))
        else:
            self.names.append((self._attributes["name"], "".join(self._written)))
