"""A whole batch on one core: what one more client costs by either engine, what a start costs, and memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from pyalloc import InvestorProfile, MarketData
from pyalloc.marketdata.demo import write_demo_market
from workbooks.batch import run_batch
from workbooks.clients import Client, ClientList
from workbooks.engines import EngineName

COUNTS: Final[dict[EngineName, tuple[int, int]]] = {"compiled": (100, 1100), "openpyxl": (12, 22)}
"""Clients of the shorter and the longer run, which have all ten levels of risk, as each level is walked once;
openpyxl's are fewer, as each takes most of a second."""

MEASURED_AT: Final = (1000, 3000)
"""Clients after which memory is read."""

_LOADED_LATER: Final = (
    "cvxcla",
    "piqp",
    "sklearn.covariance",
    "workbooks.compiled.engine",
    "workbooks.maker",
)


def run() -> None:
    """Print the marginal cost of a client, the cost of a start, and what three thousand clients take."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        market = MarketData.from_path(write_demo_market(folder / "market"))
        cost = {engine: _slope(market, engine, folder) for engine in COUNTS}
        for engine, (each, start) in cost.items():
            few, many = COUNTS[engine]
            print(
                f"\n{engine}: one more client {1e3 * each:.2f} ms, allocation, files and ledger included "
                f"(slope from {few} to {many} clients); start {start:.2f} s"
            )
        ratio = cost["openpyxl"][0] / cost["compiled"][0]
        print(f"ratio of the slopes, openpyxl to compiled: {ratio:.0f}")
    for mixed in (False, True):
        subprocess.run([sys.executable, "-m", "benchmarks.batch", str(int(mixed))], check=True)


def _slope(market: MarketData, engine: EngineName, folder: Path) -> tuple[float, float]:
    """Return the seconds of one more client, and those of a run apart from its clients."""
    few, many = COUNTS[engine]
    took = []
    for count in (few, many):
        started = perf_counter()
        run_batch(
            market, ClientList(clients(market, count)), folder / f"{engine}{count}", engine=engine, jobs=1
        )
        took.append(perf_counter() - started)
    each = (took[1] - took[0]) / (many - few)
    return each, took[0] - few * each


def clients(market: MarketData, count: int, *, excluding: bool = False) -> tuple[Client, ...]:
    """Return so many clients, no two alike; `excluding` leaves up to three stocks out for every other one."""
    draw = Random(count)  # noqa: S311
    stocks = [asset.asset for asset in market.in_category("Stocks")]
    made = []
    for i in range(count):
        excluded = tuple(draw.sample(stocks, draw.randint(1, 3))) if excluding and i % 2 else ()
        profile = InvestorProfile(1 + i % 10, 50_000.0 + i, ("USD", "JPY", "KWD")[i % 3], exclude=excluded)
        made.append(Client(f"C-{i:05}", f"Client {i}", profile))
    return tuple(made)


def measure_memory(*, excluding: bool) -> None:
    """Print the memory of a run above the process after imports, and how it grows."""
    for module in _LOADED_LATER:
        import_module(module)
    after_imports = peak_memory()
    with TemporaryDirectory() as name:
        folder = Path(name)
        market = MarketData.from_path(write_demo_market(folder / "market"))
        listed = ClientList(clients(market, MEASURED_AT[-1], excluding=excluding))
        seen: dict[int, float] = {}
        done = iter(range(1, MEASURED_AT[-1] + 1))

        def advance(_: object) -> None:
            count = next(done)
            if count in MEASURED_AT:
                seen[count] = peak_memory()

        run_batch(market, replace(listed), folder / "out", jobs=1, on_progress=advance)
    first, last = (seen[count] for count in MEASURED_AT)
    what = "every other with stocks of its own excluded" if excluding else "one universe"
    print(
        f"{MEASURED_AT[-1]} distinct clients, {what}: {last - after_imports:.0f} MB above the process after "
        f"imports ({after_imports:.0f} MB); {last - first:.1f} MB more from client {MEASURED_AT[0]} on"
    )


def peak_memory() -> float:
    """Return the most memory that this process has had, in MB (Linux counts it from its own start)."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024.0


if __name__ == "__main__":
    measure_memory(excluding=sys.argv[1] == "1")
