"""A store of objects as the destination of a run: ``s3://bucket/run/``, or what else fsspec reaches.

Every object is put whole, and a store shows it whole or not at all. The ledger and the log are worked on in
a temporary folder of this machine and put beside the workbooks now and then, and at the end.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

from pyalloc.errors import InputError
from workbooks.destination import Desk, DestinationError
from workbooks.folder import LOG_FILE, opened
from workbooks.lease import Lease, is_taken
from workbooks.ledger import LEDGER_FILE

LEDGER_SECONDS: Final = 30.0
"""Of work that a kill can cost: the ledger is put beside the workbooks no oftener."""

_LEDGER_SHARE = 20  # times as long as it took to put the ledger, until it is put again
_AT_ONCE = 16  # objects asked about at a time
_WHOLE: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})
"""Protocols of stores that show an object only once all of it is there."""

_PART = ".pyalloc-{}.part"
_USER = re.compile(r"(?<=://)[^/@]*@")


@dataclass(frozen=True)
class ObjectStore:
    """Objects below an address.

    Attributes
    ----------
    url : str
        As fsspec reads it; what it may hold of user and password is never shown.
    """

    url: str = field(repr=False)

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
            _, root = fsspec.core.url_to_fs(store.url, **_OPTIONS)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{store} cannot be written to ({_words(error)}): name s3://bucket/run/"
            ) from None
        if not root.strip("/"):
            raise InputError(f"{store} names no place in a store: name one, as s3://bucket/run/")
        return store

    def __str__(self) -> str:
        return _USER.sub("", self.url)

    @property
    def is_here(self) -> bool:
        """Whether it is a folder, in which the ledger stays."""
        return False

    def path(self, name: str) -> PurePath:
        """Return what to call an object of this name."""
        return PurePosixPath(name)

    def place(self, name: str) -> str:
        """Return where an object of this name is, as messages say it."""
        return f"{self}/{name}" if name else str(self)

    def put(self, name: str, content: bytes) -> None:
        """Write an object, whole or not at all, in the place of an earlier one; DestinationError if not."""
        with self.told(name):
            files, path = self._located(name)
            if "s3" in _protocols(files):  # its metadata and content are put, and replaced, together
                files.pipe_file(path, content, Metadata={"sha256": hashlib.sha256(content).hexdigest()})
            else:
                _put_whole(files, path, lambda place: files.pipe_file(place, content))

    def create(self, name: str, content: bytes) -> bool:
        """Write an object where there is none; return whether that was so."""
        with self.told(name):
            files, path = self._located(name)
            if not _protocols(files) & _WHOLE:
                files.makedirs(path.rpartition("/")[0], exist_ok=True)
            try:
                files.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
            return True

    def get(self, name: str) -> bytes | None:
        """Return the content of an object; None where there is none."""
        with self.told(name):
            files, path = self._located(name)
            try:
                content: bytes = files.cat_file(path)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return None
            return content

    def remove(self, name: str) -> None:
        """Remove an object, if there is one."""
        with self.told(name):
            files, path = self._located(name)
            with suppress(FileNotFoundError):
                files.rm_file(path)

    def sha256s(self, names: Sequence[str], *, reread: bool) -> Iterator[str | None]:
        """Yield the SHA-256 of objects: as it was put with them, or read back where it was not."""
        files, _ = self._located("")

        def found(name: str) -> str | None:
            _, path = self._located(name)
            with self.told(name):
                try:
                    noted = (
                        files.metadata(path).get("sha256")
                        if "s3" in _protocols(files) and not reread
                        else None
                    )
                    return noted or hashlib.sha256(files.cat_file(path)).hexdigest()
                except FileNotFoundError:
                    return None

        with ThreadPoolExecutor(_AT_ONCE) as several:
            yield from several.map(found, names)

    def workbooks(self) -> Iterator[str]:
        """Yield the names of the workbooks there."""
        with self.told(""):
            files, root = self._located("")
            try:
                found = files.ls(root, detail=False)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                found = []
        yield from (name for path in found if (name := PurePosixPath(path).name).endswith(".xlsx"))

    @contextmanager
    def opened(self, logger: logging.Logger, *, append: bool) -> Iterator[Desk]:
        """Keep other runs out, and the ledger and log of this one in a temporary folder."""
        with ExitStack() as held:
            lease = held.enter_context(Lease.of(self))
            folder = Path(held.enter_context(TemporaryDirectory(prefix="pyalloc-")))
            if append:
                self._fetch(LEDGER_FILE, folder)
                self._fetch(LOG_FILE, folder)
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
            self._fetch(LEDGER_FILE, Path(folder))
            yield Path(folder, LEDGER_FILE)

    def is_running(self) -> bool:
        """Return whether a run is writing, as far as its lock tells."""
        return is_taken(self)

    def sweep(self) -> None:
        """Leave it as it is: a store keeps nothing that was not finished."""

    def upload(self, path: Path) -> None:
        """Put a file of any length under its own name."""
        with self.told(path.name):
            files, there = self._located(path.name)
            _put_whole(files, there, lambda place: files.put_file(str(path), place))

    def _fetch(self, name: str, folder: Path) -> None:
        """Copy an object of any length to a folder, if there is one."""
        with self.told(name):
            files, path = self._located(name)
            try:
                files.get_file(path, str(folder / name))
            except FileNotFoundError as error:
                (folder / name).unlink(missing_ok=True)
                if _code(error) == "NoSuchBucket":
                    raise

    def _located(self, name: str) -> tuple[Any, str]:
        """Return the file system, and where in it the object of this name is."""
        import fsspec

        files, root = fsspec.core.url_to_fs(self.url, **_OPTIONS)
        return files, f"{root}/{name}" if name else root

    @contextmanager
    def told(self, name: str) -> Iterator[None]:
        """Turn what the store or its driver raises, of many kinds, into a sentence without credentials."""
        place = self.place(name)
        try:
            yield
        except InputError:
            raise
        except FileNotFoundError as error:
            raise DestinationError(
                f"{place} cannot be written or read ({_words(error)}): check the name of the bucket, which "
                "is not made here"
            ) from None
        except Exception as error:
            if isinstance(error, PermissionError) or type(error).__name__ in _NO_CREDENTIALS:
                raise DestinationError(
                    f"{place} refused the credentials ({_words(error)}): give the right ones where the "
                    "store's own programs find them, as in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and "
                    "go on with --resume"
                ) from None
            raise DestinationError(
                f"{place} could not be reached, also when tried again ({_words(error)}): check the network "
                "and the address, and go on with --resume"
            ) from None


_OPTIONS: Final = {"use_listings_cache": False}
_NO_CREDENTIALS: Final = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "DefaultCredentialsError"}
)


def _protocols(files: Any) -> frozenset[str]:
    return frozenset([files.protocol] if isinstance(files.protocol, str) else files.protocol)


def _put_whole(files: Any, path: str, put: Callable[[str], object]) -> None:
    """Put at once where the store does, and under another name first where it does not."""
    if _protocols(files) & _WHOLE:
        put(path)
        return
    folder = path.rpartition("/")[0]
    part = f"{folder}/{_PART.format(secrets.token_hex(8))}"
    files.makedirs(folder, exist_ok=True)
    try:
        put(part)
        files.mv(part, path)
    except BaseException:
        with suppress(Exception):  # what went wrong is told
            files.rm_file(part)
        raise


def _code(error: BaseException) -> str:
    """Return what S3 calls an error."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _words(error: BaseException) -> str:
    """Return what a driver says, on one line and without user and password of an address."""
    return _USER.sub("", " ".join(str(error).split())) or type(error).__name__


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
