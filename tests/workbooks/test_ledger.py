"""The ledger of a run: what it remembers, what a resumed run keeps, what status tells."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from pyalloc.cli import main
from pyalloc.errors import InputError
from pyalloc.marketdata import MarketData
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.policy import Policy
from pyalloc.profile import InvestorProfile
from pyalloc.tables import Problem
from workbooks.batch import run_batch
from workbooks.clients import SUMMARY_FILE, Client, ClientList
from workbooks.fingerprint import client_of, inputs_of, market_sha256
from workbooks.folder import Folder
from workbooks.ledger import LEDGER_FILE, SCHEMA_VERSION, new_ledger, read_ledger
from workbooks.maker import Maker
from workbooks.recorded import PAGE
from workbooks.results import DONE, FAILED, PENDING
from workbooks.status import FINISHED, INTERRUPTED, RUNNING, run_status

POLICY = Policy(firm="Amber & Söhne")
REFUSED = Problem("clients.csv", 4, "risk", "risk is 99")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_demo_market(tmp_path_factory.mktemp("market"), years=6, stocks=11)


@pytest.fixture(scope="module")
def market(folder):
    return MarketData.from_path(folder)


B_PENDING = "UPDATE clients SET status = 'pending' WHERE client_id = 'B'"


def client(client_id, name="Amber", as_of=None, **profile):
    return Client(client_id, name, InvestorProfile(**profile), as_of)


A = client("A", risk="high", budget=1000.0)
B = client("B", "=1+1", exclude=("ZXUA",), bounds={"Stocks": (0.1, 0.25)}, currency="JPY")
C = client("C", "Ümlaut 李", as_of=date(2026, 3, 31), risk=3)
FAILING = client("F", exclude=("NOPE",))


def make(market, out, *clients, problems=(), **options):
    listed = ClientList(clients, problems, source="clients.csv")
    return run_batch(market, listed, out, jobs=1, **{"policy": POLICY, **options})


def bytes_in(out):
    return {path.name: path.read_bytes() for path in out.glob("*.xlsx")}


def tampered(path, statement):
    """Run a statement on a database, as no run does."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.fixture(scope="module")
def finished(market, tmp_path_factory):
    """Return the folder of a run of three clients; not to be changed."""
    out = tmp_path_factory.mktemp("finished")
    make(market, out, A, B, C)
    return out


@pytest.fixture
def out(finished, tmp_path):
    """Return a copy of that folder, to be changed."""
    for path in finished.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


# --- what is remembered ---------------------------------------------------------------------------------


def test_the_ledger_says_what_each_workbook_is_made_from_and_what_it_is(market, finished):
    record = read_ledger(finished / LEDGER_FILE)
    assert [entry.client_id for entry in record.entries()] == ["A", "B", "C"]
    for entry in record.entries():
        content = (finished / entry.file_name).read_bytes()
        assert (entry.status, entry.sha256, entry.size) == (
            DONE,
            hashlib.sha256(content).hexdigest(),
            len(content),
        )
        assert entry.seconds > 0
    assert record.run.finished >= record.run.started
    assert record.run.market_sha256 == market_sha256(market)
    assert record.policy() == POLICY
    assert json.loads(record.run.versions)["numpy"] == np.__version__


def test_failures_and_refused_rows_are_remembered_with_their_sentences(market, tmp_path):
    make(market, tmp_path, FAILING, problems=(REFUSED,))
    record = read_ledger(tmp_path / LEDGER_FILE)
    assert next(record.entries()).status == FAILED
    assert "NOPE" in next(record.entries()).error
    assert [*record.refused()] == [REFUSED]


def test_every_client_is_pending_until_its_turn(market, tmp_path):
    seen = []
    make(
        market,
        tmp_path,
        A,
        B,
        C,
        on_progress=lambda _: seen.append(
            [entry.status for entry in read_ledger(tmp_path / LEDGER_FILE).entries()]
        ),
    )
    assert seen[0] == [DONE, PENDING, PENDING] or seen[0] == [PENDING, PENDING, DONE]


def test_the_levels_of_risk_of_a_list_are_known_before_the_first_workbook(market, tmp_path):
    listed = [client(f"R{i}", risk=risk) for i, risk in enumerate([7, "low", 7.5, "high", 7, "low"])]
    record = make(market, tmp_path, *listed, dry_run=True).record
    assert set(record.risk_levels()) == {7, 7.5, "low", "high"}


