"""A firm's own template: restyled in Excel, saved by Excel, filled for clients of any size, or refused."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries

from pyalloc import Allocation, InvestorProfile, MarketData, Policy, allocate
from pyalloc.errors import TableError
from tests.workbooks.cases import RECIPIENT, build_case
from tests.workbooks.edits import edited, move_rows, put, replace, without_sheet
from tests.workbooks.excel_save import EDITOR, LOGO, VIEW
from tests.workbooks.firms_template import BAND, BAR_ID, CURRENCY, GEORGIA, SAMPLE, firms_own
from workbooks.compiled.engine import check_template
from workbooks.engines import Engine, make_engine
from workbooks.reading.content import Content, content_of, plain_area
from workbooks.template.author import Book
from workbooks.template.book import fill, sizes_of
from workbooks.template.facts import Recipient

OURS = make_engine("compiled")


@dataclass(frozen=True)
class Filled:
    """A client's workbook made from a template, and what its cells must show."""

    data: bytes
    facts: Mapping[str, Any]
    book: Book

    @cached_property
    def workbook(self) -> Workbook:
        return load_workbook(BytesIO(self.data))

    @cached_property
    def content(self) -> Content:
        return content_of("the workbook", self.data)

    @cached_property
    def members(self) -> dict[str, bytes]:
        with zipfile.ZipFile(BytesIO(self.data)) as packed:
            assert packed.testzip() is None
            return {name: packed.read(name) for name in packed.namelist()}

    def last(self, by: str) -> int:
        """Return the last row of the block of that size; each stands on the sheet of the same name."""
        return next(g.last for s in self.book.sheets for g in s.growths if g.by == by and g.axis == "rows")


@pytest.fixture(scope="module")
def sample(demo_market: MarketData) -> Allocation:
    """Return the allocation of the sample client: more stocks than some clients have, fewer than others."""
    stocks = [asset.asset for asset in demo_market.in_category("Stocks")]
    return allocate(demo_market.at(), profile=InvestorProfile("low", 250_000.0, exclude=tuple(stocks[40:])))


@pytest.fixture(scope="module")
def plain(sample: Allocation) -> bytes:
    """Return our own workbook of the sample client, every value in it, as Excel shows it."""
    return OURS(sample, SAMPLE)[0]


@pytest.fixture(scope="module")
def house(plain: bytes, sample: Allocation) -> bytes:
    """Return the workbook as a firm made it its own in Excel, and as Excel saved it."""
    return firms_own(plain, sizes_of(sample)).saved()


@pytest.fixture(scope="module")
def engine(house: bytes) -> Engine:
    return make_engine("compiled", template=house)


CLIENTS = ("one stock", "top", "high", "bounded", "clipped")
"""Fewer stocks than the sample, and more; dollars, yen (no decimals) and dinars (three)."""

pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported")
"""openpyxl, which reads the results, says what it does not read."""


@pytest.fixture(scope="module", params=CLIENTS)
def filled(request: pytest.FixtureRequest, engine: Engine, demo_market: MarketData) -> Filled:
    return fill_for(request.param, engine, demo_market)


def fill_for(case: str, engine: Engine, market: MarketData) -> Filled:
    allocation = build_case(case, market)
    data, facts = engine(allocation, RECIPIENT)
    return Filled(data, facts, fill(allocation, RECIPIENT)[0])


# --- our own workbook as the template ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "client_id"),
    [("high", "TPL-0001"), ("bounded", "A&B <x>"), ("one stock", "8"), ("top", "x" * 100)],
)
def test_our_own_workbook_as_the_template_gives_the_same_bytes(
    case: str, client_id: str, demo_market: MarketData
) -> None:
    """Whatever the sample client is called: a short id stands in the codes of a footer, a long one is cut."""
    sample, _ = OURS(build_case(case, demo_market), Recipient(client_id, "N"))
    theirs = make_engine("compiled", template=sample)
    for client in ("two stocks, clipped", "number", "overridden"):
        allocation = build_case(client, demo_market)
        assert theirs(allocation, RECIPIENT)[0] == OURS(allocation, RECIPIENT)[0]


def test_a_live_workbook_as_the_template_gives_live_workbooks(demo_market: MarketData) -> None:
    live = make_engine("compiled", flavour="live")
    theirs = make_engine("compiled", template=live(build_case("high", demo_market), SAMPLE)[0])
    for client in ("one stock", "bounded"):
        allocation = build_case(client, demo_market)
        assert theirs(allocation, RECIPIENT)[0] == live(allocation, RECIPIENT)[0]


