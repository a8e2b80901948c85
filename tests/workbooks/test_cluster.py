"""Runs on a real Dask cluster: the bytes of a local run, whatever is killed on the way."""

from __future__ import annotations

import os
import sys
import time

import pytest
from distributed import Client as DaskClient

from pyalloc.cli import main
from pyalloc.errors import UnavailableError
from pyalloc.marketdata import MarketData
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.profile import InvestorProfile
from tests.workbooks.dask_cluster import DaskCluster
from workbooks.batch import run_batch
from workbooks.clients import SUMMARY_FILE, Client, ClientList
from workbooks.cluster import _Count, cluster_workers, unfit
from workbooks.fingerprint import versions
from workbooks.folder import LOCK_FILE, LOG_FILE, Folder
from workbooks.ledger import LEDGER_FILE
from workbooks.processes import ONE_THREAD
from workbooks.status import INTERRUPTED, RUNNING, run_status

SOAK = os.environ.get("PYALLOC_SOAK") == "1"
CLIENTS = 2000 if SOAK else 80

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


# --- workers that would not make the same bytes ---------------------------------------------------------


def test_workers_that_are_not_fit_are_named_before_anything_is_written(market, clients, cluster, tmp_path):
    cluster.start(workers=0)
    cluster.add_worker(threads=2)
    cluster.add_worker(OPENBLAS_NUM_THREADS="2")
    while len(found_by(cluster)) < 2:
        time.sleep(0.1)
    run_batch(market, clients.only(["C0000"]), tmp_path, jobs=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != LOG_FILE}
    with pytest.raises(UnavailableError) as refusal:
        run_batch(market, clients, tmp_path, workers=cluster_workers(cluster.address))
    said = str(refusal.value)
    assert "runs 2 tasks at once: start it with --nthreads 1" in said
    assert "blas_threads 2 in place of 1" in said
    assert said.count("worker tcp://127.0.0.1:") == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != LOG_FILE} == before


def found_by(cluster):
    with DaskClient(cluster.address, set_as_default=False) as client:
        return client.scheduler_info(n_workers=-1)["workers"]


def test_a_worker_with_other_versions_is_refused_with_both(monkeypatch):
    expected = versions() | {"numpy": "1.0", "isal": ""}
    monkeypatch.setattr("workbooks.fingerprint._version", lambda library: f"9 of {library}")
    said = unfit(expected, threads=1)
    assert "numpy 9 of numpy in place of 1.0" in said
    assert "isal 9 of isal in place of none" in said
    assert said.endswith("install what is installed where the run was started")


def test_a_folder_that_a_worker_does_not_share_is_told_from_one_of_the_same_name(tmp_path):
    (tmp_path / "there").mkdir()
    with Folder(tmp_path).marked() as mark:
        assert Folder(tmp_path).complaint(mark) == ""
        assert "name a folder that all machines share" in Folder(tmp_path / "there").complaint(mark)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_cluster_without_workers_is_waited_for_and_then_given_up(monkeypatch):
    class Deserted:
        status = "running"

        def scheduler_info(self, n_workers):  # noqa: ARG002
            return {"workers": {}}

    monkeypatch.setattr("workbooks.cluster._BETWEEN_COUNTS", 0.0)
    count = _Count(Deserted(), "tcp://127.0.0.1:9")
    assert count() == 0
    monkeypatch.setattr("workbooks.cluster._WITHOUT_WORKERS", 0.0)
    with pytest.raises(UnavailableError, match="has had no worker for 0 seconds: start one"):
        count()


def test_an_address_without_a_scheduler_ends_in_a_sentence(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("workbooks.cluster._CONNECT_SECONDS", 0.5)
    clients = tmp_path / "clients.csv"
    clients.write_text("client_id,name,risk,budget\nA,Amber,5,1000\n", encoding="utf-8")
    places = ["--market", str(folder), "--clients", str(clients), "--out", str(tmp_path / "out")]
    assert main(["generate", *places, "--cluster", "tcp://127.0.0.1:9"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("there is no Dask scheduler at tcp://127.0.0.1:9 (")
    assert said.count("\n") == 1
    assert main(["generate", *places, "--cluster", "tcp://127.0.0.1:9", "--jobs", "2"]) == 2
    assert "leave it out" in capsys.readouterr().err


def test_without_the_extra_a_cluster_is_refused_with_what_to_install(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "workbooks.cluster")
    places = ["--market", str(folder), "--clients", "clients.csv", "--out", str(tmp_path / "out")]
    (tmp_path / "clients.csv").write_text("client_id,name,risk,budget\nA,Amber,5,1000\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["generate", *places, "--cluster", "tcp://127.0.0.1:9"]) == 2
    assert "pip install 'pyalloc[cluster]'" in capsys.readouterr().err


# --- sweeps ---------------------------------------------------------------------------------------------


def test_a_sweep_on_a_cluster_writes_the_report_of_a_local_one(folder, cluster, tmp_path, capsys):
    cluster.start()
    sweep = tmp_path / "sweep.toml"
    sweep.write_text("[macro]\ntilt_strength = [0.0, 0.5]\n", encoding="utf-8")
    command = ["backtest", "--market", str(folder), "--sweep", str(sweep)]
    command += ["--from", "2024-08-01", "--to", "2026-06-30"]
    assert main([*command, "--out", str(tmp_path / "here.xlsx"), "--jobs", "1"]) == 0
    assert main([*command, "--out", str(tmp_path / "apart.xlsx"), "--cluster", cluster.address]) == 0
    assert (tmp_path / "here.xlsx").read_bytes() == (tmp_path / "apart.xlsx").read_bytes()
    here, apart = capsys.readouterr().out.replace("apart.xlsx", "here.xlsx").split("The report is")[:2]
    assert here.split() == apart.split()[1:]
