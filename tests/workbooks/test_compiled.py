"""The compiled engine makes the workbook that openpyxl makes, with the value of every formula in it."""

from __future__ import annotations

import gc
import hashlib
import html
import math
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections import ChainMap
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.cell import coordinate_from_string
from python_calamine import CalamineWorkbook

from pyalloc import Allocation, InvestorProfile, MarketData, allocate
from pyalloc.errors import InputError, UncertifiedError
from tests.workbooks.cases import CASES, RECIPIENT, build_case, build_history
from workbooks.compiled import archive, values
from workbooks.compiled.looks import in_currency
from workbooks.compiled.places import Grid, Place, Spot, moving, placed
from workbooks.compiled.program import HOLE, Across, Down, Hole, sizes_used, unfold
from workbooks.compiled.template import CompiledTemplate
from workbooks.compiled.values import Slot, digits, escaped, kind_of
from workbooks.engines import Flavour, make_engine
from workbooks.history import History
from workbooks.template.author import Book, Growth, addresses_in
from workbooks.template.book import Design, Sizes, author_book, facts_of, sizes_of
from workbooks.template.dates import serial

SOAK = os.environ.get("PYALLOC_SOAK") == "1"
"""The soak size compares every case on the full market too."""

_ONE_CELL = re.compile(rb"(?<![\w$])(\$?[A-Z]{1,3}\$?\d+):\1(?!\d)")
"""A range of one cell, which openpyxl shortens."""

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


# --- a workbook as its file stores it ---------------------------------------------------------------------


class Cell(NamedTuple):
    """A cell: what it holds beside numbers, how it looks, and the value of its formula."""

    text: str | bool | None
    formula: str
    area: str
    look: tuple[str, ...]
    cached: float | str | bool | None


@dataclass(frozen=True)
class Stored:
    """The members of a workbook, and its sheets in pieces."""

    data: bytes

    @cached_property
    def members(self) -> dict[str, bytes]:
        with zipfile.ZipFile(BytesIO(self.data)) as packed:
            return {name: packed.read(name) for name in packed.namelist()}

    @cached_property
    def titles(self) -> dict[str, str]:
        """The title of every sheet by its member; all our writers number members in order."""
        listed = re.findall(rb'<sheet name="([^"]*)"', self.members["xl/workbook.xml"])
        return {f"xl/worksheets/sheet{i}.xml": title.decode() for i, title in enumerate(listed, start=1)}

    @cached_property
    def looks(self) -> list[tuple[str, ...]]:
        """The look of every cell style: number format, font, fill, border, named style, alignment, lock."""
        root = ET.XML(self.members["xl/styles.xml"])
        codes = {e.get("numFmtId"): e.get("formatCode") for e in root.iter(f"{MAIN}numFmt")}
        codes |= {"0": "General", "1": "0", "2": "0.00", "3": "#,##0", "4": "#,##0.00", "10": "0.00%"}
        parts = {
            name: [ET.tostring(e).decode() for e in root.find(f"{MAIN}{name}s") or ()]
            for name in ("font", "fill", "border")
        }
        named = {e.get("xfId"): e.get("name") for e in root.iter(f"{MAIN}cellStyle")}
        return [
            (
                str(codes[xf.get("numFmtId")]),
                *(parts[name][int(xf.get(f"{name}Id", 0))] for name in ("font", "fill", "border")),
                str(named[xf.get("xfId")]),
                *(ET.tostring(e).decode() for e in xf),
            )
            for xf in root.find(f"{MAIN}cellXfs") or ()
        ]

    @cached_property
    def sheets(self) -> dict[str, ET.Element]:
        """The XML of every sheet by its title."""
        return {title: ET.XML(self.members[part]) for part, title in self.titles.items()}

    @cached_property
    def cells(self) -> dict[tuple[str, str], Cell]:
        return {place: cell for place, cell, _ in self._read}

    @cached_property
    def numbers(self) -> dict[tuple[str, str], float]:
        """The number in every cell that has one and no formula."""
        return {place: number for place, _, number in self._read if number is not None}

    @cached_property
    def _read(self) -> list[tuple[tuple[str, str], Cell, float | None]]:
        return [
            ((title, cell.get("r", "")), *self._cell(cell, inner))
            for title, sheet in self.sheets.items()
            for inner in [{at for f in sheet.iter(f"{MAIN}f") if f.get("ref") for at in area_of(f)}]
            for cell in sheet.iter(f"{MAIN}c")
        ]

    def _cell(self, cell: ET.Element, arrays: Set[str]) -> tuple[Cell, float | None]:
        formula, value = cell.find(f"{MAIN}f"), cell.find(f"{MAIN}v")
        kind, shown = cell.get("t", "n"), None if value is None else value.text
        read: float | str | bool | None = None
        if kind == "inlineStr":
            read = "".join(t.text or "" for t in cell.iter(f"{MAIN}t"))
        elif kind == "str":
            read = shown or ""
        elif shown is not None:
            read = shown == "1" if kind == "b" else float(shown)
        look = self.looks[int(cell.get("s", 0))]
        if formula is not None:
            return Cell(None, formula.text or "", formula.get("ref", ""), look, read), None
        if cell.get("r") in arrays:
            return Cell(None, "", "", look, read), None
        if isinstance(read, float):
            return Cell(None, "", "", look, read), read
        return Cell(read, "", "", look, read), None

    def frame(self, title: str) -> dict[str, Any]:
        """Return everything of a sheet but its cells and its extent: one entry for each kind of element."""
        found: dict[str, Any] = {}
        for element in self.sheets[title]:
            tag = element.tag.removeprefix(MAIN)
            if tag == "cols":
                found[tag] = {
                    n: {k: v for k, v in column.items() if k not in ("min", "max")}
                    for column in element
                    for n in range(int(column.attrib["min"]), int(column.attrib["max"]) + 1)
                }
            elif tag == "sheetData":
                found[tag] = {
                    row.get("r"): {k: v for k, v in row.items() if k not in ("r", "spans")} for row in element
                }
            elif tag == "mergeCells":
                found[tag] = sorted(e.attrib["ref"] for e in element)
            elif tag != "dimension":
                found[tag] = found.get(tag, b"") + _ONE_CELL.sub(rb"\1", ET.tostring(element))
        return found


