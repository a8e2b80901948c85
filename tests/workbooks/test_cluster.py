"""Runs on a real Dask cluster: the bytes of a local run, whatever is killed on the way."""

from __future__ import annotations

import os

import pytest

from pyalloc.errors import UnavailableError
from pyalloc.marketdata import MarketData
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.profile import InvestorProfile
from tests.workbooks.dask_cluster import DaskCluster
from workbooks.batch import run_batch
from workbooks.clients import SUMMARY_FILE, Client, ClientList
from workbooks.cluster import cluster_workers
from workbooks.folder import LOCK_FILE, LOG_FILE
from workbooks.ledger import LEDGER_FILE
from workbooks.processes import ONE_THREAD
from workbooks.status import INTERRUPTED, RUNNING, run_status

SOAK = os.environ.get("PYALLOC_SOAK") == "1"
CLIENTS = 2000 if SOAK else 120

RECORDS = {SUMMARY_FILE, LEDGER_FILE, LOG_FILE, LOCK_FILE}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ONE_THREAD.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_demo_market(tmp_path_factory.mktemp("market"), years=6, stocks=11)


@pytest.fixture(scope="module")
def market(folder):
    return MarketData.from_path(folder)


@pytest.fixture(scope="module")
def clients(market):
    stocks = [asset.asset for asset in market.in_category("Stocks")]
    days = [None, market.days[-30].item()]
    return ClientList(
        tuple(
            Client(
                f"C{i:04}",
                f"Amber {i}",
                InvestorProfile(1 + i % 10, 1000.0 + i, exclude=(stocks[i % 11],) if i % 4 == 0 else ()),
                days[i % 2],
            )
            for i in range(CLIENTS)
        ),
        source="clients.csv",
    )


@pytest.fixture(scope="module")
def here(market, clients, tmp_path_factory):
    """Return the workbooks of a local run, by name."""
    out = tmp_path_factory.mktemp("here")
    run_batch(market, clients, out, jobs=2)
    return workbooks_in(out)


@pytest.fixture
def cluster(tmp_path_factory):
    with DaskCluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def workbooks_in(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name not in RECORDS}


def assert_all_is_well(out, here):
    """Every client has the workbook of the local run, once, and the ledger agrees."""
    assert workbooks_in(out) == here
    found = run_status(out, verify=True)
    assert found.is_well
    assert (found.done, found.strangers, found.unrecorded) == (CLIENTS, (), ())


def test_a_cluster_makes_the_bytes_of_a_local_run_though_a_worker_is_killed(
    market, clients, here, cluster, tmp_path
):
    cluster.start()
    told = []

    def kill_a_worker(result):
        told.append(result.client.client_id)
        if len(told) == CLIENTS // 4:
            assert run_status(tmp_path).state == RUNNING
            cluster.workers[0].kill()
            cluster.add_worker()

    result = run_batch(
        market, clients, tmp_path, workers=cluster_workers(cluster.address), on_progress=kill_a_worker
    )
    assert (result.counts.done, result.counts.failed) == (CLIENTS, 0)
    assert sorted(told) == [client.client_id for client in clients.clients]
    assert_all_is_well(tmp_path, here)


def test_a_run_that_lost_its_scheduler_goes_on_with_resume(market, clients, here, cluster, tmp_path):
    cluster.start()
    told = []

    def stop_the_scheduler(result):
        told.append(result.client.client_id)
        if len(told) == CLIENTS // 4:
            cluster.stop()

    workers = cluster_workers(cluster.address)
    with pytest.raises(UnavailableError, match=r"was lost: start it again; .* --resume goes on from it"):
        run_batch(market, clients, tmp_path, workers=workers, on_progress=stop_the_scheduler)
    found = run_status(tmp_path, verify=True)
    assert found.state == INTERRUPTED
    assert (found.missing, found.changed, found.strangers) == ((), (), ())
    cluster.start()
    result = run_batch(market, clients, tmp_path, workers=workers, resume=True)
    assert result.counts.kept >= CLIENTS // 4
    assert_all_is_well(tmp_path, here)