# --- what the firm made stays -----------------------------------------------------------------------------


def test_excel_s_way_of_saving_is_another_file_of_the_same_content(house: bytes, plain: bytes) -> None:
    """The template is what it claims to be, so that the tests below say something."""
    with zipfile.ZipFile(BytesIO(house)) as packed:
        names = packed.namelist()
        sheet = packed.read("xl/worksheets/sheet8.xml")
        strings = packed.read("xl/sharedStrings.xml")
    assert {"xl/calcChain.xml", "xl/media/image1.png", "xl/printerSettings/printerSettings1.bin"} <= {*names}
    for spelling in (b't="s"', b't="shared"', b" spans=", b"x14ac:dyDescent", b"mc:Ignorable"):
        assert spelling in sheet, spelling
    assert b"inlineStr" not in sheet
    assert SAMPLE.client_name.replace("&", "&amp;").encode() in strings
    theirs, ours = content_of("theirs", house), content_of("ours", plain)
    assert theirs.names == ours.names
    assert [*theirs.sheets] == [*ours.sheets, VIEW]
    changed = [
        (title, at)
        for title, sheet in ours.sheets.items()
        for at, cell in sheet.cells.items()
        if (theirs.sheets[title][at].value, bool(theirs.sheets[title][at].formula))
        != (cell.value, bool(cell.formula))
    ]
    assert changed == [("Summary", "R2"), ("Holdings", "G14")]


def test_every_cell_of_ours_holds_the_client_s_own(filled: Filled) -> None:
    found = filled.content
    for sheet, at, cell in filled.book.cells():
        stored = found.sheets[sheet][at]
        if cell.kind == "formula" and cell.text:
            assert stored.formula == cell.text.removeprefix("="), (sheet, at)
        if cell.value is not None:
            want = cell.value.of(filled.facts)
            want = want.item() if hasattr(want, "item") else want
            assert stored.value == want or (stored.value in (None, "") and want in (None, "")), (sheet, at)
    for name, area in filled.book.names.items():
        assert found.names[name.lower()] == plain_area(area), name


def test_every_cell_of_ours_looks_as_the_template_s_does(filled: Filled, house: bytes) -> None:
    """Rows that repeat are compared to the third; the test below follows their bands to the last."""
    their_styles, their_looks = looks_in(house)
    our_styles, our_looks = looks_in(filled.data)
    for part in ("fonts", "fills", "borders", "cellStyleXfs", "cellStyles", "dxfs"):
        pattern = f"<{part}.*?</{part}>"
        assert re.findall(pattern, our_styles) == re.findall(pattern, their_styles), part
    compared = 0
    for sheet in filled.book.sheets:
        rows, columns = ([g for g in sheet.growths if g.axis == axis] for axis in ("rows", "columns"))
        for at in sheet.cells:
            column, row, _, _ = range_boundaries(at)
            if any(growth.first + 2 < row for growth in rows):
                continue
            pattern = next((g.first for g in columns if row >= g.top and g.first <= column <= g.last), column)
            theirs = sheet.title, f"{get_column_letter(pattern)}{row}"
            assert our_looks.get((sheet.title, at)) == their_looks.get(theirs), (sheet.title, at)
            compared += 1
    assert compared > 5000


def looks_in(data: bytes) -> tuple[str, dict[tuple[str, str], str]]:
    """Return the stylesheet, and how every cell looks but for its number format."""
    with zipfile.ZipFile(BytesIO(data)) as packed:
        styles = packed.read("xl/styles.xml").decode()
        titles = re.findall(r'<sheet name="([^"]*)"', packed.read("xl/workbook.xml").decode())
        parts = [
            packed.read(f"xl/worksheets/sheet{len(titles) - i}.xml").decode() for i in range(len(titles))
        ]
    formats = re.search("<cellXfs.*?</cellXfs>", styles)
    assert formats
    looks = [
        re.sub(r' numFmtId="\d+"', "", look) for look in re.findall(r"<xf [^>]*?/>|<xf .*?</xf>", formats[0])
    ]
    return styles, {
        (title, at): looks[int(style or 0)]
        for title, part in zip(titles, parts, strict=True)
        for at, style in re.findall(r'<c r="([A-Z]+\d+)"(?: s="(\d+)")?', part)
    }


def test_banded_rows_stay_banded_to_the_last(filled: Filled) -> None:
    for title, by, first in (("Stocks", "stocks", 11), ("Holdings", "lines", 15)):
        sheet = filled.workbook[title]
        rows = range(first, filled.last(by) + 1)
        bands = [sheet.cell(row, 3).fill.fgColor.rgb == BAND for row in rows]
        assert bands == [bool((row - first) % 2) for row in rows]


