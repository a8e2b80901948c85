"""The folder that a batch writes to: one run at a time, whole files only, and a log."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from pyalloc.errors import InputError
from pyalloc.locks import take_lock

LOG_FILE: Final = "run.log"
LOCK_FILE: Final = "run.lock"
"""Empty; the operating system holds a lock on it while a run goes, and lets go when that is killed."""

_PART = ".pyalloc-{}.part"


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
            return not take_lock(file, tries=1)
    except OSError:  # no run was ever here, or none can be
        return False


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    with (out / LOCK_FILE).open("ab") as file:
        if not take_lock(file):
            raise InputError(f"another run is writing to {out}: wait until it ends, or name another folder")
        yield


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
