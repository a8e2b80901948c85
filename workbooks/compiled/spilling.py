"""Formulas whose result spills: what marks them as Excel's dynamic arrays, and the part that says so.

Without the mark Excel takes an array formula for one of old, whose range is fixed when it is entered.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from workbooks.compiled.members import CONTENT_TYPES, RELATIONSHIPS, Members

_PART: Final = "xl/metadata.xml"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheetMetadata+xml"
_LINK: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sheetMetadata"
_METADATA: Final = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<metadata xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:xda="http://schemas.microsoft.com/office/spreadsheetml/2017/dynamicarray">'
    '<metadataTypes count="1"><metadataType name="XLDAPR" minSupportedVersion="120000" copy="1" pasteAll="1" '
    'pasteValues="1" merge="1" splitFirst="1" rowColShift="1" clearFormats="1" clearComments="1" assign="1" '
    'coerce="1" cellMeta="1"/></metadataTypes>'
    '<futureMetadata name="XLDAPR" count="1"><bk><extLst><ext uri="{bdbb8cdc-fa1e-496e-a857-3c3f30c029c3}">'
    '<xda:dynamicArrayProperties fDynamic="1" fCollapsed="0"/></ext></extLst></bk></futureMetadata>'
    '<cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>'
)
_ARRAYS_FIRST: Final = re.compile(r'<metadataTypes\b[^>]*>\s*<metadataType\b[^>]*name="XLDAPR"')
_FIRST: Final = ' cm="1"'


def with_spilling(members: Members) -> tuple[Members, str]:
    """Return members that say what a dynamic array is, and the attribute of a cell that has one.

    A firm's workbook may have such a part from Excel, in which dynamic arrays come first; where they do not,
    nothing is marked and Excel shows fixed arrays.
    """
    if _PART in members.content:
        return members, _FIRST if _ARRAYS_FIRST.search(members.text(_PART)) else ""
    types, links = members.text(CONTENT_TYPES), members.text(RELATIONSHIPS)
    override = f'<Override PartName="/{_PART}" ContentType="{_TYPE}"/></Types>'
    link = f'<Relationship Id="spilling" Type="{_LINK}" Target="metadata.xml"/></Relationships>'
    content = {
        **members.content,
        CONTENT_TYPES: types.replace("</Types>", override).encode(),
        RELATIONSHIPS: links.replace("</Relationships>", link).encode(),
        _PART: _METADATA.encode(),
    }
    return replace(members, content=content), _FIRST