def test_amounts_have_the_firm_s_format_with_the_decimals_of_the_currency(filled: Filled) -> None:
    digits = filled.facts["currency_digits"]
    wanted = CURRENCY.replace(".00", f".{'0' * digits}" if digits else "")
    sheet = filled.workbook["Holdings"]
    assert {sheet.cell(row, 10).number_format for row in range(15, filled.last("lines") + 1)} == {wanted}


def test_labels_fonts_widths_and_pictures_of_the_firm_stay(filled: Filled) -> None:
    book = filled.workbook
    assert book["Summary"]["R2"].value == "For clients of Alpine Partners"
    assert book["Summary"]["X4"].value == "  kept with its spaces "
    assert book["Holdings"]["G14"].value == "Anteil am Sleeve"
    assert book["Holdings"].column_dimensions["F"].width == pytest.approx(41.7109375)
    assert {book["Stocks"].cell(row, 3).font.name for row in range(1, 13)} == {GEORGIA}
    assert filled.members["xl/media/image1.png"] == LOGO
    links = filled.members["xl/drawings/_rels/drawing1.xml.rels"]
    assert b"../media/image1.png" in links
    assert filled.members["xl/drawings/drawing1.xml"].count(b"rId90") == 1
    assert "xl/printerSettings/printerSettings1.bin" in filled.members


def test_the_cursor_stands_where_cells_are_selected(filled: Filled) -> None:
    """Excel repairs a file where it does not; the firm left it on the last line."""
    sheet = filled.members["xl/worksheets/sheet8.xml"].decode()
    at = f"J{filled.last('lines')}"
    assert f'activeCell="{at}" sqref="{at}"' in sheet


def test_data_bars_reach_to_the_last_line(filled: Filled) -> None:
    sheet = filled.members["xl/worksheets/sheet8.xml"].decode()
    area = f"I15:I{filled.last('lines')}"
    assert f'<conditionalFormatting sqref="{area}"><cfRule type="dataBar"' in sheet
    assert f"<xm:sqref>{area}</xm:sqref>" in sheet
    assert sheet.count(BAR_ID) == 2


def test_the_firm_s_own_formulas_follow_what_they_read(filled: Filled, sample: Allocation) -> None:
    last, stocks, sample_last = filled.last("lines"), filled.last("stocks"), 14 + sizes_of(sample).lines
    assert last != sample_last
    added = filled.content.sheets[VIEW].cells
    formulas = {at: cell.formula for at, cell in added.items() if cell.formula}
    assert formulas == {
        "B2": "client_name",
        "B3": f"SUM(Stocks!$AF$11:$AF${stocks})",
        "B4": "COUNTA(Holdings!$E:$E)",
        "B5": f"Holdings!J{last}",
        "B6": f"Holdings!J{last + 2}",
        "B7": f'"Holdings!J{sample_last} is "&TEXT(Holdings!J{last},"0.00")',
        "B8": f"SUMPRODUCT(Holdings!$I$15:$I${last}*1)",
        **{f"B{row}": f"Holdings!J{row + 5}*100+Holdings!J${last}" for row in range(10, 14)},
    }
    below = filled.content.sheets["Holdings"]
    assert below[f"I{last + 2}"].value == "Control total"
    assert below[f"J{last + 2}"].formula == f"SUM(J15:J{last})"
    assert below[f"J{last + 4}"].formula == f"LARGE(J15:J{last},ROW(A1:A3))"
    assert below[f"J{last + 4}"].area == f"J{last + 4}:J{last + 6}"
    assert filled.content.sheets["Summary"]["X3"].formula == "budget*0.01"
    assert filled.workbook[VIEW].data_validations.dataValidation[0].formula1 == f"Holdings!$E$15:$E${last}"


def test_the_firm_s_own_formulas_have_no_stale_value_and_excel_is_asked_to_compute_them(
    filled: Filled,
) -> None:
    own = [*filled.content.sheets[VIEW].cells.values(), filled.content.sheets["Summary"]["X3"]]
    last = filled.last("lines")
    own += [filled.content.sheets["Holdings"][f"J{last + below}"] for below in (2, 4, 5, 6)]
    assert [cell for cell in own if cell.formula and cell.value not in (None, "")] == []
    assert [cell.value for cell in own[-2:]] == [None, None], "cells of an array formula, which is computed"
    calculation = re.findall(rb"<calcPr[^>]*>", filled.members["xl/workbook.xml"])
    assert calculation == [b'<calcPr calcId="191029" fullCalcOnLoad="1"/>']
    assert not any("calcchain" in name.lower() for name in filled.members)
    assert b"calcChain" not in filled.members["[Content_Types].xml"]
    assert b"calcChain" not in filled.members["xl/_rels/workbook.xml.rels"]