def area_of(formula: ET.Element) -> Iterator[str]:
    """Yield the addresses that an array formula fills."""
    area = formula.attrib["ref"]
    return addresses_in(area if ":" in area else f"{area}:{area}")


def without_caches(chart: bytes) -> bytes:
    return _ONE_CELL.sub(rb"\1", re.sub(rb"<(num|str)Cache>.*?</\1Cache>", b"", chart, flags=re.DOTALL))


def assert_same_cells(one: Stored, other: Stored) -> None:
    """Fail where a text, formula, array range, number or look differs; openpyxl writes sixteen digits."""
    shown = [
        {place: cell._replace(cached=None) for place, cell in stored.cells.items()} for stored in (one, other)
    ]
    assert list(shown[0]) == list(shown[1])
    assert [p for p in shown[0] if shown[0][p] != shown[1][p]] == []
    assert one.numbers.keys() == other.numbers.keys()
    far = [
        (place, number, other.numbers[place])
        for place, number in one.numbers.items()
        if not math.isclose(number, other.numbers[place], rel_tol=1e-15)
    ]
    assert far == []


@pytest.fixture(scope="module", autouse=True)
def _spared_collector() -> Iterator[None]:
    """Let the garbage collector walk less often through all that stays; it would take a third of the time."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


# --- one engine against the other -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_market(tmp_path_factory: pytest.TempPathFactory) -> MarketData:
    """Return a demo market of twenty stocks, in which every case is quick."""
    from pyalloc.marketdata.demo import write_demo_market

    return MarketData.from_path(write_demo_market(tmp_path_factory.mktemp("markets") / "small", stocks=20))


@dataclass(frozen=True)
class Made:
    """An allocation and its workbook by the compiled engine, which also rendered those before it."""

    allocation: Allocation
    history: History | None
    book: Book
    facts: Mapping[str, Any]
    stored: Stored
    flavour: Flavour


ENGINES = {"client": make_engine("compiled"), "live": make_engine("compiled", flavour="live")}
"""Each renders everything that the tests ask of its flavour, one thing after the other."""

FULL = CASES if SOAK else ("high", "bounded")
SETTINGS = [
    *(("small", case, "client") for case in CASES),
    *(("full", case, "client") for case in FULL),
    ("large", "high", "client"),
    *(("small", case, "live") for case in ("bounded", "one stock")),
]
"""Size of the market, case and flavour."""


@pytest.fixture(scope="module", params=SETTINGS, ids=" ".join)
def made(
    request: pytest.FixtureRequest,
    small_market: MarketData,
    demo_market: MarketData,
    large_market: MarketData,
) -> Made:
    """Return a case on a market of 20, 60 or 80 stocks, in one of the flavours."""
    size, case, flavour = request.param
    market = {"small": small_market, "full": demo_market, "large": large_market}[size]
    return make(allocation := build_case(case, market), flavour, build_history(case, allocation))


def make(allocation: Allocation, flavour: Flavour = "client", history: History | None = None) -> Made:
    data, facts = ENGINES[flavour](allocation, RECIPIENT, history)
    sizes = sizes_of(allocation, history)
    book = author_book(Design.of(allocation.policy, native=sizes.native, live=flavour == "live"), sizes)
    return Made(allocation, history, book, facts, Stored(data), flavour)


def test_both_engines_make_the_same_workbook(made: Made) -> None:
    compiled = made.stored
    engine = make_engine("openpyxl", flavour=made.flavour)
    reference = Stored(engine(made.allocation, RECIPIENT, made.history)[0])
    assert_same_cells(compiled, reference)

    assert compiled.titles == reference.titles
    for title in compiled.sheets:
        assert compiled.frame(title) == reference.frame(title), title

    # What spills, and the part that says what that is, openpyxl cannot write.
    spilling = {"xl/metadata.xml"} if made.flavour == "live" else set()
    assert compiled.members.keys() - reference.members.keys() == spilling
    listing = {"[Content_Types].xml", "xl/_rels/workbook.xml.rels"} if spilling else set()
    for name in reference.members.keys() - compiled.titles.keys() - {"xl/styles.xml"} - listing:
        one, other = compiled.members[name], reference.members[name]
        if name.startswith("xl/charts/"):
            assert without_caches(one) == without_caches(other), name
        elif name == "xl/workbook.xml":
            assert re.sub(rb"<calcPr[^>]*/>", b"", one) == re.sub(rb"<calcPr[^>]*/>", b"", other)
        elif name == "docProps/core.xml":
            properties = [sorted((e.tag, e.text) for e in ET.XML(core)) for core in (one, other)]
            assert properties[0] == properties[1]
        else:
            assert one == other, name
    rules = [re.findall(rb"<dxfs.*</dxfs>", s.members["xl/styles.xml"]) for s in (compiled, reference)]
    assert rules[0] == rules[1]


def test_every_formula_has_its_fact_as_its_value(made: Made) -> None:
    cells = made.stored.cells
    departures = [
        (sheet, at, cell.text[:60], cells[sheet, at].cached, cell.value.of(made.facts))
        for sheet, at, cell in made.book.cells("formula")
        if cell.value and not same(cells[sheet, at].cached, cell.value.of(made.facts))
    ]
    assert departures == []
    authored = {(sheet, at) for sheet, at, cell in made.book.cells("formula") if cell.text}
    assert authored == {place for place, cell in cells.items() if cell.formula}


def same(cached: object, fact: Any) -> bool:
    """Return whether a stored value is the fact to the last bit; nothing is shown as an empty text."""
    fact = fact.item() if isinstance(fact, np.generic) else "" if fact is None else fact
    return cached == fact and isinstance(cached, str) == isinstance(fact, str)


def test_charts_carry_the_values_of_the_cells_that_they_draw(made: Made) -> None:
    cells = made.stored.cells
    series = 0
    for name in (n for n in made.stored.members if n.startswith("xl/charts/")):
        root = ET.XML(made.stored.members[name])
        for kind, area, count, points in sources(root):
            shown = [cells[place].cached for place in places_of(area)]
            wanted = float if kind == "num" else str
            assert count == len(shown), (name, area)
            assert points == {i: v for i, v in enumerate(shown) if isinstance(v, wanted)}, (name, area)
            assert points, (name, area)
            series += 1
    assert series > 15


def sources(chart: ET.Element) -> Iterator[tuple[str, str, int, dict[int, float | str]]]:
    """Yield what each series draws: its kind, range, number of points, and the points."""
    c = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
    for kind in ("num", "str"):
        for source in chart.iter(f"{c}{kind}Ref"):
            cache = source.find(f"{c}{kind}Cache")
            area, count = source.find(f"{c}f"), source.find(f".//{c}ptCount")
            assert cache is not None
            assert area is not None
            assert count is not None
            points = {
                int(point.attrib["idx"]): float(v.text or "") if kind == "num" else v.text or ""
                for point in cache.iter(f"{c}pt")
                for v in point
            }
            yield kind, area.text or "", int(count.attrib["val"]), points


def places_of(area: str) -> Iterator[tuple[str, str]]:
    title, _, cells = area.replace("$", "").rpartition("!")
    for at in addresses_in(cells if ":" in cells else f"{cells}:{cells}"):
        yield title.strip("'"), at


def test_the_file_is_a_plain_zip_archive_that_starts_with_its_content_types(
    opened: Made, tmp_path: Path
) -> None:
    data = opened.stored.data
    with zipfile.ZipFile(BytesIO(data)) as packed:
        assert packed.testzip() is None
        members = packed.infolist()
    assert members[0].filename == "[Content_Types].xml"
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert not [member.filename for member in members if member.flag_bits & 0b1001]  # descriptor, encrypted
    assert len({member.filename for member in members}) == len(members)
    for member in members:
        start = member.header_offset + 30 + len(member.filename.encode())
        inflater = zlib.decompressobj(-15)
        plain = inflater.decompress(data[start : start + member.compress_size]) + inflater.flush()
        assert plain == opened.stored.members[member.filename]
        assert inflater.eof
        assert not inflater.unused_data
    if program := shutil.which("unzip"):
        path = tmp_path / "client.xlsx"
        path.write_bytes(data)
        assert subprocess.run([program, "-tq", path], capture_output=True, check=False).returncode == 0


def test_hosts_need_not_calculate_what_is_there(made: Made) -> None:
    assert b'<calcPr calcId="191029"/>' in made.stored.members["xl/workbook.xml"]
    everything = b"".join(made.stored.members.values())
    assert b"fullCalcOnLoad" not in everything
    assert b"calcChain" not in everything
    assert b"CLIENT-REFERENCE" not in everything


# --- readers that do not calculate ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(demo_market: MarketData) -> Made:
    """Return a workbook of the full market with texts, dates, empty texts and truth values in formulas."""
    return make(build_case("bounded", demo_market))


def test_calamine_sees_the_value_of_every_formula(opened: Made) -> None:
    workbook = CalamineWorkbook.from_filelike(BytesIO(opened.stored.data))
    rows = {n: workbook.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in workbook.sheet_names}
    assert_every_formula_is_seen(opened, lambda sheet, row, column: rows[sheet][row][column])


def test_pandas_sees_the_value_of_every_formula(opened: Made) -> None:
    frames = pd.read_excel(
        BytesIO(opened.stored.data), sheet_name=None, header=None, engine="calamine", keep_default_na=False
    )
    arrays = {title: frame.to_numpy(dtype=object) for title, frame in frames.items()}
    assert_every_formula_is_seen(opened, lambda sheet, row, column: arrays[sheet][row, column])


def test_openpyxl_sees_the_value_of_every_formula(opened: Made) -> None:
    workbook = load_workbook(BytesIO(opened.stored.data), data_only=True)
    rows = {sheet.title: list(sheet.values) for sheet in workbook}
    # openpyxl gives nothing for an empty text.
    assert_every_formula_is_seen(opened, lambda sheet, row, column: rows[sheet][row][column] or "", falsy="")


def assert_every_formula_is_seen(made: Made, read: Any, falsy: Any = None) -> None:
    seen = 0
    for sheet, at, cell in made.book.cells("formula"):
        letters, row = coordinate_from_string(at)
        column = sum((ord(c) - 64) * 26**i for i, c in enumerate(reversed(letters))) - 1
        got, want = read(sheet, row - 1, column), cell.value.of(made.facts) if cell.value else None
        if isinstance(got, date | datetime):
            got = float(serial(got.date() if isinstance(got, datetime) else got))
        want = want.item() if isinstance(want, np.generic) else "" if want is None else want
        assert got == want or (falsy is not None and not want and got == falsy), (sheet, at, got, want)
        seen += 1
    assert seen > 5000


# --- the same inputs, the same bytes ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def allocations(small_market: MarketData) -> dict[str, Allocation]:
    """Return allocations of one design that differ in every size and in currency."""
    cases = ("high", "one stock", "bounded", "two stocks, clipped", "top", "clipped", "overridden")
    return {case: build_case(case, small_market) for case in cases}


@pytest.mark.parametrize("flavour", ENGINES)
def test_an_engine_gives_the_same_bytes_whatever_it_rendered_before(
    flavour: Flavour, allocations: dict[str, Allocation]
) -> None:
    forwards, backwards = ENGINES[flavour], make_engine("compiled", flavour=flavour)
    first = {case: forwards(allocation, RECIPIENT)[0] for case, allocation in allocations.items()}
    again = {case: forwards(allocation, RECIPIENT)[0] for case, allocation in allocations.items()}
    other = {case: backwards(allocation, RECIPIENT)[0] for case, allocation in reversed(allocations.items())}
    assert first == again == other
    assert len(set(first.values())) == len(first)


def test_market_conditions_that_were_put_out_of_mind_give_the_same_bytes_again(
    small_market: MarketData,
) -> None:
    profile = InvestorProfile(risk=4)
    days = list(small_market.days[-400::40])
    made = [allocate(small_market.at(day), profile=profile) for day in days]
    engine = ENGINES["client"]
    first = [engine(allocation, RECIPIENT)[0] for allocation in made]
    assert len(set(first)) == len(days) > 8
    assert [engine(allocation, RECIPIENT)[0] for allocation in made] == first
    assert make_engine("compiled")(made[0], RECIPIENT)[0] == first[0]


_ELSEWHERE = """
import hashlib, sys
from pathlib import Path
from pyalloc import MarketData
from tests.workbooks.cases import RECIPIENT, build_case
from workbooks.engines import make_engine
allocation = build_case("bounded", MarketData.from_path(Path(sys.argv[1])))
print(hashlib.sha256(make_engine("compiled")(allocation, RECIPIENT)[0]).hexdigest())
"""


def test_another_process_gives_the_same_bytes(demo_market_path: Path, opened: Made) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(root)}
    said = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, str(demo_market_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == hashlib.sha256(opened.stored.data).hexdigest()


@settings(max_examples=40 if SOAK else 3)
@given(data=st.data())
def test_any_client_gets_the_same_cells_from_both_engines(
    small_market: MarketData, data: st.DataObject
) -> None:
    stocks = [asset.asset for asset in small_market.in_category("Stocks")]
    currency = data.draw(st.sampled_from(["USD", "JPY", "KWD", "EUR"]))
    minor = {"JPY": 0, "KWD": 3}.get(currency, 2)
    profile = InvestorProfile(
        risk=data.draw(st.sampled_from(["low", "medium", "high", 1, 3.5, 10])),
        budget=data.draw(st.integers(10**minor, 10**12)) / 10**minor,
        currency=currency,
        exclude=tuple(data.draw(st.sets(st.sampled_from(stocks), max_size=len(stocks) - 2))),
        bounds=data.draw(st.sampled_from([{}, {"Stocks": (0.0, 0.3)}, {"Cash": (0.2, 1.0)}])),
    )
    allocation = allocate(small_market.at(), profile=profile)
    compiled = Stored(ENGINES["client"](allocation, RECIPIENT)[0])
    assert_same_cells(compiled, Stored(make_engine("openpyxl")(allocation, RECIPIENT)[0]))


def test_no_fact_is_both_shared_and_a_clients_own(allocations: dict[str, Allocation]) -> None:
    """What is shared is put into its place once for all, so a client's own value would never be seen."""
    for allocation in allocations.values():
        own, past, shared = facts_of(allocation, RECIPIENT).maps
        assert len({*own, *past, *shared}) == len(own) + len(past) + len(shared)


