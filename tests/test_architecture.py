"""The house stands: imports point one way, only the doors touch files, and importing it is light."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pyalloc
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.names import TRACE

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pyalloc", "addin", "workbooks")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}

LOOKS_OUTWARD = {"pyalloc.cli"}
DOES_FILES = ("pyalloc.tables", "pyalloc.marketdata", "pyalloc.policy", "pyalloc.cli")
FILE_MODULES = {"os", "io", "pathlib", "shutil", "tempfile", "sqlite3", "urllib", "socket", "subprocess"}
FILE_CALLS = re.compile(r"open|(read|write)_(text|bytes|csv)|to_csv|mkdir|unlink|rename|rmdir|touch")


def imported(path: Path) -> set[str]:
    """Return every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)} & set(PACKAGES)


def test_there_are_modules_to_look_at():
    assert {"pyalloc.allocation", "pyalloc.tables.table", "workbooks.template.author"} <= set(MODULES)
    assert "pyalloc.errors.InputError" in imported(MODULES["pyalloc.names"])


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    room = module.split(".")[0]
    allowed = set(PACKAGES) if module in LOOKS_OUTWARD else {room, "pyalloc"}
    assert rooms(MODULES[module]) <= allowed


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.startswith("pyalloc") and not name.startswith(DOES_FILES)]
)
def test_the_mathematics_touches_no_file(module):
    path = MODULES[module]
    assert not {name.split(".")[0] for name in imported(path)} & FILE_MODULES
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    assert not {name for name in called if FILE_CALLS.fullmatch(name)}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_called_after_what_it_does(module):
    assert not {"utils", "util", "helpers", "helper", "misc", "common"} & set(module.split("."))


@pytest.mark.parametrize(
    "statement", ["import pyalloc", "import pyalloc.macro, pyalloc.stocks, pyalloc.category, pyalloc.profile"]
)
def test_importing_the_mathematics_is_light(statement):
    heavy = (
        "pandas",
        "sklearn",
        "pydantic",
        "scipy.optimize",
        "piqp",
        "cvxcla",
        "openpyxl",
        "typer",
        "xlwings",
    )
    code = f"import sys; {statement}; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_allocating_from_files_imports_no_vendor(demo_market_path):
    code = (
        "import sys; from pyalloc import InvestorProfile, MarketData, allocate;"
        f"allocate(MarketData.from_path({str(demo_market_path)!r}).at(), profile=InvestorProfile('low'));"
        "vendors = ('pyalloc.marketdata.vendors', 'pyalloc.marketdata.report', 'yfinance', 'curl_cffi',"
        " 'requests', 'pyarrow.parquet');"
        "print(*(name for name in vendors if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_workbooks_settles_how_openpyxl_writes_before_it_loads():
    """With lxml at hand openpyxl writes the same workbook in other words, and so in other bytes."""
    pytest.importorskip("lxml", reason="nothing here brings lxml")
    unset = {name: value for name, value in os.environ.items() if name != "OPENPYXL_LXML"}
    code = "import workbooks, openpyxl; print(openpyxl.LXML)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=unset
    )
    assert done.stdout.split() == ["False"]


def test_a_local_run_imports_nothing_that_is_for_more_machines(tmp_path):
    market = write_demo_market(tmp_path / "market", years=4, stocks=11)
    (tmp_path / "clients.csv").write_text("client_id,name,risk,budget\nA,Amber,5,1000\n", encoding="utf-8")
    places = ["--market", str(market), "--clients", "clients.csv", "--out", "out"]
    code = (
        f"import sys; from pyalloc.cli import main; assert main(['generate', *{places!r}]) == 0;"
        "others = ('distributed', 'dask', 'sqlalchemy', 'fsspec');"
        "print('imported:', *(name for name in others if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "imported:"


def test_every_public_name_is_there_when_asked_for():
    assert set(pyalloc.__all__) == set(dir(pyalloc))
    for name in pyalloc.__all__:
        assert getattr(pyalloc, name) is not None
    with pytest.raises(AttributeError, match="module 'pyalloc' has no attribute 'allocat'"):
        _ = pyalloc.allocat


@pytest.mark.parametrize("name", TRACE)
def test_a_traced_quantity_can_name_a_cell(name):
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,254}", name)
    assert not re.fullmatch(r"(?i)[a-z]{1,3}[0-9]+", name), "reads as a cell address"
    assert not re.fullmatch(r"(?i)r[0-9]*(c[0-9]*)?|c[0-9]*", name), "reads as a row or a column"


def test_traced_quantities_differ_by_more_than_case():
    assert len({name.lower() for name in TRACE}) == len(TRACE)