def test_a_list_longer_than_a_page_is_made_in_the_order_of_dates_and_told_in_its_own(market):
    days = [date(2026, 3, 31), None, date(2026, 1, 30)]
    listed = ClientList(tuple(client(f"P{i}", as_of=days[i % 3]) for i in range(2 * PAGE + 5)))
    maker = Maker(market, POLICY, "compiled", None, "client", Folder(Path("out")))
    ledger = new_ledger(maker, listed.source, listed, {})
    assert [entry.client_id for entry in ledger.entries()] == [item.client_id for item in listed.clients]
    queued = [(entry.as_of, entry.position) for entry in ledger.queue()]
    assert queued == sorted(queued)
    assert len(queued) == len(listed.clients)


def test_a_client_is_read_back_from_its_inputs():
    profile = InvestorProfile(
        7, 12.5, "EUR", {"Stocks": (0.1, 0.3)}, ("ZXUA", "ZXUB"), {(1, 5): 2.0, (2, 1): -0.5}
    )
    given = Client('"quoted", ü', "=SUM(A1)", profile, date(2026, 3, 31))
    assert client_of(inputs_of(given, date(2026, 6, 30))) == given
    undated = replace(given, as_of=None)
    assert client_of(inputs_of(undated, date(2026, 6, 30))) == replace(given, as_of=date(2026, 6, 30))


def with_a_close(market):
    closes = market.closes.copy()
    closes[5, 2] *= 1.0 + 1e-15
    return replace(market, closes=closes)


@pytest.mark.parametrize(
    "changed",
    [
        with_a_close,
        lambda market: replace(market, days=market.days + np.timedelta64(1, "D")),
        lambda market: replace(
            market, assets=(replace(market.assets[0], name="Another"), *market.assets[1:])
        ),
        lambda market: replace(market, macro=market.macro[:-1]),
        lambda market: replace(market, notice="Another."),
    ],
)
def test_a_market_of_other_content_has_another_hash(market, changed):
    assert market_sha256(changed(market)) != market_sha256(market)


def test_a_market_read_twice_has_one_hash(folder, market):
    assert market_sha256(MarketData.from_path(folder)) == market_sha256(market)


# --- a run is made again from its ledger ----------------------------------------------------------------


def grown(market):
    """Return the market a day later, when every price has doubled."""
    return replace(
        market,
        days=np.append(market.days, market.days[-1] + np.timedelta64(1, "D")),
        closes=np.vstack([market.closes, 2.0 * market.closes[-1]]),
    )


def test_a_ledger_and_its_market_make_the_same_bytes_even_when_the_market_has_grown(
    market, finished, tmp_path
):
    record = read_ledger(finished / LEDGER_FILE)
    again = run_batch(grown(market), record.clients, tmp_path, policy=record.policy(), jobs=1)
    assert bytes_in(tmp_path) == bytes_in(finished)
    assert [*record.departing(again.results())] == []


def test_the_command_line_repeats_a_run_and_says_whether_it_is_the_same(folder, finished, tmp_path, capsys):
    ledger = str(finished / LEDGER_FILE)
    places = ["--market", str(folder), "--from-ledger", ledger, "--out", str(tmp_path / "again")]
    assert main(["generate", *places, "--only", "A"]) == 0
    assert "as recorded   1 of 1" in capsys.readouterr().out
    assert bytes_in(tmp_path / "again")["A.xlsx"] == bytes_in(finished)["A.xlsx"]


def test_a_repeated_run_that_departs_is_told_and_ends_with_1(folder, out, capsys):
    tampered(out / LEDGER_FILE, "UPDATE clients SET inputs = replace(inputs, '1000.0', '2000.0')")
    places = ["--market", str(folder), "--from-ledger", str(out / LEDGER_FILE), "--out", str(out / "again")]
    assert main(["generate", *places, "--dry-run"]) == 1
    said = capsys.readouterr()
    assert said.err == "A: not the workbook that the ledger records\n"
    assert "as recorded   2 of 3" in said.out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((), "no clients: give --clients FILE, or --from-ledger FILE"),
        (("--from-ledger", "run.sqlite", "--clients", "clients.csv"), "was given with --clients"),
        (("--from-ledger", "run.sqlite"), "run.sqlite is no ledger"),
    ],
)
def test_inputs_come_from_a_list_or_from_a_ledger(folder, tmp_path, capsys, given, says):
    assert main(["generate", "--market", str(folder), "--out", str(tmp_path / "out"), *given]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# --- resume ---------------------------------------------------------------------------------------------


def test_a_finished_run_is_kept_whole(market, finished, out):
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("[ABC].xlsx")}
    made = make(market, out, A, B, C, resume=True)
    assert made.resumed == "3 kept, 0 to make"
    assert [item.kept for item in made.results()] == [True, True, True]
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("[ABC].xlsx")} == before
    assert bytes_in(out) == bytes_in(finished)


