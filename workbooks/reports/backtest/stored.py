"""Formulas with their values in the file, for whoever looks at it without calculating.

openpyxl writes a formula without a value. Excel's Protected View, a mail program or a telephone would show
an empty page.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np

from workbooks.compiled.values import escaped
from workbooks.template.author import Book

_FORMULA: Final = re.compile(rb'<c r="([A-Z]+\d+)"([^>]*)>(<f>[^<]*</f>)<v ?/></c>')


def with_stored_values(content: bytes, book: Book, facts: Mapping[str, Any]) -> bytes:
    """Return the .xlsx file of an authored book with the value of every formula in it.

    Parameters
    ----------
    content : bytes
        As :func:`workbooks.template.writer.workbook_bytes` made it of the same book.
    book : Book
    facts : mapping
    """
    written = BytesIO()
    sheets = {f"xl/worksheets/sheet{i}.xml": sheet for i, sheet in enumerate(book.sheets, start=1)}
    with zipfile.ZipFile(BytesIO(content)) as bare, zipfile.ZipFile(written, "w") as stored:
        for member in bare.infolist():
            data = bare.read(member)
            if member.filename in sheets:
                cells = sheets[member.filename].cells

                def valued(formula: re.Match[bytes], cells: Mapping[str, Any] = cells) -> bytes:
                    ref = cells[formula[1].decode()].value
                    return _cell(formula, ref.of(facts) if ref else None)

                data = _FORMULA.sub(valued, data)
            stored.writestr(member, data)
    return written.getvalue()


def _cell(formula: re.Match[bytes], value: Any) -> bytes:
    """Return the cell with its value; None is an empty text."""
    head = b'<c r="' + formula[1] + b'"' + formula[2]
    if value is None or isinstance(value, str):
        return head + b' t="str">' + formula[3] + b"<v>" + escaped(value or "") + b"</v></c>"
    number = value.item() if isinstance(value, np.generic) else value
    return head + b">" + formula[3] + b"<v>" + repr(number).encode() + b"</v></c>"
