"""What a client list contains becomes no formula, path or markup: it is refused, or it stands as text."""

from __future__ import annotations

import csv
import re
import zipfile
from dataclasses import replace
from html import unescape
from io import BytesIO
from itertools import chain, cycle
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.parsers import expat

import pytest
from openpyxl import Workbook, load_workbook
from python_calamine import CalamineWorkbook

from pyalloc import Allocation, InvestorProfile, MarketData, Policy, allocate
from pyalloc.errors import InputError, TableError
from workbooks.clients import MAX_FILE_NAME_BYTES, Client, ClientList, read_clients
from workbooks.engines import Engine, make_engine
from workbooks.template.facts import Recipient

# --- two hundred texts ------------------------------------------------------------------------------------

FORMULAS = (
    *("=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "=Summary!B3", "==1", "= 1", "{=1+1}"),
    *("+1", "+A1", "-1", "-1+1|cmd", "@SUM(A1)", "@x", "'=1+1", "''", "'", "|calc", "%0A=1", '=DDE("a";"b")'),
    *("=IMPORTXML(CONCAT(A1),B1)", "＝1+1", "=_xlfn.SINGLE(A1)", "!A1", "#REF!", "#N/A", "#NAME?"),
)
MARKUP = (
    *("<b>", "</t></is></c>", "<f>1+1</f>", '"/><c r="A1"><f>1</f></c><c r="', "&", "&amp;", "&lt;", "&#65;"),
    *("&#x41;", "&#0;", "&nope;", "]]>", "<![CDATA[x]]>", "<!-- x -->", "-->", "<?xml version='1.0'?>", ">"),
    *('<!DOCTYPE x [<!ENTITY a "b">]>', "&&", "&P of &N", '&"Arial,Bold"', "&A", "%s {} {0} $1 \\1", "\\n"),
)
CODED = (
    *("_x0041_", "_x0000_", "_x000D_", "_xD800_", "_xFFFF_", "_x005F_", "_x005F_x0041_", "__x0041_"),
    *("_x0041", "_X0041_", "_x41_", "_x00410_", "_x0041_x0042_", "a_x003c_b", "_x0041__x0041_"),
)
PATHS = (
    *("../../x", "..\\..\\x", "/etc/passwd", "C:\\Windows\\x", "C:x", "\\\\server\\share\\x", "//server/x"),
    *("a/b", "a\\b", "a:b", "file:///x", "~", "~root", ".", "..", "...", ".hidden", "-rf", "--help", "x."),
    *("x..", "x. .", "x.xlsx", "x.xlsx.exe", "a*b?c", 'a"b', "a|b", "a<b>c", "%TEMP%", "$HOME", "$(id)"),
    *("CON", "con", "nul", "NUL.txt", "aux.xlsx", "PRN.", "COM1", "LPT9", "COM¹", "CONIN$", "desktop.ini"),
    *("batch-summary", "Batch-Summary", "batch-summary.xlsx", "`id`", "x;y", "x&&y", "x\u2215y", "x\uff0fy"),
)
UNICODE = (
    *("👩\u200d👩\u200d👧", "😀", "𝒳𝒴", "שלום", "مرحبا", "日本語 株式会社", "Ελλάδα", "Zürich & Söhne"),
    *("ﬀ", "ẞ", "\u202egnp.exe", "\u2066x\u2069", "a\u200bb", "\u200b", "a\ufeffb", "\ufeffx", "e\u0301"),
    *("Z\u0351\u036b\u0343\u036a", "\u0301", "a\u00a0b", "\u3000x", "\u2028x", "a\u2028b", "a\u2029b"),
    *("a\x85b", "\ue000", "\u0378", "a\ufffeb", "a\uffffb", "\U0001ffff", "a\u00adb", "\U000e0041", "ｎｕｌ"),
)
CONTROLS = tuple(f"a{chr(code)}b" for code in (*range(32), 127, 128, 159))
ENDS = ("=1+1\t", "\t=1+1", "\n=1", "a\nb", "a\r\nb", " =1 ", "  ", "\u00a0", "a  b", "a\tb", "İstanbul", "é")
LOOKALIKES = ("1", "1e5", "0x10", "1/2/2020", "TRUE", "NULL", "nan", "1,000", "-5 %", "00123", "١٢٣")
LONG = (
    *("x" * 255, "x" * 256, "é" * 255, "😀" * 255, "&" * 255, "_x0041_" * 36),
    *("x" * 32_767, "&" * 32_767, "x" * 32_768, "=" + "1" * 40_000),
)
SURROGATES = ("\ud800", "a\udfffb", "\udc80=1", "\ud83d")

_KINDS = (FORMULAS, MARKUP, CODED, PATHS, UNICODE, CONTROLS, ENDS, LOOKALIKES, LONG, SURROGATES)
NASTY = tuple(dict.fromkeys(chain.from_iterable(_KINDS)))
WRITABLE = tuple(text for text in NASTY if text not in SURROGATES and "\0" not in text)
"""What a file in UTF-8 can hold, a NUL apart, with which it is no text."""

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def test_there_are_two_hundred_nasty_texts() -> None:
    assert len(NASTY) >= 200


# --- through the client list ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine("compiled")


@pytest.fixture(scope="module")
def allocation(demo_market: MarketData) -> Allocation:
    """Return an allocation of few lines, which all clients of these tests get."""
    stocks = [asset.asset for asset in demo_market.in_category("Stocks")]
    return allocate(demo_market.at(), profile=InvestorProfile(exclude=tuple(stocks[2:])))


@pytest.fixture(scope="module")
def plain(engine: Engine, allocation: Allocation) -> dict[str, bytes]:
    """Return the members of a harmless client's workbook."""
    return members_of(engine(allocation, Recipient("C-1", "Plain"))[0])


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def formulas_in(part: bytes) -> int:
    """Return how many formulas a part has, once it has been read as XML."""
    expat.ParserCreate().Parse(part, True)
    return part.count(b"<f>") + part.count(b"<f ")


def test_a_nasty_name_is_refused_in_a_sentence_or_stands_as_text(
    tmp_path: Path, engine: Engine, allocation: Allocation, plain: dict[str, bytes]
) -> None:
    listed = read_csv(tmp_path, [(f"N-{i}", text) for i, text in enumerate(WRITABLE)])
    refused = assert_refusals_are_sentences(listed, len(WRITABLE))
    assert len(listed.clients) > 150
    assert len(refused) > 30
    for client in listed.clients:
        assert client.name == WRITABLE[int(client.client_id[2:])].strip()
        assert_text_stands(engine(allocation, Recipient(client.client_id, client.name))[0], client, plain)


def test_a_nasty_id_is_refused_in_a_sentence_or_stands_as_text_and_names_a_file_in_the_folder(
    tmp_path: Path, engine: Engine, allocation: Allocation, plain: dict[str, bytes]
) -> None:
    listed = read_csv(tmp_path, [(text, "Amber") for text in WRITABLE])
    assert_refusals_are_sentences(listed, len(WRITABLE))
    assert len(listed.clients) > 150
    assert {client.client_id for client in listed.clients} <= {text.strip() for text in WRITABLE}
    folder = tmp_path / "out"
    folder.mkdir()
    for client in listed.clients:
        data, _ = engine(allocation, Recipient(client.client_id, client.name))
        assert_text_stands(data, client, plain)
        assert_safe(client.file_name, folder)
        (folder / client.file_name).touch(exist_ok=False)
    assert len({path.name.casefold() for path in folder.iterdir()}) == len(listed.clients)


def test_nasty_names_in_a_workbook_are_read_like_those_in_a_csv(tmp_path: Path) -> None:
    # A cell of nothing but a coded line end would have its whole list refused: its reader takes it for blank.
    texts = [t for t in WRITABLE if t != "_x000D_" and not _NOT_IN_XML.search(t) and len(t) <= 32_767]
    book = Workbook()
    book.active.append(["client_id", "name", "risk", "budget"])
    for i, text in enumerate(texts, start=2):
        book.active.append([f"N-{i - 2}", None, "low", 1000])
        book.active.cell(i, 2).value = text
        book.active.cell(i, 2).data_type = "s"  # as a person types it with a ' before it
    book.save(tmp_path / "clients.xlsx")
    from_workbook = read_clients(tmp_path / "clients.xlsx")
    from_csv = read_csv(tmp_path, [(f"N-{i}", text) for i, text in enumerate(texts)])
    assert_refusals_are_sentences(from_workbook, len(texts))
    names = [{client.client_id: client.name for client in read.clients} for read in (from_workbook, from_csv)]
    # What is coded as _xHHHH_ in a workbook is that character; XML has one line end; both are as in Excel.
    different = {texts[int(k[2:])] for k in names[0].keys() & names[1].keys() if names[0][k] != names[1][k]}
    assert all(re.search("_x[0-9A-Fa-f]{4}_", text) for text in different), different
    apart = {texts[int(k[2:])] for k in names[0].keys() ^ names[1].keys()}
    assert all(re.search("_x[0-9A-Fa-f]{4}_", text) for text in apart), apart


@pytest.mark.parametrize("text", [t for t in NASTY if t not in WRITABLE], ids=ascii)
def test_a_list_that_is_no_text_is_refused_as_a_whole(text: str, tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_bytes(f"client_id,name,risk,budget\nA,{text},low,1000\n".encode("utf-8", "surrogatepass"))
    with pytest.raises(TableError, match=r"^clients\.csv line 2 (is not UTF-8 text|contains a NUL byte)"):
        read_clients(path)


def read_csv(folder: Path, clients: list[tuple[str, str]]) -> ClientList:
    path = folder / "clients.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["client_id", "name", "risk", "budget"])
        writer.writerows([client_id, name, "low", "1000"] for client_id, name in clients)
    return read_clients(path)


def assert_refusals_are_sentences(listed: ClientList, rows: int) -> set[int]:
    assert len(listed.clients) + len(listed.refused) == rows
    for problem in listed.problems:
        says = str(problem)
        assert re.match(r"clients\.(csv|xlsx) row \d+, column (client_id|name): \S", says), says
        assert len(says) < 500
        assert says.isprintable() or says.replace("\n", "").isprintable(), says
    return set(listed.refused)


def assert_text_stands(data: bytes, client: Client, plain: dict[str, bytes]) -> None:
    """Fail unless both texts are unchanged plain text, and everything else is as for a harmless client."""
    constraints = by_calamine(data, "Constraints")
    assert [row[2] for row in constraints[5:7]] == [client.name, client.client_id]
    members = members_of(data)
    assert list(members) == list(plain)
    for name, part in members.items():
        if part != plain[name]:
            assert formulas_in(part) == formulas_in(plain[name]), name
    stored = members["xl/worksheets/sheet3.xml"].decode()
    for at in ("C6", "C7"):
        cell = re.search(rf'<c r="{at}"[^>]*>.*?</c>', stored, re.DOTALL)
        assert cell
        assert ' t="inlineStr"><is><t xml:space="preserve">' in cell[0]
        assert "<f" not in cell[0]


def by_calamine(data: bytes, sheet: str) -> list[list[object]]:
    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    rows: list[list[object]] = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    return rows


def assert_safe(name: str, folder: Path) -> None:
    path = folder / name
    assert path.resolve().parent == folder.resolve()
    assert PureWindowsPath(name).name == PurePosixPath(name).name == name
    assert not PureWindowsPath(name).is_reserved()
    assert name.endswith(".xlsx")
    assert not name.startswith((".", "-", " "))
    assert not name.removesuffix(".xlsx").endswith(".")
    assert len(name.encode()) <= MAX_FILE_NAME_BYTES + 5
    assert name.isprintable()
    assert name.casefold() != "batch-summary.xlsx"


# --- straight to the engine, which has no client list before it -------------------------------------------


def test_openpyxl_and_calamine_read_each_kind_of_text_as_it_was_given(
    engine: Engine, allocation: Allocation
) -> None:
    """What openpyxl makes of a text that looks coded is its own: it decodes no text of a cell."""
    for text in ("=1+1", "</t></is></c>", "_x0041_ \u202egnp.exe 😀", " a\r\nb\tc "):
        data, facts = engine(allocation, Recipient(text, f"{text} Ltd"))
        assert facts["client_id"] == text
        wanted = [f"{text} Ltd", text]
        assert [row[2] for row in by_calamine(data, "Constraints")[5:7]] == wanted
        sheet = load_workbook(BytesIO(data))["Constraints"]
        cells = [sheet["C6"], sheet["C7"]]
        assert [cell.value for cell in cells] == [t.replace("_x0041_", "_x005F_x0041_") for t in wanted]
        assert [cell.data_type for cell in cells] == ["s", "s"]


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text[:20]))
def test_the_engine_itself_refuses_what_no_cell_can_hold_and_takes_all_else(
    text: str, engine: Engine, allocation: Allocation
) -> None:
    impossible = _NOT_IN_XML.search(text) or text in SURROGATES or len(text) > 32_767
    if impossible:
        with pytest.raises(InputError, match=r"(has \d+ characters; a cell holds|that no cell can hold)"):
            engine(allocation, Recipient("C-1", text))
    else:
        data, _ = engine(allocation, Recipient("C-1", text))
        stored = members_of(data)["xl/worksheets/sheet3.xml"].decode()
        cell = re.search(r'<c r="C6"[^>]*><is><t[^>]*>([^<]*)</t></is></c>', stored)
        assert cell
        assert unescape(cell[1]).replace("_x005F_", "_") == text