@pytest.mark.parametrize(
    ("change", "resumed"),
    [
        (lambda out: (out / "B.xlsx").unlink(), "2 kept, 1 to make (1 file missing)"),
        (lambda out: (out / "B.xlsx").write_bytes(b"PK"), "2 kept, 1 to make (1 file changed)"),
        (lambda out: tampered(out / LEDGER_FILE, B_PENDING), "2 kept, 1 to make (1 pending before)"),
        (lambda out: (out / LEDGER_FILE).unlink(), "there was no run to resume, 3 to make"),
    ],
)
def test_what_is_not_as_the_ledger_says_is_made_anew(market, finished, out, change, resumed):
    change(out)
    assert make(market, out, A, B, C, resume=True).resumed == resumed
    assert bytes_in(out) == bytes_in(finished)


@pytest.mark.parametrize(
    ("changed", "resumed"),
    [
        ({"B": replace(B, name="Bramble")}, "2 kept, 1 to make (1 row of the list changed)"),
        ({"B": client("E")}, "2 kept, 1 to make (1 new in the list)"),
        ({"policy": Policy(firm="Bramble")}, "0 kept, 3 to make (3 policy changed)"),
        ({"engine": "openpyxl"}, "0 kept, 3 to make (3 engine changed)"),
        ({"notice": "Another."}, "0 kept, 3 to make (3 market changed)"),
        (
            {"notice": "Another.", "policy": Policy(firm="Bramble")},
            "0 kept, 3 to make (3 market and policy changed)",
        ),
    ],
)
def test_what_has_other_inputs_is_made_anew(market, out, tmp_path_factory, changed, resumed):
    given = {"B": B, "policy": POLICY, "engine": "compiled", "notice": market.notice, **changed}
    other = replace(market, notice=given.pop("notice"))
    clients = (A, given.pop("B"), C)
    assert make(other, out, *clients, resume=True, **given).resumed == resumed
    fresh = tmp_path_factory.mktemp("fresh")
    make(other, fresh, *clients, **given)
    assert bytes_in(out).items() >= bytes_in(fresh).items()


def test_another_version_makes_everything_anew(market, out, monkeypatch):
    monkeypatch.setattr("pyalloc.__version__", "0.0.0")
    assert make(market, out, A, resume=True).resumed == "0 kept, 1 to make (1 versions changed)"


def test_a_failed_client_is_tried_again(market, tmp_path):
    make(market, tmp_path, A, FAILING)
    made = make(market, tmp_path, A, FAILING, resume=True)
    assert made.resumed == "1 kept, 1 to make (1 failed before)"
    assert [item.status for item in made.results()] == [DONE, FAILED]


def test_a_run_that_is_not_resumed_makes_everything(market, out):
    before = (out / "A.xlsx").stat().st_mtime_ns
    made = make(market, out, A, B, C)
    assert made.resumed == ""
    assert (out / "A.xlsx").stat().st_mtime_ns > before


def test_progress_counts_the_workbooks_that_are_kept(market, out):
    (out / "C.xlsx").unlink()
    seen = []
    make(market, out, A, B, C, resume=True, on_progress=seen.append)
    assert [(item.client.client_id, item.kept) for item in seen] == [("A", True), ("B", True), ("C", False)]


