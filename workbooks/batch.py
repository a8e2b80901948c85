"""A market and a client list in, one workbook per client out, on the processors of this machine.

A client that fails costs one sentence, never the run; a run that was killed can be resumed. Heavy imports
wait until a workbook is made, so that numpy finds the environment it is to load in.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Container, Generator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from pyalloc.errors import InputError
from workbooks.engines import EngineName, Flavour
from workbooks.folder import opened, sweep
from workbooks.interrupts import interrupts_between_steps
from workbooks.ledger import LEDGER_FILE, read_ledger, recording
from workbooks.maker import Maker
from workbooks.processes import workbooks_of, worthwhile_jobs
from workbooks.record import RunRecord, kept_result, new_record
from workbooks.results import BatchResult, ClientResult
from workbooks.resume import resumption

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from workbooks.clients import ClientList
    from workbooks.history import Histories

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment for numpy to load in: threads of several processes wait for each other, and sums in another
order would change the bytes of a workbook."""


def run_batch(
    market: MarketData,
    clients: ClientList,
    out: str | Path,
    *,
    policy: Policy | None = None,
    engine: EngineName = "compiled",
    template: bytes | None = None,
    flavour: Flavour = "client",
    jobs: int | None = None,
    resume: bool = False,
    fail_fast: bool = False,
    dry_run: bool = False,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[ClientResult], None] | None = None,
) -> BatchResult:
    """Make the workbook of every client in `out`; the same inputs make the same bytes.

    Beside the workbooks, `out` then holds a summary of them, a ledger of what was made from what, and a log.

    The bytes hold where numpy was loaded with one BLAS thread (:data:`ONE_THREAD`), as the command line does:
    the policy's past is walked in this process, before the first workbook, and several processes see to the
    rest themselves. They are spawned anew, so a script that calls this needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    market : MarketData
    clients : ClientList
    out : path-like
        A folder, made if need be; workbooks of earlier runs are replaced, other files stay.
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
    resume : bool
        Keep the workbooks that the ledger in `out` says are done, where neither inputs nor file have changed.
    fail_fast : bool
        Start no further client after the first failure; those left count as failed.
    dry_run : bool
        Compute everything, write nothing, and look at no ledger.
    options : mapping, optional
        How the run was asked for, for the ledger to remember.
    on_progress : callable, optional
        Called in this process with each result as it arrives; those kept come first.

    Raises
    ------
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
    jobs = worthwhile_jobs(jobs, len(clients.clients))
    if jobs > 1:
        os.environ.update(ONE_THREAD)
    histories = _histories(market, policy, clients)
    maker = Maker(market, policy, engine, template, flavour, Path(out), dry_run, histories)
    batch = _Batch(maker, clients, jobs, fail_fast, on_progress or (lambda _: None))
    return batch.rehearse() if dry_run else batch.run(resume, options or {})


def _histories(market: MarketData, policy: Policy, clients: ClientList) -> Histories:
    """Return the policy's past at every level of risk among the clients, walked once for all of them."""
    from workbooks.history import histories_of

    started = perf_counter()
    found = histories_of(market, policy, ((one.profile.risk, one.as_of) for one in clients.clients))
    levels = len({tolerance for tolerance, _ in found})
    logger.info("backtests at %d levels of risk in %.1f s", levels, perf_counter() - started)
    return found


def _check_template(engine: EngineName, template: bytes, policy: Policy) -> None:
    """Let a template that is of no use fail the run at once, not every client."""
    from workbooks.compiled.engine import check_template

    if engine == "openpyxl":
        raise InputError(
            "a template was given with the engine openpyxl, which would lose what a firm added to it: "
            "leave one of the two out"
        )
    check_template("the template", template, policy)


