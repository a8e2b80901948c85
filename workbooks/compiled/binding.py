"""What is left to fill in for each client, once all that clients share is in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Final

import numpy as np

from workbooks.compiled.archive import Piece, piece
from workbooks.compiled.program import HOLE, Entry, Program, sizes_used, slots_used, unfold
from workbooks.compiled.values import Slot, encoded
from workbooks.template.book import Sizes

_WORTH_KEEPING: Final = 4096
"""Bytes of a constant stretch from which it is compressed once rather than with every workbook."""


@dataclass(frozen=True)
class Open:
    """Stretches of constant text with values between them: entry i of a client's goes after stretch k."""

    stretches: tuple[bytes, ...]
    values: tuple[int, ...]

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the text with a client's values."""
        text: list[bytes] = [b""] * (2 * len(self.values) + 1)
        text[::2] = self.stretches
        text[1::2] = [values[i] for i in self.values]
        return b"".join(text)


@dataclass(frozen=True)
class Bound:
    """A part of the workbook under given conditions: what is final, what waits, and what it waits for."""

    pieces: tuple[Piece | Open, ...]
    slots: tuple[Slot, ...]

    def rendered(self, personal: Mapping[str, Any]) -> Iterator[Piece]:
        """Yield the part's bytes for a client."""
        values = encoded(personal, self.slots)
        for part in self.pieces:
            yield part if isinstance(part, Piece) else piece(part.filled(values))


@dataclass(frozen=True)
class Part:
    """A member of the workbook that is not the same for all: its name and program."""

    name: str
    program: Program

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """The sizes that it depends on."""
        return tuple(sorted(sizes_used(self.program)))

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The slots that it shows, those of numbers first."""
        return tuple(sorted(slots_used(self.program), key=lambda slot: (slot.mode != "number", slot)))

    def bind(self, sizes: Sizes, personal: Mapping[str, Any], shared: Mapping[str, Any]) -> Bound:
        """Return the part with every shared fact in its place; of the personal ones only shapes matter."""
        text, entries = unfold(self.program, sizes)
        common = tuple(slot for slot in self.slots if slot.name in shared)
        own = tuple(slot for slot in self.slots if slot.name not in shared)
        values = encoded(shared, common)
        known, waiting = _Positions(shared, common), _Positions(personal, own)
        stretches, places = [[b""]], []
        for stretch, entry in zip(text.split(HOLE), (None, *entries), strict=True):
            if entry is None:
                stretches[-1].append(stretch)
            elif entry.slot.name in shared:
                stretches[-1] += (values[known.of(entry)], stretch)
            else:
                places.append(waiting.of(entry))
                stretches.append([stretch])
        return Bound(tuple(_pieces([b"".join(s) for s in stretches], places)), own)


class _Positions:
    """Where the entries of slots stand among their values."""

    def __init__(self, facts: Mapping[str, Any], slots: Iterable[Slot]) -> None:
        self._shapes: dict[Slot, tuple[int, tuple[int, ...]]] = {}
        start = 0
        for slot in slots:
            shape = np.shape(facts[slot.name])
            self._shapes[slot] = start, shape
            start += prod(shape)

    def of(self, entry: Entry) -> int:
        """Return where an entry stands."""
        start, shape = self._shapes[entry.slot]
        offset = 0
        for i, length in zip(entry.place, shape, strict=True):
            offset = offset * length + i
        return start + offset


def _pieces(stretches: Sequence[bytes], places: Sequence[int]) -> Iterator[Piece | Open]:
    """Yield long stretches as final pieces, and what lies between them as open ones."""
    run: list[bytes] = []
    start = 0
    for k, stretch in enumerate(stretches):
        if len(stretch) < _WORTH_KEEPING:
            run.append(stretch)
            continue
        if run:
            yield Open((*run, b""), tuple(places[start:k]))
        yield piece(stretch)
        run, start = [b""], k
    yield Open(tuple(run), tuple(places[start : len(stretches) - 1]))
