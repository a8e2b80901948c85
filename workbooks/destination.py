"""Where a run writes to: a folder, or whatever store of objects fsspec reaches; whole files only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from pyalloc.errors import InputError
from pyalloc.tables.files import is_address


class DestinationError(InputError):
    """Nothing more can be written there: no other client would fare better."""


@dataclass(frozen=True)
class Desk:
    """Where a run keeps its ledger and its log while it goes.

    Attributes
    ----------
    folder : Path
        Of this machine.
    keep : callable
        To be called after every step: now and then it has the ledger settled, by what it is given, and puts
        it beside the workbooks.
    """

    folder: Path
    keep: Callable[[Callable[[], None]], None]


class Destination(Protocol):
    """Where a run writes to; as text, how messages name it, without credentials. It can be pickled."""

    @property
    def is_here(self) -> bool:
        """Whether it is a folder, in which the ledger stays."""

    def path(self, name: str) -> PurePath:
        """Return what to call a file of this name."""

    def absolute(self) -> Destination:
        """Return it as processes with another current folder find it."""

    def place(self, name: str) -> str:
        """Return where a file of this name is, as messages say it."""

    def put(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all, in the place of an earlier one.

        Raises
        ------
        DestinationError
            Where nothing can be written any more.
        OSError
            Where this file cannot.
        """

    def sha256s(self, names: Sequence[str], *, reread: bool) -> Iterator[str | None]:
        """Yield the SHA-256 of files, in hexadecimal; None for one that cannot be read.

        Parameters
        ----------
        names : sequence of str
            Few enough for the memory.
        reread : bool
            Whether the content itself is to be read, also where the store vouches for its checksum.
        """

    def workbooks(self) -> Iterator[str]:
        """Yield the names of the workbooks there."""

    def opened(self, logger: logging.Logger, *, append: bool) -> AbstractContextManager[Desk]:
        """Keep other runs out, and the log of this one; `append` goes on from that of the earlier run.

        Raises
        ------
        InputError
            Where nothing can be written, or another run is writing.
        """

    def recorded(self) -> AbstractContextManager[Path]:
        """Return where the ledger can be read meanwhile, if there is one."""

    def is_running(self) -> bool:
        """Return whether a run is writing."""

    def marked(self) -> AbstractContextManager[str]:
        """Leave a mark by which other machines know it, and return the mark's name."""

    def complaint(self, mark: str) -> str:
        """Return why this process cannot write to the place that was marked; nothing where it can."""

    def sweep(self) -> None:
        """Remove what a killed process had not finished."""


def destination_of(out: str | Path | Destination) -> Destination:
    """Return the destination that a path or address names.

    Raises
    ------
    InputError
        Where an address needs what is not installed, or is none.
    """
    if not isinstance(out, str | Path):
        return out
    if is_address(str(out)):
        from workbooks.store import ObjectStore

        return ObjectStore.at(str(out))
    from workbooks.folder import Folder

    return Folder(Path(out))
