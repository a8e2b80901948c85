"""The lock of a run in an object store: an object that says who writes there, renewed while the run goes.

A store holds no lock of the operating system that ends with a killed run, so this one ends by itself when it
was not renewed for a while.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, time
from typing import Final

from pyalloc.errors import InputError
from workbooks.destination import DestinationError
from workbooks.folder import LOCK_FILE
from workbooks.objects import Objects
from workbooks.record import now

LIFE: Final = 180.0
"""Seconds after which a lock that was not renewed is nobody's; clocks of two machines may differ by less."""

BEAT: Final = 20.0
"""Seconds between renewals."""


class Lease:
    """The lock that this run holds."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._owner = secrets.token_hex(16)
        self._started = now()
        self._renewed = monotonic()
        self._lost = False
        self._ended = threading.Event()

    @classmethod
    @contextmanager
    def of(cls, objects: Objects) -> Iterator[Lease]:
        """Take the lock, and renew it until the end.

        Raises
        ------
        InputError
            Where another run holds it.
        """
        lease = cls(objects)
        lease._take()
        renewal = threading.Thread(target=lease._renew, daemon=True)
        renewal.start()
        try:
            yield lease
        finally:
            lease._ended.set()
            renewal.join()
            with suppress(InputError):  # it ends by itself
                lease._release()

    def check(self) -> None:
        """Raise DestinationError where another run may be writing by now."""
        if self._lost:
            raise DestinationError(
                f"{self._objects} is written to by another run, which took over {LOCK_FILE}, or that was "
                "removed: wait until the other run ends, and go on with --resume"
            )
        if monotonic() - self._renewed > LIFE:
            raise DestinationError(
                f"{self._objects} did not let {LOCK_FILE} be renewed for {LIFE:.0f} s, so that another run "
                "may have begun: go on with --resume"
            )

    def _take(self) -> None:
        held = _read(self._objects)
        if held is not None:
            if _age(held) < LIFE:
                raise InputError(_refusal(self._objects, held))
            self._objects.remove(LOCK_FILE)
        if not self._objects.create(LOCK_FILE, self._content()):
            raise InputError(_refusal(self._objects, _read(self._objects) or {}))

    def _renew(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(InputError):  # a store that was out of reach may be back at the next beat
                if not self._is_ours():
                    self._lost = True
                    return
                self._objects.put(LOCK_FILE, self._content())
                self._renewed = monotonic()

    def _release(self) -> None:
        if self._is_ours():
            self._objects.remove(LOCK_FILE)

    def _is_ours(self) -> bool:
        return (_read(self._objects) or {}).get("owner") == self._owner

    def _content(self) -> bytes:
        held = {
            "owner": self._owner,
            "machine": platform.node(),
            "process": os.getpid(),
            "started": self._started,
            "renewed": time(),
        }
        return json.dumps(held).encode()


def is_taken(objects: Objects) -> bool:
    """Return whether a run holds the lock."""
    held = _read(objects)
    return held is not None and _age(held) < LIFE


def _read(objects: Objects) -> dict[str, object] | None:
    """Return what the lock says, nothing where there is none; one that says nothing was never renewed."""
    content = objects.get(LOCK_FILE)
    if content is None:
        return None
    try:
        held = json.loads(content)
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _age(held: dict[str, object]) -> float:
    renewed = held.get("renewed")
    return time() - renewed if isinstance(renewed, int | float) else LIFE


def _refusal(objects: Objects, held: dict[str, object]) -> str:
    who = f"process {held.get('process')} on {held.get('machine')}, started {held.get('started')}"
    return (
        f"another run is writing to {objects} ({who}, last seen {_age(held):.0f} s ago): wait until it ends, "
        f"or name another place; if it was killed, its {LOCK_FILE} ends {LIFE:.0f} s after it was last seen, "
        "or when you remove it"
    )
