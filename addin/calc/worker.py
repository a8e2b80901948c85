"""What answers LibreOffice in the user's environment: one process, spoken to over its standard streams.

LibreOffice sends ``("call", function, arguments)`` and gets ``("cells", result)``. Amid a call the worker may
ask for ``("name", defined name)`` and gets ``("cells", rows)``, None where the document has no such name.
Reading those rows may make LibreOffice calculate further cells: calls of theirs then come first. Each message
is a pickle, as both ends are ours. The worker ends when the streams do, and so with LibreOffice, however that
ends.
"""

from __future__ import annotations

import faulthandler
import logging
import math
import os
import pickle
import struct
import sys
from collections.abc import Sequence
from threading import Thread
from time import monotonic, sleep
from typing import Any, BinaryIO, Final

import addin.functions  # noqa: F401  (fills the registry)
from addin.calc.interface import returns_rows
from addin.calls import answer
from addin.cells import NOT_AVAILABLE, NUM, VALUE, CellError, Cells, ErrorCode
from addin.portfolio import Names
from addin.spec import REGISTRY

LONGEST_ANSWER: Final = 60.0
"""Seconds after which an answer is given up: LibreOffice stands still until it comes."""

_NUMBERS: Final[dict[ErrorCode, int]] = {VALUE: 519, NUM: 503, NOT_AVAILABLE: 32767}
"""Calc's numbers of the errors."""

_ROWS: Final = frozenset(name for name, function in REGISTRY.items() if returns_rows(function))
"""The functions that are declared to return rows."""


class Conversation:
    """What LibreOffice and its worker say to each other.

    Parameters
    ----------
    calls, replies : binary streams
        From LibreOffice and to it.

    Attributes
    ----------
    asked : float
        When LibreOffice began to wait for us, by the monotonic clock, in seconds; infinite while it does not.
    """

    def __init__(self, calls: BinaryIO, replies: BinaryIO) -> None:
        self.asked = math.inf
        self._calls = calls
        self._replies = replies

    def serve(self) -> Any:
        """Answer calls until cells come that were asked for, and return those.

        Raises
        ------
        EOFError
            LibreOffice is gone.
        """
        while True:
            match self._receive():
                case "call", function, arguments:
                    self._send("cells", shown(function, arguments, self._cells_of))
                case "cells", rows:
                    return rows

    def _cells_of(self, name: str) -> Any:
        self._send("name", name)
        rows = self.serve()
        if rows is None:
            raise KeyError(name)
        return rows

    def _receive(self) -> Any:
        self.asked = math.inf
        message = pickle.load(self._calls)  # noqa: S301  (from our own other end)
        self.asked = monotonic()
        return message

    def _send(self, kind: str, content: Any) -> None:
        pickle.dump((kind, content), self._replies, protocol=4)
        self._replies.flush()


def shown(function: str, arguments: Sequence[Any], names: Names) -> Any:
    """Return what a call shows in Calc, an error too: rows, or a value where a value is declared."""
    try:
        cells: Cells = answer(function, arguments, names) if function in REGISTRY else error_value(VALUE)
    except CellError as error:
        cells = error_value(error.code)
    rows = cells if isinstance(cells, list) else [[cells]]
    values = tuple(tuple(map(_for_calc, row)) for row in rows)
    return values if function in _ROWS else values[0][0]


def error_value(code: ErrorCode) -> float:
    """Return an error as Calc keeps it: its number among the lower bits of a nan."""
    value: float = struct.unpack("<d", struct.pack("<II", _NUMBERS[code], 0x7FF80000))[0]
    return value


def _for_calc(cell: float | str | bool) -> float | str:
    return float(cell) if isinstance(cell, bool) else cell  # its booleans are 1 and 0


def _watch(conversation: Conversation) -> None:
    """End this process, its stack in the log, when an answer takes too long."""
    while monotonic() - conversation.asked < LONGEST_ANSWER:
        sleep(1.0)
    faulthandler.dump_traceback()
    os._exit(1)


def main() -> None:
    """Answer LibreOffice until it is gone."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no reply
    conversation = Conversation(sys.stdin.buffer, replies)
    Thread(target=_watch, args=(conversation,), daemon=True).start()
    try:
        conversation.serve()
    except (EOFError, OSError):
        os._exit(0)  # without a reply that nobody reads any more


if __name__ == "__main__":
    main()
