"""The container of an xlsx workbook: a zip archive of XML parts, unpacked within bounds."""

from __future__ import annotations

import io
import posixpath
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyalloc.errors import TableError
from pyalloc.tables.sheetxml import attributes_of

MAX_UNPACKED_BYTES: Final = 256 << 20
"""The largest workbook, with all its parts unpacked, that is read."""

_WORKBOOK = "xl/workbook.xml"
_RELATIONSHIPS = "xl/_rels/workbook.xml.rels"
_ZIP_SIGNATURE = b"PK"
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OLE_SIGNATURE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True)
class Sheet:
    """A worksheet as the workbook lists it, and the part that holds its cells."""

    name: str
    visible: bool
    part: str


def unpack(source: str, data: bytes) -> dict[str, bytes]:
    """Return the parts of a workbook by their names in lower case, as the format compares them."""
    _refuse_other_formats(source, data)
    parts: dict[str, bytes] = {}
    room = MAX_UNPACKED_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > room:
            raise _too_large(source)
        for member in members:
            name = member.filename.replace("\\", "/").lower()
            if name in parts or member.compress_type not in _COMPRESSIONS:
                raise ValueError(f"part {name} is there twice, or compressed in no way that Excel knows")
            # The declared size is only a claim: read to where the data end, or the room does.
            member.file_size = sys.maxsize
            with archive.open(member) as file:
                parts[name] = file.read(room + 1)
            room -= len(parts[name])
            if room < 0:
                raise _too_large(source)
    if _WORKBOOK not in parts:
        raise TableError(f"{source} is an archive without an Excel workbook in it: save it as .xlsx")
    return parts


def pack(parts: Mapping[str, bytes]) -> io.BytesIO:
    """Return the parts as an uncompressed archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    packed.seek(0)
    return packed


def worksheets(parts: Mapping[str, bytes]) -> list[Sheet]:
    """Return the worksheets of a workbook in its order; chart sheets hold no cells and are left out."""
    relationships = {entry["Id"]: entry for entry in attributes_of(parts[_RELATIONSHIPS], "Relationship")}
    sheets = []
    for entry in attributes_of(parts[_WORKBOOK], "sheet"):
        identifier = next(value for key, value in entry.items() if key.endswith("}id"))
        relationship = relationships[identifier]
        if relationship["Type"].endswith("/worksheet"):
            part = posixpath.normpath(posixpath.join("/xl", relationship["Target"])).lstrip("/").lower()
            sheets.append(Sheet(entry["name"], entry.get("state", "visible") == "visible", part))
    return sheets


def _too_large(source: str) -> TableError:
    limit = f"{MAX_UNPACKED_BYTES >> 20} MiB"
    return TableError(f"{source} unpacks to more than {limit}: copy the sheet alone into a new workbook")


def _refuse_other_formats(source: str, data: bytes) -> None:
    if data.startswith(_OLE_SIGNATURE):
        if _ENCRYPTED in data:
            raise TableError(f"{source} is protected by a password: save a copy without it")
        raise TableError(f"{source} is in the old .xls format: save it as .xlsx")
    if not data.startswith(_ZIP_SIGNATURE):
        raise TableError(f"{source} is not an Excel workbook: save it as .xlsx, or as .csv if it is text")
