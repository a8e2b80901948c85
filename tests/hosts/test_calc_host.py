"""LibreOffice Calc recalculates what openpyxl writes, reports every kind of value and outlives a crash."""

from __future__ import annotations

import datetime
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.formula import ArrayFormula

from tests.hosts.calc_host import CalcError, CalcHost, HostError, HostMissingError, find_calc

Sheets = Mapping[str, Mapping[str, object]]
WorkbookMaker = Callable[[Sheets], Path]


@pytest.fixture
def make_workbook(tmp_path: Path) -> WorkbookMaker:
    """Return a function that writes {sheet: {address: content}} to an .xlsx file without cached values."""

    def make(sheets: Sheets) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, cells in sheets.items():
            sheet = book.create_sheet(title)
            for address, content in cells.items():
                sheet[address] = content
        book.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return make


# --- values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (0.1, 0.1),
        ("=0.1+0.2", 0.1 + 0.2),
        ("cash", "cash"),
        ('="ca"&"sh"', "cash"),
        ('=""', ""),
        ('="TRUE"', "TRUE"),
        (True, True),
        ("=1>2", False),
        ("=1/0", CalcError(532, "#DIV/0!")),
        ("=1E308*10", CalcError(503, "#NUM!")),
        ('="text"+1', CalcError(519, "#VALUE!")),
        ("=NA()", CalcError(32767, "#N/A")),
        ("=NOSUCHFUNCTION(1)", CalcError(525, "#NAME?")),
        ("=MINVERSE(1,2)", CalcError(504, "Err:504")),
        ("=A1", CalcError(522, "Err:522")),
        (datetime.date(2016, 12, 30), 42734.0),
    ],
)
def test_each_kind_of_value_comes_back_as_itself(
    calc: CalcHost, make_workbook: WorkbookMaker, content: object, value: object
) -> None:
    computed = calc.recalculate(make_workbook({"Sheet": {"A1": content}}))["Sheet", "A1"]
    assert (type(computed), computed) == (type(value), value)


