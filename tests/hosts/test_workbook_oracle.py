"""LibreOffice recalculates our workbooks: every formula cell equals the value it was authored with."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl.formula import Tokenizer
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string, range_boundaries

from pyalloc import InvestorProfile, MarketData, Policy, allocate
from pyalloc.marketdata.demo import write_demo_market
from tests.hosts.calc_host import CalcHost, Recalculated
from tests.hosts.workbook_cells import check_results, place
from tests.workbooks.cases import CASES, RECIPIENT, build_case, build_history
from tests.workbooks.excel_save import VIEW
from tests.workbooks.firms_template import SAMPLE, firms_own
from workbooks.compiled.engine import check_template
from workbooks.engines import EngineName, make_engine
from workbooks.history import history_at
from workbooks.template.author import Book, Cell, Ref, addresses_in
from workbooks.template.book import fill, sizes_of
from workbooks.template.writer import write_workbook

TOLERANCE = 1e-9


def equal(got: object, want: object) -> bool:
    """Return whether a recalculated cell equals a fact; an empty text is an empty cell."""
    want = want.item() if isinstance(want, np.generic) else "" if want is None else want
    if isinstance(got, str) or isinstance(want, str):
        return got == want
    if isinstance(want, bool) or isinstance(got, bool):
        return bool(got) == bool(want)
    return isinstance(got, float) and abs(got - want) <= TOLERANCE * max(1.0, abs(got), abs(want))


def departures(
    cells: Iterator[tuple[str, str, Cell]], facts: Mapping[str, Any], result: Recalculated
) -> list[tuple[object, ...]]:
    """Return every cell whose recalculated value is not its fact."""
    return [
        (sheet, at, cell.text[:80], cell.value.of(facts), result.values.get((sheet, at)))
        for sheet, at, cell in cells
        if cell.value and not equal(result.values.get((sheet, at), ""), cell.value.of(facts))
    ]


STORED = re.compile(rb"(<f\b[^>]*>[^<]*</f>)<v>[^<]*</v>")


def without_values(workbook: bytes) -> bytes:
    """Return the workbook without the stored values of its formulas, so that none can be trusted."""
    stripped = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook)) as whole, zipfile.ZipFile(stripped, "w") as bare:
        for name in whole.namelist():
            bare.writestr(name, STORED.sub(rb"\1", whole.read(name)))
    return stripped.getvalue()


BY_OPENPYXL = ("one stock", "high", "bounded", "six categories")
"""Cases of both engines; that these make the same cells of every case, no spreadsheet is needed to see."""

SETTINGS = [
    *((case, "compiled") for case in CASES),
    *((case, "openpyxl") for case in (CASES if os.environ.get("PYALLOC_SOAK") == "1" else BY_OPENPYXL)),
]


@pytest.mark.parametrize(("case", "engine"), SETTINGS)
def test_every_formula_equals_its_authored_value(
    case: str, engine: EngineName, calc: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    allocation = build_case(case, demo_market)
    history = build_history(case, allocation)
    book, facts = fill(allocation, RECIPIENT, history)
    path = tmp_path / "client.xlsx"
    path.write_bytes(without_values(make_engine(engine)(allocation, RECIPIENT, history)[0]))
    result = calc.recalculate(path)
    assert departures(book.cells("formula"), facts, result) == []
    assert facts["checks_failed"] == 0
    assert set(result.formulas) == {(sheet, at) for sheet, at, _ in book.cells("formula")}


@pytest.mark.parametrize("engine", ["compiled", "openpyxl"])
@pytest.mark.parametrize("stocks", [80, 200])
def test_above_sixty_stocks_covariance_is_a_solved_block(
    stocks: int, engine: EngineName, calc: CalcHost, tmp_path: Path
) -> None:
    market = MarketData.from_path(write_demo_market(tmp_path / "market", years=7, stocks=stocks))
    allocation = build_case("high", market)
    book, facts = fill(allocation, RECIPIENT)
    assert len(facts["stock_ticker"]) > 60
    path = tmp_path / "client.xlsx"
    path.write_bytes(without_values(make_engine(engine)(allocation, RECIPIENT)[0]))
    assert departures(book.cells("formula"), facts, calc.recalculate(path)) == []
    assert "Prices" not in [sheet.title for sheet in book.sheets]


@pytest.mark.parametrize("day", ["2008-11-28", "2016-12-30"])
def test_on_real_data_every_formula_equals_its_authored_value(
    day: str, calc: CalcHost, real_market: MarketData, tmp_path: Path
) -> None:
    allocation = allocate(real_market.at(day), profile=InvestorProfile(risk="high", budget=750_000))
    history = history_at(real_market, allocation.policy, "high", allocation.view.as_of)
    assert history.walked
    book, facts = fill(allocation, RECIPIENT, history)
    path = tmp_path / "client.xlsx"
    write_workbook(book, facts, path)
    assert departures(book.cells("formula"), facts, calc.recalculate(path)) == []
    assert facts["checks_failed"] == 0


# --- templates that were saved by others ------------------------------------------------------------------


def test_a_template_that_a_firm_made_its_own_computes_to_our_facts_and_its_own_formulas_follow(
    calc: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    sample = build_case("top", demo_market)
    plain, _ = make_engine("compiled")(sample, SAMPLE)
    engine = make_engine("compiled", template=firms_own(plain, sizes_of(sample)).saved())
    for case in ("one stock", "bounded"):
        allocation = build_case(case, demo_market)
        history = build_history(case, allocation)
        book, facts = fill(allocation, RECIPIENT, history)
        path = tmp_path / "client.xlsx"
        path.write_bytes(engine(allocation, RECIPIENT, history)[0])
        result = calc.recalculate(path)
        assert departures(book.cells("formula"), facts, result) == []
        amounts, last = facts["holding_amount"], 14 + len(facts["holding_amount"])
        own = {
            (VIEW, "B2"): RECIPIENT.client_name,
            (VIEW, "B3"): 1.0,
            (VIEW, "B5"): amounts[-1],
            (VIEW, "B6"): amounts.sum(),
            (VIEW, "B8"): 1.0,
            (VIEW, "B10"): amounts[0] * 100 + amounts[-1],
            (VIEW, "B13"): amounts[3] * 100 + amounts[-1],
            ("Summary", "X3"): facts["budget"] * 0.01,
            ("Holdings", f"J{last + 2}"): amounts.sum(),
            ("Holdings", f"J{last + 5}"): sorted(amounts)[-2],
        }
        assert [(at, result[at], want) for at, want in own.items() if not equal(result[at], want)] == []


def test_a_template_that_libreoffice_saved_computes_to_our_facts(
    calc: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    ours, saved = tmp_path / "ours.xlsx", tmp_path / "saved.xlsx"
    ours.write_bytes(make_engine("compiled")(build_case("top", demo_market), SAMPLE)[0])
    template = calc.to_xlsx(ours, saved).read_bytes()
    check_template("saved.xlsx", template, Policy())
    allocation = build_case("high", demo_market)
    book, facts = fill(allocation, RECIPIENT)
    path = tmp_path / "client.xlsx"
    path.write_bytes(make_engine("compiled", template=template)(allocation, RECIPIENT)[0])
    assert departures(book.cells("formula"), facts, calc.recalculate(path)) == []
    with zipfile.ZipFile(path) as packed:
        assert b"LibreOffice" in packed.read("docProps/app.xml")
        named = [name for name in packed.namelist() if SAMPLE.client_id.encode() in packed.read(name)]
    assert named == []


# --- what-if: inputs edited inside the file ---------------------------------------------------------------

EDITED_MACRO = {"vix": 35.0, "gdp_growth": -0.01}
EDITED_ENTRY = (2, 1)


WHAT_IF_CASES = ("medium", "one stock", "bounded", "clipped", "six categories")
MORE_WHAT_IF = [pytest.param(case, marks=pytest.mark.soak) for case in ("top", "ridge", "softmax")]


@pytest.mark.parametrize("case", [*WHAT_IF_CASES, *MORE_WHAT_IF])
def test_after_edits_native_cells_equal_a_fresh_computation_and_solved_ones_are_stale(
    case: str, calc: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    before = build_case(case, demo_market)
    profile = replace(before.profile, risk=8, budget=600_000.0, overrides={EDITED_ENTRY: 0.45})
    after = allocate(
        before.view, replace(before.macro, **EDITED_MACRO), profile=profile, policy=before.policy
    )
    past = build_history(case, before)
    # A history is walked for the inputs as generated: only which risk it should be of follows.
    asked = past and replace(past, tolerance=after.trace["risk_t"])
    book, facts = fill(before, RECIPIENT, past)
    _, fresh = fill(after, RECIPIENT, asked)
    path = tmp_path / "client.xlsx"
    write_workbook(book, facts, path)
    result = calc.recalculate(
        path,
        {
            **{place(book, name): value for name, value in EDITED_MACRO.items()},
            place(book, "risk_tolerance"): 8.0,
            place(book, "budget"): 600_000.0,
            place(book, "override_A", *EDITED_ENTRY): 0.45,
        },
    )

    stale = fed_by_changed_solved_cells(book, facts, fresh)
    followed = [
        (sheet, at, cell)
        for sheet, at, cell in book.cells("formula")
        if (sheet, at) not in stale and cell.value and exists(cell.value, fresh)
    ]
    assert departures(iter(followed), fresh, result) == []

    names = {cell.value.name for _, _, cell in followed if cell.value}
    native = {
        "stress",
        "regime",
        "sector_tilt",
        "sector_tilted",
        "stock_weight",
        "risk_t",
        "alpha",
        "mu",
        "r_eff",
    }
    native |= {
        "equity_share",
        "constraint_A",
        "category_exact",
        "rcond_A",
        "r_adj",
        "r_max",
        "scenario_weights",
    }
    assert native <= names
    if facts["bounds_hold"] and fresh["bounds_hold"]:
        assert {"category_weights", "residual", "holding_in_category"} <= names
    results = check_results(book, result)
    assert [key for key, got in results.items() if got == "CHECK"] == []
    assert "STALE" in results.values()
    assert str(result[place(book, "checks_summary")]).startswith("■ What-if")


def exists(ref: Ref, facts: Mapping[str, Any]) -> bool:
    """Return whether the facts reach as far: another risk may hold another number of names."""
    try:
        ref.of(facts)
    except IndexError:
        return False
    return True


_REFERENCE = re.compile(r"(?:'?([A-Za-z ]+)'?!)?(\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?)")


def fed_by_changed_solved_cells(
    book: Book, facts: Mapping[str, Any], fresh: Mapping[str, Any]
) -> set[tuple[str, str]]:
    """Return the formula cells that, through any chain of references, read a solved cell made anew.

    Solver weights of categories count only where bounds bind: elsewhere the native solution is in force.
    """
    grids = {
        sheet.title: np.zeros((1, 1) if not sheet.cells else _extent(sheet.cells), dtype=bool)
        for sheet in book.sheets
    }
    exact = facts["bounds_hold"] and fresh["bounds_hold"]
    for sheet, at, cell in book.cells():
        changed = cell.kind == "solved" and not (
            cell.value
            and exists(cell.value, fresh)
            and equal(_plain(cell.value.of(facts)), _plain(cell.value.of(fresh)))
        )
        compares = "category_solver" in cell.text
        if compares or (changed and not (exact and cell.value and cell.value.name == "category_solver")):
            grids[sheet][_place(at)] = True
    arrays = {
        (sheet, part): cell.text
        for sheet, _, cell in book.cells("formula")
        if cell.array
        for part in addresses_in(cell.array)
    }
    sources = {
        (sheet, at): list(_areas(cell.text or arrays[sheet, at], sheet, book))
        for sheet, at, cell in book.cells("formula")
    }
    stale: set[tuple[str, str]] = set()
    grown = True
    while grown:
        grown = False
        for (sheet, at), areas in sources.items():
            if (sheet, at) not in stale and any(grids[s][rows, columns].any() for s, rows, columns in areas):
                stale.add((sheet, at))
                grids[sheet][_place(at)] = grown = True
    return stale | {(sheet, at) for sheet, at, _ in book.cells("formula") if grids[sheet][_place(at)]}


def _plain(value: object) -> object:
    return float(value) if isinstance(value, int | float | np.number) else value


def _place(at: str) -> tuple[int, int]:
    letters, row = coordinate_from_string(at)
    return row, column_index_from_string(letters)


def _extent(cells: Mapping[str, Cell]) -> tuple[int, int]:
    places = [_place(at) for at in cells]
    return max(row for row, _ in places) + 1, max(column for _, column in places) + 1


def _areas(formula: str, sheet: str, book: Book) -> Iterator[tuple[str, slice, slice]]:
    for token in Tokenizer(formula).items:
        if token.type != "OPERAND" or token.subtype != "RANGE":
            continue
        match = _REFERENCE.fullmatch(book.names.get(token.value, token.value))
        assert match, f"{token.value} in {formula} is neither a name nor a reference"
        left, top, right, bottom = range_boundaries(match[2].replace("$", ""))
        yield match[1] or sheet, slice(top, bottom + 1), slice(left, right + 1)


# --- what a client sees ------------------------------------------------------------------------------------


def test_the_printed_workbook_shows_every_number(
    calc: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    allocation = build_case("high", demo_market)
    book, facts = fill(allocation, RECIPIENT, build_history("high", allocation))
    path = tmp_path / "client.xlsx"
    write_workbook(book, facts, path)
    pdf = calc.to_pdf(path, tmp_path)
    text = subprocess.run(
        ["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "###" not in text
    assert "Sample Client & Sons" in text
    assert facts["checks_summary"].removeprefix("● ") in text
