"""A function added in one place is served everywhere: the mission's promise to whoever adds one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

ROOT = Path(__file__).resolve().parents[2]

TOY = '''

@spreadsheet_function("DYNALLOC_TOY", returns="A number", example="=DYNALLOC_TOY(2)")
def dynalloc_toy(x: Annotated[Number, "A number, in apples"]) -> float:
    """Twice a number of apples."""
    return 2.0 * x
'''

SHOWN = """
import pathlib, sys, zipfile
from addin.calc.build import build_extension
from addin.excel import udfs
from addin.excel.build import build_excel
from addin.reference import reference

out = pathlib.Path(sys.argv[1])
assert udfs.DYNALLOC_TOY(21.0) == [[42.0]]
with zipfile.ZipFile(build_extension(out)) as extension:
    for part in ("XPyAlloc.idl", "CalcAddIns.xcu", "settings.json"):
        assert b"DYNALLOC_TOY" in extension.read(part), part
live = pathlib.Path(sys.argv[2]).read_bytes()
written = {path.name: path for path in build_excel(out, live)}
assert "Public Function DYNALLOC_TOY(" in written["PyallocFunctions.bas"].read_text("ascii")
assert "=DYNALLOC_TOY(2)" in reference() and "in apples" in reference()
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with one more function in ``addin/functions.py``, and nothing else."""
    copy = tmp_path_factory.mktemp("changed")
    for folder in ("addin", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", copy)
    with (copy / "addin" / "functions.py").open("a", encoding="utf-8") as functions:
        functions.write(TOY)
    return copy


def run(changed: Path, *arguments: object) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(changed), str(ROOT)])}
    ended = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=changed, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_it_is_in_the_excel_module_the_add_in_the_calc_extension_and_the_reference(
    changed: Path, tmp_path: Path
) -> None:
    openpyxl.Workbook().save(tmp_path / "live.xlsx")
    run(changed, "-c", SHOWN, tmp_path, tmp_path / "live.xlsx")


def test_it_is_tested_as_every_other_is(changed: Path) -> None:
    collected = run(changed, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/addin")
    files = {line.partition("::")[0] for line in collected.splitlines() if "DYNALLOC_TOY" in line}
    assert {Path(file).name for file in files} >= {
        "test_spec.py",
        "test_functions.py",
        "test_excel_calls.py",
        "test_excel_wrapper.py",
        "test_excel_random_blocks.py",
        "test_calc_build.py",
    }
