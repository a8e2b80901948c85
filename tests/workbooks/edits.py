"""Workbooks as people leave them: edits to the parts of an xlsx file, values kept as they were saved."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from html import escape
from io import BytesIO

from openpyxl.formula import Tokenizer
from openpyxl.utils.cell import coordinate_from_string

Parts = dict[str, str]
"""The parts of a workbook that are text, by name."""

Edit = Callable[[Parts], None]

WORKBOOK = "xl/workbook.xml"


def edited(data: bytes, *edits: Edit) -> bytes:
    """Return a workbook's bytes after these edits."""
    with zipfile.ZipFile(BytesIO(data)) as source:
        parts = {name: source.read(name).decode() for name in source.namelist()}
    for edit in edits:
        edit(parts)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in parts.items():
            target.writestr(name, text)
    return out.getvalue()


def sheet_part(parts: Mapping[str, str], title: str) -> str:
    """Return the name of the part that holds a sheet."""
    identifier = re.search(rf'<sheet [^>]*name="{title}"[^>]*r:id="(\w+)"', parts[WORKBOOK])
    assert identifier, title
    relations = parts["xl/_rels/workbook.xml.rels"]
    found = re.search(rf'<Relationship [^>]*Id="{identifier[1]}"[^>]*>', relations)
    assert found
    target = re.search(r'Target="/?(?:xl/)?([^"]+)"', found[0])
    assert target
    return f"xl/{target[1]}"


def put(place: str, value: object = None, formula: str = "", kind: str = "") -> Edit:
    """Return the edit that makes a cell hold a value, or a formula with the value it was saved with."""
    title, _, at = place.partition("!")
    attributes, shown = _stored(value, kind)
    inner = (f"<f>{escape(formula, quote=False)}</f>" if formula else "") + shown
    return _in_cell(title, at, lambda style, _: f'<c r="{at}"{style}{attributes}>{inner}</c>')


def cache(place: str, value: object = None, kind: str = "") -> Edit:
    """Return the edit that changes the saved value of a formula, and not the formula."""
    title, _, at = place.partition("!")
    attributes, shown = _stored(value, kind or ("str" if isinstance(value, str) else ""))

    def change(style: str, inner: str) -> str:
        formula = re.search(r"<f.*?(?:/>|</f>)", inner)
        assert formula, place
        return f'<c r="{at}"{style}{attributes}>{formula[0]}{shown}</c>'

    return _in_cell(title, at, change)


def replace(part: str, old: str, new: str) -> Edit:
    """Return the edit that replaces text in a part, or in the part of a sheet of this title."""

    def edit(parts: Parts) -> None:
        name = part if part in parts else sheet_part(parts, part)
        assert old in parts[name], old
        parts[name] = parts[name].replace(old, new)

    return edit


def add(part: str, text: str = "") -> Edit:
    """Return the edit that adds a part."""
    return lambda parts: parts.update({part: text})


def without_values(parts: Parts) -> None:
    """Take away what every formula came to, as openpyxl does when it saves."""
    for name, text in parts.items():
        if name.startswith("xl/worksheets/sheet"):
            parts[name] = re.sub(r"(<f[^>]*>[^<]*</f>|<f[^>]*/>)<v>[^<]*</v>", r"\1", text)


def without_sheet(title: str) -> Edit:
    """Return the edit that deletes a sheet; what refers to it keeps its text."""

    def edit(parts: Parts) -> None:
        del parts[sheet_part(parts, title)]
        parts[WORKBOOK] = re.sub(rf'<sheet [^>]*name="{title}"[^>]*/>', "", parts[WORKBOOK])

    return edit


def move_rows(title: str, row: int, by: int) -> Edit:
    """Return the edit that inserts (`by` above 0) or removes rows, with references as Excel moves them."""

    def moved(number: int) -> int:
        return number + by if number >= row else number

    def in_sheet(text: str) -> str:
        if by < 0:
            for gone in range(row, row - by):
                text = re.sub(rf'<row r="{gone}".*?</row>', "", text)
        text = re.sub(r'(<row r=")(\d+)', lambda m: f"{m[1]}{moved(int(m[2]))}", text)
        return re.sub(r'(<c r="[A-Z]+)(\d+)', lambda m: f"{m[1]}{moved(int(m[2]))}", text)

    def reference(text: str, home: str) -> str:
        sheet, mark, area = text.rpartition("!")
        if (sheet.strip("'") or home) != title or not re.search(r"\d", area):
            return text
        return f"{sheet}{mark}" + re.sub(r"(?<=[A-Z$])\d+", lambda m: str(moved(int(m[0]))), area)

    def formula(text: str, home: str) -> str:
        tokens = Tokenizer(f"={text}").items
        return "".join(reference(t.value, home) if t.subtype == "RANGE" else t.value for t in tokens)

    def edit(parts: Parts) -> None:
        for home in re.findall(r'<sheet [^>]*name="(\w+)"', parts[WORKBOOK]):
            name = sheet_part(parts, home)
            text = in_sheet(parts[name]) if home == title else parts[name]
            parts[name] = re.sub(
                r"(<f[^>]*>)([^<]*)(</f>)", lambda m, home=home: f"{m[1]}{formula(m[2], home)}{m[3]}", text
            )
        parts[WORKBOOK] = re.sub(
            r"(<definedName[^>]*>)([^<]*)(</definedName>)",
            lambda m: f"{m[1]}{reference(m[2], '')}{m[3]}",
            parts[WORKBOOK],
        )

    return edit


def _stored(value: object, kind: str) -> tuple[str, str]:
    """Return the attributes of a cell with this value, and the elements that hold it."""
    if value is None:
        return "", ""
    if kind:
        return f' t="{kind}"', f"<v>{escape(str(value), quote=False)}</v>"
    if isinstance(value, str):
        return ' t="inlineStr"', f"<is><t>{escape(value, quote=False)}</t></is>"
    return "", f"<v>{value!r}</v>"


def _in_cell(title: str, at: str, change: Callable[[str, str], str]) -> Edit:
    row = coordinate_from_string(at)[1]

    def edit(parts: Parts) -> None:
        name = sheet_part(parts, title)
        cell = re.search(rf'<c r="{at}"([^>]*?)(?:/>|>(.*?)</c>)', parts[name])
        if cell:
            style = re.search(r' s="\d+"', cell[1])
            new = change(style[0] if style else "", cell[2] or "")
            parts[name] = parts[name][: cell.start()] + new + parts[name][cell.end() :]
        else:
            new = change("", "")
            if f'<row r="{row}"' not in parts[name]:
                parts[name] = parts[name].replace("</sheetData>", f'<row r="{row}"></row></sheetData>')
            parts[name] = re.sub(rf'(<row r="{row}".*?)(</row>)', rf"\g<1>{new}\g<2>", parts[name], count=1)
        assert new in parts[name]

    return edit
