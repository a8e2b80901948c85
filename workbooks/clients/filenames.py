"""File names that any client id can have on any system."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

SUMMARY_FILE: Final = "batch-summary.xlsx"
"""The workbook that lists all the others; no client's file can take its name."""

MAX_FILE_NAME_BYTES: Final = 80
"""In UTF-8, without the extension: what every file system and a long folder leave room for."""

_DEVICES: Final = frozenset(
    ["CON", "PRN", "AUX", "NUL"] + [f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"]
)
_KEPT_CATEGORIES: Final = "LMN"
"""Unicode's letters, marks and numbers."""


def safe_file_name(client_id: str) -> str:
    """Return a file name, without extension, that any id can have on any system.

    Letters and digits of every script and ``._-`` stay; everything else becomes ``_``. It is never empty, a
    path, hidden, an option or the name of a device. Where anything had to change, eight hexadecimal digits
    of the id's SHA-256 follow, so that two ids do not meet in one name.

    Examples
    --------
    >>> safe_file_name("C-1001")
    'C-1001'
    >>> safe_file_name("../../x")
    '_.._x-9cdf6a50'
    """
    name = unicodedata.normalize("NFC", client_id)
    name = "".join(c if c in "._-" or unicodedata.category(c)[0] in _KEPT_CATEGORIES else "_" for c in name)
    name = name.lstrip(".-").rstrip(".")
    if name.partition(".")[0].upper() in _DEVICES or f"{name}.xlsx".casefold() == SUMMARY_FILE:
        name = f"_{name}"
    if name and name == client_id and len(name.encode()) <= MAX_FILE_NAME_BYTES:
        return name
    mark = hashlib.sha256(client_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    room = MAX_FILE_NAME_BYTES - len(mark) - 1
    return f"{name.encode()[:room].decode(errors='ignore') or 'client'}-{mark}"
