"""A market and a client list in, one workbook per client out, on the processors of this machine.

A client that fails costs one sentence, never the run; a file takes its name only when it is complete. Heavy
imports wait until a workbook is made, so that numpy finds the environment it is to load in.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from pyalloc.errors import InputError, PyallocError
from workbooks.results import BatchResult, ClientResult, Figures

if TYPE_CHECKING:
    from pyalloc.allocation import Allocation
    from pyalloc.marketdata import MarketData, MarketView
    from pyalloc.policy import Policy
    from workbooks.clients import Client, ClientList

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment for numpy to load in: threads of several processes wait for each other, and sums in another
order would change the bytes of a workbook."""

LOG_FILE: Final = "run.log"

_CLIENTS_PER_PROCESS = 4  # fewer are made before another process has started
_MAX_PROCESSES = 61  # Windows waits for no more
_PART = ".pyalloc-{}.part"


def run_batch(
    market: MarketData,
    clients: ClientList,
    out: str | Path,
    *,
    policy: Policy | None = None,
    jobs: int | None = None,
    fail_fast: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[ClientResult], None] | None = None,
) -> BatchResult:
    """Make the workbook of every client in `out`; the same inputs make the same bytes.

    With one process that holds where numpy was loaded with one BLAS thread (:data:`ONE_THREAD`), as the
    command line does; several processes see to it themselves.

    Several processes are spawned anew, so a script that calls this needs ``if __name__ == "__main__":``.
    One run at a time may write to a folder.

    Parameters
    ----------
    market : MarketData
    clients : ClientList
    out : path-like
        A folder, made if need be; workbooks of earlier runs are replaced, other files stay.
    policy : Policy, optional
        Default: the house policy.
    jobs : int, optional
        Processes; 1 works in the caller's. Default: one per processor, where there is enough to do.
    fail_fast : bool
        Start no further client after the first failure; those left count as failed.
    dry_run : bool
        Compute everything and write nothing.
    on_progress : callable, optional
        Called in this process with each result as it arrives.

    Raises
    ------
    InputError
        Where `out` cannot be written to.
    KeyboardInterrupt
        After the workbooks being made are complete.
    """
    from pyalloc.policy import Policy

    started = perf_counter()
    run = _Run(market, policy or Policy(), Path(out), dry_run)
    with nullcontext() if dry_run else _logged(run.out):
        logger.info("%d clients, %d refused rows", len(clients.clients), len(clients.refused))
        results = _results(run, clients.clients, jobs, fail_fast, on_progress)
        seconds = perf_counter() - started
        result = BatchResult(run.out, run.policy, market.notice, results, clients.refused, seconds)
        logger.info("%d done, %d failed in %.1f s", len(result.done), len(result.failed), seconds)
    return result


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


# --- one client -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """What all clients of a run share; each process has one."""

    market: MarketData
    policy: Policy
    out: Path
    dry: bool

    @cached_property
    def _view(self) -> Callable[[date | None], MarketView]:
        return lru_cache(maxsize=2)(self.market.at)

    def make(self, client: Client) -> ClientResult:
        """Make one client's workbook; whatever goes wrong becomes a sentence."""
        started = perf_counter()
        path = self.out / client.file_name
        figures, error, details = None, "", ""
        try:
            figures = self._workbook(client, path)
        except PyallocError as refusal:
            error = str(refusal)
        except PermissionError:
            error = f"{path.name} may not be written: close the file in Excel and run again"
        except OSError as failure:
            error = f"{path.name} cannot be written ({failure.strerror}): make room or name another folder"
        except Exception as bug:
            error = f"pyalloc failed unexpectedly ({type(bug).__name__}); the log says where"
            details = traceback.format_exc()
        return ClientResult(client, path, perf_counter() - started, figures, error, details)

    def _workbook(self, client: Client, path: Path) -> Figures:
        from pyalloc.allocation import allocate
        from workbooks.template.book import fill
        from workbooks.template.facts import Recipient
        from workbooks.template.writer import write_workbook

        allocation = allocate(self._view(client.as_of), profile=client.profile, policy=self.policy)
        book, facts = fill(allocation, Recipient(client.client_id, client.name))
        if not self.dry:
            with replacing(path) as part:
                write_workbook(book, facts, part)
        return _figures(allocation, facts)


