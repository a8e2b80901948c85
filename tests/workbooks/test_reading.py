"""A workbook that people may have edited is read as it stands, and its inputs ask for one allocation."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook, load_workbook

from pyalloc import MarketData, allocate
from pyalloc.cli import main
from pyalloc.errors import InputError, TableError
from pyalloc.marketdata.demo import write_demo_market
from tests.workbooks.cases import RECIPIENT, build_case
from tests.workbooks.edits import Edit, Parts, edited, move_rows, put, replace, sheet_part
from workbooks.audit import audit
from workbooks.engines import make_engine
from workbooks.reading import read_content, recomputed
from workbooks.reading.content import Content, content_of
from workbooks.reading.formulas import same_formula, translated


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_market(tmp_path_factory.mktemp("market"), years=6, stocks=12)


@pytest.fixture(scope="module")
def market(folder: Path) -> MarketData:
    return MarketData.from_path(folder)


@pytest.fixture(scope="module")
def data(market: MarketData) -> bytes:
    return make_engine("compiled")(build_case("high", market), RECIPIENT)[0]


def content(data: bytes, *edits: Edit) -> Content:
    return content_of("client.xlsx", edited(data, *edits))


# --- what is no workbook of ours ------------------------------------------------------------------------


def zipped(**parts: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


def other_workbook() -> bytes:
    out = BytesIO()
    Workbook().save(out)
    return out.getvalue()


def with_entity(parts: Parts) -> None:
    declared = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    name = sheet_part(parts, "Macro")
    parts[name] = re.sub(r"(<worksheet)", rf"{declared}\1", parts[name], count=1)


REFUSED = {
    "text": (lambda _: b"client,budget\n", "is not an Excel workbook"),
    "old": (lambda _: b"\xd0\xcf\x11\xe0" + b"\0" * 600, "is in the old .xls format"),
    "encrypted": (
        lambda _: b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"),
        "is protected by a password",
    ),
    "cut": (lambda data: data[: len(data) // 2], "is damaged"),
    "no workbook": (lambda _: zipped(a=b"x"), "is an archive without an Excel workbook"),
    "bomb": (lambda _: zipped(**{"xl/workbook.xml": b" " * (300 << 20)}), "unpacks to more than 256 MiB"),
    "another": (lambda _: other_workbook(), "is no workbook of pyalloc"),
    "entity": (lambda data: edited(data, with_entity), "is damaged"),
    "strict": (
        lambda data: edited(
            data,
            replace(
                "xl/workbook.xml",
                "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                "http://purl.oclc.org/ooxml/spreadsheetml/main",
            ),
        ),
        "is saved as Strict Open XML",
    ),
    "markup": (lambda data: edited(data, replace("Macro", "</sheetData>", "<sheetData>")), "is damaged"),
    "no finite number": (lambda data: edited(data, put("Macro!C7", "inf", kind="n")), "is damaged"),
    "a number that is none": (lambda data: edited(data, put("Macro!C7", "1e", kind="n")), "is damaged"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_readable_workbook_of_ours_is_refused_in_a_sentence(
    kind: str, data: bytes, tmp_path: Path
) -> None:
    make, says = REFUSED[kind]
    path = tmp_path / "file.xlsx"
    path.write_bytes(make(data))
    with pytest.raises(TableError, match=says) as refused:
        read_content(path)
    assert str(refused.value).startswith("file.xlsx ")
    assert str(tmp_path) not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.xlsx does not exist"):
        read_content(tmp_path / "none.xlsx")


# --- cells as they stand --------------------------------------------------------------------------------


def test_every_way_to_store_a_cell_is_read(data: bytes) -> None:
    found = content(
        data,
        put("Macro!L12", "a & <b>"),
        put("Macro!L13", 1, kind="b"),
        put("Macro!L14", "#N/A", kind="e"),
        put("Macro!L15", 1.5e-7),
        put("Macro!L16", "joined", "A1&B1", kind="str"),
        put("Macro!L17", "", "IF(A1,1,B1)", kind="str"),
        put("Macro!L18", None, "A1"),
        put("Macro!L19", True, "A1", kind="b"),
    ).sheets["Macro"]
    values = [found[f"L{row}"].value for row in range(12, 20)]
    assert values[:6] == ["a & <b>", True, "#N/A", 1.5e-7, "joined", ""]
    assert values[6] is None
    assert found["L14"].is_error
    assert [found[f"L{row}"].formula for row in (16, 18)] == ["A1&B1", "A1"]


def test_rich_text_is_read_without_how_it_is_pronounced(data: bytes) -> None:
    def rich(parts: Parts) -> None:
        put("Macro!L12", "x")(parts)
        name = sheet_part(parts, "Macro")
        text = "<r><t>Sam</t></r><r><rPr><b/></rPr><t>ple</t></r><rPh sb='0' eb='1'><t>SPOKEN</t></rPh>"
        parts[name] = parts[name].replace("<is><t>x</t></is>", f"<is>{text}</is>")

    assert content(data, rich).cell("Macro", "L12").value == "Sample"


def test_characters_written_by_their_number_are_read_as_they_are_meant(data: bytes) -> None:
    written = {"_x005F_x0041_": "_x0041_", "a_x000D_b": "a\rb", "_xD800_": "_xD800_", "_x1": "_x1"}
    for text, meant in written.items():
        assert content(data, put("Macro!L12", text)).cell("Macro", "L12").value == meant


def test_shared_formulas_are_read_in_every_cell(data: bytes) -> None:
    """As Excel stores what was filled down: the text in the first cell, moved in the others."""

    def shared(parts: Parts) -> None:
        name = sheet_part(parts, "Stocks")
        rows = re.findall(r'<c r="AD(\d+)"[^>]*><f>(AB\d+\*AC\d+)</f>', parts[name])
        (first, formula), *rest = rows
        area = f"AD{first}:AD{rest[-1][0]}"
        parts[name] = parts[name].replace(
            f"<f>{formula}</f>", f'<f t="shared" ref="{area}" si="3">{formula}</f>'
        )
        for _, other in rest:
            parts[name] = parts[name].replace(f"<f>{other}</f>", '<f t="shared" si="3"/>')

    before, after = content(data), content(data, shared)
    assert after.sheets["Stocks"].cells == before.sheets["Stocks"].cells
    assert audit(after).findings == ()


def test_cells_without_addresses_and_prefixed_tags_are_read(data: bytes) -> None:
    """As other writers than Excel may store them."""

    def terse(parts: Parts) -> None:
        name = sheet_part(parts, "Macro")
        text = re.sub(r"<(/?)(\w)", r"<\1x:\2", parts[name])
        parts[name] = text.replace("xmlns=", "xmlns:x=")

    before, after = content(data), content(data, terse)
    assert after.sheets["Macro"].cells == before.sheets["Macro"].cells


def test_states_names_and_hidden_ranges_are_read(data: bytes) -> None:
    found = content(data, replace("Macro", '<row r="18"', '<row r="18" hidden="1"'))
    assert found.sheets["Macro"].hidden == ("18:18",)
    assert {sheet.state for sheet in found.sheets.values()} == {"visible"}
    assert found.names["vix"] == "Macro!C7"
    assert found.named("vix") == pytest.approx(23.78)
    assert found.named("nothing") is None


# --- formulas ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("=A1<1E-12", "A1<0.000000000001"),
        ("=SUM(stock_m)", "=sum( STOCK_M )"),
        ("=Macro!$C$7+1", "='Macro'!$C$7+1.0"),
        ("=_xlfn.RANK.AVG(A1,B1:B9,1)", "=RANK.AVG(A1,B1:B9,1)"),
        ("='It''s'!A1", "='it''s'!a1"),
        ("=-A1", "= -A1"),
    ],
)
def test_formulas_that_say_the_same_are_the_same(one: str, other: str) -> None:
    assert same_formula(one, other)
    assert same_formula(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("=A1<1E-12", "=A1<1E-11"),
        ("=A1", "=$A$1"),
        ('="Calm"', '="calm"'),
        ("=SUM(A1:A9)", "=SUM(A1:A8)"),
        ("=A1-B1", "=A1+B1"),
        ("=Macro!A1", "=Macros!A1"),
        ("=A1", ""),
        ("=A1", "=SUM(A1"),
        ("=12", '="12"'),
    ],
)
def test_formulas_that_say_something_else_are_not_the_same(one: str, other: str) -> None:
    assert not same_formula(one, other)


def test_a_formula_moves_its_relative_references_only() -> None:
    assert translated("SUM($A1:B$2)*vix-Macro!C3", 2, 1) == "SUM($A3:C$2)*vix-Macro!D5"


# --- the allocation that the inputs ask for ----------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        "one stock",
        "bounded",
        "overridden",
        "top",
        "old macro row",
        "ridge",
        "auto",
        "trees",
        "bayes-stein",
        "equal risk",
        "six categories",
    ],
)
def test_a_workbook_read_back_asks_for_the_allocation_that_it_shows(
    case: str, demo_market: MarketData
) -> None:
    made = build_case(case, demo_market)
    again, recipient = recomputed(content_of("client.xlsx", make_engine("compiled")(made, RECIPIENT)[0]))
    assert recipient == RECIPIENT
    assert again.excluded == made.excluded
    assert again.notices == made.notices
    for name, value in made.trace.items():
        other = again.trace[name]
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            np.testing.assert_allclose(other, value, rtol=0, atol=1e-12, err_msg=name)
        elif isinstance(value, float):
            assert other == pytest.approx(value, abs=1e-12), name
        else:
            assert list(np.ravel(other)) == list(np.ravel(value)), name


def test_edited_inputs_ask_for_what_the_core_makes_of_them(data: bytes, market: MarketData) -> None:
    before = build_case("high", market)
    edits = (
        put("Macro!C7", 41.0),
        put("Constraints!C10", 3.0),
        put("Constraints!C11", 600_000.0),
        put("Constraints!C7", "C-1"),
        put("Frontier!C7", 0.06),
    )
    after, recipient = recomputed(content(data, *edits))
    macro = type(before.macro)(
        41.0,
        before.macro.gdp_growth,
        before.macro.yield_spread,
        before.macro.spread_10y_3m,
        before.macro.known_on,
    )
    profile = type(before.profile)(risk=3, budget=600_000.0)
    policy = before.policy.model_copy(update={"sleeve": type(before.policy.sleeve)(equity_premium=0.06)})
    fresh = allocate(before.view, macro, profile=profile, policy=policy)
    assert recipient == ("C-1", RECIPIENT.client_name)
    for name in ("stress", "category_weights", "sleeve_weights", "holding_amount", "r_adj"):
        np.testing.assert_allclose(after.trace[name], fresh.trace[name], rtol=0, atol=1e-9, err_msg=name)


def test_with_a_market_prices_are_the_markets_and_inputs_the_workbooks(
    data: bytes, market: MarketData
) -> None:
    edits = (put("Prices!E13", 1.0), put("Macro!C7", 41.0), put("Frontier!C6", 0.05))
    with pytest.raises(InputError, match=r"Prices!C11:\w+, closes, was edited since it was generated"):
        recomputed(content(data, *edits))
    after, _ = recomputed(content(data, *edits), market)
    np.testing.assert_allclose(after.trace["closes"], build_case("high", market).trace["closes"])
    assert (after.trace["vix"], after.trace["risk_free"]) == (41.0, 0.05)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (
            "Macro!G21",
            -0.6,
            r"Macro!G21, probit_intercept, is -0.6, and no setting of pyalloc: write -0.5333",
        ),
        ("Macro!C7", 500.0, "vix is 500; it must be 5 to 150 index points"),
        ("Macro!C7", "high", "Macro!C7, vix, is 'high'; a number belongs there"),
        ("Macro!C28", 0.7, r"Macro!C28, regime_from, was edited, and the strip on Summary is drawn for 0\.8"),
        ("Constraints!C11", None, "Constraints!C11, budget, is None; it must not be empty"),
        ("Stocks!K12", 0.9, r"Stocks!K11:K\d+, volatility_252, was edited"),
        ("Notes!C57", "0", None),
    ],
)
def test_what_cannot_be_recomputed_is_refused_with_its_cell(
    place: str, value: object, says: str | None, data: bytes
) -> None:
    if says is None:
        place, says = template_version(data), "is of template 0, this pyalloc writes"
    with pytest.raises(InputError, match=says):
        recomputed(content(data, put(place, value)))


def template_version(data: bytes) -> str:
    return content_of("client.xlsx", data).names["template_version"]


def test_inserted_rows_and_renamed_sheets_do_not_move_the_inputs(data: bytes) -> None:
    renamed = replace("xl/workbook.xml", 'name="Macro"', 'name="Economy"')
    plain, _ = recomputed(content(data))
    moved, _ = recomputed(content(data, move_rows("Constraints", 9, 2), move_rows("Stocks", 13, 1), renamed))
    np.testing.assert_allclose(moved.trace["sleeve_weights"], plain.trace["sleeve_weights"])


# --- the command ------------------------------------------------------------------------------------------


def run(*arguments: object) -> int:
    return main(["recompute", *map(str, arguments)])


def test_recompute_keeps_a_persons_sheets_and_styles_and_is_as_made(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restyled = BytesIO()
    book = load_workbook(BytesIO(edited(data, put("Macro!C7", 41.0))))
    book.create_sheet("Ours")["A1"] = "our own notes"
    book["Macro"].column_dimensions["B"].width = 44.0
    book.save(restyled)
    edit, new = tmp_path / "edited.xlsx", tmp_path / "new.xlsx"
    edit.write_bytes(restyled.getvalue())
    assert run(edit, "-o", new) == 0
    said = capsys.readouterr().out
    assert "Macro!C7, vix: 23.78 → 41" in said
    assert re.search(r"^Stocks +\d+\.\d\d % → \d+\.\d\d %$", said, re.MULTILINE)
    result = audit(read_content(new))
    assert result.verdict == "as made"
    assert {finding.sheet for finding in result.findings} == {"Ours"}
    after = load_workbook(new)
    assert after["Ours"]["A1"].value == "our own notes"
    assert after["Macro"].column_dimensions["B"].width == 44.0
    assert after["Macro"]["C7"].value == 41.0


def test_recompute_replaces_no_file_unless_told_to(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "client.xlsx"
    file.write_bytes(edited(data, put("Constraints!C11", 7_000.0)))
    assert run(file, "-o", file) == 2
    assert "exists: name a new file, or give --force" in capsys.readouterr().err
    assert run(file, "-o", file, "--force") == 0
    assert read_content(file).named("budget") == 7_000.0
    assert audit(read_content(file)).findings == ()


def test_recompute_that_is_refused_writes_nothing(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, new = tmp_path / "client.xlsx", tmp_path / "new.xlsx"
    file.write_bytes(edited(data, put("Macro!G21", -0.6)))
    assert run(file, "-o", new) == 2
    assert "Macro!G21" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["client.xlsx"]


def test_recompute_with_the_market_says_what_changed(
    data: bytes, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "client.xlsx"
    file.write_bytes(data)
    assert run(file, "-o", tmp_path / "new.xlsx", "--market", folder) == 0
    assert "No input was edited." in capsys.readouterr().out
    assert audit(read_content(tmp_path / "new.xlsx"), MarketData.from_path(folder)).findings == ()
