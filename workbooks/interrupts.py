"""Ctrl-C heard between two clients: never inside a workbook, and never lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_between_steps() -> Iterator[Callable[[], None]]:
    """Hand out what raises KeyboardInterrupt where Ctrl-C came since; a second Ctrl-C is not waited for.

    Raised wherever the program happens to be, the exception is lost inside a finaliser or a callback of the
    garbage collector, and the run goes on as if nobody had asked it to stop.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread alone
        yield lambda: None
        return
    asked = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            signal.default_int_handler(number, frame)
        asked = True

    def step() -> None:
        if asked:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield step
    finally:
        signal.signal(signal.SIGINT, before)
