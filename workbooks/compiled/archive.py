"""A zip archive written member by member from pieces, some of which were compressed long before.

A deflate stream may be put together from streams that were made alone, as long as each ends on a whole byte
and looks back at nothing before it. So what many workbooks share is compressed once.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

try:
    from isal import isal_zlib

    FAST = True
except ImportError:
    FAST = False

_DATE: Final = 0x21  # 1 January 1980, the first day that a zip archive knows
_DEFLATED: Final = 8
_UNIX: Final = 3 << 8 | 20
_READABLE: Final = 0o100644 << 16
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_LAST_BLOCK: Final = b"\x03\x00"
_WINDOW: Final = -15  # raw, without header and checksum
_REPEATABLE: Final = 0
"""The level of isal whose streams depend on nothing but their bytes. Levels 1 and 2 work in memory that they
do not clear, and gave another stream for the same bytes six times in some 2,500,000 (isal 1.9.1)."""


class Piece(NamedTuple):
    """Bytes of a member, as they are and as a part of its deflate stream."""

    plain: bytes
    packed: bytes


class Entry(NamedTuple):
    """A member whose bytes are final: its name, deflate stream, checksum and size."""

    name: bytes
    packed: bytes
    crc: int
    size: int


def piece(plain: bytes, *, small: bool = False) -> Piece:
    """Return bytes with their part of a deflate stream; `small` takes its time, for what is kept."""
    if FAST and not small:
        packer = isal_zlib.compressobj(_REPEATABLE, isal_zlib.DEFLATED, _WINDOW)
        return Piece(plain, packer.compress(plain) + packer.flush(isal_zlib.Z_SYNC_FLUSH))
    slow = zlib.compressobj(9 if small else 6, zlib.DEFLATED, _WINDOW)
    return Piece(plain, slow.compress(plain) + slow.flush(zlib.Z_SYNC_FLUSH))


def entry(name: str, pieces: Iterable[Piece]) -> Entry:
    """Return the member that the pieces make, one after the other."""
    crc, size, packed = 0, 0, []
    for part in pieces:
        crc = _crc(part.plain, crc)
        size += len(part.plain)
        packed.append(part.packed)
    return Entry(name.encode(), b"".join((*packed, _LAST_BLOCK)), crc, size)


def archive(entries: Sequence[Entry]) -> bytes:
    """Return the zip archive of these members."""
    written: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, packed, crc, size in entries:
        facts = (0x800, _DEFLATED, 0, _DATE, crc, len(packed), size, len(name), 0)
        written += (_LOCAL.pack(b"PK\3\4", 20, *facts), name, packed)
        directory += (_CENTRAL.pack(b"PK\1\2", _UNIX, 20, *facts, 0, 0, 0, _READABLE, offset), name)
        offset += _LOCAL.size + len(name) + len(packed)
    length = sum(map(len, directory))
    end = _END.pack(b"PK\5\6", 0, 0, len(entries), len(entries), length, offset, 0)
    return b"".join((*written, *directory, end))


def _crc(data: bytes, before: int) -> int:
    return isal_zlib.crc32(data, before) if FAST else zlib.crc32(data, before)
