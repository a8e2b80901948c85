"""A folder that a batch writes to: one run at a time, whole files only, and a log."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import IO, Final

from pyalloc.errors import InputError
from workbooks.destination import Desk, DestinationError
from workbooks.ledger import LEDGER_FILE

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOG_FILE: Final = "run.log"
LOCK_FILE: Final = "run.lock"
"""Empty; the operating system holds a lock on it while a run goes, and lets go when that is killed."""

_PART = ".pyalloc-{}.part"
_HELD_BY_EXCEL = "~$"  # begins the name of the file that Excel keeps beside an open workbook
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_TRIES = 10
_BETWEEN_TRIES = 0.05  # seconds; who only looks whether a run goes holds the lock for far less


@dataclass(frozen=True)
class Folder:
    """A folder as the destination of a run."""

    out: Path

    def __str__(self) -> str:
        return str(self.out)

    @property
    def is_here(self) -> bool:
        """Whether it is a folder, in which the ledger stays."""
        return True

    def path(self, name: str) -> Path:
        """Return where a file of this name is."""
        return self.out / name

    def absolute(self) -> Folder:
        """Return it as processes with another current folder find it."""
        return Folder(self.out.absolute())

    def place(self, name: str) -> str:
        """Return where a file of this name is, as messages say it."""
        return str(self.out / name)

    def put(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all; DestinationError where the disk is full, OSError otherwise."""
        try:
            with replacing(self.out / name) as part:
                part.write_bytes(content)
        except OSError as failure:
            if failure.errno not in _NO_ROOM:
                raise
            raise DestinationError(
                f"{self} has no room for {name} ({failure.strerror}): make some room, and go on with --resume"
            ) from failure

    def sha256s(self, names: Sequence[str], *, reread: bool) -> Iterator[str | None]:  # noqa: ARG002
        """Yield the SHA-256 of files, in hexadecimal; None for one that cannot be read."""
        return (file_sha256(self.out / name) for name in names)

    def workbooks(self) -> Iterator[str]:
        """Yield the names of the workbooks there."""
        with os.scandir(self.out) as files:
            for file in files:
                if file.name.endswith(".xlsx") and not file.name.startswith(_HELD_BY_EXCEL):
                    yield file.name

    @contextmanager
    def opened(self, logger: logging.Logger, *, append: bool) -> Iterator[Desk]:
        """Make, lock and clear the folder, in which the ledger is worked on."""
        with opened(self.out, logger, append=append):
            yield Desk(self.out, lambda _: None)

    @contextmanager
    def recorded(self) -> Iterator[Path]:
        """Return where the ledger is, if there is one."""
        yield self.out / LEDGER_FILE

    def is_running(self) -> bool:
        """Return whether a run is writing to the folder."""
        return is_running(self.out)

    @contextmanager
    def marked(self) -> Iterator[str]:
        """Put a file into the folder by which other machines know it, and yield the file's name."""
        mark = self.out / _PART.format(secrets.token_hex(8))
        mark.touch()
        try:
            yield mark.name
        finally:
            mark.unlink(missing_ok=True)

    def complaint(self, mark: str) -> str:
        """Return why this process cannot write to the folder that was marked; nothing where it can."""
        try:
            if not (self.out / mark).exists():
                return (
                    f"{self} is not the folder that the run writes to: name a folder that all machines share"
                )
            with self.marked():
                return ""
        except OSError as error:
            return f"{self} cannot be written to ({error.strerror})"

    def sweep(self) -> None:
        """Remove the files that a killed process had not finished."""
        sweep(self.out)


def file_sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file, in hexadecimal; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


@contextmanager
def opened(out: Path, logger: logging.Logger, *, append: bool) -> Iterator[None]:
    """Make the folder, lock it, clear it of what a killed run left, and log to a file in it.

    Parameters
    ----------
    out : Path
    logger : logging.Logger
    append : bool
        Whether the log goes on from that of the earlier run.

    Raises
    ------
    InputError
        Where the folder cannot be written to, or another run is writing to it.
    """
    with ExitStack() as held:
        try:
            out.mkdir(parents=True, exist_ok=True)
            held.enter_context(_locked(out))
            sweep(out)
            handler = _LogFile(out / LOG_FILE, mode="a" if append else "w", encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{out} cannot be written to ({error.strerror}): name a folder that can, and close {LOG_FILE}"
            ) from error
        held.enter_context(_logged(logger, handler))
        yield


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to: what is there takes the place of `path` at once, or vanishes on an error."""
    part = path.with_name(_PART.format(secrets.token_hex(8)))
    try:
        yield part
        part.replace(path)
    except OSError as error:
        error.filename = str(path)  # the name that the reader knows
        raise
    finally:
        part.unlink(missing_ok=True)


def sweep(out: Path) -> None:
    """Remove the files that a killed process had not finished."""
    for part in out.glob(_PART.format("*")):
        part.unlink(missing_ok=True)


def is_running(out: Path) -> bool:
    """Return whether a run is writing to the folder."""
    try:
        with (out / LOCK_FILE).open("r+b") as file:
            return not _take(file, tries=1)
    except OSError:  # no run was ever here, or none can be
        return False


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    with (out / LOCK_FILE).open("ab") as file:
        if not _take(file, _TRIES):
            raise InputError(f"another run is writing to {out}: wait until it ends, or name another folder")
        yield


def _take(file: IO[bytes], tries: int) -> bool:
    """Lock a file until it is closed; return whether it could be had."""
    for remaining in reversed(range(tries)):
        try:
            if sys.platform == "win32":
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            sleep(_BETWEEN_TRIES if remaining else 0.0)
        else:
            return True
    return False


class _LogFile(logging.FileHandler):
    """A log that a full disk cannot turn into a traceback per line: the ledger tells of the disk."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leave the line out."""

    def close(self) -> None:
        """Close the file, whether or not its last line fits the disk."""
        with suppress(OSError):
            super().close()


@contextmanager
def _logged(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    except BaseException as end:
        logger.error("stopped: %s", str(end) or type(end).__name__)
        raise
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()
