"""An audit finds every edit that people make, names its cell, and finds nothing where nothing was edited."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple

from pyalloc import MarketData
from pyalloc.cli import main
from pyalloc.marketdata.demo import write_demo_market
from tests.workbooks.cases import CASES, RECIPIENT, build_case
from tests.workbooks.edits import (
    Edit,
    Parts,
    add,
    cache,
    edited,
    move_rows,
    put,
    replace,
    sheet_part,
    without_sheet,
    without_values,
)
from tests.workbooks.excel_save import ExcelFile
from workbooks.audit import AuditResult, Finding, Kind, audit
from workbooks.audit.findings import lines_of
from workbooks.clients import SUMMARY_FILE
from workbooks.engines import Flavour, make_engine
from workbooks.reading.cells import FoundCell
from workbooks.reading.content import Content, content_of, plain_area
from workbooks.template.author import Book
from workbooks.template.book import fill
from workbooks.template.facts import TEMPLATE_VERSION


class Made(NamedTuple):
    """A client's workbook, and the book it was authored as."""

    data: bytes
    book: Book

    def at(self, name: str, row: int = 1, column: int = 1) -> str:
        """Return the place of an entry of a named range, counted from 1."""
        sheet, _, area = plain_area(self.book.names[name]).partition("!")
        top, left = coordinate_to_tuple(area.partition(":")[0])
        return f"{sheet}!{get_column_letter(left + column - 1)}{top + row - 1}"

    def input(self, fact: str, *place: int) -> str:
        """Return where an input without a name stands; its place is counted from 0."""
        return next(
            f"{sheet}!{at}" for sheet, at, cell in self.book.cells("input") if cell.value == (fact, place)
        )

    def on_audit(self, says: str) -> str:
        """Return where Audit keeps what it says of an input or a block, as generated."""
        audit = next(sheet for sheet in self.book.sheets if sheet.title == "Audit")
        return next(f"Audit!E{at[1:]}" for at, cell in audit.cells.items() if cell.text == says)

    def audit(self, *edits: Edit, market: MarketData | None = None) -> AuditResult:
        return audit(content_of("client.xlsx", edited(self.data, *edits)), market)


