"""A batch as the command line runs it: its progress, what became of it in words, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbooks.engines import EngineName, Flavour

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from workbooks.clients import ClientList
    from workbooks.record import RunRecord
    from workbooks.results import BatchResult, ClientResult

SOME_FAILED: Final = 1
"""Exit code of a run that left clients without a workbook."""


@dataclass(frozen=True)
class BatchInputs:
    """What the workbooks of a run are made from, beside the market."""

    clients: ClientList
    policy: Policy
    engine: EngineName = "compiled"
    template: bytes | None = None
    flavour: Flavour = "client"
    earlier: RunRecord | None = None
    """The run that this one repeats."""


def run_and_tell(
    market: MarketData, inputs: BatchInputs, out: Path, *, dry_run: bool = False, **how: Any
) -> int:
    """Run the batch, say what became of it, and return the exit code; `how` are options of ``run_batch``."""
    from workbooks.batch import run_batch

    try:
        with _progress(len(inputs.clients.clients)) as advance:
            result = run_batch(
                market,
                inputs.clients,
                out,
                policy=inputs.policy,
                engine=inputs.engine,
                template=inputs.template,
                flavour=inputs.flavour,
                dry_run=dry_run,
                on_progress=advance,
                **how,
            )
    except KeyboardInterrupt:
        complain("interrupted" if dry_run else f"interrupted: --resume goes on from what is in {out}")
        raise
    departing = inputs.earlier.departing(result.results) if inputs.earlier else ()
    complain(
        *(f"{item.client.client_id}: {item.error}" for item in result.failed),
        *map(str, inputs.clients.problems),
        *(f"{client_id}: not the workbook that the ledger records" for client_id in departing),
        *filter(None, [result.problem]),
    )
    _print_closing(result, dry_run=dry_run)
    if inputs.earlier:
        print(f"{'as recorded':<14}{len(result.results) - len(departing)} of {len(result.results)}")
    return SOME_FAILED if result.failed or result.refused or result.problem or departing else 0


@contextmanager
def _progress(total: int) -> Iterator[Callable[[ClientResult], None] | None]:
    """Show a bar on standard error while clients are made, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Workbooks", total=total)
        yield lambda _: progress.advance(task)


def _print_closing(result: BatchResult, *, dry_run: bool) -> None:
    from workbooks.clients import SUMMARY_FILE

    if result.notice:
        print(result.notice)
    if result.resumed:
        print(f"{'resumed':<14}{result.resumed}")
    print(f"{'would be done' if dry_run else 'done':<14}{len(result.done)}")
    print(f"{'would fail' if dry_run else 'failed':<14}{len(result.failed)}")
    print(f"{'rows refused':<14}{len(result.refused)}")
    print(f"{'seconds':<14}{result.seconds:.1f}")
    if dry_run:
        print("nothing was written")
    else:
        print(f"{'workbooks':<14}{result.out}")
        print(f"{'summary':<14}{result.out / SUMMARY_FILE}")


def complain(*sentences: str) -> None:
    """Print sentences on standard error."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
