"""The VBA that Excel calls the functions through: every function in it, one text for one registry."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import addin.functions  # noqa: F401  (fills the registry)
from addin.cells import LARGEST_TABLE, NOT_AVAILABLE, NUM, UNREAD_RANGE
from addin.excel.answers import ERROR_MARK
from addin.excel.vba_words import parameter_name
from addin.excel.wrapper import MODULE, wrapper_module
from addin.excel.xlwings_module import PROJECT, xlwings_module
from addin.spec import REGISTRY
from pyalloc.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).with_name("golden") / f"{MODULE}.bas"
VERSION = "0.0.0"


@pytest.fixture(scope="module")
def source():
    return wrapper_module(REGISTRY.values(), VERSION).source


def function_text(source, name):
    return re.search(rf"Public Function {name}\b.*?End Function\r\n", source, re.DOTALL)[0]


def test_the_wrapper_is_the_one_that_was_looked_at(source):
    assert source.splitlines() == GOLDEN.read_text("ascii").splitlines(), (
        f"the wrapper changed: if it is meant, write wrapper_module(REGISTRY.values(), {VERSION!r}).source "
        f"to {GOLDEN.name} and say so in the changelog"
    )


@pytest.mark.parametrize("name", REGISTRY)
def test_a_function_hands_over_its_arguments_in_order(name, source):
    text, function = function_text(source, name), REGISTRY[name]
    declared = re.findall(r"(Optional )?ByVal (\w+) As Variant", text.splitlines()[0])
    assert [bool(optional) for optional, _ in declared] == [a.optional for a in function.arguments]
    assert [each for _, each in declared] == [parameter_name(a.name) for a in function.arguments]
    assert re.findall(r"Array\(.*", text)[0].count("Taken(") == len(function.arguments)
    assert ("Array(Nothing" in text) == function.reads_names
    assert f'{name} = Answer("{name}", Array(' in text
    described = re.search(rf'Describe "{name}".*?\)\r\n', source, re.DOTALL)[0]
    assert all(argument.says.replace('"', '""') in described for argument in function.arguments)


def test_only_a_call_without_arguments_is_volatile(source):
    functions = "".join(function_text(source, name) for name in REGISTRY)
    assert functions.count("Application.Volatile") == 1
    text = function_text(source, "DYNALLOC_WEIGHTS")
    condition = re.search(r"If (.*) Then Application.Volatile", text)[1]
    assert condition == " And ".join(
        f"LeftOut({argument.name})" for argument in REGISTRY["DYNALLOC_WEIGHTS"].arguments
    )


def test_python_and_vba_mean_the_same(source):
    assert f'ERROR_MARK As String = "{ERROR_MARK}"' in source
    assert f"LARGEST_TABLE As Long = {LARGEST_TABLE}\r\n" in source
    assert f'UNREAD_RANGE As String = "{UNREAD_RANGE}"' in source
    assert f'Case "{NUM}": Shown = CVErr(xlErrNum)' in source
    assert f'Case "{NOT_AVAILABLE}": Shown = CVErr(xlErrNA)' in source
    assert "Case Else: Shown = CVErr(xlErrValue)" in source


def test_every_block_of_the_module_is_closed(source):
    for opening, closing in (
        (r"^(?:Public |Private )?Function ", r"^End Function"),
        (r"^(?:Public |Private )?Sub ", r"^End Sub"),
        (r"^ *If .* Then\r?$", r"^ *End If"),
        (r"^ *For ", r"^ *Next "),
        (r"^ *Do\r?$", r"^ *Loop "),
        (r"^ *Select Case ", r"^ *End Select"),
    ):
        assert len(re.findall(opening, source, re.MULTILINE)) == len(
            re.findall(closing, source, re.MULTILINE)
        )


# --- a function is declared once ------------------------------------------------------------------------


def test_a_function_declared_in_one_place_is_in_the_module_and_the_wrapper():
    program = """
import sys
import addin.functions
from typing import Annotated
from addin.spec import REGISTRY, Number, spreadsheet_function

@spreadsheet_function("DYNALLOC_TWICE", returns="A number", example="=DYNALLOC_TWICE(2)")
def twice(x: Annotated[Number, "A number"], string: Annotated[Number, "Another"] = 0.0) -> float:
    '''Twice a number.'''
    return 2.0 * x + string

from addin.excel.build import excel_addin
from addin.excel.wrapper import wrapper_module
from tests.addin.xlwings_stack import from_cell

print(from_cell("DYNALLOC_TWICE", 21.0), from_cell("DYNALLOC_TWICE", "x"), sep="\\n")
source = wrapper_module(REGISTRY.values(), "1").source
print(*(line for line in source.splitlines() if line.startswith("Public Function DYNALLOC_TWICE")))
print(len(excel_addin()) > 0)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "42.0",
        f"{ERROR_MARK} #VALUE! x is the text 'x': a number is needed",
        "Public Function DYNALLOC_TWICE(ByVal x As Variant, Optional ByVal string_ As Variant) As Variant",
        "True",
    ]


@pytest.mark.parametrize("word", ["function", "Next", "caller", "String", "loop"])
def test_a_word_of_vba_cannot_be_a_parameter(word):
    assert parameter_name(word) == f"{word}_"


# --- xlwings' own module --------------------------------------------------------------------------------


def test_the_module_of_xlwings_keeps_its_notice_and_reads_our_settings_only():
    source = xlwings_module().source
    assert "Copyright (C) 2014-present, Zoomer Analytics LLC." in source
    assert "Redistributions in binary form must reproduce" in source
    assert f'PROJECT_NAME As String = "{PROJECT}"' in source
    assert 'Optional source As String = "user") As Variant' in source
    assert source.startswith('Attribute VB_Name = "xlwings"\r\nOption Private Module\r\n')


def test_another_module_of_xlwings_is_refused(monkeypatch, tmp_path):
    (tmp_path / "xlwings_custom_addin.bas").write_text("Attribute VB_Name")
    monkeypatch.setattr("addin.excel.xlwings_module.files", lambda _: tmp_path)
    with pytest.raises(InputError, match="install the version of constraints"):
        xlwings_module()
