"""Lists that are streamed, on processes of this machine and on a Dask cluster here: cost, overhead, memory.

Every workbook is computed and rendered, and none is written, so that the disk is not what is measured. The
market is a small one (11 stocks, six years), so that the engine's share is not lost beside the work. What is
compared is processor time, which hardly depends on who else uses the machine.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

from benchmarks.batch import peak_memory
from pyalloc import InvestorProfile, MarketData
from pyalloc.execution import Workers
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.policy import Policy
from tests.workbooks.dask_cluster import DaskCluster
from workbooks.batch import run_batch
from workbooks.clients import Client, ClientList, chosen
from workbooks.folder import Folder
from workbooks.history import histories_of
from workbooks.maker import Maker
from workbooks.processes import local_workers

COUNTS: Final = (500, 2_500, 10_000)
"""Clients of the runs; costs are slopes between one and the next, so that a start is not among them.

Others are given on the command line: ``python -m benchmarks.scale processes 1000 10000 100000``.
"""

WORKERS: Final = 2
ENGINES: Final = ("processes", "dask")
LEVELS: Final = range(1, 11)
"""Of risk, in turn."""

ALONE: Final = 500
"""Clients by which the work itself is measured, without any engine."""


@dataclass(frozen=True)
class StreamedClients:
    """So many clients, no two alike, none of them in memory before its turn."""

    count: int
    source: str = "a stream"
    ignored_columns: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Client]:
        """Yield them in order."""
        for i in range(self.count):
            profile = InvestorProfile(LEVELS[i % len(LEVELS)], 50_000.0 + i, ("USD", "JPY", "KWD")[i % 3])
            yield Client(f"C-{i:07}", f"Client {i}", profile)

    def only(self, client_ids: list[str]) -> ClientList:
        """Return the list of these clients alone."""
        return chosen(self, client_ids)


@dataclass(frozen=True)
class Cost:
    """Seconds that a run took, processor seconds of workers and driver, the driver's peak of memory in MB."""

    count: int
    seconds: float
    workers: float
    driver: float
    memory: float


def run() -> None:
    """Print, for each engine, what one more client costs beside the work itself."""
    for engine in ENGINES:
        compare(engine, COUNTS)


def compare(engine: str, counts: tuple[int, ...]) -> None:
    """Run so many clients, each run in a process of its own, and print how the cost of one more develops."""
    # As many at once as there are workers, which get in each other's way in the caches as workers do.
    lone = [_started("alone") for _ in range(WORKERS)]
    alone = fmean(float(_output(process)) for process in lone)
    print(
        f"\n{engine}, {WORKERS} workers: a workbook without engine takes {1e3 * alone:.2f} ms of a processor"
    )
    costs = [Cost(**json.loads(_output(_started(engine, str(count))))) for count in counts]
    for few, many in pairwise(costs):
        more = many.count - few.count
        workers, driver = (many.workers - few.workers) / more, (many.driver - few.driver) / more
        print(
            f"  {few.count:,} to {many.count:,} clients: one more {1e3 * workers:.2f} ms in a worker and "
            f"{1e3 * driver:.3f} ms in the driver: {100 * driver / alone:.1f} % of the work; driver's "
            f"memory {few.memory:.0f} to {many.memory:.0f} MB; {many.count / many.seconds:.0f} a second"
        )


def _started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.scale", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _output(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit("a run failed: nothing was measured")
    return said


def measure(engine: str, count: int) -> Cost:
    """Return what a run of so many clients takes."""
    with TemporaryDirectory() as name, ExitStack() as held:
        folder = Path(name)
        market = _market(folder)
        workers = _workers(engine, folder, held)
        start, cpu = perf_counter(), process_time()
        result = run_batch(market, StreamedClients(count), folder / "out", workers=workers, dry_run=True)
        seconds, cpu = perf_counter() - start, process_time() - cpu
    if result.counts.done != count:
        raise SystemExit(f"{result.counts} of {count} clients: nothing was measured")
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(count, seconds, children.ru_utime + children.ru_stime, cpu, peak_memory())


def alone() -> float:
    """Return the processor seconds of one workbook, made without any engine."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        market, policy, out = _market(folder), Policy(), Folder(folder / "out")
        histories = histories_of(market, policy, [(risk, None) for risk in LEVELS])
        maker = Maker(market, policy, "compiled", None, "client", out, dry=True, histories=histories)
        clients = StreamedClients(2 * ALONE)
        for client in islice(clients, ALONE):
            maker.make(client)
        start = process_time()
        for client in islice(clients, ALONE, None):
            maker.make(client)
        return (process_time() - start) / ALONE


def _market(folder: Path) -> MarketData:
    return MarketData.from_path(write_demo_market(folder / "market", years=6, stocks=11))


def _workers(engine: str, folder: Path, held: ExitStack) -> Workers:
    if engine == "processes":
        return local_workers(WORKERS)
    from workbooks.cluster import cluster_workers

    cluster = held.enter_context(DaskCluster(folder))
    cluster.start(WORKERS)
    return cluster_workers(cluster.address)


def main(what: str, *counts: str) -> None:
    """Measure what the command line names, in this process where it is a single run."""
    if what == "alone":
        print(alone())
    elif len(counts) == 1:
        print(json.dumps(asdict(measure(what, int(counts[0])))))
    else:
        compare(what, tuple(map(int, counts)))


if __name__ == "__main__":
    main(*sys.argv[1:])