def test_every_cell_that_is_not_empty_is_reported(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    path = make_workbook({"One": {"B2": 1, "AA30": "x"}, "Empty": {}, "It's": {"C3": "=One!B2+1"}})
    assert calc.recalculate(path).values == {("One", "B2"): 1.0, ("One", "AA30"): "x", ("It's", "C3"): 2.0}


def test_only_formulas_count_as_formulas(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    cells = {"A1": 1, "A2": "text", "A3": True, "A4": "#N/A", "A5": "=A1", "A6": "=NOT(A3)", "A7": "=A4"}
    result = calc.recalculate(make_workbook({"Sheet": cells}))
    assert result["Sheet", "A4"] == CalcError(32767, "#N/A")
    assert result.formulas == {("Sheet", "A5"), ("Sheet", "A6"), ("Sheet", "A7")}


def test_an_array_formula_solves_a_system(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    solution = ArrayFormula("D1:D2", "=MMULT(MINVERSE(A1:B2),C1:C2)")
    cells = {"A1": 2, "B1": 1, "A2": 1, "B2": 3, "C1": 1, "C2": 2, "D1": solution}
    result = calc.recalculate(make_workbook({"Sheet": cells}))
    assert result["Sheet", "D1"] == pytest.approx(0.2, rel=1e-14)
    assert result["Sheet", "D2"] == pytest.approx(0.6, rel=1e-14)
    assert result.formulas == {("Sheet", "D1"), ("Sheet", "D2")}


def test_a_tied_rank_is_averaged(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    path = make_workbook({"Sheet": {"A1": 1, "A2": 2, "A3": 2, "B1": "=_xlfn.RANK.AVG(A2,A1:A3)"}})
    assert calc.recalculate(path)["Sheet", "B1"] == 1.5


def test_defined_names_resolve(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    path = make_workbook({"Inputs": {"C7": 21.5}, "Chain": {"A1": "=vix*2"}})
    book = openpyxl.load_workbook(path)
    book.defined_names["vix"] = DefinedName("vix", attr_text="Inputs!$C$7")
    book.save(path)
    assert calc.recalculate(path)["Chain", "A1"] == 43.0


def test_a_boolean_is_one_in_a_filtered_row_too(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    path = make_workbook(
        {"Sheet": {"A1": "shown", "A2": 1, "A3": 2, "B1": "check", "B2": "=A2=1", "B3": "=A3=1"}}
    )
    book = openpyxl.load_workbook(path)
    book["Sheet"].auto_filter.ref = "A1:B3"
    book["Sheet"].auto_filter.add_filter_column(0, ["1"])
    book["Sheet"].row_dimensions[3].hidden = True
    book.save(path)
    result = calc.recalculate(path)
    assert (result["Sheet", "B2"], result["Sheet", "B3"]) == (True, False)
    assert isinstance(result["Sheet", "B3"], bool)


def test_a_stale_cached_value_is_ignored(
    calc: CalcHost, make_workbook: WorkbookMaker, tmp_path: Path
) -> None:
    stale = tmp_path / "stale.xlsx"
    with zipfile.ZipFile(make_workbook({"Sheet": {"A1": 2, "A2": "=A1*2"}})) as fresh:
        parts = {name: fresh.read(name) for name in fresh.namelist()}
    with zipfile.ZipFile(stale, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, re.sub(rb"</f><v ?/>|</f><v></v>", b"</f><v>99</v>", part))
    assert openpyxl.load_workbook(stale, data_only=True)["Sheet"]["A2"].value == 99
    assert calc.recalculate(stale)["Sheet", "A2"] == 4.0
    copy = calc.to_xlsx(stale, tmp_path / "copy.xlsx")
    assert openpyxl.load_workbook(copy, data_only=True)["Sheet"]["A2"].value == 4
    assert openpyxl.load_workbook(copy)["Sheet"]["A2"].value == "=A1*2"


# --- edits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "shown", "dependants"),
    [
        (7, 7.0, (14.0, "number")),
        ("=1+1", "=1+1", (CalcError(519, "#VALUE!"), "text")),
        (True, True, (2.0, "logical")),
        (None, None, (0.0, "blank")),
    ],
)
@pytest.mark.parametrize("original", [1.5, "text", False])
def test_an_edit_reaches_every_dependant(
    calc: CalcHost,
    make_workbook: WorkbookMaker,
    original: object,
    edit: float | str | bool | None,
    shown: object,
    dependants: tuple[object, object],
) -> None:
    kind = '=IF(ISBLANK(In!A1),"blank",IF(ISLOGICAL(In!A1),"logical",IF(ISTEXT(In!A1),"text","number")))'
    path = make_workbook({"In": {"A1": original}, "Out": {"A1": "=In!A1*2", "A2": kind}})
    before = path.read_bytes()
    result = calc.recalculate(path, {("In", "A1"): edit})
    computed = result.values.get(("In", "A1"))
    assert (type(computed), computed) == (type(shown), shown)
    assert (result["Out", "A1"], result["Out", "A2"]) == dependants
    assert path.read_bytes() == before


def test_an_impossible_edit_is_refused_and_costs_nothing(
    calc: CalcHost, make_workbook: WorkbookMaker
) -> None:
    path = make_workbook({"Sheet": {"A1": 1, "A2": "=A1"}})
    calc.recalculate(path)
    running = calc.soffice_pid
    with pytest.raises(ValueError, match="Sheet!A1: nan is not a number that a cell can hold"):
        calc.recalculate(path, {("Sheet", "A1"): float("nan")})
    with pytest.raises(ValueError, match="Sheet!A1:A2 is not one cell"):
        calc.recalculate(path, {("Sheet", "A1:A2"): 1})
    with pytest.raises(HostError, match="there is no sheet Inputs"):
        calc.recalculate(path, {("Inputs", "A1"): 1})
    assert calc.recalculate(path)["Sheet", "A2"] == 1.0
    assert calc.soffice_pid == running


# --- files ----------------------------------------------------------------------------------------------


def test_a_damaged_workbook_is_refused_by_name(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    path = make_workbook({"Sheet": {"A1": 1}})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(HostError, match=r"book\.xlsx is not a workbook that Calc can open"):
        calc.recalculate(path)


def test_a_workbook_prints_to_pdf(calc: CalcHost, make_workbook: WorkbookMaker, tmp_path: Path) -> None:
    pdf = calc.to_pdf(make_workbook({"Sheet": {"A1": "=6*7"}}), tmp_path)
    assert pdf == tmp_path / "book.pdf"
    assert pdf.read_bytes().startswith(b"%PDF-")


def test_a_copy_that_cannot_be_written_is_named(
    calc: CalcHost, make_workbook: WorkbookMaker, tmp_path: Path
) -> None:
    path = make_workbook({"Sheet": {"A1": 1}})
    with pytest.raises(HostError, match=f"{re.escape(str(tmp_path))} cannot be written"):
        calc.to_xlsx(path, tmp_path)


# --- the program ----------------------------------------------------------------------------------------


def test_a_killed_soffice_fails_one_call_only(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    path = make_workbook({"Sheet": {"A1": "=6*7"}})
    calc.recalculate(path)
    assert calc.soffice_pid is not None
    os.killpg(calc.soffice_pid, signal.SIGKILL)
    with pytest.raises(HostError, match=r"LibreOffice could not recalculate book\.xlsx and was ended"):
        calc.recalculate(path)
    assert calc.recalculate(path)["Sheet", "A1"] == 42.0


def test_a_hung_soffice_is_ended_at_the_timeout(
    calc: CalcHost, make_workbook: WorkbookMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_workbook({"Sheet": {"A1": "=6*7"}})
    calc.recalculate(path)
    hung = calc.soffice_pid
    assert hung is not None
    os.killpg(hung, signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr(calc, "timeout", 0.5)
        with pytest.raises(HostError, match=r"LibreOffice did not recalculate book\.xlsx within 0\.5 s"):
            calc.recalculate(path)
    assert not _answers(hung)
    assert calc.recalculate(path)["Sheet", "A1"] == 42.0


def test_soffice_ends_with_the_process_that_drives_it(calc: CalcHost, make_workbook: WorkbookMaker) -> None:
    path = make_workbook({"Sheet": {"A1": 1}})
    calc.recalculate(path)  # skips or fails here where there is no LibreOffice
    driver = (
        "import os, pathlib, signal, sys; from calc_host import CalcHost, find_calc;"
        "host = CalcHost(find_calc()); host.recalculate(pathlib.Path(sys.argv[1]));"
        "print(host.soffice_pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    crashed = subprocess.run(
        [sys.executable, "-c", driver, path], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert crashed.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while _answers(int(crashed.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _answers(int(crashed.stdout))


def test_a_wrong_path_to_libreoffice_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYALLOC_SOFFICE", "/nowhere/soffice")
    with pytest.raises(HostMissingError, match="no program /nowhere/soffice"):
        find_calc()


def _answers(process_group: int) -> bool:
    """Return whether any process of the group lives; zombies that nobody reaps do not."""
    states = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    return any(
        int(group) == process_group and not state.startswith("Z")
        for group, state in (line.split() for line in states.splitlines())
    )