def test_charts_of_both_show_this_client(filled: Filled) -> None:
    last = filled.last("lines")
    chart = filled.members["xl/charts/chart9.xml"].decode()
    assert f"<c:f>Holdings!$I$15:$I${last}</c:f>" in chart
    assert f"<c:f>Holdings!$C$15:$E${last}</c:f></c:multiLvlStrRef>" in chart
    points = re.findall(r"<c:v>([^<]*)</c:v>", chart[chart.index("<c:numCache>") :])
    assert [float(v) for v in points] == list(filled.facts["holding_weight"])
    assert f'<c:ptCount val="{len(filled.facts["holding_weight"])}"/>' in chart
    assert re.search(r"<c:f>'House view'!\$B\$2</c:f></c:strRef>", chart), (
        "a name that is computed by the host"
    )


def test_nothing_of_the_sample_client_or_of_the_editor_is_left(filled: Filled) -> None:
    for word in (SAMPLE.client_id, "Template Heirs", EDITOR):
        assert [name for name, content in filled.members.items() if word.encode() in content] == [], word


def test_footers_name_the_client_and_no_other(filled: Filled) -> None:
    for title in ("Summary", "Stocks", "Holdings"):
        left = filled.workbook[title].oddFooter.left.text
        assert RECIPIENT.client_id in left


def test_the_same_client_gets_the_same_bytes_whatever_was_filled_before(
    engine: Engine, house: bytes, demo_market: MarketData
) -> None:
    fresh = make_engine("compiled", template=house)
    allocations = [build_case(case, demo_market) for case in ("one stock", "bounded", "high")]
    there = [engine(allocation, RECIPIENT)[0] for allocation in allocations]
    back = [fresh(allocation, RECIPIENT)[0] for allocation in reversed(allocations)]
    assert there == back[::-1]


# --- what is refused --------------------------------------------------------------------------------------


def refusal(template: bytes, policy: Policy | None = None) -> tuple[str, ...]:
    """Return the sentences that a template is refused with before any client is filled."""
    with pytest.raises(TableError) as refused:
        check_template("house.xlsx", template, policy or Policy())
    return refused.value.problems


def test_a_template_that_has_everything_is_accepted(house: bytes, plain: bytes) -> None:
    check_template("house.xlsx", house, Policy())
    check_template("house.xlsx", plain, Policy())


