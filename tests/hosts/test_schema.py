"""The Open XML SDK's validator finds no error in the files we write."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pyalloc import MarketData
from pyalloc.cli import main
from tests.workbooks.cases import RECIPIENT, build_case
from tests.workbooks.firms_template import SAMPLE, firms_own
from workbooks.batch import run_batch
from workbooks.clients import read_clients
from workbooks.engines import EngineName, make_engine
from workbooks.reports.batch_summary import batch_summary
from workbooks.template.book import sizes_of

VALIDATOR = Path(__file__).resolve().parents[2] / ".venv/validator/node_modules/.bin/ooxml-validator"
"""Where ``.ci/run`` installs it, from the npm registry; its licence is MIT."""


@pytest.fixture(scope="module")
def validator() -> Path:
    if not VALIDATOR.exists():
        pytest.skip("the Open XML validator is not installed; .ci/run installs it where npm is")
    return VALIDATOR


def errors(validator: Path, workbook: Path) -> list[str]:
    found = subprocess.run([str(validator), str(workbook)], capture_output=True, text=True, check=False)
    return [f"{error['path']}: {error['description']}" for error in json.loads(found.stdout)["errors"]]


@pytest.mark.parametrize("engine", ["compiled", "openpyxl"])
@pytest.mark.parametrize("case", ["low", "bounded", "one stock", "six categories"])
def test_a_client_workbook_meets_the_schema(
    case: str, engine: EngineName, validator: Path, demo_market: MarketData, tmp_path: Path
) -> None:
    path = tmp_path / "client.xlsx"
    path.write_bytes(make_engine(engine)(build_case(case, demo_market), RECIPIENT)[0])
    assert errors(validator, path) == []


def test_a_workbook_without_prices_and_one_of_the_live_flavour_meet_the_schema(
    validator: Path, demo_market: MarketData, large_market: MarketData, tmp_path: Path
) -> None:
    path = tmp_path / "client.xlsx"
    for market, flavour in ((large_market, "client"), (demo_market, "live")):
        path.write_bytes(make_engine("compiled", flavour=flavour)(build_case("high", market), RECIPIENT)[0])
        assert errors(validator, path) == []


def test_a_firm_s_template_and_what_is_made_from_it_meet_the_schema(
    validator: Path, demo_market: MarketData, tmp_path: Path
) -> None:
    path, sample = tmp_path / "house.xlsx", build_case("top", demo_market)
    plain, _ = make_engine("compiled")(sample, SAMPLE)
    template = firms_own(plain, sizes_of(sample)).saved()
    path.write_bytes(template)
    assert errors(validator, path) == [], "the template is as Excel saves it"
    engine = make_engine("compiled", template=template)
    for case in ("one stock", "bounded"):
        path.write_bytes(engine(build_case(case, demo_market), RECIPIENT)[0])
        assert errors(validator, path) == [], case


def test_an_audit_report_meets_the_schema(validator: Path, demo_market: MarketData, tmp_path: Path) -> None:
    path, report = tmp_path / "client.xlsx", tmp_path / "report.xlsx"
    path.write_bytes(make_engine("openpyxl")(build_case("high", demo_market), RECIPIENT)[0])
    assert main(["audit", str(path), "--out", str(report)]) == 1
    assert errors(validator, report) == []


def test_a_batch_summary_meets_the_schema(validator: Path, demo_market: MarketData, tmp_path: Path) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text(
        "client_id,name,risk,budget\nA,Amber & Sons,low,1000\nB,Basalt,11,1000\n", encoding="utf-8"
    )
    result = run_batch(demo_market, read_clients(clients), tmp_path, jobs=1)
    path = tmp_path / "summary.xlsx"
    path.write_bytes(batch_summary(result))
    assert errors(validator, path) == []
