"""The template as a file: constants, names, formulas, text and bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token
from openpyxl.utils.cell import coordinate_from_string, range_boundaries

from pyalloc import MarketData, Policy, names
from tests.workbooks.cases import CASES, RECIPIENT, build_case, build_history
from workbooks.template.author import Book
from workbooks.template.book import Design, author_book, fill
from workbooks.template.facts import Recipient
from workbooks.template.frame import FUNCTIONS
from workbooks.template.functions_sheet import CALLS
from workbooks.template.inputs import INPUTS
from workbooks.template.styles import LINK_GREEN, LOOKS
from workbooks.template.writer import workbook_bytes

TEMPLATE_CONSTANTS = {
    "3": "the three indicators",
    "7": "LEFT of a status",
    "20": "MID of a text; cells of the regime strip",
    "10": "top of the risk scale; base of the minor units",
    "12": "months a year; decimals of a rounded logarithm",
    "100": "percent",
    "1000": "weight of the column in a checksum",
    "5": "deviations beyond which stress cannot tell its composite",
    "4": "fourth moment",
    "14": "years shown before the last one",
    "31": "last day of December",
    "365.25": "days a year",
    "0.577215664901533": "Euler and Mascheroni's constant",
    "80": "characters of a text in its checksum",
    "1.01": "end of the regime strip",
    "6": "decimals of a rounding compared with one minor unit",
    "1E9": "puts names that cannot be held last",
    "1E-9": "tolerance",
    "1E-10": "tolerance",
    "1E-11": "tolerance",
    "1E-12": "tolerance",
} | {str(i): "place in a list, count, or power" for i in (0, 1, 2)}
"""Every number that may stand in a formula of a working sheet, and what it is."""

PORTABLE = {
    *(
        "ABS",
        "AND",
        "DATE",
        "LOOKUP",
        "STDEV",
        "STDEVP",
        "YEAR",
        "AVERAGE",
        "COLUMN",
        "COLUMNS",
        "COUNT",
        "COUNTIF",
        "COVAR",
        "EXP",
        "FIND",
        "IF",
        "IFERROR",
    ),
    *(
        "INDEX",
        "INT",
        "ISBLANK",
        "ISERROR",
        "ISNUMBER",
        "LARGE",
        "LEFT",
        "LN",
        "MATCH",
        "MAX",
        "MDETERM",
        "MEDIAN",
    ),
    *(
        "MID",
        "MIN",
        "MINVERSE",
        "MMULT",
        "N",
        "NORMSDIST",
        "NORMSINV",
        "NOT",
        "OR",
        "PERCENTILE",
        "REPT",
        "ROUND",
    ),
    *("ROW", "ROWS", "SIGN", "SMALL", "SQRT", "SUM", "SUMIF", "SUMPRODUCT", "SUMSQ", "TRANSPOSE", "UPPER"),
    *("_xlfn.ISFORMULA", "_xlfn.RANK.AVG"),
}
"""Functions that Excel 2016, 365 and LibreOffice 7.4 share; newer ones carry Excel's prefix."""


@pytest.fixture(scope="module", params=["high", "bounded", "softmax", "six categories"])
def book(request: pytest.FixtureRequest, demo_market: MarketData) -> Book:
    allocation = build_case(request.param, demo_market)
    return fill(allocation, RECIPIENT, build_history(request.param, allocation))[0]


@pytest.fixture(scope="module")
def saved(demo_market: MarketData) -> tuple[Book, Workbook]:
    """Return an authored book and the file made from it, opened by another reader."""
    authored, facts = fill(build_case("low", demo_market), RECIPIENT)
    return authored, load_workbook(BytesIO(workbook_bytes(authored, facts)))


def tokens(book: Book) -> Iterator[tuple[str, str, Token]]:
    """Yield sheet, address and token of every formula."""
    for sheet, at, cell in book.cells("formula"):
        for token in Tokenizer(cell.text).items:
            yield sheet, at, token


