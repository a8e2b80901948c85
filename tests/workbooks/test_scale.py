"""Lists of any length: what a run holds in memory does not grow with them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.scale import StreamedClients
from pyalloc.marketdata import MarketData
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.policy import Policy
from workbooks.batch import run_batch
from workbooks.folder import Folder
from workbooks.maker import Maker
from workbooks.status import run_status

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return MarketData.from_path(write_demo_market(tmp_path_factory.mktemp("market"), years=6, stocks=11))


@pytest.fixture(scope="module")
def instant(market, tmp_path_factory):
    """Return workers who have the same workbook ready for everybody."""
    maker = Maker(market, Policy(), "compiled", None, "client", Folder(tmp_path_factory.mktemp("one")))
    made = maker.make(next(iter(StreamedClients(1))))

    class Instant:
        def computed(self, function, items, count, *, instead=None, on_wait=None):  # noqa: ARG002
            for item in items:
                yield item, made

    @contextmanager
    def gathered(shared, check=None):  # noqa: ARG001
        yield Instant()

    return gathered


def test_the_memory_of_a_run_does_not_grow_with_the_list(market, instant, tmp_path, monkeypatch):
    monkeypatch.setattr("workbooks.reports.batch_summary.MOST_ROWS", 100)
    monkeypatch.setattr(logging.getLogger("workbooks.batch"), "propagate", False)  # pytest keeps every line
    peaks = []
    for count in (200, 600, 2_000):
        tracemalloc.start()
        result = run_batch(market, StreamedClients(count), tmp_path / str(count), workers=instant)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (result.counts.done, result.counts.pending) == (count, 0)
        found = run_status(tmp_path / str(count))
        assert found.done == count
        assert len(found.missing) == min(count, 1_000)
    assert peaks[2] - peaks[1] < 0.5 * MEGABYTE


@pytest.mark.soak
@pytest.mark.skipif(os.environ.get("PYALLOC_SOAK") != "1", reason="a hundred thousand workbooks")
@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_a_hundred_thousand_workbooks_take_the_memory_of_ten_thousand(engine):
    few, many = (taken(engine, count) for count in (10_000, 100_000))
    assert many["memory"] - few["memory"] < 20, "90,000 clients that were held would take 50 MB"


def taken(engine, count):
    command = [sys.executable, "-m", "benchmarks.scale", engine, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)
