"""The binary that we write for Excel, read by another program that knows VBA: LibreOffice runs it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

import addin.functions  # noqa: F401  (fills the registry)
from addin.excel.macro_package import macro_workbook
from addin.excel.wrapper import wrapper_module
from addin.excel.xlwings_module import xlwings_module
from addin.spec import REGISTRY
from pyalloc import InvestorProfile, allocate
from tests.hosts.calc_host import CalcError, HostMissingError, find_calc
from workbooks.engines import make_engine
from workbooks.template.facts import Recipient

HERE = Path(__file__).parent

# Calc runs no macro of a file that it is given, unless told to; only this test does.
WITH_MACROS = """
import sys, tempfile, uno
from calc_server import connect, kill, properties, start_office

soffice, path = sys.argv[1:]
with tempfile.TemporaryDirectory(prefix="pyalloc-vba-", ignore_cleanup_errors=True) as profile:
    office = start_office(soffice, profile)
    try:
        desktop = connect(office, profile)
        options = properties(Hidden=True, MacroExecutionMode=4)
        document = desktop.loadComponentFromURL(uno.systemPathToFileUrl(path), "_blank", 0, options)
        document.calculateAll()
        print(document.Sheets.getByIndex(0).getCellRangeByName("A1").String)
        document.close(True)
    finally:
        kill(office)
"""


def twin():
    """Return our module as Calc 7.4 reads it, to which one word of 64-bit VBA is new."""
    module = wrapper_module(REGISTRY.values(), "1.2.3")
    assert module.code.count("PtrSafe ") == 1
    return replace(module, code=module.code.replace("PtrSafe ", ""))


def test_a_function_of_the_binary_answers_a_cell(tmp_path, hosts_required):
    try:
        program = find_calc()
    except HostMissingError as missing:
        (pytest.fail if hosts_required else pytest.skip)(str(missing))
    workbook = openpyxl.Workbook()
    workbook.active["A1"] = "=DYNALLOC_ADDIN()"
    plain = BytesIO()
    workbook.save(plain)
    path = tmp_path / "twin.xlsm"
    path.write_bytes(macro_workbook(plain.getvalue(), [twin()]))
    command = [program.python, "-c", WITH_MACROS, program.soffice, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=HERE, timeout=120, check=False)
    assert ended.stdout.strip() == "pyalloc 1.2.3 for Excel", ended.stderr


def test_the_live_workbook_computes_with_the_binary_as_without(calc, demo_market, tmp_path):
    allocation = allocate(demo_market.at(), profile=InvestorProfile("high", 250_000.0))
    plain, live = tmp_path / "plain.xlsx", tmp_path / "live.xlsm"
    plain.write_bytes(make_engine("compiled", flavour="live")(allocation, Recipient("C1", "Client"))[0])
    modules = [wrapper_module(REGISTRY.values(), "1.2.3"), xlwings_module()]
    live.write_bytes(macro_workbook(plain.read_bytes(), modules))
    expected, found = calc.recalculate(plain), calc.recalculate(live)
    assert found.formulas == expected.formulas
    calls = {cell for cell, value in expected.values.items() if value == CalcError(525, "#NAME?")}
    assert {sheet for sheet, _ in calls} == {"Functions"}
    assert all(isinstance(found[cell], CalcError) for cell in calls), "Calc has no Python to ask"
    assert found.values.items() - {(cell, found[cell]) for cell in calls} == (
        expected.values.items() - {(cell, expected[cell]) for cell in calls}
    )
