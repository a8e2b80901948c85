"""A store of objects as the destination of a run: ``s3://bucket/run/``, or what else fsspec reaches.

The ledger and the log are worked on in a temporary folder of this machine and put beside the workbooks now
and then, and at the end.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from pyalloc.errors import InputError
from workbooks.destination import Desk
from workbooks.folder import LOG_FILE, opened
from workbooks.lease import Lease, is_taken
from workbooks.ledger import LEDGER_FILE
from workbooks.objects import OPTIONS, PART, Objects, words

LEDGER_SECONDS: Final = 30.0
"""Of work that a kill can cost: the ledger is put beside the workbooks no oftener."""

_LEDGER_SHARE = 20  # times as long as it took to put the ledger, until it is put again


@dataclass(frozen=True)
class ObjectStore(Objects):
    """Objects below an address as the destination of a run."""

    @classmethod
    def at(cls, url: str) -> ObjectStore:
        """Return the store at an address; InputError where it cannot be one."""
        try:
            import fsspec
        except ImportError:
            raise InputError(
                "an object store needs fsspec and s3fs: install them with pip install 'pyalloc[cloud]', or "
                "name a folder"
            ) from None
        store = cls(url if url.endswith("://") else url.rstrip("/"))
        try:
            _, root = fsspec.core.url_to_fs(store.url, **OPTIONS)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{store} cannot be written to ({words(error)}): name s3://bucket/run/"
            ) from None
        if not root.strip("/"):
            raise InputError(f"{store} names no place in a store: name one, as s3://bucket/run/")
        return store

    @property
    def is_here(self) -> bool:
        """Whether it is a folder, in which the ledger stays."""
        return False

    def path(self, name: str) -> PurePath:
        """Return what to call an object of this name."""
        return PurePosixPath(name)

    def absolute(self) -> ObjectStore:
        """Return it as processes with another current folder find it."""
        return self

    def workbooks(self) -> Iterator[str]:
        """Yield the names of the workbooks there."""
        return (name for name in self.names() if name.endswith(".xlsx"))

    @contextmanager
    def opened(self, logger: logging.Logger, *, append: bool) -> Iterator[Desk]:
        """Keep other runs out, and the ledger and log of this one in a temporary folder."""
        with ExitStack() as held:
            lease = held.enter_context(Lease.of(self))
            folder = Path(held.enter_context(TemporaryDirectory(prefix="pyalloc-")))
            if append:
                self.fetch(LEDGER_FILE, folder)
                self.fetch(LOG_FILE, folder)
            keeper = _Keeper(self, folder, lease)
            try:
                with opened(folder, logger, append=append):
                    yield Desk(folder, keeper.keep)
            except BaseException:
                with suppress(InputError):  # what ended the run is told
                    keeper.save()
                raise
            keeper.save()

    @contextmanager
    def recorded(self) -> Iterator[Path]:
        """Return where a copy of the ledger can be read meanwhile, if there is one."""
        with TemporaryDirectory(prefix="pyalloc-") as folder:
            self.fetch(LEDGER_FILE, Path(folder))
            yield Path(folder, LEDGER_FILE)

    def is_running(self) -> bool:
        """Return whether a run is writing, as far as its lock tells."""
        return is_taken(self)

    @contextmanager
    def marked(self) -> Iterator[str]:
        """Put an object by which other machines know the store, and yield its name."""
        mark = PART.format(secrets.token_hex(8))
        self.put(mark, b"")
        try:
            yield mark
        finally:
            with suppress(InputError):  # what ended the run is told
                self.remove(mark)

    def complaint(self, mark: str) -> str:
        """Return why this process cannot write to the store that was marked; nothing where it can."""
        try:
            if self.get(mark) is None:
                return f"{self} is not the store that the run writes to: give all machines the same address"
            with self.marked():
                return ""
        except InputError as error:
            return str(error)

    def sweep(self) -> None:
        """Leave it as it is: a store keeps nothing that was not finished."""


class _Keeper:
    """Puts the ledger and the log of a run beside its workbooks, seldom enough to cost little."""

    def __init__(self, store: ObjectStore, folder: Path, lease: Lease) -> None:
        self._store = store
        self._folder = folder
        self._lease = lease
        self._due = 0.0

    def keep(self, settle: Callable[[], None]) -> None:
        """Put them if it is time, the ledger settled first; stop a run that lost its lock."""
        self._lease.check()
        if monotonic() >= self._due:
            settle()
            self.save()

    def save(self) -> None:
        """Put them, whole, in the place of those before."""
        self._lease.check()
        started = monotonic()
        for name in (LEDGER_FILE, LOG_FILE):
            if (self._folder / name).exists():
                self._store.upload(self._folder / name)
        ended = monotonic()
        self._due = ended + max(LEDGER_SECONDS, _LEDGER_SHARE * (ended - started))
