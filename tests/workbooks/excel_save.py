"""A workbook as a firm makes it its own in Excel, and as Excel then saves it."""

from __future__ import annotations

import base64
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape, unescape
from io import BytesIO
from typing import NamedTuple

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

EDITOR = "Jane Q. Public"
"""Who saved the workbook: Excel writes her name, and the folder that she saved it in, into the file."""

LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

VIEW = "House view"
"""The title of the sheet that the firm adds."""

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_EXTENDED = (
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="x14ac xr" '
    'xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac" '
    'xmlns:xr="http://schemas.microsoft.com/office/spreadsheetml/2014/revision"'
)
_NEWER = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
_CONTENT = "application/vnd.openxmlformats-"
_CELL = re.compile(r'<c r="([A-Z]+\d+)"(?: s="(\d+)")?(?: t="(\w+)")?(?:/>|>(.*?)</c>)', re.DOTALL)
_ROW = re.compile(r'<row r="(\d+)"([^>]*?)(?:/>|>(.*?)</row>)', re.DOTALL)
_FORMULA = re.compile(r'<f(?: t="array" ref="([^"]*)")?>([^<]*)</f>')
_RELATIVE_ROW = re.compile(r"(?<![\w$])(\$?[A-Z]{1,3})([1-9]\d*)(?![\w(])")


class Cell(NamedTuple):
    """A cell: the number of its style, its value, and its formula with the range of an array."""

    style: int = 0
    value: float | str | bool | None = None
    formula: str = ""
    area: str = ""


@dataclass
class Page:
    """A worksheet: what stands before and after its cells, the attributes of its rows, its cells."""

    before: str
    after: str
    rows: dict[int, str] = field(default_factory=dict)
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)

    @classmethod
    def of(cls, xml: str) -> Page:
        """Return a worksheet that one of our engines wrote."""
        before, _, rest = xml.partition("<sheetData>")
        rows, _, after = rest.partition("</sheetData>")
        page = cls(before, after)
        for row in _ROW.finditer(rows):
            page.rows[int(row[1])] = row[2]
            for at, style, kind, inner in _CELL.findall(row[3] or ""):
                page.cells[_at(at)] = _cell(int(style or 0), kind, inner)
        return page

    def put(self, at: str, value: float | str | bool | None, formula: str = "", area: str = "") -> None:
        """Fill a cell, which keeps its style."""
        self.cells[_at(at)] = Cell(self.cells.get(_at(at), Cell()).style, value, formula, area)


