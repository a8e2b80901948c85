"""The compressed container in which a VBA project keeps its sources, by [MS-OVBA] 2.4.1.

Each chunk of 4096 bytes stands alone: runs of eight tokens behind a byte of flags, a token being a letter or
a copy of what the chunk held before.
"""

from __future__ import annotations

import struct
from typing import Final

_CHUNK: Final = 4096
_SHORTEST_COPY: Final = 3
_SIGNATURE: Final = 0xB000  # of a chunk that is compressed


def compressed(content: bytes) -> bytes:
    """Return a container of text or records.

    Raises
    ------
    ValueError
        For bytes that do not shrink, which a module's source always does.
    """
    container = bytearray(b"\x01")
    for start in range(0, len(content), _CHUNK):
        tokens = _tokens(content[start : start + _CHUNK])
        if len(tokens) > _CHUNK:
            raise ValueError("this is no text: it does not shrink")
        container += struct.pack("<H", _SIGNATURE | len(tokens) - 1) + tokens
    return bytes(container)


def _tokens(chunk: bytes) -> bytes:
    """Return a chunk as runs of tokens, always copying the longest part that came before."""
    runs = bytearray()
    seen: dict[bytes, list[int]] = {}  # where each three bytes were met
    at = count = 0
    while at < len(chunk):
        if count % 8 == 0:
            flags_at = len(runs)
            runs.append(0)
        length, back = _longest_copy(chunk, at, seen)
        if length:
            length_bits = 16 - _offset_bits(at)
            runs += struct.pack("<H", back - 1 << length_bits | length - _SHORTEST_COPY)
            runs[flags_at] |= 1 << count % 8
        else:
            runs.append(chunk[at])
        for passed in range(at, at + max(length, 1)):
            seen.setdefault(chunk[passed : passed + _SHORTEST_COPY], []).append(passed)
        at += max(length, 1)
        count += 1
    return bytes(runs)


def _longest_copy(chunk: bytes, at: int, seen: dict[bytes, list[int]]) -> tuple[int, int]:
    """Return length and distance of the longest earlier part, (0, 0) where none is worth a token."""
    longest = min(len(chunk) - at, (0xFFFF >> _offset_bits(at)) + _SHORTEST_COPY)
    length = back = 0
    if longest < _SHORTEST_COPY:
        return length, back
    for start in reversed(seen.get(chunk[at : at + _SHORTEST_COPY], ())):
        same = _SHORTEST_COPY
        while same < longest and chunk[start + same] == chunk[at + same]:
            same += 1
        if same > length:
            length, back = same, at - start
        if length == longest:
            break
    return length, back


def _offset_bits(at: int) -> int:
    """Return how many bits of a token tell the distance, of which there are more further into a chunk."""
    return max(4, (at - 1).bit_length())
