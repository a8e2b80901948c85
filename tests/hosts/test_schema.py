"""The Open XML SDK's validator finds no error in the files we write."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pyalloc import MarketData
from tests.workbooks.cases import RECIPIENT, build_case
from workbooks.batch import run_batch
from workbooks.clients import read_clients
from workbooks.reports.batch_summary import write_batch_summary
from workbooks.template.book import fill
from workbooks.template.writer import write_workbook

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


@pytest.mark.parametrize("case", ["low", "bounded", "one stock", "six categories"])
def test_a_client_workbook_meets_the_schema(
    case: str, validator: Path, demo_market: MarketData, tmp_path: Path
) -> None:
    path = tmp_path / "client.xlsx"
    write_workbook(*fill(build_case(case, demo_market), RECIPIENT), path)
    assert errors(validator, path) == []


def test_a_batch_summary_meets_the_schema(validator: Path, demo_market: MarketData, tmp_path: Path) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text(
        "client_id,name,risk,budget\nA,Amber & Sons,low,1000\nB,Basalt,11,1000\n", encoding="utf-8"
    )
    result = run_batch(demo_market, read_clients(clients), tmp_path, jobs=1)
    path = tmp_path / "summary.xlsx"
    write_batch_summary(result, path)
    assert errors(validator, path) == []
