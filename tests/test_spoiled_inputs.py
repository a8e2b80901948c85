"""Spoiled inputs: a sentence for each problem, the right exit code, no traceback, no partial file."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from openpyxl import load_workbook

from pyalloc.cli import main
from pyalloc.marketdata.demo import write_demo_market

HEADER = "client_id,name,risk,budget"
GOOD = f"{HEADER}\nC1,Amber,medium,1000\n"
WELL, FAILED, UNUSABLE = 0, 1, 2

OF_THE_RUN = {"run.lock", "run.log", "run.sqlite", "batch-summary.xlsx"}
"""Files of a run beside its workbooks."""


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return write_demo_market(tmp_path_factory.mktemp("demo") / "market", years=6, stocks=11)


@pytest.fixture
def generate(market, tmp_path, capsys):
    """Return a function that runs `pyalloc generate`; it returns the exit code, what was said, and the files.

    Every run is held to the promises that do not depend on the input.
    """

    def run(clients=GOOD, *, name="clients.csv", market=market, policy=None):
        work = tmp_path / "work"
        work.mkdir()
        listed = work / name
        listed.write_bytes(clients if isinstance(clients, bytes) else clients.encode())
        out = work / "out"
        arguments = ["generate", "--market", market, "--clients", listed, "--out", out]
        if policy is not None:
            (work / "policy.toml").write_text(policy, encoding="utf-8")
            arguments += ["--policy", work / "policy.toml"]
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert str(work / name) not in said
        assert bool(said) == (code != WELL)
        written = {path for path in tmp_path.rglob("*") if path.is_file()} - {listed, work / "policy.toml"}
        assert all(path.parent == out and not path.name.startswith(".") for path in written)
        assert not (code == UNUSABLE and out.exists())
        return code, said, sorted({path.name for path in written} - OF_THE_RUN)

    return run


# --- client lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clients", "says"),
    [
        ("client_id,name,risk\nC1,Amber,low\n", 'has no column "budget"'),
        ("client_id,name,risk,budgte\nC1,Amber,low,1\n", 'did you mean "budgte"?'),
        ("", "is empty"),
        (f"{HEADER}\n", "has a header but no rows below it"),
        (f"{HEADER}\nC1,Zoë,low,1\n".encode("latin-1"), 'save the file as "CSV UTF-8"'),
        (f"{HEADER}\nC1,Amber,low,1\n".encode("utf-16")[:-3], "is not UTF-16 text"),
        (f'{HEADER}\nC1,"Amber,low,1\n', "close its quotes"),
        (f"{HEADER}\nC1,Amber,low,1,000\n", "under no column name"),
        (f"{HEADER},stock_max\nC1,Amber,low,1,0.5\n", "the columns for bounds are stocks_min"),
        (b"PK\x03\x04\0 is no text", "NUL byte"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_whole(generate, clients, says):
    code, said, files = generate(clients)
    assert code == UNUSABLE
    assert says in said
    assert files == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("C2,Bramble,low,12o000", 'clients.csv row 3, column budget: "12o000" is not a number'),
        ("C2,Bramble,low,-5", "clients.csv row 3, column budget: budget is -5.0; it must be above 0"),
        ("C2,Bramble,11,5", "clients.csv row 3, column risk: risk is 11; it must be low, medium, high or"),
        ("C2,Bramble,0.5,5", "clients.csv row 3, column risk: risk is 0.5; it must be low, medium, high or"),
        ("C1,Bramble,low,5", "clients.csv row 3, column client_id: C1 is the client of row 2 already"),
        ("c1,Bramble,low,5", "clients.csv row 3, column client_id: c1 is the client of row 2 already"),
        ("C2,Bramble,,5", "clients.csv row 3, column risk: the cell is blank"),
        ("C2,Bramble,low,#N/A", "clients.csv row 3, column budget:"),
    ],
)
def test_a_bad_row_is_refused_and_the_others_are_made(generate, row, says):
    code, said, files = generate(f"{GOOD}{row}\n")
    assert code == FAILED
    assert [says in line for line in said.splitlines()] == [True]
    assert files == ["C1.xlsx"]


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("stocks_min", "5", "column stocks_min: 5 is more than the whole: was percent meant? Write 0.05"),
        ("as_of", "31/12/2025", "column as_of: "),
        ("as_of", "1999-12-31", "1999-12-31 is outside the market's dates"),
        ("as_of", "2021-01-29", "monthly returns, 36 needed"),
        ("exclude", "NOPE", "excluded asset NOPE is not in assets.csv"),
        ("cash_max", "-1", "column cash_max: "),
    ],
)
def test_a_client_that_asks_for_the_impossible_is_told_why(generate, column, cell, says):
    code, said, files = generate(f"{HEADER},{column}\nC1,Amber,medium,1000,{cell}\n")
    assert code == FAILED
    assert [says in line for line in said.splitlines()] == [True]
    assert files == []


def test_bounds_that_contradict_each_other_are_told(generate):
    code, said, files = generate(f"{HEADER},stocks_min,bonds_min\nC1,Amber,low,1000,0.8,0.7\n")
    assert (code, files) == (FAILED, [])
    assert "Stocks ≥ 80.00 %, Bonds ≥ 70.00 %" in said


def test_semicolons_are_read(generate):
    assert generate(GOOD.replace(",", ";"))[::2] == (WELL, ["C1.xlsx"])


def test_an_id_that_is_a_path_stays_in_the_folder(generate):
    code, _, files = generate(f"{HEADER}\n../../x,Amber,low,1000\n/etc/passwd,Bramble,low,1000\n")
    assert code == WELL
    assert len(files) == 2


def test_a_name_that_is_a_formula_stays_text(generate, tmp_path):
    name = '=HYPERLINK("http://example.com","click")'
    quoted = name.replace('"', '""')
    assert generate(f'{HEADER}\nC1,"{quoted}",low,1000\n')[::2] == (WELL, ["C1.xlsx"])
    for file in ("C1.xlsx", "batch-summary.xlsx"):
        book = load_workbook(tmp_path / "work" / "out" / file)
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value == name]
        assert cells
        assert {cell.data_type for cell in cells} == {"s"}


# --- odd workbooks --------------------------------------------------------------------------------------

ODD = {
    "calamine_date_1904": 'has no column "client_id"',
    "calamine_empty_sheet": "is empty",
    "calamine_errors": "cell A1 holds the error #DIV/0!",
    "calamine_has_x000D_": "no rows below it",
    "calamine_merge_cells": "under no column name",
    "poi_59746_NoRowNums": 'has no column "client_id"',
    "poi_MalformedSSTCount": 'has no column "client_id"',
    "poi_MatrixFormulaEvalTestData": "under no column name",
    "poi_SampleSS.strict": "under no column name",
    "poi_TwoSheetsOneHidden": "no rows below it",
    "poi_noSharedStringTable": "no rows below it",
    "poi_protected_passtika": "protected by a password",
    "poi_xlsx-corrupted": "is damaged",
}


@pytest.mark.parametrize(("name", "says"), ODD.items())
def test_an_odd_workbook_is_refused_as_a_client_list(generate, shared_data, name, says):
    data = (shared_data / "excel" / "odd" / f"{name}.xlsx").read_bytes()
    code, said, _ = generate(data, name=f"{name}.xlsx")
    assert code == UNUSABLE
    (sentence,) = said.splitlines()
    assert sentence.startswith(f"{name}.xlsx")
    assert says in sentence


def test_every_odd_workbook_is_tried(shared_data):
    assert {path.stem for path in (shared_data / "excel" / "odd").glob("*.xlsx")} == set(ODD)


# --- markets --------------------------------------------------------------------------------------------


@pytest.fixture
def spoiled(market, tmp_path_factory):
    """Return a function that copies the market and rewrites one of its files."""

    def spoil(file, change):
        copy = tmp_path_factory.mktemp("spoiled") / "market"
        shutil.copytree(market, copy)
        frame = change(pd.read_csv(copy / file, dtype=str))
        frame.to_csv(copy / file, index=False)
        return copy

    return spoil


@pytest.mark.parametrize(
    ("file", "column", "cell", "says"),
    [
        ("macro.csv", "vix", "0", "vix is 0; it must be 5 to 150 index points"),
        ("macro.csv", "vix", "NaN", '"NaN" is not a number'),
        ("macro.csv", "gdp_growth", "", "the cell is blank"),
        ("macro.csv", "gdp_growth", "2.2", "was percent meant?"),
        ("macro.csv", "known_on", "soon", '"soon" is not a date'),
        ("prices.csv", "ZXUA", "-1", "ZXUA"),
        ("prices.csv", "ZXUA", "n/a", "ZXUA"),
        ("assets.csv", "sector", "", "has no sector"),
        ("assets.csv", "asset", "OTHER", "OTHER"),
    ],
)
def test_a_market_with_a_bad_cell_is_refused(generate, spoiled, file, column, cell, says):
    def change(frame):
        frame.loc[frame.index[0], column] = cell
        return frame

    code, said, _ = generate(market=spoiled(file, change))
    assert code == UNUSABLE
    assert says in said


def test_a_folder_without_a_market_is_refused(generate, tmp_path):
    code, said, _ = generate(market=tmp_path / "nowhere")
    assert code == UNUSABLE
    assert said.count("\n") == 1


def test_too_short_a_history_is_told(generate, spoiled):
    short = spoiled("prices.csv", lambda prices: prices.tail(300))
    code, said, files = generate(market=short)
    assert (code, files) == (FAILED, [])
    assert "monthly returns, 36 needed" in said


def test_one_stock_is_enough(generate, spoiled):
    copy = spoiled("assets.csv", lambda assets: assets[(assets.category != "Stocks") | (assets.index == 0)])
    listed = pd.read_csv(copy / "assets.csv")["asset"]
    pd.read_csv(copy / "prices.csv", dtype=str)[["date", *listed]].to_csv(copy / "prices.csv", index=False)
    assert generate(market=copy)[::2] == (WELL, ["C1.xlsx"])


# --- policies -------------------------------------------------------------------------------------------


def test_a_cap_too_low_to_hold_everything_is_told_to_each_client(generate):
    code, said, files = generate(policy="[stocks]\ncap_floor = 0.01\ncap_multiple = 0.5\n")
    assert (code, files) == (FAILED, [])
    assert "raise the cap" in said


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ("[stocks]\ncap_flor = 0.1\n", "cap_flor is not a key of the policy"),
        ("[stocks\n", "is not valid TOML"),
        ("[macro]\nvix_weight = 0.9\n", "the three must sum to 1"),
        ("[category]\ncash_base = 15\n", "cash_base"),
    ],
)
def test_a_bad_policy_is_refused(generate, policy, says):
    code, said, _ = generate(policy=policy)
    assert code == UNUSABLE
    assert said.startswith("policy.toml: ")
    assert says in said