def test_numbers_stand_only_in_input_and_solved_cells(saved: tuple[Book, Workbook]) -> None:
    authored, workbook = saved
    kinds = {(sheet, at): cell.kind for sheet, at, cell in authored.cells()}
    numbers = [
        (sheet.title, cell.coordinate)
        for sheet in workbook
        for row in sheet.iter_rows()
        for cell in row
        if isinstance(cell.value, int | float) and not isinstance(cell.value, bool)
    ]
    assert len(numbers) > 3000
    assert {kinds[place] for place in numbers} == {"input", "solved"}


def test_formulas_hold_no_number_but_template_constants(book: Book) -> None:
    for sheet, at, token in tokens(book):
        if token.type == "OPERAND" and token.subtype == "NUMBER":
            place_in_a_list = (
                sheet in ("Summary", "Constraints", "Holdings", "Scenarios") and token.value.isdigit()
            )
            assert place_in_a_list or token.value in TEMPLATE_CONSTANTS, (sheet, at, token.value)


def test_every_function_is_one_that_both_hosts_have(book: Book) -> None:
    used = {t.value.removesuffix("(") for _, _, t in tokens(book) if t.type == "FUNC" and t.subtype == "OPEN"}
    assert used <= PORTABLE


def test_array_expressions_are_stored_as_arrays(book: Book) -> None:
    """LibreOffice forgives plain entry, Excel 2016 does not, so no recalculation would find it."""
    array_only = re.compile(r"TRANSPOSE\(|(?<!SUMPRODUCT\()MAX\(ABS\([a-z_]+[-)]|^=\(?MMULT|^=SUMSQ\([^)]*-")
    needing = [(sheet, at, cell) for sheet, at, cell in book.cells("formula") if array_only.search(cell.text)]
    assert len(needing) > 5
    assert [(sheet, at, cell.text) for sheet, at, cell in needing if not cell.array] == []


def test_every_defined_name_resolves_and_is_no_cell_address(saved: tuple[Book, Workbook]) -> None:
    authored, workbook = saved
    operands = {t.value for _, _, t in tokens(authored) if t.type == "OPERAND" and t.subtype == "RANGE"}
    used = {operand for operand in operands if re.fullmatch(r"[a-z_]\w*", operand)}
    assert used <= set(workbook.defined_names)
    for name, defined in workbook.defined_names.items():
        assert re.fullmatch(r"[a-z_][A-Za-z0-9_]*", name)
        assert not re.fullmatch(r"[A-Za-z]{1,3}[0-9]+|[RCrc]", name)
        for title, area in defined.destinations:
            assert workbook[title][area.split(":")[0].replace("$", "")].style != "Normal", (name, area)


def test_defined_names_carry_the_words_of_the_trace(book: Book) -> None:
    not_named = {"category_status", "category_distance", "macro_transformed"}
    assert set(names.TRACE) - not_named <= set(book.names)


@pytest.mark.parametrize("case", CASES)
def test_blocks_end_on_their_last_row(case: str, demo_market: MarketData) -> None:
    authored, facts = fill(build_case(case, demo_market), RECIPIENT)
    for name in ("stock_weight", "sleeve_weights", "holding_weight", "category_weights", "sector_tilt"):
        first, last = re.findall(r"\$(\d+)", authored.names[name].rpartition("!")[2])
        assert int(last) - int(first) + 1 == len(facts[name]), name


def test_the_colour_of_a_formula_says_where_it_reads(book: Book) -> None:
    """Green where a formula of a working sheet reads another sheet, black where it does not."""
    homes = {name: area.rpartition("!")[0].strip("'") for name, area in book.names.items()}
    for sheet, at, cell in book.cells("formula"):
        plain = cell.text and cell.look.removeprefix("strong_").startswith(("formula", "link"))
        if not plain or sheet in ("Summary", "Audit"):
            continue
        read = {
            homes.get(token.value) or (token.value.partition("!")[0] if "!" in token.value else sheet)
            for token in Tokenizer(cell.text).items
            if token.type == "OPERAND" and token.subtype == "RANGE"
        }
        green = LOOKS[cell.look].colour == LINK_GREEN
        assert green == bool(read - {sheet}), (sheet, at, cell.text, cell.look)