LOSSES = {
    "a formula overwritten": (put("Macro!I19", 0.5), "Macro!I19, which is =NORMSDIST"),
    "a formula changed": (
        put("Holdings!J15", 1.0, "ROUND(I15*budget,2)"),
        "Holdings!J15, which is =ROUND(",
    ),
    "a value made a formula": (put("Macro!C7", 20.0, "10+10"), "Macro!C7, which is a value"),
    "a name deleted": (
        replace("xl/workbook.xml", '<definedName name="vix">', '<definedName name="vix_old">'),
        "the defined name vix",
    ),
    "a name moved": (
        replace("xl/workbook.xml", "'Macro'!$C$7</", "'Macro'!$C$6</"),
        "the defined name vix, which is Macro!C7",
    ),
    "a sheet deleted": (without_sheet("Scenarios"), "the sheet Scenarios"),
    "a sheet renamed": (
        replace("xl/workbook.xml", 'name="Holdings"', 'name="Positions"'),
        "the sheet Holdings",
    ),
    "a row inserted": (move_rows("Constraints", 9, 1), "the defined name budget, which is Constraints!C11"),
    "a row deleted": (move_rows("Macro", 18, -1), "the defined name stress, which is Macro!I19"),
    "a text that formulas read": (put("Audit!H12", "Hinweis"), "Audit!H12, whose text 'CHECK' formulas read"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_template_that_lost_something_is_refused_with_a_list_of_it(loss: str, plain: bytes) -> None:
    edit, named = LOSSES[loss]
    first, *listed = refusal(edited(plain, edit))
    assert re.match(r"house\.xlsx lost \d+ of what is filled for each client: restore them", first)
    assert any(named in problem for problem in listed), listed
    assert len(listed) <= 21


def test_a_list_of_losses_ends_where_nobody_reads_on(plain: bytes) -> None:
    *_, last = refusal(edited(plain, without_sheet("Summary"), move_rows("Macro", 5, 1)))
    assert re.fullmatch(r"and \d+ more", last)


def test_a_cell_that_was_cleared_is_refused_though_it_was_empty(
    plain: bytes, demo_market: MarketData
) -> None:
    """An override that a client has would stand in no cell, and nothing would say so."""
    cleared = edited(plain, cleared_cell("Constraints", "C31"))
    says, *listed = refusal(cleared)
    assert "all that was in them was cleared: give each a format again" in says
    assert listed == ["Constraints!C31"]
    with pytest.raises(TableError, match="was cleared"):
        make_engine("compiled", template=cleared)(build_case("overridden", demo_market), RECIPIENT)


def place_of(data: bytes, name: str) -> str:
    return content_of("x", data).names[name].partition("!")[2].partition(":")[0]


def cleared_cell(title: str, at: str) -> Any:
    def edit(parts: dict[str, str]) -> None:
        number = re.findall(r'<sheet name="([^"]*)"', parts["xl/workbook.xml"]).index(title) + 1
        name = f"xl/worksheets/sheet{number}.xml"
        parts[name], found = re.subn(rf'<c r="{at}"[^>]*/>', "", parts[name])
        assert found == 1

    return edit


def test_another_version_of_the_template_is_refused(plain: bytes) -> None:
    (says,) = refusal(edited(plain, put(f"Notes!{place_of(plain, 'template_version')}", "1")))
    assert says.startswith("house.xlsx is of template version 1, this is ")


def test_another_policy_is_refused(plain: bytes, demo_market: MarketData) -> None:
    five = build_case("five categories", demo_market)
    says, *listed = refusal(plain, five.policy)
    assert "restyle a new one from pyalloc template with the policy of the run" in says
    assert listed
    with pytest.raises(TableError, match="with the policy of the run"):
        make_engine("compiled", template=plain)(five, RECIPIENT)


def test_a_market_of_more_stocks_than_the_template_s_kind_holds_is_refused(
    plain: bytes, large_market: MarketData
) -> None:
    with pytest.raises(TableError, match="has a sheet of prices, for up to 60 stocks, and this market asks"):
        make_engine("compiled", template=plain)(build_case("high", large_market), RECIPIENT)


def test_cells_of_ones_own_among_rows_that_repeat_are_refused(plain: bytes) -> None:
    (says,) = refusal(edited(plain, put("Holdings!N16", "my note")))
    assert says == ("Holdings!N16 is a cell of its own among rows that repeat: move it to a sheet of its own")


def in_strict_open_xml(data: bytes) -> bytes:
    return edited(
        data,
        replace(
            "xl/workbook.xml",
            "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            "http://purl.oclc.org/ooxml/spreadsheetml/main",
        ),
    )


def an_ordinary_workbook() -> bytes:
    out = BytesIO()
    Workbook().save(out)
    return out.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
ENTITY = '<!DOCTYPE x [<!ENTITY a "b">]>'

BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "password": (lambda _: OLE + "EncryptedPackage".encode("utf-16-le"), "is protected by a password"),
    "old format": (lambda _: OLE, "is in the old .xls format"),
    "strict": (in_strict_open_xml, "is saved as Strict Open XML: save it as Excel Workbook"),
    "cut off": (lambda data: data[: len(data) // 2], "is damaged: open it in Excel and save it again"),
    "not XML": (
        lambda data: edited(data, replace("Summary", "<sheetData>", "<sheetData><")),
        "is damaged: open it in Excel and save it again",
    ),
    "entities": (
        lambda data: edited(data, replace("Summary", "<worksheet ", f"{ENTITY}<worksheet ")),
        "is damaged: open it in Excel and save it again",
    ),
    "entities in the styles": (
        lambda data: edited(data, replace("xl/styles.xml", "<styleSheet ", f"{ENTITY}<styleSheet ")),
        "declares XML entities, which no workbook needs",
    ),
    "empty": (lambda _: b"", "is not an Excel workbook"),
    "text": (lambda _: b"client_id,name\n1,A\n", "is not an Excel workbook"),
    "a picture": (lambda _: LOGO, "is not an Excel workbook"),
    "another archive": (
        lambda data: edited(data, lambda parts: parts.__delitem__("xl/workbook.xml")),
        "is an archive without an Excel workbook in it",
    ),
    "another workbook": (lambda _: an_ordinary_workbook(), "is no workbook of pyalloc"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_no_template_is_refused_in_one_sentence(how: str, plain: bytes) -> None:
    make, says = BROKEN[how]
    (sentence,) = refusal(make(plain))
    assert says in sentence
    assert sentence.startswith("house.xlsx")
