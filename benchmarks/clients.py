"""What one more client costs over a market view that others share, step by step."""

from __future__ import annotations

from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from benchmarks.measure import show
from pyalloc import MarketData, MarketView, allocate
from pyalloc.marketdata.demo import write_demo_market
from workbooks.clients import Client, read_clients
from workbooks.template.book import fill
from workbooks.template.facts import Recipient
from workbooks.template.writer import write_workbook

CLIENTS: Final = 20
STEPS: Final = ("allocate", "fill", "write")


def run() -> None:
    """Time allocate, fill and write for clients of the demo; the first one fills the shared view."""
    with as_file(files("workbooks.examples").joinpath("clients.csv")) as path:
        listed = [client for client in read_clients(path).clients if client.as_of is None]
    with TemporaryDirectory() as name:
        folder = Path(name)
        view = MarketData.from_path(write_demo_market(folder / "market")).at()
        first, *others = (_steps(view, client, folder) for client in listed[: CLIENTS + 1])
    in_words = ", ".join(f"{step} {1e3 * took:.0f} ms" for step, took in zip(STEPS, first, strict=True))
    seconds = {step: [steps[i] for steps in others] for i, step in enumerate(STEPS)}
    seconds["together"] = [sum(steps) for steps in others]
    show(f"One more client, {len(others)} of them, ratio to allocate", seconds, "allocate")
    print(f"The first client of the view: {in_words}")


def _steps(view: MarketView, client: Client, folder: Path) -> list[float]:
    """Return the seconds that each step takes for a client."""
    marks = [perf_counter()]
    allocation = allocate(view, profile=client.profile)
    marks.append(perf_counter())
    book, facts = fill(allocation, Recipient(client.client_id, client.name))
    marks.append(perf_counter())
    write_workbook(book, facts, folder / client.file_name)
    marks.append(perf_counter())
    return [after - before for before, after in pairwise(marks)]
