"""The bytes of a workbook that openpyxl has built: nothing from the clock, and what it leaves out."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from html import escape
from io import BytesIO
from typing import Final

from openpyxl import Workbook

_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")
_DRAWING: Final = re.compile(r"xl/drawings/drawing(\d+)\.xml")
_FRAME: Final = re.compile(rb'<(?:xdr:)?cNvPr id="\d+" name="Chart \d+"(?! descr)')
_FONT: Final = re.compile(rb"<font>(.*?)</font>", re.DOTALL)
_FONT_PART: Final = re.compile(rb"<(\w+)(?: [^>]*)?/>")
_FONT_ORDER: Final = (
    b"b i strike condense extend outline shadow u vertAlign sz color name family charset scheme".split()
)


def finished(workbook: Workbook, made: date, chart_texts: Sequence[Sequence[str]] = ()) -> bytes:
    """Return the workbook as an .xlsx file, the same bytes for the same content.

    Times become `made`. Charts get no automatic title, which Excel would make of a series name, and the text
    that is read to who cannot see them. Fonts list their parts in the order of the schema.

    Parameters
    ----------
    workbook : openpyxl.Workbook
    made : date
        Stands for the times of creation and change.
    chart_texts : sequence of sequence of str
        For each sheet with charts, in order, a text for each chart.
    """
    workbook.properties.created = datetime.combine(made, time())
    packed, out = BytesIO(), BytesIO()
    workbook.save(packed)
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, _ZIP_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            target.writestr(member, _repaired(name, source.read(name), made, chart_texts))
    return out.getvalue()


def _repaired(name: str, data: bytes, made: date, chart_texts: Sequence[Sequence[str]]) -> bytes:
    if name == "docProps/core.xml":
        return _MODIFIED.sub(rb"\g<1>" + f"{made:%Y-%m-%d}T00:00:00Z".encode() + rb"\g<2>", data)
    if name == "xl/styles.xml":
        return _FONT.sub(_in_order, data)
    if name.startswith("xl/charts/chart"):
        return data.replace(b"<plotArea>", b'<autoTitleDeleted val="1" /><plotArea>', 1)
    if drawing := _DRAWING.fullmatch(name):
        for text in chart_texts[int(drawing[1]) - 1]:
            data = _FRAME.sub(rb'\g<0> descr="' + escape(text).encode() + b'"', data, count=1)
    return data


def _in_order(font: re.Match[bytes]) -> bytes:
    parts = sorted(_FONT_PART.finditer(font[1]), key=lambda part: _FONT_ORDER.index(part[1]))
    return b"<font>" + b"".join(part[0] for part in parts) + b"</font>"
