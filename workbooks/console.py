"""A batch as the command line runs it: its progress, what became of it in words, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyalloc.errors import InputError
from workbooks.engines import EngineName, Flavour
from workbooks.results import FAILED

if TYPE_CHECKING:
    from pyalloc.execution import Workers
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from workbooks.clients import ClientSource
    from workbooks.destination import Destination
    from workbooks.recorded import RunRecord
    from workbooks.results import BatchResult, ClientResult

SOME_FAILED: Final = 1
"""Exit code of a run that left clients without a workbook."""


@dataclass(frozen=True)
class BatchInputs:
    """What the workbooks of a run are made from, beside the market."""

    clients: ClientSource
    policy: Policy
    engine: EngineName = "compiled"
    template: bytes | None = None
    flavour: Flavour = "client"
    earlier: RunRecord | None = None
    """The run that this one repeats."""


def run_and_tell(
    market: MarketData, inputs: BatchInputs, out: Destination, *, dry_run: bool = False, **how: Any
) -> int:
    """Run the batch, say what became of it, and return the exit code; `how` are options of ``run_batch``."""
    from workbooks.batch import RefusedRowsError, run_batch

    try:
        with _progress() as (start, advance):
            result = run_batch(
                market,
                inputs.clients,
                out,
                policy=inputs.policy,
                engine=inputs.engine,
                template=inputs.template,
                flavour=inputs.flavour,
                dry_run=dry_run,
                on_start=start,
                on_progress=advance,
                **how,
            )
    except RefusedRowsError as refusal:
        complain(str(refusal))
        return SOME_FAILED
    except KeyboardInterrupt:
        complain("interrupted" if dry_run else f"interrupted: --resume goes on from what is in {out}")
        raise
    for item in result.results(FAILED):
        complain(f"{item.client.client_id}: {item.error}")
    for problem in result.record.refused():
        complain(str(problem))
    departing = 0
    if inputs.earlier:
        for client_id in inputs.earlier.departing(result.results()):
            departing += 1
            complain(f"{client_id}: not the workbook that the ledger records")
    complain(*filter(None, [result.problem]))
    counts = result.counts
    _print_closing(result, dry_run=dry_run)
    if inputs.earlier:
        print(f"{'as recorded':<14}{counts.clients - departing} of {counts.clients}")
    return SOME_FAILED if counts.failed or counts.refused or result.problem or departing else 0


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int], None] | None, Callable[[ClientResult], None] | None]]:
    """Show a bar on standard error while clients are made, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None, None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Workbooks", total=None)
        yield lambda total: progress.update(task, total=total), lambda _: progress.advance(task)


def _print_closing(result: BatchResult, *, dry_run: bool) -> None:
    from workbooks.clients import SUMMARY_FILE

    if result.notice:
        print(result.notice)
    if result.resumed:
        print(f"{'resumed':<14}{result.resumed}")
    print(f"{'would be done' if dry_run else 'done':<14}{result.counts.done}")
    print(f"{'would fail' if dry_run else 'failed':<14}{result.counts.failed}")
    print(f"{'rows refused':<14}{result.counts.refused}")
    print(f"{'seconds':<14}{result.seconds:.1f}")
    if dry_run:
        print("nothing was written")
    else:
        print(f"{'workbooks':<14}{result.out}")
        print(f"{'summary':<14}{result.out.place(SUMMARY_FILE)}")


def workers_of(cluster: str | None, jobs: int | None) -> Workers | None:
    """Return the workers of a cluster; None where processes of this machine are to do.

    Raises
    ------
    InputError
        Where both are asked for, or the extra ``cluster`` is not installed.
    """
    if cluster is None:
        return None
    if jobs is not None:
        raise InputError(
            "--jobs was given with --cluster, which has the workers that were started: leave it out"
        )
    try:
        from workbooks.cluster import cluster_workers
    except ModuleNotFoundError as missing:
        raise InputError(
            f"--cluster needs {missing.name}, which is not installed: pip install 'pyalloc[cluster]'"
        ) from None
    return cluster_workers(cluster)


def complain(*sentences: str) -> None:
    """Print sentences on standard error."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