@pytest.mark.parametrize("flavour", ENGINES)
def test_every_fact_keeps_its_kind_and_its_shape(
    flavour: Flavour, allocations: dict[str, Allocation], small_market: MarketData
) -> None:
    """A template is compiled by one client's kinds, and laid out by the shapes of one client of its sizes."""
    kinds: dict[str, set[str]] = {}
    shapes: dict[tuple[object, ...], set[tuple[int, ...]]] = {}
    first_years = {"days": small_market.days[:1200], "closes": small_market.closes[:1200]}
    young = build_case("high", replace(small_market, **first_years))
    assert sizes_of(young).months < sizes_of(allocations["high"]).months
    parts = compiled_for(allocations["high"], flavour).parts
    for allocation in (*allocations.values(), young):
        facts, sizes = facts_of(allocation, RECIPIENT), sizes_of(allocation)
        for part in parts:
            for slot in part.slots:
                kinds.setdefault(slot.name, set()).add(kind_of(slot.name, facts[slot.name]))
                key = part.name, slot.name, *(getattr(sizes, size) for size in part.sizes)
                shapes.setdefault(key, set()).add(np.shape(facts[slot.name]))
    assert {name: kind for name, kind in kinds.items() if len(kind) > 1} == {}
    assert {key: shape for key, shape in shapes.items() if len(shape) > 1} == {}
    assert len(kinds) > 200