def test_an_interrupted_run_resumes_to_the_bytes_of_an_undisturbed_one(market, finished, tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(market, tmp_path, A, B, C, on_progress=interrupt)
    assert run_status(tmp_path).pending == 2
    make(market, tmp_path, A, B, C, resume=True)
    assert bytes_in(tmp_path) == bytes_in(finished)


def test_the_command_says_what_was_kept_and_the_log_goes_on(folder, tmp_path, capsys):
    clients = tmp_path / "clients.csv"
    clients.write_text("client_id,name,risk,budget\nA,Amber,low,1000\nB,Bramble,7,2000\n", encoding="utf-8")
    places = ["--market", str(folder), "--clients", str(clients), "--out", str(tmp_path / "out")]
    assert main(["generate", *places, "--only", "A"]) == 0
    assert main(["generate", *places, "--resume"]) == 0
    assert "resumed       1 kept, 1 to make (1 new in the list)" in capsys.readouterr().out
    log = (tmp_path / "out" / "run.log").read_text(encoding="utf-8")
    assert [line.split()[3] for line in log.splitlines() if ".xlsx in " in line] == ["A:", "B:"]


# --- ledgers that cannot be used ------------------------------------------------------------------------


def test_a_ledger_of_another_format_is_not_resumed_from_but_replaced(market, out):
    tampered(out / LEDGER_FILE, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(InputError, match=rf"has format {SCHEMA_VERSION + 1} and this pyalloc reads format"):
        make(market, out, A, resume=True)
    make(market, out, A)
    assert run_status(out).is_well


def other_database(path):
    tampered(path, "CREATE TABLE books (title TEXT)")


@pytest.mark.parametrize("write", [other_database, lambda path: path.write_bytes(b"no database " * 100)])
@pytest.mark.parametrize("resume", [False, True])
def test_a_file_that_is_no_ledger_is_never_overwritten(market, tmp_path, write, resume):
    path = tmp_path / LEDGER_FILE
    write(path)
    content = path.read_bytes()
    with pytest.raises(InputError, match=r"is no ledger of pyalloc.*: move it away"):
        make(market, tmp_path, A, resume=resume)
    assert path.read_bytes() == content
    assert bytes_in(tmp_path) == {}


# --- status ---------------------------------------------------------------------------------------------


def told(capsys, *arguments):
    """Return the exit code of status and what it printed."""
    code = main(["status", *map(str, arguments)])
    return code, capsys.readouterr().out


def test_a_finished_run_is_well(finished, capsys):
    code, said = told(capsys, finished, "--verify")
    assert code == 0
    assert "done          3\nfailed        0\npending       0\nrows refused  0\n" in said
    assert "--resume" not in said


def test_status_names_what_failed_and_what_was_refused(market, tmp_path, capsys):
    make(market, tmp_path, A, FAILING, problems=(REFUSED,))
    code, said = told(capsys, tmp_path)
    assert code == 1
    assert "F: excluded asset NOPE" in said
    assert f"{REFUSED}\n" in said


def test_status_names_every_file_that_departs_from_the_ledger(out, capsys):
    (out / "A.xlsx").unlink()
    (out / "B.xlsx").write_bytes(b"PK")
    (out / "Z.xlsx").write_bytes(b"PK")
    (out / "~$C.xlsx").write_bytes(b"held open")
    code, said = told(capsys, out, "--verify")
    assert code == 1
    findings = said.partition("rate")[2].splitlines()[1:]
    assert findings == [
        "A.xlsx is missing",
        "B.xlsx is not as it was written",
        "Z.xlsx is not in the ledger",
        "To go on, run it again with --resume.",
    ]


def test_a_summary_that_is_missing_or_could_not_be_written_is_not_well(market, out, tmp_path_factory):
    (out / SUMMARY_FILE).unlink()
    assert run_status(out).missing == (SUMMARY_FILE,)
    blocked = tmp_path_factory.mktemp("blocked")
    (blocked / SUMMARY_FILE).mkdir()
    assert "cannot be written" in make(market, blocked, A).problem
    assert not run_status(blocked).is_well
    (blocked / SUMMARY_FILE).rmdir()
    assert make(market, blocked, A, resume=True).problem == ""
    assert run_status(blocked).is_well


def test_a_workbook_that_a_failed_client_has_from_an_earlier_run_is_told(market, tmp_path):
    (tmp_path / "F.xlsx").write_bytes(b"the workbook of yesterday")
    make(market, tmp_path, FAILING)
    assert run_status(tmp_path).unrecorded == ("F.xlsx",)


def test_status_follows_a_run_while_it_goes_and_after_it_was_interrupted(market, tmp_path):
    seen = []

    def look(_):
        seen.append(run_status(tmp_path))
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(market, tmp_path, A, B, C, on_progress=look)
    assert [(found.state, found.done + found.pending) for found in seen] == [(RUNNING, 3), (RUNNING, 3)]
    assert seen[0].seconds_left > 0
    after = run_status(tmp_path)
    assert (after.state, after.done, after.pending, after.seconds_left) == (INTERRUPTED, 2, 1, None)


def test_status_is_told_to_programs_as_json(market, finished, capsys):
    code, said = told(capsys, finished, "--json")
    document = json.loads(said)
    assert code == 0
    assert (document["state"], document["done"], document["is_well"]) == (FINISHED, 3, True)
    assert document["sha256"]["market"] == market_sha256(market)


def test_a_folder_without_a_ledger_ends_with_2(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 2
    assert "has no ledger run.sqlite" in capsys.readouterr().err


def test_the_summary_of_a_resumed_run_lists_all(market, out):
    (out / "C.xlsx").unlink()
    make(market, out, A, B, C, resume=True)
    sheet = load_workbook(out / SUMMARY_FILE).active
    texts = [cell.value for row in sheet.iter_rows() for cell in row]
    assert [texts.count(identity) for identity in "ABC"] == [1, 1, 1]
