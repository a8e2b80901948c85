"""The command line: what each command prints and writes, and the exit code it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from shutil import copytree

import numpy as np
import pytest
from openpyxl import load_workbook

from pyalloc import InvestorProfile, MarketData, Policy, __version__, allocate
from pyalloc.cli import main
from pyalloc.marketdata.demo import NOTICE, write_demo_market
from pyalloc.names import TRACE


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return write_demo_market(tmp_path_factory.mktemp("demo") / "market", years=6, stocks=11)


@pytest.fixture
def clients(tmp_path):
    path = tmp_path / "clients.csv"
    path.write_text(
        "client_id,name,risk,budget,advisor\nC1,Amber,low,1000,Bea\nC2,Bramble [bold],7,2000,\n",
        encoding="utf-8",
    )
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


# --- the front door -------------------------------------------------------------------------------------


def test_help_names_every_command_and_where_to_start(capsys):
    assert run("--help") == 0
    said = capsys.readouterr().out
    assert all(command in said for command in ("allocate", "demo", "template", "generate", "pyalloc demo"))


@pytest.mark.parametrize("command", ["allocate", "backtest", "demo", "template", "generate"])
def test_the_help_of_each_command_has_an_example(capsys, command):
    assert run(command, "--help") == 0
    assert f"pyalloc {command}" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"pyalloc {__version__}\n"


def test_help_comes_before_anything_heavy_is_imported():
    script = (
        "import sys, pyalloc.cli; pyalloc.cli.main(['--help']);"
        "heavy = {'numpy', 'pandas', 'sklearn', 'openpyxl', 'pydantic', 'yfinance', 'pyarrow'};"
        "sys.exit(' '.join(heavy & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == ""


@pytest.mark.parametrize(
    "arguments", [("frobnicate",), ("generate",), ("allocate", "--risk", "low"), ("generate", "--jobs", "0")]
)
def test_a_command_line_that_cannot_be_used_ends_with_2(capsys, arguments):
    assert run(*arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


# --- allocate -------------------------------------------------------------------------------------------


def test_allocate_shows_the_chain_in_words_and_units(market, capsys):
    assert (
        run("allocate", "--market", market, "--risk", "high", "--budget", 250_000, "--currency", "jpy") == 0
    )
    said = capsys.readouterr().out
    trace = allocate(
        MarketData.from_path(market).at(), profile=InvestorProfile("high", 250_000.0, "JPY")
    ).trace
    assert said.startswith(NOTICE)
    for shown in (
        "250,000 JPY",
        f"{trace['vix']:.2f} points",
        trace["regime"],
        f"{100 * trace['category_weights'][0]:.2f} %",
        f"{100 * trace['r_target']:.2f} % a year",
        trace["target_status"],
        f"{trace['sleeve_beta']:.3f}",
        trace["holding_ticker"][int(np.argmax(trace["holding_weight"]))],
    ):
        assert shown in said


def test_allocate_prints_the_whole_trace_as_json(market, capsys):
    assert run("allocate", "--market", market, "--risk", "7", "--budget", 1000, "--json") == 0

    def never(constant):
        raise AssertionError(f"{constant} is not JSON")

    document = json.loads(capsys.readouterr().out, parse_constant=never)
    trace = allocate(MarketData.from_path(market).at(), profile=InvestorProfile(7, 1000.0)).trace
    assert list(document["trace"]) == list(TRACE)
    assert document["trace"]["as_of"] == trace["as_of"].isoformat()
    assert document["trace"]["sleeve_weights"] == trace["sleeve_weights"].tolist()
    assert document["trace"]["constraint_A"] == trace["constraint_A"].tolist()
    assert document["market_notice"] == NOTICE


def test_macro_inputs_can_be_replaced(market, capsys):
    common = ("allocate", "--market", market, "--risk", "low", "--budget", 1000, "--json")
    overrides = ("--vix", 60, "--gdp-growth", -0.04, "--yield-spread", -0.005)
    assert run(*common, *overrides) == 0
    trace = json.loads(capsys.readouterr().out)["trace"]
    assert (trace["vix"], trace["gdp_growth"], trace["yield_spread"]) == (60.0, -0.04, -0.005)
    assert trace["regime"] == "high stress"
    assert trace["known_on"] is None


def test_date_policy_and_exclusions_are_followed(market, tmp_path, capsys):
    (tmp_path / "policy.toml").write_text("[category]\ncash_base = 0.5\n", encoding="utf-8")
    asked = ("--date", "2025-12-31", "--policy", tmp_path / "policy.toml", "--exclude", "ZXUA")
    assert run("allocate", "--market", market, "--risk", "low", "--budget", 1000, "--json", *asked) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["trace"]["as_of"] == "2025-12-31"
    assert document["trace"]["cash_share"] > 0.5
    assert document["excluded"]["ZXUA"] == "excluded by the client"


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--risk", "11", "risk is 11; it must be low, medium, high or a number from 1 to 10"),
        ("--budget", "-1", "budget is -1.0"),
        ("--currency", "euro", "currency is 'EURO'"),
        ("--date", "soon", "'soon' is not a date"),
        ("--date", "1990-01-01", "outside the market's dates"),
        ("--vix", "0", "vix is 0; it must be 5 to 150 index points"),
        ("--gdp-growth", "2.2", "was percent meant?"),
        ("--exclude", "NOPE", "excluded asset NOPE"),
    ],
)
def test_what_allocate_cannot_use_is_told_in_a_sentence(market, capsys, option, value, says):
    asked = {"--market": market, "--risk": "low", "--budget": 1000, option: value}
    assert run("allocate", *(part for pair in asked.items() for part in pair)) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_allocate_says_how_old_macro_row_and_prices_are(market, tmp_path, capsys):
    asked = ("allocate", "--market", market, "--risk", "low", "--budget", 1000)
    assert run(*asked) == 0
    age = (date.today() - date(2026, 6, 30)).days
    said = capsys.readouterr().out
    assert "The macro row is 0 days older than the last close used." in said
    assert f"Prices end {age} days before today" in said
    assert ("more than the 7 days that the policy allows" in said) is (age > 7)
    (tmp_path / "policy.toml").write_text("max_price_age_days = 100000\n", encoding="utf-8")
    assert run(*asked, "--policy", tmp_path / "policy.toml") == 0
    assert "policy allows" not in capsys.readouterr().out


def test_the_age_of_prices_says_nothing_of_a_date_that_was_asked_for(market, capsys):
    assert run("allocate", "--market", market, "--risk", "low", "--budget", 1000, "--date", "2026-06-12") == 0
    said = capsys.readouterr().out
    assert "The macro row is 14 days older than the last close used." in said
    assert "before today" not in said


# --- generate -------------------------------------------------------------------------------------------


def test_generate_writes_workbooks_a_summary_a_ledger_and_a_log(market, clients, tmp_path, capsys):
    assert run("generate", "--market", market, "--clients", clients, "--out", tmp_path / "out") == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["C1.xlsx", "C2.xlsx", "batch-summary.xlsx", "run.lock", "run.log", "run.sqlite"]
    said = capsys.readouterr()
    assert NOTICE in said.out
    assert str(tmp_path / "out" / "batch-summary.xlsx") in said.out
    assert said.err == 'clients.csv: the column "advisor" means nothing here and is ignored\n'


def test_failures_are_told_and_end_with_1(market, clients, tmp_path, capsys):
    with clients.open("a", encoding="utf-8") as file:
        file.write("C3,Cinder,99,10,\n")
    assert run("generate", "--market", market, "--clients", clients, "--out", tmp_path / "out") == 1
    assert "clients.csv row 4, column risk: risk is 99" in capsys.readouterr().err
    assert (tmp_path / "out" / "C2.xlsx").exists()


def test_fail_fast_writes_nothing_when_a_row_is_refused(market, clients, tmp_path, capsys):
    with clients.open("a", encoding="utf-8") as file:
        file.write("C3,Cinder,99,10,\n")
    places = ("--market", market, "--clients", clients, "--out", tmp_path / "out")
    assert run("generate", *places, "--fail-fast") == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_nothing_and_finds_what_would_fail(market, clients, tmp_path, capsys):
    with clients.open("a", encoding="utf-8") as file:
        file.write("C3,Cinder,99,10,\n")
    places = ("--market", market, "--clients", clients, "--out", tmp_path / "out")
    assert run("generate", *places, "--dry-run") == 1
    said = capsys.readouterr()
    assert "would be done" in said.out
    assert "risk is 99" in said.err
    assert not (tmp_path / "out").exists()


def test_only_the_clients_asked_for_are_made(market, clients, tmp_path, capsys):
    places = ("--market", market, "--clients", clients, "--out", tmp_path / "out")
    assert run("generate", *places, "--only", "C2") == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("C*.xlsx")) == ["C2.xlsx"]
    assert run("generate", *places, "--only", "C9") == 2
    assert "no usable client C9" in capsys.readouterr().err


def test_a_summary_that_cannot_be_written_is_told(market, clients, tmp_path, capsys):
    (tmp_path / "out" / "batch-summary.xlsx").mkdir(parents=True)
    assert run("generate", "--market", market, "--clients", clients, "--out", tmp_path / "out") == 1
    assert "batch-summary.xlsx cannot be written" in capsys.readouterr().err
    assert (tmp_path / "out" / "C2.xlsx").exists()


def test_a_file_is_no_folder_for_workbooks(market, clients, capsys):
    assert run("generate", "--market", market, "--clients", clients, "--out", clients) == 2
    assert "clients.csv cannot be written to" in capsys.readouterr().err


# --- template and demo ----------------------------------------------------------------------------------


# --- rank -----------------------------------------------------------------------------------------------


def test_rank_says_what_a_ridge_was_worth_and_keeps_it_for_the_next_start(market, tmp_path, capsys):
    folder = tmp_path / "market"
    copytree(market, folder)
    plain = MarketData.from_path(folder).ranker(Policy().stocks, "ridge")
    assert run("rank", "--market", folder, "--save") == 0
    said = capsys.readouterr().out
    assert said.startswith(NOTICE)
    assert plain.skill_.verdict in said
    assert "momentum_12_1" in said
    assert MarketData.from_path(folder).saved_ranker.ranker == plain


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--model", "lasso"), "model is 'lasso'; it must be momentum, ridge"),
        (("--model", "momentum", "--save"), "momentum cannot be saved as plain arrays"),
        (("--date", "1990-01-01"), "is outside the market's dates"),
    ],
)
def test_a_ranking_that_cannot_be_is_refused(market, arguments, says, capsys):
    assert run("rank", "--market", market, *arguments) == 2
    assert says in capsys.readouterr().err
    assert not (market / "ranker.npz").exists()


def test_template_writes_the_workbook_of_a_sample_client(market, tmp_path):
    assert run("template", "--out", tmp_path / "template.xlsx", "--market", market) == 0
    book = load_workbook(tmp_path / "template.xlsx")
    texts = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "Sample Client" in texts


def test_template_writes_the_house_policy_and_never_over_a_file(tmp_path, capsys):
    path = tmp_path / "policy.toml"
    assert run("template", "--write-policy", path) == 0
    assert Policy.from_toml(path) == Policy()
    path.write_text('firm = "Amber"\n', encoding="utf-8")
    assert run("template", "--write-policy", path) == 2
    assert "exists: name a new file" in capsys.readouterr().err
    assert Policy.from_toml(path).firm == "Amber"


def test_template_without_a_file_to_write_is_refused(capsys):
    assert run("template") == 2
    assert "nothing to write" in capsys.readouterr().err


EXTRAS = (
    "distributed",
    "dask",
    "fsspec",
    "s3fs",
    "sqlalchemy",
    "psycopg",
    "isal",
    "orjson",
    "pyarrow",
    "yfinance",
)


def test_demo_needs_no_extra_makes_25_workbooks_and_says_which_to_open_first(tmp_path):
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({EXTRAS!r}));"
        "from pyalloc.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "demo", "--out", str(tmp_path / "demo")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    assert len(list((tmp_path / "demo" / "clients").glob("D*.xlsx"))) == 25
    summary = tmp_path / "demo" / "clients" / "batch-summary.xlsx"
    assert summary.exists()
    assert f"Open {summary} first" in said.stdout


# --- backtest -------------------------------------------------------------------------------------------


@pytest.fixture
def sweep_file(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text("[macro]\ntilt_strength = [0.0, 1.0]\n", encoding="utf-8")
    return path


def test_a_backtest_prints_figures_and_warnings_and_writes_the_report(market, sweep_file, tmp_path, capsys):
    out = tmp_path / "report.xlsx"
    assert run("backtest", "--market", market, "--risk", "7", "--sweep", sweep_file, "--out", out) == 0
    said = capsys.readouterr().out
    assert NOTICE in said
    assert all(name in said for name in ("Strategy", "60/40", "Equal weight", "Stress held at 0.5"))
    assert "Survivorship: none of the 11 stocks ends" in said
    assert "told from luck" in said
    assert load_workbook(out).sheetnames[:4] == ["Report", "Attribution", "Decisions", "Sweep"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--risk", "bold"), "risk"),
        (("--from", "yesterday"), "--from is 'yesterday'; write a date as"),
        (("--from", "2040-01-01"), "is no period of the market"),
        (("--fee", "10"), "fee is 10; it must be a fraction"),
        (("--sweep", "none.toml"), "none.toml: cannot be read"),
    ],
)
def test_a_backtest_that_cannot_be_run_writes_nothing(market, tmp_path, capsys, arguments, says):
    out = tmp_path / "report.xlsx"
    assert run("backtest", "--market", market, "--out", out, *arguments) == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_report_without_a_folder_is_refused_before_the_walk(market, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("pyalloc.backtest.walk_forward_all", lambda *_, **__: 1 / 0)
    assert run("backtest", "--market", market, "--out", tmp_path / "none" / "r.xlsx") == 2
    assert "none for the report: make it, or name another" in capsys.readouterr().err


def test_a_sweep_file_that_is_none_is_refused_by_its_key(market, sweep_file, tmp_path, capsys):
    sweep_file.write_text("[macro]\ntilt_strenght = [0.0, 1.0]\n", encoding="utf-8")
    assert run("backtest", "--market", market, "--sweep", sweep_file, "--out", tmp_path / "r.xlsx") == 2
    assert "did you mean [macro] tilt_strength" in capsys.readouterr().err