def compiled_for(allocation: Allocation, flavour: Flavour = "client") -> CompiledTemplate:
    """Return the compiled template that an engine renders an allocation with."""
    engine: Any = ENGINES[flavour]
    engine(allocation, RECIPIENT)
    design = Design.of(allocation.policy, native=sizes_of(allocation).native, live=flavour == "live")
    key = design, allocation.policy.firm, allocation.policy.paper
    compiled: CompiledTemplate = engine._compiled[key]
    return compiled


# --- without the fast libraries ---------------------------------------------------------------------------


def test_without_the_fast_libraries_every_value_is_the_same(
    allocations: dict[str, Allocation], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert values.FAST, "the fast libraries are installed for the tests"
    assert archive.FAST, "the fast libraries are installed for the tests"
    fast = {case: Stored(ENGINES["client"](a, RECIPIENT)[0]) for case, a in allocations.items()}
    monkeypatch.setattr(values, "FAST", False)
    monkeypatch.setattr(archive, "FAST", False)
    engine = make_engine("compiled")
    for case, allocation in allocations.items():
        slow = Stored(engine(allocation, RECIPIENT)[0])
        assert list(slow.members) == list(fast[case].members)
        assert slow.data != fast[case].data
        for name, content in slow.members.items():
            assert doubles(content) == doubles(fast[case].members[name]), (case, name)


def doubles(xml: bytes) -> list[bytes | float]:
    """Return a member in pieces, numbers in cells and charts as what they are."""
    pieces: list[bytes | float] = list(re.split(rb"(?<=v>)(-?[\d.]+(?:[eE][-+]?\d+)?)(?=</)", xml))
    pieces[1::2] = map(float, pieces[1::2])
    return pieces


def test_numbers_come_back_to_the_last_bit_with_and_without_the_fast_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = np.array([0.1 + 0.2, 1e-320, 1.7976931348623157e308, -0.0, 1e16, 1e-5, 123456789.0, 2**53 + 1])
    read = []
    for fast in (True, False):
        monkeypatch.setattr(values, "FAST", fast)
        read.append([float(text) for text in digits(numbers)])
    assert read == [numbers.tolist()] * 2
    assert digits(np.array([])) == []


# --- what no cell can hold --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("fast", [True, False])
def test_a_number_that_is_not_finite_withholds_the_workbook(
    number: float, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "FAST", fast)
    with pytest.raises(UncertifiedError, match="a number in it is not finite"):
        digits(np.array([1.0, number]))


@pytest.mark.parametrize("name", ["holding_amount", "top_weight", "stock_weight", "backtest_net"])
def test_a_fact_that_is_not_finite_withholds_the_workbook(
    name: str, allocations: dict[str, Allocation]
) -> None:
    allocation = allocations["high"]
    facts = facts_of(allocation, RECIPIENT)
    spoiled = {name: np.full(np.shape(facts[name]), math.nan)}
    facts = ChainMap(*(one | spoiled if name in one else one for one in facts.maps))
    with pytest.raises(UncertifiedError, match="a number in it is not finite"):
        compiled_for(allocation).render(facts, sizes_of(allocation))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * 32_768, "has 32768 characters; a cell holds 32767: shorten it"),
        ("a\x00b", "has a character that no cell can hold, '\\\\x00': remove it"),
        ("a\x1fb", "has a character that no cell can hold, '\\\\x1f'"),
        ("a\ud800b", "has a character that no cell can hold, '\\\\ud800'"),
        ("a\uffffb", "has a character that no cell can hold, '\\\\uffff'"),
    ],
)
def test_a_text_that_no_cell_can_hold_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        escaped(text)


