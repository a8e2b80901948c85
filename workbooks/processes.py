"""The workbooks of a batch made one after the other, in this process or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbooks.maker import Maker
from workbooks.results import ClientResult

if TYPE_CHECKING:
    from workbooks.clients import Client

_CLIENTS_PER_PROCESS = 4  # fewer are made before another process has started
_MAX_PROCESSES = 61  # Windows waits for no more


def worthwhile_jobs(asked: int | None, clients: int) -> int:
    """Return how many processes to use: those asked for, or one per processor where there is enough to do."""
    if asked is not None:
        return min(asked, _MAX_PROCESSES)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, clients // _CLIENTS_PER_PROCESS, _MAX_PROCESSES))


def workbooks_of(
    maker: Maker, clients: Sequence[Client], pending: deque[int], jobs: int
) -> Generator[tuple[int, ClientResult], None, None]:
    """Return position and result of each pending client, as they come; emptying `pending` ends it soon.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        Where a process was killed.
    """
    return _made_here(maker, clients, pending) if jobs == 1 else _made_apart(maker, clients, pending, jobs)


def _made_here(
    maker: Maker, clients: Sequence[Client], pending: deque[int]
) -> Generator[tuple[int, ClientResult], None, None]:
    while pending:
        i = pending.popleft()
        yield i, maker.make(clients[i])


def _made_apart(
    maker: Maker, clients: Sequence[Client], pending: deque[int], jobs: int
) -> Generator[tuple[int, ClientResult], None, None]:
    running: dict[Future[ClientResult], int] = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _start_process, (maker,)) as pool:
        while pending or running:
            with _deaf_to_interrupts():
                while pending and len(running) < 2 * jobs:
                    i = pending.popleft()
                    running[pool.submit(_make_in_process, clients[i])] = i
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            # A killed process breaks every future that is left; what was finished before counts.
            for future in sorted(finished, key=lambda future: future.exception() is not None):
                yield running.pop(future), future.result()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes and threads that never hear Ctrl-C, so that each finishes what it has in hand."""
    if sys.platform == "win32":  # a process there ignores it only once it runs
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_process_maker: Maker


def _start_process(maker: Maker) -> None:
    global _process_maker
    _process_maker = maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_driver, daemon=True).start()


def _end_with_the_driver() -> None:
    """End this process when the driver is killed, for whose work it would otherwise wait for ever."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)


def _make_in_process(client: Client) -> ClientResult:
    return _process_maker.make(client)
