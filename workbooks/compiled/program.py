"""A text that is partly constant: what a template compiles to, and how it unfolds for given sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from openpyxl.utils import get_column_letter

from workbooks.compiled.places import Place, Spot
from workbooks.compiled.values import Slot
from workbooks.template.book import Sizes

HOLE: Final = b"\0"
"""Stands for a value; no XML text can contain it. Nor the marks below."""

_ROW_MARKS: Final = [bytes([i]) for i in (*range(1, 9), 11, 12)]
_COLUMN_MARKS: Final = [bytes([i]) for i in range(14, 32)]


class Hole(NamedTuple):
    """A value: an entry of a slot; `down` and `across` say which part of its place follows the pattern."""

    slot: Slot
    place: tuple[int, ...] = ()
    down: int | None = None
    across: int | None = None


class Entry(NamedTuple):
    """One entry of a slot, in a workbook of given sizes."""

    slot: Slot
    place: tuple[int, ...]


class Across(NamedTuple):
    """A pattern of one column, as many times as a size says."""

    by: str
    parts: tuple[bytes | Spot | Hole, ...]


Line = tuple[bytes | Spot | Hole | Across, ...]


@dataclass(frozen=True)
class Down:
    """A pattern of one row, as many times as a size says: the first, and then the others in turn.

    What follows in the others is that of the second row, whichever of them it is: they differ in looks.
    """

    by: str
    first: Line
    others: tuple[Line, ...]


Program = tuple[bytes | Spot | Hole | Across | Down, ...]


class Unfolded(NamedTuple):
    """A program for given sizes: its text with a hole for every entry."""

    text: bytes
    entries: tuple[Entry, ...]


def unfold(program: Program, sizes: Sizes) -> Unfolded:
    """Return the program's text in a workbook of these sizes."""
    texts: list[bytes] = []
    entries: list[Entry] = []
    line: list[bytes | Spot | Hole | Across] = []
    for part in program:
        if isinstance(part, Down):
            _write(line, sizes, texts, entries)
            line = []
            _repeat(part, sizes, texts, entries)
        else:
            line.append(part)
    _write(line, sizes, texts, entries)
    return Unfolded(b"".join(texts), tuple(entries))


def sizes_used(program: Iterable[object]) -> set[str]:
    """Return the names of the sizes that a program unfolds by."""
    used: set[str] = set()
    for part in program:
        if isinstance(part, Spot):
            used.update(part.place.by)
        elif isinstance(part, Across):
            used |= {part.by, *sizes_used(part.parts)}
        elif isinstance(part, Down):
            used |= {part.by, *sizes_used(part.first), *(name for o in part.others for name in sizes_used(o))}
    return used


def slots_used(program: Iterable[object]) -> set[Slot]:
    """Return every slot that a program has a hole for."""
    used: set[Slot] = set()
    for part in program:
        if isinstance(part, Hole):
            used.add(part.slot)
        elif isinstance(part, Across):
            used |= slots_used(part.parts)
        elif isinstance(part, Down):
            used |= slots_used(part.first).union(*map(slots_used, part.others))
    return used


def growing(programs: Iterable[Program]) -> dict[str, set[str]]:
    """Return for each fact the sizes that its entries are as many as, wherever they repeat."""
    grown: dict[str, set[str]] = {}
    for part in chain.from_iterable(programs):
        lines: tuple[Line, ...] = part.others if isinstance(part, Down) else ((part,),)
        for inner in chain.from_iterable(lines):
            for hole in inner.parts if isinstance(inner, Across) else (inner,):
                if isinstance(hole, Hole):
                    sizes = grown.setdefault(hole.slot.name, set())
                    if isinstance(part, Down) and hole.down is not None:
                        sizes.add(part.by)
                    if isinstance(inner, Across) and hole.across is not None:
                        sizes.add(inner.by)
    return grown


def _write(
    line: Sequence[bytes | Spot | Hole | Across], sizes: Sizes, texts: list[bytes], entries: list[Entry]
) -> None:
    """Write parts that stand once."""
    text, holes, rows = _line(tuple(line), sizes)
    texts.append(_marked(text, rows, 0, sizes))
    entries += (Entry(hole.slot, _place(hole, 0, j)) for hole, j in holes)


def _repeat(block: Down, sizes: Sizes, texts: list[bytes], entries: list[Entry]) -> None:
    count = getattr(sizes, block.by)
    if not count:
        return
    _write(block.first, sizes, texts, entries)
    others = [_line(line, sizes) for line in block.others]
    for i in range(count - 1):
        text, holes, rows = others[i % len(others)]
        texts.append(_marked(text, rows, i, sizes))
        entries += (Entry(hole.slot, _place(hole, i, j)) for hole, j in holes)


def _line(line: Line, sizes: Sizes) -> tuple[bytes, list[tuple[Hole, int]], list[Place]]:
    """Return a row's text with a mark for every row that follows, its holes with their columns, the marks."""
    texts: list[bytes] = []
    holes: list[tuple[Hole, int]] = []
    rows: list[Place] = []
    plain: list[bytes | Spot | Hole] = []
    for part in (*line, Across("", ())):
        if not isinstance(part, Across):
            plain.append(part)
            continue
        text, own, _ = _cells(plain, sizes, rows)
        texts.append(text)
        holes += ((hole, 0) for hole in own)
        plain = []
        if part.parts:
            _spread(part, sizes, rows, texts, holes)
    return b"".join(texts), holes, rows


def _spread(
    pattern: Across, sizes: Sizes, rows: list[Place], texts: list[bytes], holes: list[tuple[Hole, int]]
) -> None:
    """Write a pattern of one column beside itself, as often as its size says."""
    text, own, columns = _cells(pattern.parts, sizes, rows)
    starts = [place.at(sizes) for place in columns]
    for j in range(getattr(sizes, pattern.by)):
        cell = text
        for mark, start in zip(_COLUMN_MARKS, starts, strict=False):
            cell = cell.replace(mark, get_column_letter(start + j).encode())
        texts.append(cell)
        holes += ((hole, j) for hole in own)


def _cells(
    parts: Sequence[bytes | Spot | Hole], sizes: Sizes, rows: list[Place]
) -> tuple[bytes, list[Hole], list[Place]]:
    """Return a text with marks, its holes, and the columns that follow; rows that follow join `rows`."""
    texts: list[bytes] = []
    holes: list[Hole] = []
    columns: list[Place] = []
    for part in parts:
        if isinstance(part, bytes):
            texts.append(part)
        elif isinstance(part, Hole):
            texts.append(HOLE)
            holes.append(part)
        elif part.follows:
            marks, known = (_ROW_MARKS, rows) if part.axis == "row" else (_COLUMN_MARKS, columns)
            if part.place not in known:
                known.append(part.place)
            texts.append(marks[known.index(part.place)])
        else:
            texts.append(part.text(part.place.at(sizes)))
    return b"".join(texts), holes, columns


def _marked(text: bytes, rows: Sequence[Place], i: int, sizes: Sizes) -> bytes:
    for mark, place in zip(_ROW_MARKS, rows, strict=False):
        text = text.replace(mark, b"%d" % (place.at(sizes) + i))
    return text


def _place(hole: Hole, i: int, j: int) -> tuple[int, ...]:
    """Return the place of the entry `i` rows below the pattern and `j` columns beside it."""
    if not i and not j:
        return hole.place
    place = list(hole.place)
    if hole.down is not None:
        place[hole.down] += i
    if hole.across is not None:
        place[hole.across] += j
    return tuple(place)