def make(case: str, market: MarketData, flavour: Flavour = "client") -> Made:
    allocation = build_case(case, market)
    data, _ = make_engine("compiled", flavour=flavour)(allocation, RECIPIENT)
    return Made(data, fill(allocation, RECIPIENT, live=flavour == "live")[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_market(tmp_path_factory.mktemp("market"), years=6, stocks=12)


@pytest.fixture(scope="module")
def market(folder: Path) -> MarketData:
    """Return a small market: a workbook of twelve stocks has every kind of cell that one of sixty has."""
    return MarketData.from_path(folder)


@pytest.fixture(scope="module")
def made(market: MarketData) -> Made:
    return make("high", market)


# --- nothing where nothing was edited -----------------------------------------------------------------------


TRAINED = ("ridge", "auto", "trees")
"""Cases that need more stocks and years than a small market has."""

UNTOUCHED = [
    *((case, "market") for case in CASES if case not in TRAINED),
    *(pytest.param(case, "demo_market", marks=pytest.mark.soak) for case in CASES),
]


@pytest.mark.parametrize(("case", "size"), UNTOUCHED)
def test_an_untouched_workbook_has_no_finding(case: str, size: str, request: pytest.FixtureRequest) -> None:
    assert make(case, request.getfixturevalue(size)).audit().findings == ()


@pytest.mark.parametrize("case", ["high", "one stock", "six categories"])
def test_an_untouched_live_workbook_has_no_finding(case: str, demo_market: MarketData) -> None:
    assert make(case, demo_market, "live").audit().findings == ()


def as_saved(live: Made, answer: str) -> Content:
    """Return a live workbook as Excel saves it: an add-in before calls, errors that do not spill."""
    content = content_of("client.xlsx", live.data)
    functions = content.sheets["Functions"]
    cells = dict(functions.cells)
    for sheet, at, cell in live.book.cells("formula"):
        if cell.spills and sheet == "Functions":
            formula = f"[1]!{cell.text[1:]}" if cell.text else ""
            error = answer if cell.text else None
            cells[at] = FoundCell(error, formula, at if cell.text else "", bool(error))
    shown = dataclasses.replace(functions, cells=cells)
    return dataclasses.replace(content, sheets={**content.sheets, "Functions": shown})


def test_calls_that_excel_saved_without_the_add_in_are_no_finding(demo_market: MarketData) -> None:
    live = make("high", demo_market, "live")
    assert audit(as_saved(live, "#NAME?"), None).findings == ()
    assert audit(as_saved(live, "#VALUE!"), None).findings != ()


def test_an_untouched_workbook_of_many_stocks_has_no_finding(large_market: MarketData) -> None:
    large = make("high", large_market)
    assert "Prices" not in [sheet.title for sheet in large.book.sheets]
    assert large.audit().findings == ()
    assert large.audit(market=large_market).findings == ()


@pytest.mark.parametrize("case", TRAINED)
def test_a_ranker_is_trained_again_from_the_market_as_the_workbook_says(
    case: str, demo_market: MarketData
) -> None:
    assert make(case, demo_market).audit(market=demo_market).findings == ()


@pytest.mark.parametrize(
    ("case", "where", "fact"),
    [
        ("ridge", "Stocks!P8", "model_coefficients"),
        ("ridge", "Stocks!X8", "model_intercept"),
        ("trees", "Stocks!X15", "stock_score"),
        pytest.param("auto", "Stocks!M6", "skill_model", marks=pytest.mark.soak),
    ],
)
def test_an_edited_model_score_or_record_is_told(
    case: str, where: str, fact: str, demo_market: MarketData
) -> None:
    made = make(case, demo_market)
    alone = made.audit(put(where, 0.123)).findings
    assert [f.fact for f in alone if f.kind is Kind.IMPORTED] == [fact]
    beside = made.audit(put(where, 0.123), market=demo_market).findings
    assert [place(f) for f in beside if f.kind is Kind.MARKET] == [where]


def test_a_workbook_as_excel_saves_it_has_no_finding(made: Made) -> None:
    """Shared formulas and strings, numbers and functions spelt anew, the parts of another writer."""
    assert audit(content_of("client.xlsx", ExcelFile(made.data).saved())).findings == ()


def test_an_untouched_workbook_agrees_with_its_market(made: Made, market: MarketData) -> None:
    assert made.audit(market=market).findings == ()


# --- a finding for every edit -------------------------------------------------------------------------------


class Planted(NamedTuple):
    """An edit, what must be found of it and where, and which kinds may be found besides."""

    kind: Kind
    where: Callable[[Made], str]
    edit: Callable[[Made], Edit]
    besides: frozenset[Kind] = frozenset()


def cell(
    kind: Kind, where: str | Callable[[Made], str], edit: Callable[[str], Edit], *besides: Kind
) -> Planted:
    """Return an edit of one cell: by its address, its defined name, or what finds it."""

    def at(made: Made) -> str:
        if not isinstance(where, str):
            return where(made)
        if "!" in where or not where:
            return where
        name, _, entry = where.rstrip("]").partition("[")
        return made.at(name, *(int(i) for i in entry.split(",") if i))

    return Planted(kind, at, lambda made: edit(at(made)), frozenset(besides))


def whole(kind: Kind, where: str, edit: Edit, *besides: Kind) -> Planted:
    """Return an edit of more than a cell."""
    return cell(kind, f"{where}!" if where and "!" not in where else where, lambda _: edit, *besides)


def value(new: object) -> Callable[[str], Edit]:
    return lambda place: put(place, new)


def name_points(name: str, area: str) -> Edit:
    return lambda parts: replace_name(parts, name, area)


def replace_name(parts: dict[str, str], name: str, area: str) -> None:
    before, _, rest = parts["xl/workbook.xml"].partition(f'name="{name}">')
    parts["xl/workbook.xml"] = f'{before}name="{name}">{area}<{rest.partition("<")[2]}'


def hide(title: str, state: str) -> Edit:
    def edit(parts: Parts) -> None:
        pattern = rf'(name="{title}" sheetId="\d+" state=)"visible"'
        parts["xl/workbook.xml"] = re.sub(pattern, rf'\1"{state}"', parts["xl/workbook.xml"])

    return edit


NOT_CALCULATED = (Kind.VALUE, Kind.STALE)
"""An input edited without a spreadsheet: formulas keep their old values, and solved values do not follow."""

NEW_NAME = '<definedName name="vix" localSheetId="2">Macro!$C$8</definedName></definedNames>'

PLANTED: dict[str, Planted] = {
    # formulas
    "a number over a formula": cell(Kind.OVERWRITTEN, "stress", value(0.3)),
    "the same number over a formula": cell(Kind.OVERWRITTEN, "Holdings!F7", value(60.0)),
    "a formula deleted": cell(Kind.OVERWRITTEN, "composite", value(None)),
    "a formula rewritten": cell(Kind.CHANGED, "equity_share", lambda at: put(at, 0.8, "equity_calm")),
    "a name swapped in a formula": cell(
        Kind.CHANGED, "sleeve_return", lambda at: put(at, 0.1, "SUMPRODUCT(stock_weight,mu)")
    ),
    "an array formula entered as a plain one": cell(
        Kind.CHANGED, "residual_max", lambda at: put(at, 0.0, "MAX(ABS(residual))")
    ),
    "a coefficient of A by the policy": cell(Kind.COEFFICIENT, "policy_A[2,1]", value(0.5)),
    "a coefficient of A in force": cell(Kind.COEFFICIENT, "constraint_A[3,2]", value(-0.2)),
    "the budget in b": cell(Kind.COEFFICIENT, "constraint_b", value(1.0)),
    # cached values
    "a saved amount changed": cell(Kind.VALUE, "holding_amount[3]", lambda at: cache(at, 99_999.0)),
    "a saved word changed": cell(Kind.VALUE, "regime", lambda at: cache(at, "calm")),
    "a saved truth changed": cell(Kind.VALUE, "bounds_hold", lambda at: cache(at, 0, "b")),
    "one saved value lost": cell(Kind.VALUE, "sleeve_volatility", cache),
    "an error in a cell": cell(Kind.ERROR, "stock_m[4]", lambda at: cache(at, "#N/A", "e")),
    "no saved value at all": whole(Kind.NO_VALUES, "", without_values),
    # inputs
    "VIX": cell(Kind.INPUT, "vix", value(35.0), *NOT_CALCULATED),
    "VIX by a formula": cell(Kind.INPUT, "vix", lambda at: put(at, 35.0, "20+15"), *NOT_CALCULATED),
    "risk tolerance": cell(Kind.INPUT, "risk_tolerance", value("low"), *NOT_CALCULATED),
    "the client's name": cell(Kind.INPUT, "client_name", value("Another"), *NOT_CALCULATED),
    "a bound": cell(Kind.INPUT, "category_upper", value(0.5), *NOT_CALCULATED),
    "a knob of the policy": cell(Kind.INPUT, "cash_base", value(0.2), *NOT_CALCULATED),
    "the cap": cell(Kind.INPUT, "cap_floor", value(0.05), *NOT_CALCULATED),
    "a threshold of the regimes": cell(Kind.INPUT, "regime_from[4]", value(0.7), *NOT_CALCULATED),
    "the firm": cell(Kind.INPUT, "Summary!B2", value("Another house"), *NOT_CALCULATED),
    "an override of A": cell(Kind.OVERRIDE, "override_A[2,1]", value(0.3), *NOT_CALCULATED),
    "an override of b": cell(Kind.OVERRIDE, "override_b[2]", value(1000.0), *NOT_CALCULATED),
    "VIX out of range": cell(Kind.REFUSED, "vix", value(500.0)),
    "percent for a fraction": cell(Kind.REFUSED, "gdp_growth", value(2.5)),
    "a weight that breaks the sum": cell(Kind.REFUSED, "macro_omega[2]", value(0.9)),
    "an unknown sector": cell(Kind.REFUSED, "sector_names[3]", value("Tech")),
    "an emptied input": cell(Kind.REFUSED, "budget", value(None)),
    "a text for a number": cell(Kind.TYPE, "yield_spread", value("flat")),
    "a number as text": cell(Kind.NUMBER_AS_TEXT, "budget", value("300000")),
    "an error in an input": cell(Kind.ERROR, "vix", lambda at: put(at, "#REF!", kind="e")),
    # constants of the core that are cells
    "the probit": cell(Kind.NO_SETTING, lambda made: made.input("probit_intercept"), value(-0.6)),
    "a percentile of the winsorising": cell(Kind.NO_SETTING, "winsor_low", value(0.1)),
    "a direction": cell(Kind.NO_SETTING, "macro_direction[2]", value(1.0)),
    "a knot of the risk scale": cell(Kind.NO_SETTING, "risk_knots[3]", value(0.6)),
    "the name of a regime": cell(Kind.NO_SETTING, "regime_names[2]", value("usual")),
    "the nudge of stress": cell(Kind.NO_SETTING, lambda made: made.input("stress_nudge"), value(0.2)),
    "a scenario": cell(Kind.NO_SETTING, lambda made: made.input("scenario_vix", 1), value(80.0)),
    "the structure of A": cell(Kind.NO_SETTING, "category_within[3,1]", value(1.0)),
    "the decimals of the currency": cell(Kind.NO_SETTING, "currency_digits", value(0.0)),
    "the limit of a check": cell(Kind.NO_SETTING, "check_limit[3]", value(1e9)),
    # what no formula gives
    "a weight of the sleeve": cell(Kind.SOLVED, "sleeve_weights[6]", value(0.05)),
    "a frontier portfolio": cell(Kind.SOLVED, "frontier_weights[2,3]", value(0.5)),
    "a multiplier": cell(Kind.SOLVED, "sleeve_lambda", value(0.0)),
    "a solver's category weight": cell(Kind.SOLVED, "category_solver[2]", value(0.2)),
    "a weight as text": cell(Kind.NUMBER_AS_TEXT, "sleeve_weights[6]", value("0.05")),
    "the category of a line": cell(Kind.SOLVED, "holding_category[5]", value("Cash")),
    "the stock of a line": cell(Kind.SOLVED, "holding_ticker[2]", value("ZXZZ")),
    "a notice": cell(Kind.SOLVED, "notices", value("Nothing to say.")),
    "a checksum": cell(Kind.CHECKSUM, lambda made: made.on_audit("sleeve_weights"), value(1.0)),
    "the register": cell(Kind.REGISTER, lambda made: made.on_audit("C7  vix"), value(30.0)),
    # texts
    "a label": cell(Kind.LABEL, "Macro!B7", value("VIX, last close")),
    "the class of a check": cell(Kind.LABEL_READ, "Audit!H10", value("NOTE")),
    "the letters of the checksums": cell(Kind.LABEL_READ, "checksum_letters", value("abc")),
    "a number in the row that no override may touch": cell(Kind.LABEL_READ, "override_A", value(0.5)),
    "a number beside the template": cell(Kind.CELL_ADDED, "Macro!L9", value(1.0)),
    # names
    "a name deleted": whole(
        Kind.NAME_MISSING, "Macro!I19", replace("xl/workbook.xml", 'name="stress"', 'name="x"')
    ),
    "a name moved": whole(Kind.NAME_MOVED, "Macro!I19", name_points("stress", "Macro!$I$18")),
    "a name lost with its cells": cell(Kind.NAME_MOVED, "r_min", lambda _: name_points("r_min", "#REF!")),
    "a name shadowed": whole(
        Kind.NAME_SHADOWED, "Constraints", replace("xl/workbook.xml", "</definedNames>", NEW_NAME)
    ),
    # sheets, rows and columns
    "a sheet deleted": whole(Kind.SHEET_MISSING, "Scenarios", without_sheet("Scenarios")),
    "a sheet renamed": whole(
        Kind.SHEET_RENAMED, "Scenarios", replace("xl/workbook.xml", 'name="Scenarios"', 'name="What if"'),
        Kind.NAME_MOVED,
    ),
    "a sheet hidden": whole(
        Kind.SHEET_HIDDEN, "Audit", hide("Audit", "hidden")
    ),
    "a sheet hidden from the menus": whole(
        Kind.SHEET_HIDDEN, "Notes", hide("Notes", "veryHidden")
    ),
    "a row hidden": whole(Kind.HIDDEN, "Macro", replace("Macro", '<row r="18"', '<row r="18" hidden="1"')),
    "a column of no width": whole(
        Kind.HIDDEN, "Macro", replace("Macro", "<cols>", '<cols><col min="12" max="12" width="0"/>')
    ),
    "a row inserted": whole(Kind.ROWS, "Macro!12:12", move_rows("Macro", 12, 1)),
    "a row inserted among the stocks": whole(Kind.ROWS, "Stocks!15:15", move_rows("Stocks", 15, 1)),
    "a line deleted": whole(Kind.ROWS, "Holdings", move_rows("Holdings", 20, -1)),
    "a row deleted": whole(Kind.ROWS, "Scenarios!14:14", move_rows("Scenarios", 14, -1)),
    # the file
    "macros": whole(Kind.ADDITIONS, "", add("xl/vbaProject.bin")),
    "a link to another file": whole(Kind.ADDITIONS, "", add("xl/externalLinks/externalLink1.xml")),
}  # fmt: skip


@pytest.mark.parametrize("edit", PLANTED)
def test_a_planted_edit_is_found_at_its_cell_and_nothing_else_is(edit: str, made: Made) -> None:
    planted = PLANTED[edit]
    findings = [f for f in made.audit(planted.edit(made)).findings if f.kind is not Kind.CONSEQUENCE]
    assert (planted.kind, planted.where(made)) in [(f.kind, place(f)) for f in findings]
    assert {f.kind for f in findings} - planted.besides == {planted.kind}
    assert len([f for f in findings if f.kind is planted.kind]) == 1


def place(finding: Finding) -> str:
    return f"{finding.sheet}!{finding.at}" if finding.sheet else ""


def test_the_table_plants_at_least_25_edits_and_every_kind_that_one_edit_of_a_file_can_be() -> None:
    assert len(PLANTED) >= 25
    elsewhere = {Kind.NOT_JUDGED, Kind.TEMPLATE, Kind.VERSION, Kind.SHEET_ADDED, Kind.IMPORTED, Kind.MARKET}
    assert {planted.kind for planted in PLANTED.values()} == {*Kind} - elsewhere - {
        Kind.STALE,
        Kind.CONSEQUENCE,
    }


# --- data of the market -------------------------------------------------------------------------------------

IMPORTED = {
    "a close": ("closes[3,40]", 123.0),
    "a month end": ("month_ends[1,2]", 40_000.0),
    "a daily feature": ("volatility_63[4]", 0.9),
    "a sector": ("stock_sector[2]", "Energy"),
    "a name": ("stock_name[5]", "Another plc"),
}


@pytest.mark.parametrize("edit", IMPORTED)
def test_edited_data_are_told_by_their_checksum_and_with_the_market_by_their_cell(
    edit: str, made: Made, market: MarketData
) -> None:
    where, new = IMPORTED[edit]
    planted = cell(Kind.IMPORTED, where, value(new))
    name = where.partition("[")[0]
    alone = [f for f in made.audit(planted.edit(made)).findings if f.kind is Kind.IMPORTED]
    assert [f.fact for f in alone] == [name]
    beside = made.audit(planted.edit(made), market=market).findings
    assert [(f.kind, place(f)) for f in beside] == [(Kind.MARKET, planted.where(made))]


def test_what_a_solver_made_for_other_prices_does_not_follow(made: Made) -> None:
    findings = made.audit(put(made.at("closes", 3, 40), 1.0)).findings
    kinds = [f.kind for f in findings]
    assert "frontier_weights" in {f.fact for f in findings if f.kind is Kind.STALE}
    assert Kind.SOLVED not in kinds
    assert kinds.index(Kind.IMPORTED) < kinds.index(Kind.STALE)


def test_the_name_of_an_instrument_is_held_by_its_checksum(made: Made) -> None:
    last = made.book.names["holding_name"].rpartition("$")[2]
    findings = made.audit(put(f"Holdings!F{last}", "Another fund")).findings
    assert [f.fact for f in findings if f.kind is Kind.IMPORTED] == ["holding_name"]


def test_the_risk_free_rate_is_judged_against_the_market(made: Made, market: MarketData) -> None:
    findings = made.audit(put(made.at("risk_free"), 0.05), market=market).findings
    judged = [(f.kind, f.expected) for f in findings if f.fact == "risk_free"]
    assert (Kind.MARKET, pytest.approx(market.at().risk_free)) in judged
    assert Kind.INPUT in [kind for kind, _ in judged]


def test_a_date_or_stock_that_the_market_does_not_have_is_named(made: Made, market: MarketData) -> None:
    sunday = put(made.at("as_of"), 46201.0)
    [refused] = [f for f in made.audit(sunday, market=market).findings if f.kind is Kind.REFUSED]
    assert (refused.fact, "no trading day of this market" in refused.says) == ("as_of", True)
    unknown = put(made.at("stock_ticker", 2), "ZZZZ")
    says = [f.says for f in made.audit(unknown, market=market).findings if f.kind is Kind.NOT_JUDGED]
    assert "ZZZZ cannot be held" in says[0]


# --- what follows from what ---------------------------------------------------------------------------------


def test_after_a_what_if_the_solved_weights_that_do_not_follow_are_told(made: Made) -> None:
    findings = made.audit(put(made.at("vix"), 45.0)).findings
    stale = {f.fact for f in findings if f.kind is Kind.STALE}
    assert {"category_solver", "sleeve_weights", "frontier_weights"} <= stale
    shown = next(f for f in findings if f.fact == "vix" and f.kind is Kind.INPUT)
    assert (shown.found, shown.expected) == (45.0, pytest.approx(23.78))


def test_a_weight_edited_in_a_what_if_is_told_from_those_that_do_not_follow(made: Made) -> None:
    weight = made.at("sleeve_weights", 6)
    findings = made.audit(put(made.at("vix"), 45.0), put(weight, 0.05)).findings
    assert [place(f) for f in findings if f.kind is Kind.SOLVED] == [weight]
    assert any(f.fact == "sleeve_weights" and f.kind is Kind.STALE for f in findings)


def test_every_input_out_of_range_is_refused_in_the_words_of_the_core(made: Made) -> None:
    findings = made.audit(put(made.at("vix"), 500.0), put(made.at("gdp_growth"), 0.9)).findings
    refused = {place(f): f.says for f in findings if f.kind is Kind.REFUSED}
    assert "vix is 500; it must be 5 to 150 index points" in refused[made.at("vix")]
    assert "was percent meant?" in refused[made.at("gdp_growth")]


def test_inputs_that_fit_each_other_are_accepted_together(made: Made) -> None:
    edits = [put(made.at("macro_omega", i), omega) for i, omega in enumerate((0.4, 0.4), start=1)]
    kinds = {f.kind for f in made.audit(*edits).findings if f.fact == "macro_omega"}
    assert kinds == {Kind.INPUT}


def test_a_saved_value_that_reads_a_departing_one_only_follows_from_it(made: Made) -> None:
    findings = made.audit(
        cache(made.at("composite"), 3.0), cache(made.at("stress"), 0.99), cache(made.at("r_adj"), 0.5)
    ).findings
    assert {f.fact: f.kind for f in findings} == {
        "composite": Kind.VALUE,
        "stress": Kind.CONSEQUENCE,
        "r_adj": Kind.VALUE,
    }


def test_without_saved_values_formulas_and_inputs_are_still_judged(made: Made) -> None:
    findings = made.audit(without_values, put(made.at("stress"), 0.3), put(made.at("budget"), 7.0)).findings
    assert {f.kind for f in findings} == {Kind.NO_VALUES, Kind.OVERWRITTEN, Kind.INPUT}


def test_one_sheet_without_saved_values_is_one_finding(made: Made) -> None:
    def of_macro(parts: Parts) -> None:
        only = {name: parts[name] for name in [sheet_part(parts, "Macro")]}
        without_values(only)
        parts.update(only)

    [finding] = made.audit(of_macro).findings
    assert (finding.kind, finding.sheet) == (Kind.NO_VALUES, "Macro")


def test_where_nothing_can_be_computed_formulas_are_still_judged(made: Made) -> None:
    price = made.at("closes", 3, 40)
    findings = made.audit(put(price, "n/a"), put(made.at("stress"), 0.3)).findings
    told = {f.kind: f for f in findings}
    assert place(told[Kind.TYPE]) == price
    assert place(told[Kind.OVERWRITTEN]) == made.at("stress")
    assert price in told[Kind.NOT_JUDGED].says


@pytest.mark.parametrize("name", ["holding_ticker", "policy_A", "ranker"])
def test_a_name_without_which_the_layout_is_unknown_is_named(name: str, made: Made) -> None:
    rename = replace("xl/workbook.xml", f'name="{name}"', 'name="x"')
    [finding] = made.audit(rename).findings
    assert finding.kind is Kind.NOT_JUDGED
    assert f"the defined name {name} is missing" in finding.says


# --- the file -----------------------------------------------------------------------------------------------


def test_another_template_is_named_and_not_judged_cell_by_cell(made: Made) -> None:
    version = made.at("template_version")
    [finding] = made.audit(put(version, "0"), put(made.at("stress"), 0.3)).findings
    assert (finding.kind, finding.found, finding.expected) == (Kind.TEMPLATE, "0", TEMPLATE_VERSION)


def test_another_pyalloc_and_a_sheet_added_are_information(made: Made) -> None:
    def sheet_added(parts: Parts) -> None:
        parts["xl/worksheets/sheet99.xml"] = parts["xl/worksheets/sheet1.xml"].partition("<sheetData")[0]
        parts["xl/worksheets/sheet99.xml"] += "<sheetData/></worksheet>"
        relations = "xl/_rels/workbook.xml.rels"
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
        link = f'<Relationship Id="rId99" Type="{kind}" Target="worksheets/sheet99.xml"/></Relationships>'
        parts[relations] = parts[relations].replace("</Relationships>", link)
        entry = '<sheet name="Ours" sheetId="99" r:id="rId99"/></sheets>'
        parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace("</sheets>", entry)

    result = made.audit(sheet_added, put(made.at("pyalloc_version"), "9.9"))
    assert {f.kind for f in result.findings} == {Kind.VERSION, Kind.SHEET_ADDED}
    assert result.verdict == "as made"


def test_a_firms_words_and_totals_around_ours_are_information(made: Made) -> None:
    last = int(made.book.names["holding_weight"].rpartition("$")[2])
    result = made.audit(
        put("Holdings!G14", "Anteil"),
        put(f"Holdings!I{last + 2}", "Control total"),
        put(f"Holdings!J{last + 2}", 250_000.0, f"SUM(J15:J{last})"),
        put(f"Holdings!J{last + 4}", 1.0, f"MAX(J15:J{last})"),
    )
    assert {f.kind for f in result.findings} == {Kind.LABEL, Kind.CELL_ADDED}
    assert result.verdict == "as made"


def test_cells_of_one_block_are_one_line_and_what_follows_is_another(made: Made) -> None:
    edits = [put(made.at("sleeve_weights", row), 0.05) for row in (2, 3, 7)]
    edits += [cache(made.at("sleeve_return"), 0.5), cache(made.at("holding_share"), 0.5)]
    first, last = made.at("sleeve_weights", 2), made.at("sleeve_weights", 7).partition("!")[2]
    assert [line.where for line in made.audit(*edits).lines] == [
        f"{first}:{last} (3 cells)",
        "2 sheets (2 cells)",
    ]


def test_an_array_formula_over_another_range_is_told(made: Made) -> None:
    area = made.book.names["residual"].rpartition("!")[2].replace("$", "")
    shorter = f"{area[:-1]}{int(area[-1]) - 1}"
    [finding] = made.audit(replace("Constraints", f'ref="{area}"', f'ref="{shorter}"')).findings
    assert finding.kind is Kind.CHANGED


# --- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def files(made: Made, tmp_path: Path) -> Path:
    """Return a folder with a workbook as made, one edited, one damaged, and files that are no workbooks."""
    (tmp_path / "a.xlsx").write_bytes(made.data)
    (tmp_path / "b.xlsx").write_bytes(edited(made.data, put(made.at("client_name"), "=HYPERLINK(1)")))
    (tmp_path / "c.xlsx").write_bytes(made.data[:5000])
    (tmp_path / SUMMARY_FILE).write_bytes(b"no workbook of a client")
    (tmp_path / "~$a.xlsx").write_bytes(b"what Excel keeps of an open file")
    (tmp_path / "run.log").write_text("")
    return tmp_path


def run(*arguments: object) -> int:
    return main(["audit", *map(str, arguments)])


def test_the_exit_code_is_that_of_the_worst_file(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = (files / name for name in ("a.xlsx", "b.xlsx", "c.xlsx"))
    assert [run(a), run(a, b), run(c, a, b), run(files)] == [0, 1, 2, 2]
    said = capsys.readouterr().out
    assert "c.xlsx is damaged" in said
    assert "3 files: 1 as made, 1 departs, 1 unreadable" in said
    assert SUMMARY_FILE not in said


def test_the_table_names_cell_finding_and_values(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(files / "b.xlsx")
    [line] = [line for line in capsys.readouterr().out.splitlines() if "input edited" in line]
    assert line.split("  ")[0] == "Constraints!C6"
    assert "=HYPERLINK(1)" in line
    assert "Sample Client & Sons" in line


def test_json_lists_every_cell(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "--json") == 2
    found = json.loads(capsys.readouterr().out)["files"]
    assert [file["verdict"] for file in found] == ["as made", "departs", "unreadable"]
    [as_made, departing, _] = [file["findings"] for file in found]
    assert as_made == []
    assert departing[0]["cell"] == "C6"
    assert departing[0]["severity"] == "note"
    expected = audit(content_of("b.xlsx", (files / "b.xlsx").read_bytes())).findings
    assert len(departing) == len(expected)


def test_the_report_lists_files_and_findings_and_no_text_becomes_a_formula(files: Path) -> None:
    assert run(files, "--out", files / "report.xlsx") == 2
    report = load_workbook(files / "report.xlsx")
    rows = {sheet.title: list(sheet.iter_rows(min_row=5)) for sheet in report}
    assert [(row[0].value, row[3].value) for row in rows["Files"]] == [
        ("a.xlsx", "as made"), ("b.xlsx", "departs"), ("c.xlsx", "unreadable"),
    ]  # fmt: skip
    first = rows["Findings"][0]
    assert [cell.value for cell in first[:4]] == ["b.xlsx", "note", "input edited", "Constraints!C6"]
    assert (first[6].value, first[6].data_type) == ("=HYPERLINK(1)", "s")
    assert not any(cell.data_type == "f" for sheet in rows.values() for row in sheet for cell in row)


def test_a_report_in_the_folder_that_it_is_of_is_not_audited(files: Path) -> None:
    (files / "c.xlsx").unlink()
    assert run(files, "--out", files / "report.xlsx") == 1
    assert run(files, "--out", files / "report.xlsx") == 1


def test_the_market_may_be_given(files: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files / "a.xlsx", "--market", folder) == 0
    assert "as it was made" in capsys.readouterr().out


def test_a_folder_without_workbooks_and_two_ways_to_report_are_refused(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty") == 2
    assert run(files, "--json", "--out", files / "r.xlsx") == 2
    said = capsys.readouterr().err
    assert "empty has no workbook in it" in said
    assert "give one of them" in said


def test_consequences_of_one_cell_do_not_grow_a_report_by_their_number() -> None:
    many = [Finding(Kind.CONSEQUENCE, f"S{i % 7}", f"A{i + 1}") for i in range(5000)]
    assert [line.where for line in lines_of(many)] == ["7 sheets (5,000 cells)"]
