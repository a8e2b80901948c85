"""Workbooks with a VBA project inside, made from a plain workbook and from nothing."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final

from addin.excel.vba_project import Module, ModuleKind, vba_project
from addin.excel.xlwings_module import PROJECT as NAME

_TYPES: Final = "[Content_Types].xml"
_WORKBOOK: Final = "xl/workbook.xml"
_LINKS: Final = "xl/_rels/workbook.xml.rels"
_PROJECT: Final = "xl/vbaProject.bin"

_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_PROJECT_LINK: Final = "http://schemas.microsoft.com/office/2006/relationships/vbaProject"
_PROJECT_TYPE: Final = "application/vnd.ms-office.vbaProject"
_PLAIN_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_MACRO_TYPE: Final = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
_ADDIN_TYPE: Final = "application/vnd.ms-excel.addin.macroEnabled.main+xml"

_EMPTY: Final = {
    _TYPES: f'<Types xmlns="{_PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/{_WORKBOOK}" ContentType="{_PLAIN_TYPE}"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="{_WORKBOOK}"/></Relationships>',
    _WORKBOOK: f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><workbookPr/>'
    f'<sheets><sheet name="{NAME}" sheetId="1" r:id="rId1"/></sheets></workbook>',
    _LINKS: f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetPr/><sheetData/></worksheet>',
}
"""The parts of a workbook of one empty sheet."""

_SHEET: Final = re.compile(r"xl/worksheets/sheet\d+\.xml")


def addin_package(modules: Sequence[Module]) -> bytes:
    """Return an add-in, an .xlam file, that holds these modules."""
    return _zipped(_with_project(_EMPTY, modules, _ADDIN_TYPE))


def macro_workbook(xlsx: bytes, modules: Sequence[Module]) -> bytes:
    """Return a plain workbook, .xlsx, as an .xlsm file that holds these modules."""
    with zipfile.ZipFile(BytesIO(xlsx)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    xml = {
        name: content.decode("utf-8") for name, content in parts.items() if name.endswith((".xml", ".rels"))
    }
    return _zipped(parts | _with_project(xml, modules, _MACRO_TYPE))


def _with_project(xml: Mapping[str, str], modules: Sequence[Module], kind: str) -> dict[str, bytes]:
    """Return the parts of a package with a project, where workbook and sheets have modules of their own."""
    changed = dict(xml)
    changed[_WORKBOOK] = _changed(xml[_WORKBOOK], "<workbookPr", '<workbookPr codeName="ThisWorkbook"')
    documents = [Module("ThisWorkbook", kind=ModuleKind.WORKBOOK)]
    for part in filter(_SHEET.fullmatch, xml):
        sheet = Module(f"Sheet{len(documents)}", kind=ModuleKind.SHEET)
        changed[part] = _changed(xml[part], "<sheetPr", f'<sheetPr codeName="{sheet.name}"')
        documents.append(sheet)
    project = f'<Override PartName="/{_PROJECT}" ContentType="{_PROJECT_TYPE}"/></Types>'
    changed[_TYPES] = _changed(_changed(xml[_TYPES], re.escape(_PLAIN_TYPE), kind), "</Types>", project)
    link = f'<Relationship Id="vba" Type="{_PROJECT_LINK}" Target="vbaProject.bin"/></Relationships>'
    changed[_LINKS] = _changed(xml[_LINKS], "</Relationships>", link)
    parts = {name: text.encode("utf-8") for name, text in changed.items()}
    return parts | {_PROJECT: vba_project(NAME, [*documents, *modules])}


def _changed(text: str, pattern: str, new: str) -> str:
    """Return a part with the one place changed at which a pattern ends a word."""
    changed, count = re.subn(rf"{pattern}(?!\w)", new, text)
    if count != 1:
        raise ValueError(f"{pattern} stands {count} times in a part of the workbook, not once")
    return changed


def _zipped(parts: Mapping[str, bytes]) -> bytes:
    """Return parts as a package, of which nothing comes from the clock."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
