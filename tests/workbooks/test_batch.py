"""Batches: every client has a workbook or a sentence, files are whole, and bytes do not depend on the run."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook

from pyalloc.errors import InputError
from pyalloc.marketdata import MarketData
from pyalloc.marketdata.demo import NOTICE, write_demo_market
from pyalloc.policy import Policy
from pyalloc.profile import InvestorProfile
from pyalloc.tables import Problem
from workbooks.batch import run_batch
from workbooks.clients import SUMMARY_FILE, Client, ClientList, read_clients
from workbooks.folder import LOCK_FILE, LOG_FILE, opened
from workbooks.ledger import LEDGER_FILE
from workbooks.results import DONE, FAILED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_demo_market(tmp_path_factory.mktemp("market"), years=6, stocks=11)


@pytest.fixture(scope="module")
def market(folder):
    return MarketData.from_path(folder)


def client(client_id, name="Amber", as_of=None, **profile):
    return Client(client_id, name, InvestorProfile(**profile), as_of)


GOOD = client("A", risk="high", budget=1000.0)
TOO_EARLY = client("B", as_of=date(1990, 1, 1))
UNKNOWN_ASSET = client("C", exclude=("NOPE",))
EARLIER = client("D", "Bramble", as_of=date(2026, 3, 31), budget=150_000.0, currency="JPY", risk=3)


def listing(*clients):
    return ClientList(clients)


RECORDS = {SUMMARY_FILE, LEDGER_FILE, LOG_FILE, LOCK_FILE}
"""What a run leaves beside the workbooks."""


def files_in(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name not in RECORDS}


# --- results --------------------------------------------------------------------------------------------


def test_each_client_has_a_workbook_or_a_sentence_in_the_order_of_the_list(market, tmp_path):
    result = run_batch(market, listing(GOOD, TOO_EARLY, EARLIER, UNKNOWN_ASSET), tmp_path, jobs=1)
    assert [item.client.client_id for item in result.results()] == ["A", "B", "D", "C"]
    assert [item.status for item in result.results()] == [DONE, FAILED, DONE, FAILED]
    assert [item.path.name for item in result.results(DONE)] == ["A.xlsx", "D.xlsx"]
    assert "1990-01-01 is outside the market's dates" in [*result.results()][1].error
    assert "NOPE" in [*result.results()][3].error
    assert set(files_in(tmp_path)) == {"A.xlsx", "D.xlsx"}


def test_the_figures_of_a_workbook_are_those_of_its_allocation(market, tmp_path):
    figures = next(run_batch(market, listing(EARLIER), tmp_path, jobs=1).results()).figures
    assert figures.as_of == date(2026, 3, 31)
    assert figures.regime == market.at("2026-03-31").macro.regime()
    assert sum(figures.weights) == pytest.approx(1.0, abs=1e-12)
    assert sum(figures.amounts) == 150_000.0
    assert all(amount == round(amount) for amount in figures.amounts)
    assert "checks passed" in figures.checks


def test_two_processes_write_the_bytes_that_one_does(market, tmp_path):
    clients = listing(GOOD, TOO_EARLY, EARLIER, UNKNOWN_ASSET, client("E", risk=6))
    here = run_batch(market, clients, tmp_path / "here", jobs=1)
    apart = run_batch(market, clients, tmp_path / "apart", jobs=2)
    assert files_in(tmp_path / "here") == files_in(tmp_path / "apart")
    assert [item.figures for item in here.results()] == [item.figures for item in apart.results()]
    assert [item.error for item in here.results()] == [item.error for item in apart.results()]


def test_the_order_of_the_list_does_not_show_in_the_workbooks(market, tmp_path):
    clients = [GOOD, EARLIER, client("E", exclude=("ZXUA",)), client("F", bounds={"Stocks": (0.1, 0.2)})]
    run_batch(market, listing(*clients), tmp_path / "forwards", jobs=1)
    run_batch(market, listing(*reversed(clients)), tmp_path / "backwards", jobs=1)
    assert files_in(tmp_path / "forwards") == files_in(tmp_path / "backwards")


def test_the_default_date_is_the_last_of_the_market(market, tmp_path):
    result = run_batch(market, listing(GOOD), tmp_path, jobs=1)
    assert next(result.results()).figures.as_of == market.days[-1].item()


def test_the_first_failure_ends_a_run_that_is_to_fail_fast(market, tmp_path):
    clients = listing(UNKNOWN_ASSET, GOOD)
    result = run_batch(market, clients, tmp_path, jobs=1, fail_fast=True)
    assert [item.status for item in result.results()] == [FAILED, FAILED]
    assert "an earlier client failed" in [*result.results()][1].error
    assert files_in(tmp_path) == {}


def test_a_dry_run_finds_the_failures_and_writes_nothing(market, tmp_path):
    result = run_batch(market, listing(GOOD, UNKNOWN_ASSET), tmp_path / "out", jobs=1, dry_run=True)
    assert [item.status for item in result.results()] == [DONE, FAILED]
    assert not (tmp_path / "out").exists()


def test_a_template_is_refused_with_the_engine_that_would_lose_what_a_firm_added(market, tmp_path):
    with pytest.raises(InputError, match="leave one of the two out"):
        run_batch(market, listing(GOOD), tmp_path / "out", engine="openpyxl", template=b"PK")
    assert not (tmp_path / "out").exists()


def test_progress_is_told_of_each_client(market, tmp_path):
    seen = []
    run_batch(market, listing(GOOD, UNKNOWN_ASSET), tmp_path, jobs=1, on_progress=seen.append)
    assert {item.client.client_id for item in seen} == {"A", "C"}


# --- files ----------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_replaced_fails_its_client_alone(market, tmp_path):
    (tmp_path / "A.xlsx").mkdir()
    result = run_batch(market, listing(GOOD, EARLIER), tmp_path, jobs=1)
    assert [item.status for item in result.results()] == [FAILED, DONE]
    assert next(result.results()).error.startswith("A.xlsx ")
    assert {path.name for path in tmp_path.iterdir()} == {"A.xlsx", "D.xlsx", *RECORDS}


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (PermissionError(13, "Permission denied"), "close the file in Excel"),
        (OSError(5, "Input/output error"), "A.xlsx cannot be written (Input/output error)"),
        (ZeroDivisionError("oops"), "pyalloc failed unexpectedly (ZeroDivisionError)"),
    ],
)
def test_a_failed_write_leaves_the_earlier_file_and_no_part(market, tmp_path, monkeypatch, failure, says):
    put_in_place = Path.replace

    def fail(part, path):
        if path.name == "A.xlsx":
            raise failure
        return put_in_place(part, path)

    (tmp_path / "A.xlsx").write_bytes(b"the workbook of yesterday")
    monkeypatch.setattr(Path, "replace", fail)
    result = run_batch(market, listing(GOOD), tmp_path, jobs=1)
    assert says in next(result.results()).error
    assert files_in(tmp_path) == {"A.xlsx": b"the workbook of yesterday"}
    traceback_logged = "Traceback" in (tmp_path / LOG_FILE).read_text(encoding="utf-8")
    assert traceback_logged == isinstance(failure, ZeroDivisionError)


def test_a_full_disk_stops_the_run_and_says_so_in_the_log(market, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "A.xlsx").write_bytes(b"the workbook of yesterday")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match=r"has no room for A\.xlsx .* go on with --resume"):
        run_batch(market, listing(GOOD), tmp_path, jobs=1)
    assert files_in(tmp_path) == {"A.xlsx": b"the workbook of yesterday"}
    assert "stopped: " in (tmp_path / LOG_FILE).read_text(encoding="utf-8")


def test_a_run_clears_away_what_a_killed_one_left(market, tmp_path):
    (tmp_path / ".pyalloc-0123.part").write_bytes(b"half")
    run_batch(market, listing(GOOD), tmp_path, jobs=1)
    assert set(files_in(tmp_path)) == {"A.xlsx"}


def test_a_second_run_in_the_same_folder_is_refused(market, tmp_path):
    logger = logging.getLogger("another run")
    with opened(tmp_path, logger, append=False), pytest.raises(InputError, match="another run is writing to"):
        run_batch(market, listing(GOOD), tmp_path, jobs=1)
    assert run_batch(market, listing(GOOD), tmp_path, jobs=1).counts.done == 1


def test_a_killed_process_costs_a_sentence_per_client_and_leaves_no_part(market, tmp_path):
    def kill_the_processes(_):
        for process in multiprocessing.active_children():
            process.kill()

    clients = listing(*(client(f"K{i}") for i in range(12)))
    result = run_batch(market, clients, tmp_path, jobs=2, on_progress=kill_the_processes)
    assert result.counts.clients == 12
    assert {item.path.name for item in result.results(DONE)} <= set(files_in(tmp_path))
    assert any("run again with fewer jobs" in item.error for item in result.results(FAILED))
    assert not list(tmp_path.glob(".*"))


def test_ctrl_c_ends_the_run_with_130_and_whole_files(folder, tmp_path):
    rows = "".join(f"I{i},Amber,5,1000\n" for i in range(200))
    (tmp_path / "clients.csv").write_text(f"client_id,name,risk,budget\n{rows}", encoding="utf-8")
    out = tmp_path / "out"
    places = ["--market", folder, "--clients", tmp_path / "clients.csv", "--out", out]
    command = [sys.executable, "-c", "import sys, pyalloc.cli; sys.exit(pyalloc.cli.main())", "generate"]
    run = subprocess.Popen(
        [*command, *places, "--jobs", "2"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(out.glob("*.xlsx")) and run.poll() is None:
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert "Traceback" not in said
    assert "interrupted" in said
    assert 0 < len(list(out.glob("I*.xlsx"))) < 200
    assert not list(out.glob(".*"))
    for workbook in out.glob("*.xlsx"):
        load_workbook(workbook, read_only=True).close()


# --- the summary ----------------------------------------------------------------------------------------


@pytest.fixture
def summary(market, tmp_path):
    """Return the sheet of a summary with every kind of row, and its rows by client id."""
    rows = ["F,=1+1,low,100,USD,1", "G,Cinder,medium,2000,JPY,", "H,Dapple,99,5,USD,", "ü1,Ember,3,7.5,USD,"]
    path = tmp_path / "clients.csv"
    path.write_text("\n".join(["client_id,name,risk,budget,currency,bonds_min", *rows]), encoding="utf-8")
    run_batch(market, read_clients(path), tmp_path, jobs=1)
    return load_workbook(tmp_path / SUMMARY_FILE).active


def rows_of(sheet):
    header, _, _ = sheet.auto_filter.ref.partition(":")
    top = int(header[1:])
    titles = [cell.value for cell in sheet[top]]
    return [dict(zip(titles, row, strict=True)) for row in sheet.iter_rows(min_row=top + 1)]


def test_the_summary_has_a_row_for_every_row_of_the_list(summary):
    rows = rows_of(summary)
    assert [row["Client"].value for row in rows] == ["F", "G", "ü1", "H"]
    assert [row["Status"].value for row in rows] == ["done", "done", "done", "refused"]
    assert rows[3]["Name"].value == "clients.csv row 4"
    assert "risk is 99" in rows[3]["Problem"].value
    assert rows[0]["Bonds weight"].value == pytest.approx(1.0)
    assert rows[1]["Regime"].value in ("Calm", "Normal", "Elevated", "High stress")


def test_a_name_that_looks_like_a_formula_is_text_in_the_summary(summary):
    cell = rows_of(summary)[0]["Name"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_links_lead_to_the_workbooks_beside_the_summary(summary):
    targets = [row["Workbook"].hyperlink.target for row in rows_of(summary)[:3]]
    assert targets == ["F.xlsx", "G.xlsx", "%C3%BC1.xlsx"]


def test_totals_are_native_formulas_by_currency(summary):
    formulas = [cell.value for row in summary.iter_rows(max_row=9) for cell in row if cell.data_type == "f"]
    assert sum(formula.startswith("=COUNTIF") for formula in formulas) == 3
    assert sum(formula.startswith("=SUMIF") for formula in formulas) == 2 * 4


def test_the_summary_prints_on_landscape_pages_and_says_that_the_market_is_synthetic(summary):
    assert summary.page_setup.orientation == "landscape"
    assert summary.page_setup.fitToWidth == 2
    assert summary.print_title_cols == "$A:$C"
    assert summary.freeze_panes is not None
    assert summary["A3"].value == NOTICE


def test_a_failed_client_has_a_row_without_figures_under_the_firm_of_the_policy(market, tmp_path):
    policy = Policy(firm="Amber & Co")
    run_batch(market, listing(UNKNOWN_ASSET), tmp_path, policy=policy, jobs=1)
    sheet = load_workbook(tmp_path / SUMMARY_FILE).active
    assert "Amber & Co" in sheet["A2"].value
    (row,) = rows_of(sheet)
    assert (row["Status"].value, row["Stocks weight"].value) == ("failed", None)


def test_a_summary_of_more_rows_than_are_read_names_what_failed_first_and_totals_all(
    market, tmp_path, monkeypatch
):
    monkeypatch.setattr("workbooks.reports.batch_summary.MOST_ROWS", 4)
    yen = [client(f"Y{i}", budget=1000.0 + i, currency="JPY") for i in range(3)]
    refused = Problem("clients.csv", 9, "risk", "risk is 99")
    listed = ClientList((GOOD, *yen, UNKNOWN_ASSET), (refused,))
    result = run_batch(market, listed, tmp_path, jobs=1)
    sheet = load_workbook(tmp_path / SUMMARY_FILE).active
    assert [row["Client"].value or row["Name"].value for row in rows_of(sheet)] == [
        "C",
        "clients.csv row 9",
        "A",
        "Y0",
    ]
    assert "4 of 6 rows, what failed or was refused first" in sheet["A2"].value
    assert [sheet[f"D{row}"].value for row in (5, 6, 7)] == [4, 1, 1]
    titles = [cell.value for cell in sheet[int(sheet.auto_filter.ref[1:3].rstrip(":"))]]
    column = titles.index("Stocks amount") + 1
    yen_in_stocks = sum(
        item.figures.amounts[0] for item in result.results(DONE) if item.client.profile.currency == "JPY"
    )
    assert sheet.cell(6, column).value == yen_in_stocks > 0
