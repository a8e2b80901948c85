"""Workers that are processes of this machine, each holding what a run shares."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, ParamSpec, TypeVar

from pyalloc.execution import Apart, Held, Workers, Workforce, here, hold, no_complaint

ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment for numpy to load in: threads of several processes wait for each other, and sums in another
order would change the bytes of a workbook."""

_MAX_PROCESSES = 61  # Windows waits for no more
_KEY = "run"  # a process belongs to one run alone

P = ParamSpec("P")
T = TypeVar("T")


def worthwhile_jobs(asked: int | None, items: int, per_process: int) -> int:
    """Return how many processes to use: those asked for, or one per processor where there is enough to do.

    Parameters
    ----------
    asked : int or None
    items : int
        How many there are to compute; more than :func:`enough_for_all_jobs` change nothing.
    per_process : int
        How many this process computes before another one has started.
    """
    if asked is not None:
        return min(asked, _MAX_PROCESSES)
    return max(1, min(_processors(), items // per_process, _MAX_PROCESSES))


def enough_for_all_jobs(per_process: int) -> int:
    """Return how many items keep all processors of this machine busy."""
    return _processors() * per_process


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local_workers(jobs: int) -> Workers:
    """Return so many processes; one is this process itself.

    What they compute raises ``concurrent.futures.process.BrokenProcessPool`` where one of them was killed.
    """
    return here if jobs == 1 else _spawned(jobs)


def _spawned(jobs: int) -> Workers:
    @contextmanager
    def gathered(shared: object, check: Callable[[Any], str] = no_complaint) -> Iterator[Workforce]:  # noqa: ARG001
        os.environ.update(ONE_THREAD)  # which the processes inherit
        spawn = multiprocessing.get_context("spawn")
        pool = _DeafProcesses(jobs, spawn, _start_process, (shared,))
        try:
            yield Apart(pool, lambda: jobs, Held(_KEY))
        finally:
            pool.shutdown(cancel_futures=True)

    return gathered


class _DeafProcesses(ProcessPoolExecutor):
    """Processes that never hear Ctrl-C, so that each finishes what it has in hand."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand over a task; processes and threads that this starts are deaf as well."""
        if sys.platform == "win32":  # a process there ignores it only once it runs
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_process(shared: Any) -> None:
    hold(_KEY, shared)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_driver, daemon=True).start()


def _end_with_the_driver() -> None:
    """End this process when the driver is killed, for whose work it would otherwise wait for ever."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)