def _figures(allocation: Allocation, facts: Mapping[str, Any]) -> Figures:
    trace = allocation.trace
    return Figures(
        as_of=trace["as_of"],
        regime=trace["regime"],
        stress=trace["stress"],
        weights=tuple(map(float, trace["category_weights"])),
        amounts=tuple(
            round(float(amount), trace["currency_digits"]) for amount in facts["holding_category_amount"]
        ),
        target_status=trace["target_status"],
        checks=facts["checks_summary"],
        notices=len(allocation.notices),
    )


# --- all clients ----------------------------------------------------------------------------------------


def _results(
    run: _Run,
    clients: Sequence[Client],
    jobs: int | None,
    fail_fast: bool,
    on_progress: Callable[[ClientResult], None] | None,
) -> tuple[ClientResult, ...]:
    """Return each client's result, in order, however they were made."""
    # Clients of one date follow each other, so that a process computes few market views.
    pending = deque(sorted(range(len(clients)), key=lambda i: clients[i].as_of or date.max))
    jobs = min(jobs or _worthwhile_jobs(len(clients)), _MAX_PROCESSES)
    made = _made_here(run, clients, pending) if jobs == 1 else _made_apart(run, clients, pending, jobs)
    results: dict[int, ClientResult] = {}
    reason = "not made, because an earlier client failed and the run was to stop there"
    try:
        with closing(made):
            for i, result in made:
                results[i] = result
                _log(result)
                if on_progress:
                    on_progress(result)
                if fail_fast and result.error:
                    pending.clear()
    except BrokenProcessPool:
        _sweep(run.out)
        reason = "not made, because a process of the run was killed: run again with fewer jobs"
        logger.exception(reason)
    return tuple(
        results.get(i) or ClientResult(client, run.out / client.file_name, error=reason)
        for i, client in enumerate(clients)
    )


def _worthwhile_jobs(clients: int) -> int:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, clients // _CLIENTS_PER_PROCESS))


def _made_here(
    run: _Run, clients: Sequence[Client], pending: deque[int]
) -> Generator[tuple[int, ClientResult], None, None]:
    while pending:
        i = pending.popleft()
        yield i, run.make(clients[i])


def _made_apart(
    run: _Run, clients: Sequence[Client], pending: deque[int], jobs: int
) -> Generator[tuple[int, ClientResult], None, None]:
    """Yield position and result as processes deliver them; emptying `pending` ends it soon."""
    running: dict[Future[ClientResult], int] = {}
    spawn = multiprocessing.get_context("spawn")
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(jobs, spawn, _start_process, (run,)) as pool:
        while pending or running:
            with _interrupts_held():
                while pending and len(running) < 2 * jobs:
                    i = pending.popleft()
                    running[pool.submit(_make_in_process, clients[i])] = i
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            # A killed process breaks every future that is left; what was finished before counts.
            for future in sorted(finished, key=lambda future: future.exception() is not None):
                yield running.pop(future), future.result()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait; a process started meanwhile never hears it, and finishes what it has in hand."""
    if sys.platform == "win32":  # a process there ignores it only once it runs
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_process_run: _Run


def _start_process(run: _Run) -> None:
    global _process_run
    _process_run = run
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_in_process(client: Client) -> ClientResult:
    return _process_run.make(client)


# --- the folder -----------------------------------------------------------------------------------------


@contextmanager
def _logged(out: Path) -> Iterator[None]:
    """Make the folder, clear it of what a killed run left, and log to a file in it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        handler = logging.FileHandler(out / LOG_FILE, mode="w", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{out} cannot be written to ({error.strerror}): name a folder that can, and close {LOG_FILE}"
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def _sweep(out: Path) -> None:
    for part in out.glob(_PART.format("*")):
        part.unlink(missing_ok=True)


def _log(result: ClientResult) -> None:
    if result.error:
        logger.error("%s: %s%s", result.client.client_id, result.error, f"\n{result.details}".rstrip())
    else:
        logger.info("%s: %s in %.2f s", result.client.client_id, result.path.name, result.seconds)
