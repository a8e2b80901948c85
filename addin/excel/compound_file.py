"""Compound files: the storages and streams in which Office keeps a VBA project, by [MS-CFB] version 3.

A stream below 4096 bytes lies in the mini stream, in pieces of 64 bytes; others lie in sectors of their own,
of 512 bytes. Nothing in a file comes from the clock, so the same streams make the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, Union

Storage: TypeAlias = Mapping[str, Union[bytes, "Storage"]]
"""Streams and further storages, by name."""

LONGEST_NAME: Final = 31

_SECTOR: Final = 512
_MINI_SECTOR: Final = 64
_CUTOFF: Final = 4096
_IN_HEADER: Final = 109  # FAT sectors that the header can list
_END: Final = 0xFFFFFFFE
_FAT: Final = 0xFFFFFFFD
_NONE: Final = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_BLACK: Final = 1  # as every entry is: a red-black tree without red is a binary tree, which the format allows

_HEADER: Final = struct.Struct("<8s16x5H6x9I")
_SIGNATURE: Final = bytes.fromhex("D0CF11E0A1B11AE1")
_ENTRY: Final = struct.Struct("<64sHBB3I16xI16xIQ")
_UNUSED: Final = _ENTRY.pack(b"", 0, 0, 0, _NONE, _NONE, _NONE, 0, 0, 0)


def compound_file(root: Storage) -> bytes:
    """Return a compound file that holds these streams and storages.

    Raises
    ------
    ValueError
        Where a name is longer than 31 characters, or the whole larger than 7 MB.
    """
    entries = [_Entry("Root Entry", _ROOT)]
    entries[0].child = _add(entries, _in_order(root), root)

    mini, file = _Chains(_MINI_SECTOR), _Chains(_SECTOR)
    for entry in entries:
        if entry.kind == _STREAM:
            chains = mini if len(entry.content) < _CUTOFF else file
            entry.start, entry.size = chains.append(entry.content), len(entry.content)
    entries[0].start, entries[0].size = file.append(mini.content), len(mini.content)
    mini_table = _table(mini.next)
    mini_table_at = file.append(mini_table)
    directory = b"".join(entry.packed() for entry in entries)
    directory_at = file.append(directory + _UNUSED * (-len(entries) % (_SECTOR // _ENTRY.size)))

    fat_sectors = 1
    while len(_table(file.next + [_FAT] * fat_sectors)) > fat_sectors * _SECTOR:
        fat_sectors += 1
    if fat_sectors > _IN_HEADER:
        raise ValueError(f"{len(file.content):,} bytes are more than a compound file of ours can hold")
    fat_at = len(file.next)
    listed = list(range(fat_at, fat_at + fat_sectors)) + [_NONE] * (_IN_HEADER - fat_sectors)
    header = _HEADER.pack(
        _SIGNATURE,
        *(0x3E, 3, 0xFFFE, _SECTOR.bit_length() - 1, _MINI_SECTOR.bit_length() - 1),
        *(0, fat_sectors, directory_at, 0, _CUTOFF, mini_table_at, len(mini_table) // _SECTOR, _END, 0),
    )
    fat = _table(file.next + [_FAT] * fat_sectors)
    return header + struct.pack(f"<{_IN_HEADER}I", *listed) + file.content + fat


@dataclass
class _Entry:
    """A line of the directory; siblings and children are numbers of lines."""

    name: str
    kind: int
    content: bytes = b""
    left: int = _NONE
    right: int = _NONE
    child: int = _NONE
    start: int = 0
    size: int = 0

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le")
        relatives = (self.left, self.right, self.child)
        return _ENTRY.pack(name, len(name) + 2, self.kind, _BLACK, *relatives, 0, self.start, self.size)


class _Chains:
    """Sectors, and for each the number of the next in its chain."""

    def __init__(self, sector: int) -> None:
        self.content = bytearray()
        self.next: list[int] = []
        self._sector = sector

    def append(self, content: bytes | bytearray) -> int:
        """Add a chain and return the number of its first sector."""
        if not content:
            return _END
        start, count = len(self.next), -(-len(content) // self._sector)
        self.content += content.ljust(count * self._sector, b"\0")
        self.next += [*range(start + 1, start + count), _END]
        return start


def _table(numbers: Sequence[int]) -> bytes:
    """Return an allocation table in whole sectors."""
    packed = struct.pack(f"<{len(numbers)}I", *numbers)
    return packed + b"\xff" * (-len(packed) % _SECTOR)


def _in_order(storage: Storage) -> list[str]:
    """Return names in the order of the format: the shorter first, then by capitals."""
    for name in storage:
        if len(name) > LONGEST_NAME:
            raise ValueError(f"{name} has {len(name)} characters: a compound file knows {LONGEST_NAME}")
    return sorted(storage, key=lambda name: (len(name), name.upper()))


def _add(entries: list[_Entry], names: Sequence[str], storage: Storage) -> int:
    """Add the entries of a storage as a balanced tree and return the number of its root."""
    if not names:
        return _NONE
    middle = len(names) // 2
    entry = _Entry(names[middle], _STREAM)
    own = len(entries)
    entries.append(entry)
    entry.left = _add(entries, names[:middle], storage)
    entry.right = _add(entries, names[middle + 1 :], storage)
    inside = storage[entry.name]
    if isinstance(inside, bytes):
        entry.content = inside
    else:
        entry.kind, entry.child = _STORAGE, _add(entries, _in_order(inside), inside)
    return own
