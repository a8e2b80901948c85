"""The worker as LibreOffice sees it: a process in the user's environment, spoken to over pipes.

Packed into the extension and run by LibreOffice's own Python: standard library only, Python 3.9 syntax.
``addin/calc/worker.py`` is the other end, and says what is spoken.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from time import monotonic
from typing import IO, Any, cast

RETRY_SECONDS = 10.0
"""How long a worker that never answered is not started again: one try a recalculation, not one a cell."""

LIBREOFFICE = ("PYTHON", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""How the variables begin by which LibreOffice finds its own Python and libraries: not for another Python."""


class WorkerError(Exception):
    """The worker did not start, or ended before it answered; the text says which, and what to do."""


class Bridge:
    """The worker, started by the first call and anew by the first one after it ended.

    Parameters
    ----------
    command : sequence of str
        What starts it.
    log : str
        The file for what it writes to standard error.
    """

    def __init__(self, command: Sequence[str], log: str) -> None:
        self._command = list(command)
        self._log = log
        self._worker: subprocess.Popen[bytes] | None = None
        self._started = -math.inf
        self._silent = False  # whether it has said nothing since it started
        # One call at a time, except that a cell which a call reads may be calculated by a call of its own.
        self._turn = RLock()

    def ask(self, function: str, arguments: Sequence[Any], cells_of: Callable[[str], Any]) -> Any:
        """Return what a call shows.

        Parameters
        ----------
        function : str
        arguments : sequence
            Numbers, texts and rows of them; None for one left out.
        cells_of : callable
            Returns the rows of a defined name of the calling document; None where it has none.

        Raises
        ------
        WorkerError
        """
        with self._turn:
            worker = self._running()
            try:
                _send(worker, "call", function, arguments)
                kind, content = self._receive(worker)
                while kind == "name":
                    _send(worker, "cells", cells_of(content))
                    kind, content = self._receive(worker)
            except (OSError, EOFError, pickle.UnpicklingError) as end:
                _end(worker)
                raise WorkerError(self._silence()) from end
            except BaseException:
                _end(worker)  # it waits for cells that will not come
                raise
        return content

    def _running(self) -> subprocess.Popen[bytes]:
        if self._worker is None or self._worker.poll() is not None:
            if self._silent and monotonic() - self._started < RETRY_SECONDS:
                raise WorkerError(self._silence())
            self._worker, self._started, self._silent = self._start(), monotonic(), True
        return self._worker

    def _receive(self, worker: subprocess.Popen[bytes]) -> tuple[str, Any]:
        kind, content = pickle.load(cast("IO[bytes]", worker.stdout))  # noqa: S301  (from our own other end)
        self._silent = False
        return kind, content

    def _silence(self) -> str:
        return f"pyalloc's worker ended before it answered: {self._log} may say why"

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            with open(self._log, "ab") as log:
                return subprocess.Popen(  # noqa: S603  (the command stands in the extension)
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=without_libreoffice(os.environ),
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as failed:
            raise WorkerError(
                f"{self._command[0]} does not start ({failed.strerror}): where pyalloc is installed now, "
                "run pyalloc addin install calc"
            ) from failed


def without_libreoffice(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a Python that is not LibreOffice's own."""
    return {name: value for name, value in environment.items() if not name.startswith(LIBREOFFICE)}


def _send(worker: subprocess.Popen[bytes], *message: Any) -> None:
    calls = cast("IO[bytes]", worker.stdin)
    pickle.dump(message, calls, protocol=4)
    calls.flush()


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