def test_every_unlocked_cell_is_an_input_in_the_register(saved: tuple[Book, Workbook]) -> None:
    authored, _ = saved
    audit = next(sheet for sheet in authored.sheets if sheet.title == "Audit")
    register = "".join(cell.text for cell in audit.cells.values() if "ISBLANK" in cell.text)
    for sheet, at, cell in authored.cells():
        if LOOKS[cell.look].unlocked and cell.kind != "label":
            letters, row = coordinate_from_string(at)
            assert cell.kind == "input"
            assert f"ISBLANK({sheet}!${letters}${row})" in register, (sheet, at)


def test_every_input_has_validation_with_unit_and_source(book: Book) -> None:
    for sheet in book.sheets:
        validated = {at: rule for rule in sheet.validations for at in rule.area.split()}
        for at, cell in sheet.cells.items():
            if cell.kind == "input" and LOOKS[cell.look].unlocked and cell.value:
                known = INPUTS[cell.value.name]
                assert f"{known.unit}; {known.source}." in validated[at].message, (sheet.title, at)


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http://x","y")', "+1", "-1", "@x", "=cmd|'/c calc'!A0", "<b>&amp;"]
)
def test_a_client_name_is_text_whatever_it_begins_with(name: str, demo_market: MarketData) -> None:
    authored, facts = fill(build_case("low", demo_market), Recipient("C&1", name))
    workbook = load_workbook(BytesIO(workbook_bytes(authored, facts)))
    title, area = next(workbook.defined_names["client_name"].destinations)
    cell = workbook[title][area.replace("$", "")]
    assert cell.value == name
    assert cell.data_type == "s"


def test_the_same_inputs_give_the_same_bytes(demo_market: MarketData) -> None:
    first, second = (workbook_bytes(*fill(build_case("number", demo_market), RECIPIENT)) for _ in range(2))
    assert first == second


def test_a_synthetic_market_is_named_on_the_first_page(demo_market: MarketData) -> None:
    for market, marked in ((demo_market, True), (replace(demo_market, notice=""), False)):
        authored, facts = fill(build_case("low", market), RECIPIENT)
        sheet = load_workbook(BytesIO(workbook_bytes(authored, facts)))["Summary"]
        texts = [cell.value for row in sheet["A1:U10"] for cell in row if isinstance(cell.value, str)]
        assert any("Synthetic" in text for text in texts) is marked


def test_charts_cover_no_cell_and_end_above_the_page_break(book: Book) -> None:
    charts = [(sheet, chart) for sheet in book.sheets for chart in sheet.charts]
    assert {sheet.title for sheet, _ in charts} == {"Summary", "Macro", "Frontier", "Backtest"}
    for sheet, chart in charts:
        left, top, right, bottom = range_boundaries(f"{chart.first}:{chart.last}")
        for at, cell in sheet.cells.items():
            column, row, _, _ = range_boundaries(at)
            covered = left <= column < right and top <= row < bottom
            assert not (covered and (cell.text or cell.value)), (sheet.title, at)
        assert not sheet.row_break or bottom - 1 <= sheet.row_break


def test_formulas_fit_into_a_cell(book: Book) -> None:
    assert max(len(cell.text) for _, _, cell in book.cells("formula")) < 8192


# --- the live flavour -------------------------------------------------------------------------------------


def test_the_live_flavour_adds_the_functions_and_is_not_protected(demo_market: MarketData) -> None:
    allocation = build_case("high", demo_market)
    client, facts = fill(allocation, RECIPIENT)
    live, _ = fill(allocation, RECIPIENT, live=True)
    assert {sheet.title for sheet in live.sheets} - {sheet.title for sheet in client.sheets} == {FUNCTIONS}
    for book, protected in ((client, True), (live, False)):
        sheets = load_workbook(BytesIO(workbook_bytes(book, facts))).worksheets
        assert {sheet.protection.sheet for sheet in sheets} == {protected}


def test_every_call_of_a_function_reads_defined_names_alone_and_has_a_native_cell_to_equal() -> None:
    names_there = {*author_book(Design.of(Policy(), native=True, live=True)).names}
    for call in CALLS:
        arguments = filter(None, call.formula.removesuffix(")").partition("(")[2].split(","))
        assert {*arguments, *call.native} <= names_there, call