@pytest.mark.parametrize(
    "text",
    ["x" * 32_767, "<a>&amp;]]>", " both ends ", "\ttab", "two\nlines", "return\r", "=1+1", "😀é", "'", '"'],
)
def test_a_text_that_a_cell_can_hold_comes_back_from_its_markup(text: str) -> None:
    element = ET.XML(b'<t xml:space="preserve">' + escaped(text) + b"</t>")
    assert element.text == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("_x0041_", "_x005F_x0041_"),
        ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
        ("a_x00e9_b", "a_x005F_x00e9_b"),
        ("__x0041_", "__x005F_x0041_"),
        ("_x005F_", "_x005F_x005F_"),
        ("_x41_", "_x41_"),
        ("_X0041_", "_X0041_"),
    ],
)
def test_a_text_that_looks_like_a_coded_character_is_written_so_that_it_is_read_as_itself(
    text: str, written: str
) -> None:
    assert escaped(text).decode() == written
    decoded = re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), written)
    assert decoded == text


# --- places: rows and columns that move with the sizes ----------------------------------------------------

BLOCK = Growth("stocks", 11, 13)
TABLE = Growth("lines", 20, 22)
ACROSS = Growth("months", 3, 5, "columns", 7)
GRIDS = {"Stocks": Grid([BLOCK, TABLE]), "Month's end": Grid([BLOCK, ACROSS]), "Fixed": Grid()}


