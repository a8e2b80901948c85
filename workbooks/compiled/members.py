"""The members of an xlsx file as they are stored, and what is needed to find one's way among them."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from html import unescape
from typing import Final

from pyalloc.errors import TableError
from pyalloc.tables.package import unpack

WORKBOOK: Final = "xl/workbook.xml"
STYLES: Final = "xl/styles.xml"
STRINGS: Final = "xl/sharedStrings.xml"
CORE: Final = "docProps/core.xml"
CONTENT_TYPES: Final = "[Content_Types].xml"
RELATIONSHIPS: Final = "xl/_rels/workbook.xml.rels"

_APP: Final = "docProps/app.xml"
_CALC_CHAIN: Final = "xl/calcChain.xml"
_SHEET: Final = re.compile(r"<sheet\b([^>]*)/>")
_RELATION: Final = re.compile(r"<Relationship\b([^>]*)/>")
_EDITOR: Final = re.compile(rb"<Manager>.*?</Manager>|<(?:\w+:)?absPath\b[^>]*/>", re.DOTALL)
"""Whose file it is, and the folder of the machine that it was saved in."""
_ATTRIBUTE: Final = re.compile(r"""([\w:.]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True)
class Members:
    """The members by name, in their order.

    They are without a calculation chain, which hosts make anew, and without the traces of who edited them.

    Attributes
    ----------
    source : str
        What messages call the file.
    content : dict of str to bytes
    sheets : dict of str to str
        The member of each worksheet, by the sheet's title.
    """

    source: str
    content: dict[str, bytes]
    sheets: dict[str, str]

    @classmethod
    def of(cls, source: str, data: bytes) -> Members:
        """Return the members of an xlsx file.

        Raises
        ------
        TableError
            Where it is no workbook, protected, damaged, too large, or written in a dialect that is not read.
        """
        try:
            parts = unpack(source, data)
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/")]
            content = {name: parts[name.replace("\\", "/").lower()] for name in names}
            _drop_calculation_chain(content)
            for name in {_APP, WORKBOOK} & content.keys():
                content[name] = _EDITOR.sub(b"", content[name])
            sheets = _sheets(content)
        except TableError:
            raise
        except Exception as error:
            raise TableError(f"{source} is damaged: open it in Excel and save it again as .xlsx") from error
        if any(b"<!DOCTYPE" in part[:4096] for name, part in content.items() if name.endswith(".xml")):
            raise TableError(
                f"{source} declares XML entities, which no workbook needs: save it anew in Excel"
            )
        dialect = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        plain = (content.get(part, b"") for part in sheets.values())
        listed = b"</Types>" in content[CONTENT_TYPES] and b"</Relationships>" in content[RELATIONSHIPS]
        if not (sheets and listed) or any(dialect not in part or b"<sheetData" not in part for part in plain):
            raise TableError(
                f'{source} is not an ordinary workbook: save it in Excel as "Excel Workbook (.xlsx)"'
            )
        return cls(source, content, sheets)

    def text(self, name: str) -> str:
        """Return a member as text."""
        return self.content[name].decode("utf-8-sig")


def attributes(tag: str) -> dict[str, str]:
    """Return the attributes of a start tag by their names, as written."""
    return {found[1]: unescape(found[2] or found[3] or "") for found in _ATTRIBUTE.finditer(tag)}


def _sheets(content: dict[str, bytes]) -> dict[str, str]:
    targets = {}
    for found in _RELATION.finditer(content[RELATIONSHIPS].decode("utf-8-sig")):
        relation = attributes(found[1])
        if relation["Type"].endswith("/worksheet"):
            targets[relation["Id"]] = posixpath.normpath(posixpath.join("/xl", relation["Target"])).lstrip(
                "/"
            )
    listed = (attributes(found[1]) for found in _SHEET.finditer(content[WORKBOOK].decode("utf-8-sig")))
    return {sheet["name"]: targets[sheet["r:id"]] for sheet in listed if sheet["r:id"] in targets}


def _drop_calculation_chain(content: dict[str, bytes]) -> None:
    """Remove the chain, which would name cells that are no longer there; hosts calculate without."""
    if content.pop(_CALC_CHAIN, None) is None:
        return
    for name, tag in ((CONTENT_TYPES, "Override"), (RELATIONSHIPS, "Relationship")):
        content[name] = re.sub(rb"<%b\b[^>]*calcChain[^>]*/>" % tag.encode(), b"", content[name])
