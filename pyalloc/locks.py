"""A lock that the operating system holds on an open file, and lets go when the process is killed."""

from __future__ import annotations

import sys
from time import sleep
from typing import IO, Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

TRIES: Final = 10
"""Who only looks whether a lock is held has it for far less than these tries take."""

_BETWEEN_TRIES = 0.05  # seconds


def take_lock(file: IO[bytes], *, tries: int = TRIES) -> bool:
    """Lock a file, open for writing, until it is closed; return whether the lock could be had."""
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
