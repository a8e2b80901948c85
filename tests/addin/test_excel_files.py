"""The files for Excel, where they go on a PC, and what a doctor finds there."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
import zipfile
from configparser import ConfigParser
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from defusedxml import ElementTree

import addin.functions  # noqa: F401  (fills the registry)
from addin.excel.build import ADDIN, LIVE_WORKBOOK, build_excel, excel_addin
from addin.excel.doctor import Finding, findings
from addin.excel.install import Installation
from addin.excel.wrapper import wrapper_module
from addin.excel.xlwings_module import xlwings_module
from addin.spec import REGISTRY
from pyalloc import InvestorProfile, __version__, allocate
from pyalloc.cli import main
from pyalloc.errors import InputError
from workbooks.engines import make_engine
from workbooks.template.facts import Recipient

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it was written for an older pyparsing
    from oletools.olevba import VBA_Parser

ROOT = Path(__file__).resolve().parents[2]
MACRO = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
ADDIN_TYPE = "application/vnd.ms-excel.addin.macroEnabled.main+xml"


def macros_of(path):
    """Return the source of every module that belongs to no document."""
    parser = VBA_Parser(str(path))
    found = {name.rpartition(".")[0]: code for _, _, name, code in parser.extract_macros()}
    parser.close()
    return {name: code for name, code in found.items() if not name.startswith(("ThisWorkbook", "Sheet"))}


def code_names(package):
    """Return the name that workbook and sheets have in VBA."""
    found = []
    for name in package.namelist():
        if name == "xl/workbook.xml" or name.startswith("xl/worksheets/sheet"):
            root = ElementTree.fromstring(package.read(name))
            found += [part.get("codeName") for part in root if part.get("codeName")]
    return found


# --- build ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(demo_market):
    allocation = allocate(demo_market.at(), profile=InvestorProfile("medium"))
    return make_engine("compiled", flavour="live")(allocation, Recipient("SAMPLE", "Sample Client"))[0]


@pytest.fixture(scope="module")
def built(template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    paths = build_excel(folder / "new" / "dist", template)
    assert [path.name for path in paths] == [ADDIN, LIVE_WORKBOOK, "PyallocFunctions.bas", "xlwings.bas"]
    assert {path.name for path in paths[0].parent.iterdir()} == {path.name for path in paths}
    return paths[0].parent


@pytest.mark.parametrize("name", [ADDIN, LIVE_WORKBOOK])
def test_olevba_gives_back_the_modules_that_are_there_to_import_by_hand(name, built):
    found = macros_of(built / name)
    assert set(found) == {"PyallocFunctions", "xlwings"}
    for module, source in found.items():
        assert source.encode() == (built / f"{module}.bas").read_bytes()
    assert found["PyallocFunctions"] == wrapper_module(REGISTRY.values(), __version__).source
    assert found["xlwings"] == xlwings_module().source


def test_two_builds_have_the_same_bytes(built, template, tmp_path):
    again = build_excel(tmp_path, template)
    assert {path.name: path.read_bytes() for path in again} == {
        path.name: path.read_bytes() for path in built.iterdir()
    }


@pytest.mark.parametrize(("name", "kind"), [(ADDIN, ADDIN_TYPE), (LIVE_WORKBOOK, MACRO)])
def test_a_package_says_what_it_is(name, kind, built):
    with zipfile.ZipFile(built / name) as package:
        assert package.testzip() is None
        types = ElementTree.fromstring(package.read("[Content_Types].xml"))
        overrides = {part.get("PartName"): part.get("ContentType") for part in types if part.get("PartName")}
        assert overrides["/xl/workbook.xml"] == kind
        assert overrides["/xl/vbaProject.bin"] == "application/vnd.ms-office.vbaProject"
        links = ElementTree.fromstring(package.read("xl/_rels/workbook.xml.rels"))
        identifiers = [link.get("Id") for link in links]
        assert len(set(identifiers)) == len(identifiers)
        assert "vbaProject.bin" in [link.get("Target") for link in links]
        sheets = sum(part.startswith("xl/worksheets/sheet") for part in package.namelist())
        assert sorted(code_names(package)) == sorted(
            ["ThisWorkbook", *(f"Sheet{i + 1}" for i in range(sheets))]
        )


def test_openpyxl_opens_the_live_workbook_and_keeps_the_binary(built, tmp_path):
    workbook = openpyxl.load_workbook(built / LIVE_WORKBOOK, keep_vba=True)
    workbook.save(tmp_path / "again.xlsm")
    with zipfile.ZipFile(built / LIVE_WORKBOOK) as before, zipfile.ZipFile(tmp_path / "again.xlsm") as after:
        assert after.read("xl/vbaProject.bin") == before.read("xl/vbaProject.bin")


def test_the_sheets_of_the_live_workbook_are_those_of_the_plain_one_but_for_their_code_names(built, template):
    with zipfile.ZipFile(BytesIO(template)) as plain, zipfile.ZipFile(built / LIVE_WORKBOOK) as live:
        changed = {name for name in plain.namelist() if plain.read(name) != live.read(name)}
        sheets = {name for name in changed if name.startswith("xl/worksheets/sheet")}
        assert changed - sheets == {"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"}
        for name in sheets:
            assert re.sub(rb' codeName="Sheet\d+"', b"", live.read(name)) == plain.read(name)


def test_a_file_in_use_is_left_alone(built, template, monkeypatch):
    before = (built / ADDIN).read_bytes()

    def in_use(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", in_use)
    with pytest.raises(InputError, match=r"pyalloc\.xlam cannot be written .*: close Excel and try again"):
        build_excel(built, template)
    assert (built / ADDIN).read_bytes() == before
    assert not list(built.glob("*.part"))


def test_the_vba_travels_with_the_package():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert "*.bas" in setup["options.package_data"].get("addin.excel", "")


# --- install --------------------------------------------------------------------------------------------


@pytest.fixture
def pc(tmp_path):
    """Return the installation of a user on a Windows PC, whose Python lies in an environment."""
    interpreter = tmp_path / "env" / "Scripts" / "python.exe"
    interpreter.parent.mkdir(parents=True)
    for bits in (32, 64):
        (tmp_path / "env" / f"xlwings{bits}-{version('xlwings')}.dll").touch()
    environment = {"APPDATA": str(tmp_path / "Roaming"), "USERPROFILE": str(tmp_path / "Jane")}
    return Installation.of(environment, str(interpreter))


def test_an_installation_is_a_copy_and_a_settings_file(pc, tmp_path):
    pc.install()
    assert pc.addin == tmp_path / "Roaming" / "Microsoft" / "Excel" / "XLSTART" / "pyalloc.xlam"
    assert pc.addin.read_bytes() == excel_addin()
    assert pc.settings == tmp_path / "Jane" / ".pyalloc" / "pyalloc.conf"
    assert pc.settings.read_bytes().decode() == (
        f'"INTERPRETER_WIN","{pc.interpreter}"\r\n'
        '"UDF MODULES","addin.excel.udfs"\r\n'
        '"ADD_WORKBOOK_TO_PYTHONPATH","false"\r\n'
    )


def test_installing_again_keeps_what_the_user_has_set(pc):
    pc.settings.parent.mkdir(parents=True)
    pc.settings.write_text('"SHOW CONSOLE","True"\n"interpreter_win","C:\\old\\python.exe"\n')
    pc.install()
    pc.install()
    assert pc.found_settings() == {"SHOW CONSOLE": "True", **pc.values}


def test_on_another_system_it_says_what_it_would_do(capsys, monkeypatch):
    monkeypatch.setattr(Installation, "install", lambda _: pytest.fail("it installed"))
    assert main(["addin", "install", "excel"]) == 0
    said = capsys.readouterr().out
    assert "Nothing was done" in said
    assert "%APPDATA%" in said
    assert sys.executable in said


# --- doctor ---------------------------------------------------------------------------------------------


@pytest.fixture
def on_windows(monkeypatch):
    """Pretend that pywin32 is there, and that Python has been started before."""
    monkeypatch.setattr("addin.excel.doctor.find_spec", lambda _: object())
    monkeypatch.setattr("addin.excel.doctor._import", lambda: Finding("Import", "ready"))


def troubles(installation):
    return {finding.part: finding for finding in findings(installation, on_windows=True) if finding.cure}


@pytest.mark.usefixtures("on_windows")
def test_a_doctor_finds_nothing_where_all_is_well(pc):
    pc.install()
    assert troubles(pc) == {}


@pytest.mark.usefixtures("on_windows")
def test_a_doctor_names_the_cure_of_what_is_missing(pc):
    found = troubles(pc)
    assert set(found) == {"Settings", "Add-in"}
    assert all(finding.cure == "run: pyalloc addin install excel" for finding in found.values())
    assert all("\n" not in str(finding) for finding in found.values())


@pytest.mark.usefixtures("on_windows")
def test_a_doctor_sees_another_python_an_old_add_in_and_a_lost_library(pc):
    pc.install()
    pc.settings.write_text(pc.settings.read_text().replace("python.exe", "other.exe"))
    pc.addin.write_bytes(b"old")
    (Path(pc.interpreter).parents[1] / f"xlwings64-{version('xlwings')}.dll").unlink()
    found = troubles(pc)
    assert "other.exe" in found["Settings"].says
    assert "another version" in found["Add-in"].says
    assert "xlwings64" in found["Library"].says
    assert "pip install" in found["Library"].cure


def test_a_doctor_misses_pywin32_and_what_cannot_be_imported(pc, monkeypatch):
    monkeypatch.delitem(sys.modules, "pythoncom", raising=False)  # the stub of other tests
    monkeypatch.setattr("addin.excel.doctor.PYTHON_MODULE", "addin.excel.no_such_module")
    found = troubles(pc)
    assert "pywin32" in found["xlwings"].cure
    assert found["Import"].says == "ModuleNotFoundError: No module named 'addin.excel.no_such_module'"


def test_the_doctor_ends_well_here(capsys):
    assert main(["addin", "doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", part] for part in ("Python", "Import", "xlwings", "Excel", "Call")
    ]


@pytest.mark.usefixtures("on_windows")
def test_a_doctor_who_finds_something_ends_with_1(capsys, monkeypatch):
    monkeypatch.setattr("addin.excel.answers.answer", lambda *_: 0.5)
    assert main(["addin", "doctor"]) == 1
    assert "is 0.5; install pyalloc again" in capsys.readouterr().out


# --- what the first formula waits for -------------------------------------------------------------------


def test_what_excel_imports_is_light():
    heavy = ("sklearn", "scipy.optimize", "typer", "openpyxl", "pydantic", "piqp", "cvxcla", "workbooks")
    program = f"""
import sys, xlwings
alone = set(sys.modules)
import addin.excel.udfs as udfs
print(*(name for name in {heavy!r} if name in sys.modules and name not in alone))
assert udfs.ADJ_RETURN(0.08, "high") == [[0.1]]
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ended.stdout.split() == []