def of_sizes(stocks: int, lines: int = 3, months: int = 3) -> Sizes:
    return Sizes(stocks=stocks, months=months, lines=lines, notices=1, left_out=1)


def moved(text: str, sizes: Sizes, home: str = "Stocks") -> str:
    return placed(moving(text, home, GRIDS), sizes).decode()


@pytest.mark.parametrize(
    ("text", "five", "none"),
    [
        ("SUM(A11:A13)", "SUM(A11:A15)", "SUM(A11:A10)"),  # a whole block
        ("A10", "A10", "A10"),  # above it
        ("A11", "A11", "A11"),  # its first row
        ("A12", "A12", "A12"),  # an inner row stays where it is
        ("A13", "A15", "A10"),  # its last row moves
        ("A14", "A16", "A11"),  # below it
        ("A1:A30", "A1:A32", "A1:A27"),  # around it
        ("$A$11:$B$13", "$A$11:$B$15", "$A$11:$B$10"),
        ("Fixed!A13", "Fixed!A13", "Fixed!A13"),
        ("Elsewhere!A13", "Elsewhere!A13", "Elsewhere!A13"),
        ("[1]Stocks!A13", "[1]Stocks!A13", "[1]Stocks!A13"),  # another file
        ("'[1]Stocks'!A13", "'[1]Stocks'!A13", "'[1]Stocks'!A13"),
        ("A:A", "A:A", "A:A"),
        ("$C:$E", "$C:$E", "$C:$E"),
        ("11:13", "11:13", "11:13"),
        ("LOG10(A13)", "LOG10(A15)", "LOG10(A10)"),
        ("vix13+tax_A13", "vix13+tax_A13", "vix13+tax_A13"),  # names
        ("A13_total", "A13_total", "A13_total"),
        ("ABCD13", "ABCD13", "ABCD13"),  # there is no such column
        ('"A13"&A13&"A13"', '"A13"&A15&"A13"', '"A13"&A10&"A13"'),  # texts
        ('"say ""A13"""&A13', '"say ""A13"""&A15', '"say ""A13"""&A10'),
        (
            "IF(A13&lt;B13,A13&amp;C13,1E13)",
            "IF(A15&lt;B15,A15&amp;C15,1E13)",
            "IF(A10&lt;B10,A10&amp;C10,1E13)",
        ),
        ("A13:A13 C11:C13", "A15:A15 C11:C15", "A10:A10 C11:C10"),  # a list of ranges
        ("", "", ""),
    ],
)
def test_a_text_names_the_rows_of_any_number_of_stocks(text: str, five: str, none: str) -> None:
    assert moved(text, of_sizes(3)) == text
    assert moved(text, of_sizes(5)) == five
    assert moved(text, of_sizes(0)) == none