@dataclass(frozen=True)
class _Batch:
    """What is to be made, and how."""

    maker: Maker
    clients: ClientList
    jobs: int
    fail_fast: bool
    on_progress: Callable[[ClientResult], None]

    def rehearse(self) -> BatchResult:
        """Compute every workbook and write none."""
        started = perf_counter()
        return self._result(started, self._results({}, lambda _, __: None))

    def run(self, resume: bool, options: Mapping[str, Any]) -> BatchResult:
        """Write every workbook that does not stand yet, the ledger on the way, and the summary."""
        started = perf_counter()
        out, clients = self.maker.out, self.clients.clients
        with opened(out, logger, append=resume):
            record, resumed = self._record(resume, options)
            logger.info("%d clients, %d refused rows", len(clients), len(self.clients.refused))
            if resumed:
                logger.info("resumed: %s", resumed)
            kept = {
                entry.position: kept_result(entry, clients[entry.position], out)
                for entry in record.entries
                if entry.kept
            }
            with recording(out / LEDGER_FILE, record) as ledger:
                result = self._result(started, self._results(kept, ledger.record), resumed)
                result = replace(result, problem=_summary_problem(result))
                ledger.finish(result.problem)
            logger.info("%d done, %d failed in %.1f s", len(result.done), len(result.failed), result.seconds)
        return result

    def _record(self, resume: bool, options: Mapping[str, Any]) -> tuple[RunRecord, str]:
        """Return what the ledger begins with, and what is resumed in words."""
        record = new_record(self.maker, self.clients, options)
        if not resume:
            return record, ""
        earlier = read_ledger(self.maker.out / LEDGER_FILE)
        if earlier is None:
            return record, f"there was no run to resume, {len(record.entries)} to make"
        return resumption(record, earlier, self.maker.out)

    def _result(self, started: float, results: tuple[ClientResult, ...], resumed: str = "") -> BatchResult:
        return BatchResult(
            self.maker.out,
            self.maker.policy,
            self.maker.market.notice,
            results,
            self.clients.refused,
            perf_counter() - started,
            resumed,
        )

    def _results(
        self, kept: Mapping[int, ClientResult], record: Callable[[int, ClientResult], None]
    ) -> tuple[ClientResult, ...]:
        """Return each client's result, in order, having recorded those that were not kept as they came."""
        results = dict(kept)
        for result in kept.values():
            self.on_progress(result)
        with interrupts_between_steps() as step, closing(self._made(kept)) as made:
            for i, result in made:
                results[i] = result
                record(i, result)
                self.on_progress(result)
                step()
        return tuple(results[i] for i in range(len(results)))

    def _made(self, kept: Container[int]) -> Generator[tuple[int, ClientResult], None, None]:
        """Yield position and result of each client that is not kept, however that ends."""
        clients = self.clients.clients
        # Clients of one date follow each other, so that a process computes few market views.
        order = sorted(range(len(clients)), key=lambda i: clients[i].as_of or date.max)
        pending = deque(i for i in order if i not in kept)
        left = dict.fromkeys(pending)
        reason = "not made, because an earlier client failed and the run was to stop there"
        try:
            with closing(workbooks_of(self.maker, clients, pending, self.jobs)) as made:
                for i, result in made:
                    del left[i]
                    _log(result)
                    yield i, result
                    if self.fail_fast and result.error:
                        pending.clear()
        except BrokenProcessPool:
            sweep(self.maker.out)
            reason = "not made, because a process of the run was killed: run again with fewer jobs"
            logger.exception(reason)
        for i in left:
            yield i, ClientResult(clients[i], self.maker.out / clients[i].file_name, error=reason)


def _summary_problem(result: BatchResult) -> str:
    """Write the summary, and return why it could not be; nothing where it could."""
    from workbooks.clients import SUMMARY_FILE
    from workbooks.reports.batch_summary import write_batch_summary

    path = result.out / SUMMARY_FILE
    try:
        write_batch_summary(result, path)
    except OSError as error:
        return f"{path} cannot be written ({error.strerror}): close it in Excel, then run again with --resume"
    return ""


def _log(result: ClientResult) -> None:
    if result.error:
        logger.error("%s: %s%s", result.client.client_id, result.error, f"\n{result.details}".rstrip())
    else:
        logger.info("%s: %s in %.2f s", result.client.client_id, result.path.name, result.seconds)