def test_nasty_names_of_assets_notices_and_firms_stand_as_text(
    demo_market: MarketData, engine: Engine
) -> None:
    texts = [text for text in (*FORMULAS, *MARKUP, *CODED) if text == text.strip()]
    assets = tuple(replace(asset, name=text) for asset, text in zip(demo_market.assets, cycle(texts)))
    market = replace(demo_market, assets=assets, notice="=1+1 </t> _x0041_ & &amp;")
    policy = Policy(firm='=A1 & <b> _x0041_ "Sons"')
    profile = InvestorProfile()
    data, facts = engine(allocate(market.at(), profile=profile, policy=policy), Recipient("C-1", "Plain"))
    plain = members_of(engine(allocate(demo_market.at(), profile=profile), Recipient("C-1", "Plain"))[0])
    nasty = members_of(data)
    for name, part in nasty.items():
        assert formulas_in(part) == formulas_in(plain[name]), name
    assert len({*facts["holding_name"]} & {*texts}) > 50
    assert [row[5] for row in by_calamine(data, "Holdings")[14:]] == list(facts["holding_name"])
    summary = by_calamine(data, "Summary")
    assert summary[1][1] == policy.firm
    assert market.notice in summary[4]
    assert b"<dc:creator>=A1 &amp; &lt;b&gt; _x005F_x0041_ " in nasty["docProps/core.xml"]