def test_what_lies_below_several_blocks_moves_with_all_of_them() -> None:
    assert moved("A19:A23", of_sizes(5, lines=7)) == "A21:A29"
    assert moved("A20:A22", of_sizes(0, lines=0)) == "A17:A16"


def test_a_sheet_in_quotes_is_known_by_its_title() -> None:
    assert moved("'Month''s end'!A13", of_sizes(5), home="Fixed") == "'Month''s end'!A15"
    assert moved("'Stocks'!A13+Stocks!A13", of_sizes(5), home="Fixed") == "'Stocks'!A15+Stocks!A15"


def test_columns_move_in_rows_from_the_top_of_their_block_down() -> None:
    def at(text: str) -> str:
        return moved(text, of_sizes(3, months=14), home="Month's end")

    assert at("C7:E7") == "C7:P7"
    assert at("D7") == "O7"  # after the first column of a block
    assert at("C7") == "C7"
    assert at("F7") == "Q7"
    assert at("F6") == "F6"


def test_in_a_block_of_one_row_only_the_end_of_a_range_moves() -> None:
    grid = Grid([Growth("stocks", 11, 11)])
    five = of_sizes(5)
    assert grid.row(11).at(five) == 11
    assert grid.row(11, end=True).at(five) == 15
    assert grid.row(12).at(five) == 16
    assert placed(moving("SUM(A11:A11)", "S", {"S": grid}), five) == b"SUM(A11:A15)"
    assert placed(moving("A11", "S", {"S": grid}), five) == b"A11"


def test_relative_rows_follow_those_of_the_pattern_and_fixed_ones_stay() -> None:
    pattern = moving("A12*B$12+SUM(C$11:C12)-A$13;", "Stocks", GRIDS, down=True)
    assert unfold((Down("stocks", (b"first;",), (pattern,)),), of_sizes(4)).text == (
        b"first;A12*B$12+SUM(C$11:C12)-A$14;A13*B$12+SUM(C$11:C13)-A$14;A14*B$12+SUM(C$11:C14)-A$14;"
    )


# --- programs: patterns that repeat -----------------------------------------------------------------------

WEIGHT = Slot("weight", "number")
ROW = Spot("row", Place(12), follows=True)
LINES = Down(
    "stocks", (b"<1", Hole(WEIGHT, (0,)), b">"), ((b"<", ROW, Hole(WEIGHT, (1,), down=0), b">"),)
)  # fmt: skip


