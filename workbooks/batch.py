"""A market and a client list in, one workbook per client out, on the processors of this machine.

A client that fails costs one sentence, never the run; a run that was killed can be resumed. Heavy imports
wait until a workbook is made, so that numpy finds the environment it is to load in.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from pyalloc.errors import InputError, UnavailableError
from pyalloc.execution import Workers, Workforce
from workbooks.destination import Desk, Destination, destination_of
from workbooks.engines import EngineName, Flavour
from workbooks.fingerprint import client_of
from workbooks.interrupts import interrupts_between_steps
from workbooks.ledger import LEDGER_FILE, Ledger, held_ledger, new_ledger, record_at, recording
from workbooks.maker import Maker
from workbooks.processes import ONE_THREAD, enough_for_all_jobs, local_workers, worthwhile_jobs
from workbooks.record import Entry, result_of
from workbooks.recorded import RunRecord
from workbooks.results import BatchResult, ClientResult
from workbooks.resume import resume_from

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from workbooks.clients import ClientSource

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

MOST_NAMED: Final = 1000
"""Refused rows that an error names one by one."""

_CLIENTS_PER_PROCESS = 4  # fewer are made before another process has started


_LOST: Final = "not made, because one worker after the other was lost at it: give workers more memory"


class RefusedRowsError(InputError):
    """Rows of the client list cannot be used, and the run was to stop at the first failure."""


def run_batch(
    market: MarketData,
    clients: ClientSource,
    out: str | Path | Destination,
    *,
    policy: Policy | None = None,
    engine: EngineName = "compiled",
    template: bytes | None = None,
    flavour: Flavour = "client",
    jobs: int | None = None,
    workers: Workers | None = None,
    resume: bool = False,
    fail_fast: bool = False,
    dry_run: bool = False,
    options: Mapping[str, Any] | None = None,
    on_start: Callable[[int], None] | None = None,
    on_progress: Callable[[ClientResult], None] | None = None,
) -> BatchResult:
    """Make the workbook of every client in `out`; the same inputs make the same bytes.

    Beside the workbooks, `out` then holds a summary of them, a ledger of what was made from what, and a log.

    The list is streamed into the ledger, and what is pending is read back from there: nothing here grows with
    the number of clients.

    With one process the bytes hold where numpy was loaded with one BLAS thread
    (:data:`workbooks.processes.ONE_THREAD`), as the command line does; several processes see to it
    themselves. They are spawned anew, so a script that calls this needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    market : MarketData
    clients : ClientSource
        As a :class:`workbooks.clients.ClientList`.
    out : path-like, str or Destination
        A folder, made if need be, or the address of an object store (``s3://bucket/run/``); workbooks of
        earlier runs are replaced, other files stay.
    policy : Policy, optional
        Default: the house policy.
    engine : {"compiled", "openpyxl"}
        What renders a workbook.
    template : bytes, optional
        A firm's own workbook in place of ours, for the compiled engine; it has a flavour of its own.
    flavour : {"client", "live"}
        Workbooks to read anywhere, or to work in with pyalloc's functions.
    jobs : int, optional
        Processes; 1 works in the caller's. Default: one per processor, where there is enough to do.
    workers : Workers, optional
        Who makes the workbooks in place of these processes, as :func:`workbooks.cluster.cluster_workers`, or
        any executor by :func:`pyalloc.execution.lent`.
    resume : bool
        Keep the workbooks that the ledger in `out` says are done, where neither inputs nor file have changed.
    fail_fast : bool
        Start no further client after the first failure; those left count as failed.
    dry_run : bool
        Compute everything, write nothing, and look at no ledger.
    options : mapping, optional
        How the run was asked for, for the ledger to remember.
    on_start : callable, optional
        Called in this process with the number of clients, once the list has been read.
    on_progress : callable, optional
        Called in this process with each result as it arrives; those kept come first.

    Raises
    ------
    RefusedRowsError
        Where `fail_fast` meets a row of the list that cannot be used; nothing is written.
    InputError
        Where `out` cannot be written to, another run is writing to it or the disk is full, which `resume`
        goes on from; or where the engine cannot use the template.
    KeyboardInterrupt
        After the workbooks being made are complete; `resume` goes on from there.
    """
    from pyalloc.policy import Policy

    policy = policy or Policy()
    if template is not None:
        _check_template(engine, template, policy)
    elsewhere = workers is not None
    destination = destination_of(out)
    if elsewhere:
        destination = destination.absolute()  # workers there have a current folder of their own
    maker = Maker(market, policy, engine, template, flavour, destination, dry_run)
    items = iter(clients)
    if workers is None:
        first = list(islice(items, enough_for_all_jobs(_CLIENTS_PER_PROCESS)))
        items = chain(first, items)
        jobs = worthwhile_jobs(jobs, len(first), _CLIENTS_PER_PROCESS)
        workers = local_workers(jobs)
    if jobs != 1:
        os.environ.update(ONE_THREAD)  # before the ledger says what all workbooks are made by
    begun = new_ledger(maker, clients.source, items, options or {})
    counts = begun.counts()
    if fail_fast and counts.refused:
        raise RefusedRowsError(_refusal(begun))
    if on_start is not None:
        on_start(counts.clients)
    # The ledger knows by now what depends on the whole list, as its levels of risk. What every workbook needs
    # of that is computed here, once, and travels to the workers in the maker.
    batch = _Batch(maker, workers, elsewhere, fail_fast, on_progress)
    return batch.rehearse(begun) if dry_run else batch.run(begun, resume)


def _check_template(engine: EngineName, template: bytes, policy: Policy) -> None:
    """Let a template that is of no use fail the run at once, not every client."""
    from workbooks.compiled.engine import check_template

    if engine == "openpyxl":
        raise InputError(
            "a template was given with the engine openpyxl, which would lose what a firm added to it: "
            "leave one of the two out"
        )
    check_template("the template", template, policy)


def _refusal(begun: Ledger) -> str:
    """Return what is wrong with the rows of a list, in sentences; of very many, the first."""
    sentences = [str(problem) for problem in islice(begun.refused(), MOST_NAMED + 1)]
    if len(sentences) > MOST_NAMED:
        sentences[-1] = f"and more: the first {MOST_NAMED:,} are named"
    return "\n".join([*sentences, "nothing was written, as --fail-fast was given"])


@dataclass(frozen=True)
class _Batch:
    """How what is pending is to be made."""

    maker: Maker
    workers: Workers
    elsewhere: bool
    fail_fast: bool
    on_progress: Callable[[ClientResult], None] | None

    def rehearse(self, begun: Ledger) -> BatchResult:
        """Compute every workbook and write none."""
        started = perf_counter()
        with self.workers(self.maker) as workforce:
            self._make(begun, workforce, None)
        return self._result(begun, started)

    def run(self, begun: Ledger, resume: bool) -> BatchResult:
        """Write every workbook that does not stand yet, the ledger on the way, and the summary."""
        started = perf_counter()
        out = self.maker.out
        with (
            out.opened(logger, append=resume) as desk,
            _going_on(),
            out.marked() if self.elsewhere else nullcontext("") as mark,
        ):
            path = desk.folder / LEDGER_FILE
            counts = begun.counts()
            logger.info("%d clients, %d refused rows", counts.clients, counts.refused)
            resumed = self._resumed(begun, path) if resume else ""
            if resumed:
                logger.info("resumed: %s", resumed)
            # Only who has workers puts a new ledger in the place of the earlier one.
            with (
                self.workers(self.maker, partial(_out_of_reach, mark)) as workforce,
                recording(path, begun) as ledger,
            ):
                self._make(ledger, workforce, desk)
                if self.elsewhere:
                    out.sweep()  # of what lost workers had not finished
                ledger.commit()
                result = self._result(record_at(path), started, resumed)
                result = replace(result, problem=_summary_problem(result))
                ledger.finish(result.problem)
            if not out.is_here and (held := held_ledger(path)):
                result = replace(result, record=held)  # the file goes with the desk
            counts = result.counts
            logger.info("%d done, %d failed in %.1f s", counts.done, counts.failed, result.seconds)
        return result

    def _resumed(self, begun: Ledger, path: Path) -> str:
        """Let the ledger begin with what is kept of an earlier run, and return that in words."""
        earlier = held_ledger(path)
        if earlier is None:
            return f"there was no run to resume, {begun.counts().clients} to make"
        return resume_from(begun, earlier, self.maker.out)

    def _result(self, record: RunRecord, started: float, resumed: str = "") -> BatchResult:
        return BatchResult(
            self.maker.out,
            self.maker.policy,
            self.maker.market.notice,
            record,
            record.counts(),
            perf_counter() - started,
            resumed,
        )

    def _make(self, ledger: Ledger, workforce: Workforce, desk: Desk | None) -> None:
        """Make what is pending, and record what became of it as it comes."""
        if self.on_progress is not None:
            for entry in ledger.entries(kept=True):
                self.on_progress(result_of(entry, self.maker.out))
        reason = ""
        with interrupts_between_steps() as step, closing(self._made(ledger, workforce, step)) as made:
            try:
                for entry, result in made:
                    _log(result)
                    ledger.record(entry.position, result)
                    if desk is not None:
                        desk.keep(ledger.commit)
                    if self.on_progress is not None:
                        self.on_progress(result)
                    step()
                    if self.fail_fast and result.error:
                        reason = "not made, because an earlier client failed and the run was to stop there"
            except BrokenProcessPool:
                self.maker.out.sweep()
                reason = "not made, because a process of the run was killed: run again with fewer jobs"
                logger.exception(reason)
        if reason:
            ledger.give_up(reason)

    def _made(
        self, ledger: Ledger, workforce: Workforce, step: Callable[[], None]
    ) -> Generator[tuple[Entry, ClientResult], None, None]:
        """Yield each pending client with its result as they come; the first failure may end it soon."""
        failed = False

        def wanted() -> Iterator[Entry]:
            for entry in ledger.queue():
                if failed and self.fail_fast:
                    return
                yield entry

        def lost(entry: Entry) -> ClientResult:
            return replace(result_of(entry, self.maker.out), error=_LOST)

        pending = ledger.counts().pending
        computed = workforce.computed(_make_entry, wanted(), pending, instead=lost, on_wait=step)
        with closing(computed) as made:
            for entry, result in made:
                failed = failed or bool(result.error)
                yield entry, result


@contextmanager
def _going_on() -> Iterator[None]:
    """Say of workers that were lost, or could not be had, that nothing else was."""
    try:
        yield
    except UnavailableError as error:
        raise UnavailableError(f"{error}; what was made stands, and --resume goes on from it") from error


def _out_of_reach(mark: str, maker: Maker) -> str:
    return maker.out.complaint(mark)


def _make_entry(maker: Maker, entry: Entry) -> ClientResult:
    return maker.make(client_of(entry.inputs))


def _summary_problem(result: BatchResult) -> str:
    """Write the summary, and return why it could not be; nothing where it could."""
    from workbooks.clients import SUMMARY_FILE
    from workbooks.reports.batch_summary import batch_summary

    try:
        result.out.put(SUMMARY_FILE, batch_summary(result))
    except OSError as error:
        path = result.out.place(SUMMARY_FILE)
        return f"{path} cannot be written ({error.strerror}): close it in Excel, then run again with --resume"
    return ""


def _log(result: ClientResult) -> None:
    if result.error:
        logger.error("%s: %s%s", result.client.client_id, result.error, f"\n{result.details}".rstrip())
    else:
        logger.info("%s: %s in %.2f s", result.client.client_id, result.path.name, result.seconds)