class ExcelFile:
    """A workbook of ours, opened to be edited and saved as Excel does.

    Attributes
    ----------
    parts : dict of str to bytes
        Every member but the worksheets.
    pages : dict of str to Page
        The worksheets by title.
    names : list of (str, str)
        The attributes and the text of every defined name.
    """

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(BytesIO(data)) as packed:
            self.parts = {name: packed.read(name) for name in packed.namelist()}
        listed = self.text("xl/workbook.xml")
        titles = re.findall(r'<sheet name="([^"]*)"', listed)
        self.pages = {
            title: Page.of(self.parts.pop(f"xl/worksheets/sheet{i}.xml").decode())
            for i, title in enumerate(titles, start=1)
        }
        self.names = re.findall(r"<definedName ([^>]*)>([^<]*)</definedName>", listed)

    def text(self, name: str) -> str:
        """Return a member as text."""
        return self.parts[name].decode()

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change the text of a member."""
        self.parts[name] = change(self.text(name)).encode()

    def saved(self) -> bytes:
        """Return the file as Excel writes it: its own spellings, parts and order of parts."""
        strings: dict[str, int] = {}
        numbers = {title: len(self.pages) - i for i, title in enumerate(self.pages)}  # other than the order
        parts: dict[str, bytes] = {}
        chain = []
        for title, page in self.pages.items():
            number = numbers[title]
            parts[f"xl/worksheets/sheet{number}.xml"] = _sheet(page, strings, first=not parts).encode()
            parts[f"xl/worksheets/_rels/sheet{number}.xml.rels"] = self._links(title).encode()
            formulas = (place for place, cell in page.cells.items() if cell.formula)
            chain += [f'<c r="{_name(place)}" i="{number}"/>' for place in formulas]
        for name, content in self.parts.items():
            parts[_renamed(name)] = self._respelt(name, content)
        parts["xl/workbook.xml"] = self._workbook().encode()
        parts["xl/_rels/workbook.xml.rels"] = self._sheets(numbers).encode()
        parts["xl/sharedStrings.xml"] = _shared(strings).encode()
        parts["xl/calcChain.xml"] = (
            f'{_DECLARATION}<calcChain xmlns="{_MAIN}">{"".join(chain)}</calcChain>'.encode()
        )
        parts["xl/printerSettings/printerSettings1.bin"] = b"\x00P\x00r\x00i\x00n\x00t\x00e\x00r" * 8
        parts["docProps/core.xml"] = _core(self.text("docProps/core.xml")).encode()
        parts["docProps/app.xml"] = _app(list(self.pages)).encode()
        parts["[Content_Types].xml"] = _content_types(parts).encode()
        return _packed(parts)

    def _links(self, title: str) -> str:
        """Return the relationships of a sheet, to which Excel adds the settings of a printer."""
        number = list(self.pages).index(title) + 1
        known = self.parts.get(f"xl/worksheets/_rels/sheet{number}.xml.rels", b"<Relationships/>").decode()
        target = "../printerSettings/printerSettings1.bin"
        printer = f'<Relationship Id="printer" Type="{_OFFICE}/printerSettings" Target="{target}"/>'
        body = re.sub(r"^<Relationships[^>]*?/?>|</Relationships>$", "", _relative(known))
        return _relationships(body + printer)

    def _respelt(self, name: str, content: bytes) -> bytes:
        if name.startswith("xl/charts/chart"):
            return _prefixed(content.decode(), "c").encode()
        if re.fullmatch(r"xl/drawings/drawing\d+\.xml", name):
            return _prefixed(content.decode(), "xdr").encode()
        if name.endswith(".rels"):
            return _relative(content.decode()).encode()
        if name == "xl/styles.xml":
            return _styles(content.decode()).encode()
        return content

    def _workbook(self) -> str:
        sheets = "".join(
            f'<sheet name="{escape(title)}" sheetId="{i}" r:id="rId{i}"/>'
            for i, title in enumerate(self.pages, start=1)
        )
        order = sorted(self.names, key=lambda name: name[0].lower())
        names = "".join(f"<definedName {a}>{_spelt(text)}</definedName>" for a, text in order)
        path = f"C:\\Users\\{EDITOR}\\Documents\\"
        return (
            f'{_DECLARATION}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}" {_EXTENDED} '
            'xmlns:x15="http://schemas.microsoft.com/office/spreadsheetml/2010/11/main">'
            '<fileVersion appName="xl" lastEdited="7" lowestEdited="7" rupBuild="28130"/>'
            '<workbookPr defaultThemeVersion="166925"/><mc:AlternateContent><mc:Choice Requires="x15">'
            f'<x15ac:absPath url="{path}" '
            'xmlns:x15ac="http://schemas.microsoft.com/office/spreadsheetml/2010/11/ac"/></mc:Choice>'
            '</mc:AlternateContent><bookViews><workbookView xWindow="-120" yWindow="-120" '
            'windowWidth="29040" windowHeight="15840"/></bookViews>'
            f"<sheets>{sheets}</sheets><definedNames>{names}</definedNames>"
            '<calcPr calcId="191029"/><extLst><ext uri="{140A7094-0E35-4892-8432-C4D2E57EDEB5}">'
            '<x15:workbookPr chartTrackingRefBase="1"/></ext></extLst></workbook>'
        )

    def _sheets(self, numbers: dict[str, int]) -> str:
        links = [("worksheet", f"worksheets/sheet{number}.xml") for number in numbers.values()]
        others = ("theme/theme1", "styles", "sharedStrings", "calcChain")
        links += [(other.partition("/")[0], f"{other}.xml") for other in others]
        return _relationships(
            "".join(
                f'<Relationship Id="rId{i}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
                for i, (kind, target) in enumerate(links, start=1)
            )
        )


# --- the spellings of Excel -------------------------------------------------------------------------------


def _sheet(page: Page, strings: dict[str, int], *, first: bool) -> str:
    """Return a worksheet: texts by number, formulas of a column once, spans, extents, a printer."""
    identity = 'xr:uid="{00000000-0001-0000-0000-000000000000}"'
    root = f'<worksheet xmlns="{_MAIN}" xmlns:r="{_OFFICE}" {_EXTENDED} {identity}>'
    before = re.sub(r"<worksheet[^>]*>", root, page.before)
    before = re.sub(r"<sheetView (?!tab)", '<sheetView tabSelected="1" ' if first else "<sheetView ", before)
    before = re.sub(r"<cols>(.*)</cols>", _joined_columns, before)
    before = before.replace('defaultRowHeight="15"', 'defaultRowHeight="15" x14ac:dyDescent="0.25"')
    corners = [_name((min(k[0] for k in page.cells), min(k[1] for k in page.cells))), _name(max(page.cells))]
    before = before.replace("<sheetViews>", f'<dimension ref="{":".join(corners)}"/><sheetViews>', 1)
    shared = _shared_formulas(page)
    rows = []
    for row in sorted({*page.rows, *(row for row, _ in page.cells)}):
        columns = sorted(column for r, column in page.cells if r == row)
        spans = f' spans="{columns[0]}:{columns[-1]}"' if columns else ""
        attributes = f'{spans}{page.rows.get(row, "")} x14ac:dyDescent="0.25"'
        cells = (
            _written((row, column), page.cells[row, column], shared.get((row, column)), strings)
            for column in columns
        )
        rows.append(f'<row r="{row}"{attributes}>{"".join(cells)}</row>')
    after = re.sub(r"<pageSetup ([^>]*?) ?/>", r'<pageSetup \1 r:id="printer"/>', page.after)
    after = re.sub(r"<(formula\d?)>([^<]*)<", lambda f: f"<{f[1]}>{_spelt(f[2])}<", after)
    after = re.sub(r' xmlns:r="[^"]*"', "", after)
    return f"{_DECLARATION}{before}<sheetData>{''.join(rows)}</sheetData>{after}"


def _written(
    place: tuple[int, int], cell: Cell, shared: tuple[str, bool] | None, strings: dict[str, int]
) -> str:
    """Return a cell; of a shared formula the first cell has the text, the others its number."""
    style = f' s="{cell.style}"' if cell.style else ""
    value, kind = cell.value, ""
    formula = f"<f>{_spelt(escape(cell.formula, quote=False))}</f>" if cell.formula else ""
    if cell.area:
        formula = formula.replace("<f>", f'<f t="array" ref="{cell.area}">')
    if shared is not None:
        attributes, is_first = shared
        formula = formula.replace("<f>", f"<f {attributes}>") if is_first else f"<f {attributes}/>"
    if isinstance(value, bool):
        kind, shown = ' t="b"', str(int(value))
    elif isinstance(value, float | int):
        shown = f"{value:.17G}"
    elif value is None:
        return f'<c r="{_name(place)}"{style}>{formula}</c>' if formula else f'<c r="{_name(place)}"{style}/>'
    elif formula:
        kind, shown = ' t="str"', escape(value, quote=False)
    else:
        kind, shown = ' t="s"', str(strings.setdefault(value, len(strings)))
    return f'<c r="{_name(place)}"{style}{kind}>{formula}<v>{shown}</v></c>'


def _shared_formulas(page: Page) -> dict[tuple[int, int], tuple[str, bool]]:
    """Return the attributes of formulas that say the same in cells one below the other."""
    relative = {
        (column, row): _RELATIVE_ROW.sub(lambda f, row=row: f"{f[1]}[{int(f[2]) - row}]", cell.formula)
        for (row, column), cell in page.cells.items()
        if cell.formula and not cell.area and '"' not in cell.formula
    }
    found: dict[tuple[int, int], tuple[str, bool]] = {}
    number = 0
    for (column, row), formula in sorted(relative.items()):
        if relative.get((column, row - 1)) == formula:
            continue
        last = row
        while relative.get((column, last + 1)) == formula:
            last += 1
        if last > row:
            area = f"{_name((row, column))}:{_name((last, column))}"
            found[row, column] = f't="shared" ref="{area}" si="{number}"', True
            found |= {(r, column): (f't="shared" si="{number}"', False) for r in range(row + 1, last + 1)}
            number += 1
    return found


def _spelt(formula: str) -> str:
    """Return a formula as Excel spells it: no exponents, no quotes around plain sheet names."""
    pieces = re.split(r'("[^"]*")', formula)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"(?<![\w.])\d+(?:\.\d+)?E-?\d+", lambda n: f"{Decimal(n[0]):f}", pieces[i])
        pieces[i] = re.sub(r"'(\w+)'!", r"\1!", pieces[i])
    return "".join(pieces)


def _joined_columns(found: re.Match[str]) -> str:
    """Return the widths of columns with equal neighbours in one element, widths in pixels."""
    joined: list[tuple[int, int, str]] = []
    for column in re.findall("<col ([^>]*)/>", found[1]):
        own = dict(re.findall(r'(\w+)="([^"]*)"', column))
        first, last, width = int(own["min"]), int(own["max"]), f"{float(own['width']) + 0.7109375:.8g}"
        if joined and joined[-1][1:] == (first - 1, width):
            first = joined.pop()[0]
        joined.append((first, last, width))
    elements = (f'<col min="{a}" max="{b}" width="{width}" customWidth="1"/>' for a, b, width in joined)
    return f"<cols>{''.join(elements)}</cols>"


def _styles(xml: str) -> str:
    head = f'<styleSheet xmlns="{_MAIN}" {_EXTENDED}>'
    xml = re.sub(r"<styleSheet[^>]*>", head, xml)
    xml = xml.replace(' pivotButton="0"', "").replace(' quotePrefix="0"', "").replace('rgb="00', 'rgb="FF')
    slicers = (
        f'<ext uri="{{EB79DEF2-80B8-43e5-95BD-54CBDDF9020C}}" xmlns:x14="{_NEWER}">'
        '<x14:slicerStyles defaultSlicerStyle="SlicerStyleLight1"/></ext>'
    )
    return _DECLARATION + xml.replace("</styleSheet>", f"<extLst>{slicers}</extLst></styleSheet>")


def _prefixed(xml: str, prefix: str) -> str:
    """Return XML with a prefix before the tags of its default namespace."""
    xml = re.sub(r"<(/?)(\w+)(?=[\s/>])", rf"<\1{prefix}:\2", xml)
    return _DECLARATION + xml.replace(" xmlns=", f" xmlns:{prefix}=", 1)


def _shared(strings: dict[str, int]) -> str:
    """Return the shared strings; Excel keeps a text that no cell shows any more until it is saved again."""
    items = []
    for text in strings:
        space = ' xml:space="preserve"' if text != text.strip() or "\n" in text else ""
        items.append(f"<si><t{space}>{escape(text, quote=False)}</t></si>")
    return (
        f'{_DECLARATION}<sst xmlns="{_MAIN}" count="{len(items) * 2}" uniqueCount="{len(items)}">'
        f"{''.join(items)}</sst>"
    )


def _core(xml: str) -> str:
    title = re.search("<dc:title>.*?</dc:title>", xml)
    assert title
    return (
        f'{_DECLARATION}<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
        'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"{title[0]}<dc:creator>{EDITOR}</dc:creator><cp:lastModifiedBy>{EDITOR}</cp:lastModifiedBy>"
        '<dcterms:created xsi:type="dcterms:W3CDTF">2026-06-30T00:00:00Z</dcterms:created>'
        '<dcterms:modified xsi:type="dcterms:W3CDTF">2026-07-01T09:30:00Z</dcterms:modified>'
        "</cp:coreProperties>"
    )


def _app(titles: list[str]) -> str:
    parts = "".join(f"<vt:lpstr>{escape(title)}</vt:lpstr>" for title in titles)
    return (
        f'{_DECLARATION}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/'
        'extended-properties" xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">'
        f'<Application>Microsoft Excel</Application><TitlesOfParts><vt:vector size="{len(titles)}" '
        f'baseType="lpstr">{parts}</vt:vector></TitlesOfParts><Manager>{EDITOR}</Manager>'
        "<Company>Alpine Partners</Company><AppVersion>16.0300</AppVersion></Properties>"
    )


# --- the package ------------------------------------------------------------------------------------------


def _renamed(name: str) -> str:
    """Return the name that Excel gives a member."""
    name = re.sub(r"xl/comments/comment(\d+)", r"xl/comments\1", name)
    return re.sub(r"commentsDrawing(\d+)", r"vmlDrawing\1", name)


def _relative(links: str) -> str:
    """Return relationships whose targets are given from the folder of their part."""
    return re.sub(
        r'Target="/xl/([^"]*)"', lambda f: f'Target="../{_renamed(f"xl/{f[1]}").removeprefix("xl/")}"', links
    )


def _relationships(body: str) -> str:
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{_DECLARATION}<Relationships xmlns="{package}">{body}</Relationships>'


_KINDS = {
    r"xl/workbook\.xml": "officedocument.spreadsheetml.sheet.main",
    r"xl/worksheets/sheet\d+\.xml": "officedocument.spreadsheetml.worksheet",
    r"xl/(styles|sharedStrings|calcChain|comments)\d*\.xml": r"officedocument.spreadsheetml.\1",
    r"xl/theme/theme1\.xml": "officedocument.theme",
    r"xl/drawings/drawing\d+\.xml": "officedocument.drawing",
    r"xl/charts/chart\d+\.xml": "officedocument.drawingml.chart",
    r"docProps/core\.xml": "package.core-properties",
    r"docProps/app\.xml": "officedocument.extended-properties",
}


def _content_types(parts: dict[str, bytes]) -> str:
    defaults = {
        "bin": f"{_CONTENT}officedocument.spreadsheetml.printerSettings",
        "png": "image/png",
        "vml": f"{_CONTENT}officedocument.vmlDrawing",
        "rels": f"{_CONTENT}package.relationships+xml",
        "xml": "application/xml",
    }
    body = "".join(f'<Default Extension="{e}" ContentType="{kind}"/>' for e, kind in defaults.items())
    for name in parts:
        for pattern, kind in _KINDS.items():
            if found := re.fullmatch(pattern, name):
                body += f'<Override PartName="/{name}" ContentType="{_CONTENT}{found.expand(kind)}+xml"/>'
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'{_DECLARATION}<Types xmlns="{types}">{body}</Types>'


def _packed(parts: dict[str, bytes]) -> bytes:
    """Return the archive, the members in the order of Excel."""
    order = (
        "[Content_Types].xml",
        "_rels/",
        "xl/workbook",
        "xl/_rels",
        "xl/worksheets",
        "xl/theme",
        "xl/",
        "doc",
    )
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(
            parts, key=lambda n: next(i for i, start in enumerate(order) if n.startswith(start))
        ):
            target.writestr(name, parts[name])
    return out.getvalue()


# --- cells ------------------------------------------------------------------------------------------------


def _at(address: str) -> tuple[int, int]:
    letters, row = coordinate_from_string(address)
    return row, column_index_from_string(letters)


def _name(place: tuple[int, int]) -> str:
    row, column = place
    return f"{get_column_letter(column)}{row}"


def _cell(style: int, kind: str, inner: str) -> Cell:
    formula = _FORMULA.search(inner)
    shown = re.search(r"<(v|t)(?: [^>]*)?>([^<]*)</\1>", inner)
    value: float | str | bool | None = unescape(shown[2]) if shown else None
    if value is not None and kind not in ("inlineStr", "str"):
        value = value == "1" if kind == "b" else float(value)
    return Cell(style, value, unescape(formula[2]) if formula else "", formula[1] or "" if formula else "")