def unfolded(*program: Any, stocks: int) -> tuple[str, list[tuple[int, ...]]]:
    text, entries = unfold(program, of_sizes(stocks))
    return text.replace(HOLE, b"?").decode(), [entry.place for entry in entries]


@pytest.mark.parametrize(
    ("stocks", "text", "places"),
    [
        (0, "ab", []),
        (1, "a<1?>b", [(0,)]),
        (2, "a<1?><12?>b", [(0,), (1,)]),
        (4, "a<1?><12?><13?><14?>b", [(0,), (1,), (2,), (3,)]),
    ],
)
def test_a_block_has_as_many_rows_as_its_size(stocks: int, text: str, places: list[tuple[int, ...]]) -> None:
    assert unfolded(b"a", LINES, b"b", stocks=stocks) == (text, places)


def test_blocks_follow_each_other_and_may_each_be_empty() -> None:
    other = Down("lines", (b"-",), ((b"=",),))
    program = (LINES, other, LINES)
    assert unfold(program, of_sizes(0, lines=0)).text == b""
    assert unfold(program, of_sizes(0, lines=3)).text == b"-=="
    text, entries = unfold(program, of_sizes(2, lines=1))
    assert text.replace(HOLE, b"?") == b"<1?><12?>-<1?><12?>"
    assert [entry.place for entry in entries] == [(0,), (1,), (0,), (1,)]
    assert sizes_used(program) == {"stocks", "lines"}


def test_rows_look_like_the_template_s_next_two_in_turn() -> None:
    banded = Down("stocks", (b"1",), ((b"a",), (b"b",)))
    assert [unfold((banded,), of_sizes(n)).text for n in range(6)] == [
        *(b"", b"1", b"1a", b"1ab", b"1aba", b"1abab")
    ]


def test_columns_repeat_within_rows_that_repeat() -> None:
    column = Spot("column", Place(4), follows=True)
    inner = Across("stocks", (b"[", column, ROW, Hole(WEIGHT, (1, 0), down=0, across=1), b"]"))
    first = Across("stocks", (b"[", column, b"11", Hole(WEIGHT, (0, 0), across=1), b"]"))
    program = (Down("stocks", (first,), ((inner,),)),)
    text, entries = unfold(program, of_sizes(3))
    assert text.replace(HOLE, b"") == b"[D11][E11][F11][D12][E12][F12][D13][E13][F13]"
    assert [entry.place for entry in entries] == [(i, j) for i in range(3) for j in range(3)]
    assert unfold(program, of_sizes(0)).text == b""


# --- looks: the decimals of a currency --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "none", "three"),
    [
        ("#,##0.00", "#,##0", "#,##0.000"),
        ("#,##0", "#,##0", "#,##0.000"),
        ("# ##0.00 €", "# ##0 €", "# ##0.000 €"),
        ("[$€-407]#,##0.00", "[$€-407]#,##0", "[$€-407]#,##0.000"),
        ("#,##0.00\\ [$CHF-100C]", "#,##0\\ [$CHF-100C]", "#,##0.000\\ [$CHF-100C]"),
        ('"Fund 100: "#,##0.00', '"Fund 100: "#,##0', '"Fund 100: "#,##0.000'),
        ("#,##0.00;[Red]-#,##0.00", "#,##0;[Red]-#,##0", "#,##0.000;[Red]-#,##0.000"),
        ('_(* #,##0.00_);_(* "-"??_)', '_(* #,##0_);_(* "-"??_)', '_(* #,##0.000_);_(* "-"??_)'),
        ("General", "General", "General"),
        ("d mmm yyyy", "d mmm yyyy", "d mmm yyyy"),
    ],
)
def test_an_amount_takes_the_decimals_of_its_currency_in_whatever_format_a_firm_gave_it(
    code: str, none: str, three: str
) -> None:
    style = '<xf numFmtId="164" xfId="0"/>'
    styles = (
        f'<styleSheet><numFmts count="1"><numFmt numFmtId="164" formatCode="{html.escape(code)}"/></numFmts>'
        f'<cellXfs count="2">{style * 2}</cellXfs></styleSheet>'
    )
    for wanted, decimals in ((none, 0), (three, 3)):
        root = ET.XML(in_currency(styles, {1}, decimals))
        codes = {e.attrib["numFmtId"]: e.attrib["formatCode"] for e in root.iter("numFmt")} | {"3": "#,##0"}
        assert [codes[xf.attrib["numFmtId"]] for xf in root.iter("xf")] == [code, wanted]
        assert all(e.get("count") == str(len(e)) for e in root)
