"""LibreOffice Calc answers every spreadsheet function as Python does, in files that Excel reads too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import site
import subprocess
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

import addin.functions  # noqa: F401  (fills the registry)
from addin.calc.interface import returns_rows
from addin.calls import answer
from addin.spec import REGISTRY
from pyalloc import InvestorProfile, MarketData, allocate
from pyalloc.marketdata.demo import write_demo_market
from tests.hosts.calc_host import (
    CalcError,
    CalcHost,
    CalcProgram,
    Cell,
    HostMissingError,
    Recalculated,
)
from tests.hosts.function_host import build_extensions, find_calc_for_functions, unpack
from tests.hosts.function_sheet import RIGHT, WRONG, Block, departures, put, read, shape_of, write_calls
from tests.workbooks.cases import RECIPIENT, build_case
from workbooks.engines import make_engine
from workbooks.template.book import Design, fill
from workbooks.template.facts import Recipient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def program(hosts_required: bool) -> CalcProgram:
    """Return a LibreOffice that keeps the functions' names."""
    try:
        return find_calc_for_functions()
    except HostMissingError as missing:
        (pytest.fail if hosts_required else pytest.skip)(str(missing))


@pytest.fixture(scope="module")
def host(program: CalcProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalcHost]:
    """Return LibreOffice Calc with the functions."""
    with CalcHost(program, extensions=build_extensions(tmp_path_factory.mktemp("built"))) as host:
        yield host


# --- values, errors and files ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Exported:
    """What became of a workbook in Calc: as calculated, and as exported to .xlsx."""

    calculated: Recalculated
    values: Workbook
    formulas: Workbook

    @classmethod
    def by(cls, host: CalcHost, path: Path) -> Exported:
        copy = host.to_xlsx(path, path.with_name("exported.xlsx"))
        return cls(
            host.recalculate(path), openpyxl.load_workbook(copy, data_only=True), openpyxl.load_workbook(copy)
        )

    def value(self, cell: Cell) -> Any:
        return self.values[cell[0]][cell[1]].value

    def formula(self, cell: Cell) -> tuple[str, str]:
        """Return a formula and the cells that it fills."""
        held = self.formulas[cell[0]][cell[1]].value
        return (held.text, held.ref) if isinstance(held, ArrayFormula) else (held, cell[1])


def test_every_function_calculates_as_in_python_and_is_exported_under_its_name(
    host: CalcHost, tmp_path: Path
) -> None:
    assert {function for function, _ in RIGHT} == set(REGISTRY)
    results = [answer(function, arguments) for function, arguments in RIGHT]
    path = tmp_path / "right.xlsx"
    calls = [(*call, shape_of(result)) for call, result in zip(RIGHT, results, strict=True)]
    written = write_calls(path, calls)
    exported = Exported.by(host, path)
    for (formula, block), result in zip(written, results, strict=True):
        want = result if isinstance(result, list) else [[result]]
        assert departures(read(block, exported.calculated.__getitem__), want) == [], formula
        assert departures(read(block, exported.value), want) == [], formula
        (_, first), (_, last) = block[0][0], block[-1][-1]
        assert exported.formula(block[0][0]) == (formula, first if first == last else f"{first}:{last}")


