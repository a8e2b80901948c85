"""What is left to fill in for each client, once all that clients share is in its place."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Final, Generic, TypeVar

import numpy as np

from workbooks.compiled.archive import Piece, piece
from workbooks.compiled.program import HOLE, Entry, Program, sizes_used, slots_used, unfold
from workbooks.compiled.values import Slot, encoded
from workbooks.template.book import Sizes

T = TypeVar("T")

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
class Layout:
    """A part for given sizes: its text cut at every hole, and what comes into each.

    Attributes
    ----------
    stretches : list of bytes
        One more than there are holes.
    sources : list of int
        For each hole, which of the shared values comes into it; for a personal one, the first.
    waiting : list of int
        The holes that wait for a client.
    places : list of int
        For each of those, which of the client's values comes into it.
    shared, personal : tuple of Slot
        Where the values are from.
    """

    stretches: list[bytes]
    sources: list[int]
    waiting: list[int]
    places: list[int]
    shared: tuple[Slot, ...]
    personal: tuple[Slot, ...]

    def bind(self, facts: Mapping[str, Any]) -> Bound:
        """Return the part with the shared facts in their places."""
        values = encoded(facts, self.shared) or [b""]
        text = [b""] * (2 * len(self.sources) + 1)
        text[::2] = self.stretches
        text[1::2] = [values[i] for i in self.sources]
        ends = [2 * hole + 1 for hole in self.waiting]
        starts = [0, *(end + 1 for end in ends)]
        stretches = [b"".join(text[a:b]) for a, b in zip(starts, [*ends, len(text)], strict=True)]
        return Bound(tuple(_pieces(stretches, self.places)), self.personal)


@dataclass(frozen=True)
class Part:
    """A member of the workbook that is not the same for all: its name and program.

    `grown` says which sizes the entries of a fact are as many as.
    """

    name: str
    program: Program
    grown: Mapping[str, Set[str]]

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """The sizes that it depends on, or that the facts do of which it may show a single entry."""
        facts = (self.grown[slot.name] for slot in self.slots)
        return tuple(sorted(sizes_used(self.program).union(*facts)))

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The slots that it shows, those of numbers first."""
        return tuple(sorted(slots_used(self.program), key=lambda slot: (slot.mode != "number", slot)))

    def layout(self, sizes: Sizes, personal: Mapping[str, Any], shared: Mapping[str, Any]) -> Layout:
        """Return the part for these sizes; of the facts only names and shapes matter."""
        text, entries = unfold(self.program, sizes)
        common = tuple(slot for slot in self.slots if slot.name in shared)
        own = tuple(slot for slot in self.slots if slot.name not in shared)
        known, waiting = _Positions(shared, common), _Positions(personal, own)
        is_shared = [entry.slot.name in shared for entry in entries]
        return Layout(
            stretches=text.split(HOLE),
            sources=[known.of(entry) if s else 0 for entry, s in zip(entries, is_shared, strict=True)],
            waiting=[i for i, s in enumerate(is_shared) if not s],
            places=[waiting.of(entry) for entry, s in zip(entries, is_shared, strict=True) if not s],
            shared=common,
            personal=own,
        )


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


class Kept(Generic[T]):
    """What was made last, by what it was made for."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._made: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for the key; made now, and the oldest forgotten, where it is not kept."""
        if key not in self._made:
            self._made[key] = make()
            if len(self._made) > self._limit:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]
