"""Audits of files that a real spreadsheet program has calculated and saved, and the report of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from openpyxl import load_workbook

from pyalloc import MarketData
from pyalloc.cli import main
from pyalloc.marketdata.demo import write_demo_market
from tests.hosts.calc_host import CalcHost
from tests.hosts.test_schema import VALIDATOR, errors
from tests.workbooks.cases import RECIPIENT, build_case
from workbooks.audit import AuditResult, Kind, audit
from workbooks.engines import EngineName, make_engine
from workbooks.reading import read_content

Cells = Mapping[str, object]


def make(case: str, market: MarketData, path: Path, engine: EngineName = "compiled") -> Path:
    path.write_bytes(make_engine(engine)(build_case(case, market), RECIPIENT)[0])
    return path


@pytest.fixture(scope="module")
def what_is_edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workbook of twelve stocks, which has every kind of cell and is soon calculated."""
    folder = tmp_path_factory.mktemp("made")
    market = MarketData.from_path(write_demo_market(folder / "market", years=6, stocks=12))
    return make("high", market, folder / "client.xlsx")


def saved(calc: CalcHost, path: Path) -> AuditResult:
    """Return the audit of a file as Calc calculates and writes it."""
    return audit(read_content(calc.to_xlsx(path, path.with_name(f"calc-{path.name}"))))


def edit(path: Path, cells: Cells) -> Path:
    """Type into cells, and save without what any formula came to."""
    workbook = load_workbook(path)
    for place, value in cells.items():
        sheet, _, at = place.partition("!")
        workbook[sheet][at].value = value
    edited = path.with_name(f"edited-{path.name}")
    workbook.save(edited)
    return edited


# --- saved by another program -----------------------------------------------------------------------------


SAVED = ("one stock", "bounded", "six categories")
MORE_SAVED = [pytest.param(case, marks=pytest.mark.soak) for case in ("softmax", "bayes-stein")]


@pytest.mark.parametrize("case", [*SAVED, *MORE_SAVED])
def test_a_workbook_that_calc_has_saved_has_no_finding(
    case: str, calc: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    assert saved(calc, make(case, demo_market, tmp_path / "client.xlsx")).findings == ()


def test_values_that_calc_computed_itself_have_no_finding(
    calc: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    path = make("low", demo_market, tmp_path / "client.xlsx", "openpyxl")
    assert {finding.kind for finding in audit(read_content(path)).findings} == {Kind.NO_VALUES}
    assert saved(calc, path).findings == ()


def test_a_workbook_of_many_stocks_that_calc_has_saved_has_no_finding(
    calc: CalcHost, large_market: MarketData, tmp_path: Path
) -> None:
    assert saved(calc, make("high", large_market, tmp_path / "client.xlsx")).findings == ()


# --- edited and calculated --------------------------------------------------------------------------------

EDITS: dict[str, tuple[Cells, set[Kind]]] = {
    "VIX": ({"Macro!C7": 35.0}, {Kind.INPUT, Kind.STALE}),
    "budget": ({"Constraints!C11": 300_000.0}, {Kind.INPUT}),
    "risk and a bound": ({"Constraints!C10": "low", "Constraints!F44": 0.3}, {Kind.INPUT, Kind.STALE}),
    "an override": ({"Constraints!C31": 0.3}, {Kind.OVERRIDE, Kind.STALE}),
    "a constant": ({"Macro!G21": -0.6}, {Kind.NO_SETTING}),
    "a text": ({"Macro!C7": "high"}, {Kind.TYPE}),
    "two inputs out of range": ({"Macro!C7": 500.0, "Macro!C8": 0.9}, {Kind.REFUSED}),
    "a number over stress": ({"Macro!I19": 0.3}, {Kind.OVERWRITTEN}),
    "a formula rewritten": ({"Constraints!H18": "=equity_calm"}, {Kind.CHANGED}),
    "a coefficient": ({"Constraints!C23": 0.3}, {Kind.COEFFICIENT}),
    "a sleeve weight": ({"Frontier!F70": 0.05}, {Kind.SOLVED}),
    "a price": ({"Prices!E15": 123.0}, {Kind.IMPORTED, Kind.STALE}),
}


@pytest.mark.parametrize("name", EDITS)
def test_after_an_edit_and_a_calculation_every_other_departure_follows_from_it(
    name: str, calc: CalcHost, what_is_edited: Path
) -> None:
    cells, kinds = EDITS[name]
    result = saved(calc, edit(what_is_edited, cells))
    assert {finding.kind for finding in result.findings} == kinds | {Kind.CONSEQUENCE}
    told = {f"{f.sheet}!{f.at}" for f in result.findings if f.kind not in (Kind.STALE, Kind.CONSEQUENCE)}
    block = {f"{f.sheet}!{f.at}" for f in result.findings if f.kind is Kind.IMPORTED}
    assert told == (block or set(cells))


def test_a_recomputed_what_if_holds_in_calc(calc: CalcHost, demo_market: MarketData, tmp_path: Path) -> None:
    what_if = edit(make("bounded", demo_market, tmp_path / "client.xlsx"), {"Macro!C7": 35.0})
    new = tmp_path / "new.xlsx"
    assert main(["recompute", str(what_if), "-o", str(new)]) == 0
    assert audit(read_content(new)).findings == ()
    assert saved(calc, new).findings == ()


# --- the report -------------------------------------------------------------------------------------------


def test_an_audit_report_meets_the_schema(demo_market: MarketData, tmp_path: Path) -> None:
    if not VALIDATOR.exists():
        pytest.skip("the Open XML validator is not installed; .ci/run installs it where npm is")
    plain = make("low", demo_market, tmp_path / "a.xlsx")
    edit(plain, {"Macro!C7": 35.0, "Constraints!C6": "=1+1 & <b>", "Macro!I19": "=1/0"})
    (tmp_path / "damaged.xlsx").write_bytes(b"PK")
    report = tmp_path / "report.xlsx"
    assert main(["audit", str(tmp_path), "--out", str(report)]) == 2
    assert errors(VALIDATOR, report) == []