def test_wrong_inputs_show_the_promised_error_in_every_cell_of_the_result(
    host: CalcHost, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.xlsx"
    shapes = [(2, 3) if returns_rows(REGISTRY[function]) else (1, 1) for function, _, _ in WRONG]
    calls = [(*call[:2], shape) for call, shape in zip(WRONG, shapes, strict=True)]
    written = write_calls(path, calls)
    exported = Exported.by(host, path)
    for (formula, block), (_, _, error) in zip(written, WRONG, strict=True):
        assert {value for row in read(block, exported.value) for value in row} == {error}, formula
        assert exported.calculated[block[0][0]].text == error


# --- the workbook that a call is in ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_market(tmp_path_factory: pytest.TempPathFactory) -> MarketData:
    folder = write_demo_market(tmp_path_factory.mktemp("markets") / "small", years=6, stocks=11)
    return MarketData.from_path(folder)


def live_workbook(market: MarketData, **profile: Any) -> tuple[Workbook, dict[str, Any]]:
    """Return a client workbook to work in, and what its cells show."""
    allocation = allocate(market.at(), profile=InvestorProfile(**profile))
    content, facts = make_engine("compiled", flavour="live")(allocation, Recipient("C1", "Sample Client"))
    return openpyxl.load_workbook(BytesIO(content)), dict(facts)


def named(book: Workbook, name: str) -> Block:
    """Return the cells of a defined name."""
    [(sheet, area)] = book.defined_names[name].destinations
    cells = book[sheet][area.replace("$", "")]
    rows = cells if isinstance(cells, tuple) else ((cells,),)
    return [[(sheet, cell.coordinate) for cell in row] for row in rows]


def weights_of(facts: dict[str, Any]) -> list[list[Any]]:
    """Return ticker, category, weight and amount of the holdings."""
    columns = ("holding_ticker", "holding_category", "holding_weight", "holding_amount")
    return [list(row) for row in zip(*(facts[name] for name in columns), strict=True)]


@pytest.mark.parametrize("case", ["high", "one stock", "bounded", "clipped", "top", "six categories"])
def test_in_a_live_workbook_every_call_equals_the_native_cells_beside_it(
    case: str, host: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    allocation = build_case(case, demo_market)
    book, facts = fill(allocation, RECIPIENT, live=True)
    path = tmp_path / "live.xlsx"
    path.write_bytes(make_engine("compiled", flavour="live")(allocation, RECIPIENT)[0])
    result = host.recalculate(path)
    called = [(sheet, at, cell) for sheet, at, cell in book.cells("formula") if cell.spills]
    assert {cell.text.partition("(")[0][1:] for _, _, cell in called if cell.text} == {
        *Design.of(allocation.policy, native=True).calls
    }
    got = [[result[sheet, at] for sheet, at, _ in called]]
    assert departures(got, [[cell.value.of(facts) for _, _, cell in called if cell.value]], 1e-9) == []


def test_after_an_edit_the_calls_follow_as_the_native_cells_do(
    host: CalcHost, demo_market: MarketData, tmp_path: Path
) -> None:
    allocation = build_case("high", demo_market)
    book, _ = fill(allocation, RECIPIENT, live=True)
    path = tmp_path / "live.xlsx"
    path.write_bytes(make_engine("compiled", flavour="live")(allocation, RECIPIENT)[0])
    names = openpyxl.load_workbook(path)
    at = {name: named(names, name)[0][0] for name in ("vix", "stress", "regime", "r_adj")}
    before, after = host.recalculate(path), host.recalculate(path, {at["vix"]: 60.0})
    shown = {
        cell.value.name: (sheet, place)
        for sheet, place, cell in book.cells("formula")
        if cell.spills and cell.text and cell.value
    }
    for name in ("stress", "regime", "r_adj"):
        assert departures([[after[shown[name]]]], [[after[at[name]]]], 1e-9) == []
    assert after[at["stress"]] != before[at["stress"]]


def with_weights(market: MarketData, path: Path, **profile: Any) -> tuple[Workbook, list[list[Any]], Block]:
    """Write a workbook with DYNALLOC_WEIGHTS() in it; return it, what the call must show, and where."""
    book, facts = live_workbook(market, **profile)
    want = weights_of(facts)
    block = put(book.create_sheet("Calls"), 1, "=DYNALLOC_WEIGHTS()", shape_of(want))
    book.save(path)
    return book, want, block


def test_without_arguments_the_weights_are_those_of_the_workbook_they_are_in(
    host: CalcHost, small_market: MarketData, tmp_path: Path
) -> None:
    profiles = [{"risk": "high", "budget": 750_000}, {"risk": "low", "budget": 1234.5, "currency": "KWD"}]
    paths = [tmp_path / "high.xlsx", tmp_path / "low.xlsx"]
    made = [with_weights(small_market, path, **each) for path, each in zip(paths, profiles, strict=True)]
    results = host.recalculate_together(*paths)
    assert made[0][1] != made[1][1]
    for result, (_, want, block) in zip(results, made, strict=True):
        assert departures(read(block, result.__getitem__), want, tolerance=1e-9) == []


def test_a_full_recalculation_brings_them_after_an_edited_input(
    host: CalcHost, small_market: MarketData, tmp_path: Path
) -> None:
    path = tmp_path / "edited.xlsx"
    book, _, block = with_weights(small_market, path, risk="high", budget=750_000)
    result = host.recalculate(path, {named(book, "budget")[0][0]: 1_000_000.0})
    amounts = [row[3] for row in read(block, result.__getitem__)]
    assert sum(amounts) == pytest.approx(1_000_000.0, abs=1e-6)


def test_a_cell_that_a_call_reads_may_be_a_call_itself(
    host: CalcHost, small_market: MarketData, tmp_path: Path
) -> None:
    path = tmp_path / "nested.xlsx"
    book, want, block = with_weights(small_market, path, risk="high", budget=750_000)
    sheet, address = named(book, "stress")[0][0]
    book[sheet][address] = "=DYNALLOC_STRESS(vix,gdp_growth,yield_spread)"
    book.save(path)
    assert departures(read(block, host.recalculate(path).__getitem__), want, tolerance=1e-9) == []


# --- the worker -----------------------------------------------------------------------------------------


def processes(host: CalcHost, named: str) -> list[int]:
    """Return the processes of a host whose command has this in it."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    lines = (line.split(maxsplit=3) for line in listed.splitlines())
    return [
        int(pid)
        for pid, group, state, command in lines
        if int(group) == host.soffice_pid and not state.startswith("Z") and named in command
    ]


@pytest.fixture
def one_call(tmp_path: Path) -> Path:
    write_calls(tmp_path / "one.xlsx", [("ADJ_RETURN", (0.08, "high"), (1, 1))])
    return tmp_path / "one.xlsx"


def test_a_killed_worker_is_replaced_at_the_next_call(host: CalcHost, one_call: Path) -> None:
    assert host.recalculate(one_call)["Results", "A1"] == pytest.approx(0.1, abs=1e-12)
    [worker] = processes(host, "addin.calc.worker")
    os.kill(worker, signal.SIGKILL)
    assert host.recalculate(one_call)["Results", "A1"] == pytest.approx(0.1, abs=1e-12)
    [successor] = processes(host, "addin.calc.worker")
    assert successor != worker


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_no_worker_is_left_when_libreoffice_ends(
    end: str, program: CalcProgram, host: CalcHost, one_call: Path
) -> None:
    with CalcHost(program, extensions=host.extensions) as other:
        other.recalculate(one_call)
        [worker] = processes(other, "addin.calc.worker")
        if end == "killed":
            for office in processes(other, "soffice.bin"):
                os.kill(office, signal.SIGKILL)
            await_end(worker)
    await_end(worker)


def await_end(process: int) -> None:
    """Fail unless a process ends within seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail(f"process {process} lives on")


def test_without_its_python_a_cell_shows_an_error_and_the_reason_when_asked(
    program: CalcProgram, tmp_path: Path
) -> None:
    extensions = build_extensions(tmp_path)
    settings = extensions / "pyalloc" / "settings.json"
    gone = json.loads(settings.read_text(encoding="utf-8")) | {"worker": ["nowhere/python"]}
    settings.write_text(json.dumps(gone), encoding="utf-8")
    path = tmp_path / "gone.xlsx"
    value, reason = ("ADJ_RETURN", (0.08, "high"), (1, 1)), ("DYNALLOC_WHY", ("DYNALLOC_VERSION",), (1, 1))
    [(_, shown), (_, said)] = write_calls(path, [value, reason])
    with CalcHost(program, extensions=extensions) as host:
        result = host.recalculate(path)
    assert result[shown[0][0]] == CalcError(519, "#VALUE!")
    assert str(result[said[0][0]]).startswith("nowhere/python does not start")


# --- a new function -------------------------------------------------------------------------------------

TOY = '''

@spreadsheet_function("DYNALLOC_TOY", returns="A number", example="=DYNALLOC_TOY(2)")
def dynalloc_toy(x: Annotated[Number, "A number"]) -> float:
    """Twice a number."""
    return 2.0 * x
'''


def test_a_function_added_in_one_place_appears_in_calc(program: CalcProgram, tmp_path: Path) -> None:
    changed = shutil.copytree(ROOT / "addin", tmp_path / "source" / "addin")
    with (changed / "functions.py").open("a", encoding="utf-8") as functions:
        functions.write(TOY)
    python = environment(tmp_path / "environment", first=tmp_path / "source")
    build = (
        "import pathlib, sys; from addin.calc.build import build_extension as b; b(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([python, "-P", "-c", build, tmp_path], check=True)
    write_calls(tmp_path / "toy.xlsx", [("DYNALLOC_TOY", (21.0,), (1, 1))])
    with CalcHost(program, extensions=unpack(tmp_path / "pyalloc.oxt")) as host:
        assert host.recalculate(tmp_path / "toy.xlsx")["Results", "A1"] == 42.0


def environment(folder: Path, first: Path) -> Path:
    """Return the Python of a new environment that has ours and, before it, the packages of a folder."""
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    libraries = [*site.getsitepackages(), str(ROOT)]
    (packages / "ours.pth").write_text("\n".join([str(first), *libraries]), encoding="utf-8")
    return folder / "bin" / "python"
