"""What a formula in Excel gets: every function through the real xlwings, from ranges and from arrays."""

from __future__ import annotations

import datetime as dt
import importlib
import math
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest

import addin.functions  # noqa: F401  (fills the registry)
from addin.calls import answer
from addin.cells import EXCEL_ERRORS
from addin.excel.answers import ERROR_MARK
from addin.spec import REGISTRY, Kind
from tests.addin.xlwings_stack import MISSING, Date, FakeRange, from_cell, windows_xlwings

A = ((1.0, 1.0, 1.0, 1.0), (0.4, -0.6, -0.6, -0.6), (0.0, -0.2, 0.8, 0.0), (-0.1, -0.1, -0.1, 0.9))
B = ((1000.0,), (0.0,), (0.0,), (0.0,))
MU = ((0.05,), (0.07,), (0.10,))
COV = ((0.04, 0.01, 0.0), (0.01, 0.05, 0.02), (0.0, 0.02, 0.09))
MACRO = ((18.0, 0.02, 0.01),)
UNIVERSE = (
    ("AAA", "Stocks", "Utilities", 0.8),
    ("BBB", "Stocks", "Energy", 0.5),
    ("BND", "Bonds", None, None),
    ("CSH", "Cash", None, None),
    ("GLD", "Commodities", None, None),
)

CALLS = {
    "DYNALLOC_WEIGHTS": (UNIVERSE, MACRO, A, B),
    "CATEGORY_SOLVE": (A, B),
    "CATEGORY_EXPLAIN": (A, B),
    "DYNALLOC_MATRIX": ("high", MACRO, 250_000.0),
    "DYNALLOC_STRESS": (20.0, 0.02, 0.01),
    "DYNALLOC_REGIME": (0.62,),
    "DYNALLOC_RECESSION": (0.01,),
    "DYNALLOC_TILTS": ((("Utilities",), ("Energy",)), 0.8),
    "DYNALLOC_MOMENTUM": (tuple((100.0 + i, 90.0 - i) for i in range(14)),),
    "DYNALLOC_STOCKS": (((0.1,), (0.9,), (0.4,)), (("Energy",), ("Utilities",), ("Energy",)), 0.7, 0.6),
    "ADJ_RETURN": (0.08, "high"),
    "DYNALLOC_FRONTIER": (MU, COV, 5.0),
    "DYNALLOC_TARGET": (MU, COV, 0.08),
    "DYNALLOC_TARGET_STATUS": (MU, COV, 0.08, ((0.3,), (0.3,), (0.4,)), 0.8, 0.1),
    "DYNALLOC_RISK": (((0.2,), (0.3,), (0.5,)), COV),
    "DYNALLOC_STATS": (((1.0,), (1.1,), (1.05,), (1.2,)), 12.0),
    "DYNALLOC_WHY": ("DYNALLOC_STRESS", 2000.0, 0.02, 0.01),
    "DYNALLOC_VERSION": (),
}
"""A call of each function that is answered."""

NO_NUMBERS = {
    "empty": None,
    "empty text": "",
    "text": "high",
    "text of a number": "1.5",
    "TRUE": True,
    "FALSE": False,
    "date": Date(2016, 12, 30, tzinfo=dt.UTC),
    "money": Decimal("1.5"),
    "nan": math.nan,
    "inf": -math.inf,
    **{name: code for code, name in EXCEL_ERRORS.items()},
    "an error of a later Excel": -2146826200,
}
NUMERIC = (Kind.NUMBER, Kind.VECTOR, Kind.MATRIX)


def as_rows(given):
    """Return what CallUDF gave as rows: it makes one row flat, and one cell a value."""
    if not isinstance(given, list):
        return [[given]]
    return given if isinstance(given[0], list) else [given]


def replaced(block, row, column, value):
    """Return a block with another value in one of its cells."""
    if not isinstance(block, tuple):
        return value
    rows = [list(cells) for cells in block]
    rows[row][column] = value
    return tuple(map(tuple, rows))


def refused(given, code="#VALUE!"):
    return isinstance(given, str) and given.startswith(f"{ERROR_MARK} {code} ")


# --- values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_a_function_gives_what_it_gives_without_excel(name):
    expected = answer(name, CALLS[name])
    expected = expected if isinstance(expected, list) else [[expected]]
    assert as_rows(from_cell(name, *CALLS[name])) == expected
    assert as_rows(from_cell(name, *map(FakeRange, CALLS[name]))) == expected


@pytest.mark.parametrize("name", CALLS)
def test_no_answer_begins_as_an_error_does(name):
    assert ERROR_MARK not in str(from_cell(name, *CALLS[name]))


def test_a_row_and_a_column_are_the_same_vector():
    column = from_cell("DYNALLOC_RISK", ((0.2,), (0.3,), (0.5,)), COV)
    assert from_cell("DYNALLOC_RISK", ((0.2, 0.3, 0.5),), COV) == column
    assert from_cell("DYNALLOC_RISK", (0.2, 0.3, 0.5), COV) == column
    assert from_cell("DYNALLOC_RISK", FakeRange(((0.2, 0.3, 0.5),)), FakeRange(COV)) == column


def test_one_cell_is_a_block_of_one():
    assert from_cell("CATEGORY_SOLVE", 2.0, 10.0) == 5.0
    assert from_cell("CATEGORY_SOLVE", ((2.0,),), ((10.0,),)) == 5.0
    assert from_cell("CATEGORY_SOLVE", FakeRange(2.0), FakeRange(10.0)) == 5.0


@pytest.mark.parametrize("left_out", [MISSING, None, FakeRange(None), ((None,),)])
def test_an_argument_left_out_has_its_default(left_out):
    plain = from_cell("DYNALLOC_MOMENTUM", *CALLS["DYNALLOC_MOMENTUM"])
    assert from_cell("DYNALLOC_MOMENTUM", *CALLS["DYNALLOC_MOMENTUM"], left_out, left_out) == plain


# --- what is no number ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_number_is_refused_where_it_stands(name, value):
    for place, (argument, given) in enumerate(zip(REGISTRY[name].arguments, CALLS[name], strict=False)):
        if argument.kind not in NUMERIC or (argument.optional and value in (None, "")):
            continue
        spoiled = replaced(given, -1, -1, value)
        for kind in (FakeRange, lambda cells: cells):
            shown = from_cell(name, *CALLS[name][:place], kind(spoiled), *CALLS[name][place + 1 :])
            assert refused(shown), shown
            assert argument.name in shown
            if isinstance(given, tuple) and len(given) * len(given[0]) > 1:
                assert f"row {len(given)}, column {len(given[0])}" in shown


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_a_table_of_texts_and_numbers_takes_nothing_else(value):
    spoiled = replaced(UNIVERSE, 0, 3, value)
    assert refused(from_cell("DYNALLOC_WEIGHTS", spoiled, MACRO, A, B))


def test_an_error_says_what_kind_it_is():
    assert refused(from_cell("CATEGORY_SOLVE", ((1.0, 1.0), (2.0, 2.0)), ((1.0,), (5.0,))), "#NUM!")
    assert refused(from_cell("DYNALLOC_WEIGHTS"), "#N/A")
    assert refused(from_cell("DYNALLOC_STRESS", 2000.0, 0.02, 0.01), "#VALUE!")
    assert from_cell("DYNALLOC_WHY", "DYNALLOC_STRESS", 2000.0, 0.02, 0.01).startswith("#VALUE!: vix is 2000")


def test_a_bug_is_one_sentence_and_no_traceback(monkeypatch):
    def bug(*_):
        raise RuntimeError("line one\nline two")

    function = REGISTRY["ADJ_RETURN"]
    monkeypatch.setitem(REGISTRY, "ADJ_RETURN", SimpleNamespace(**{**vars(function), "call": bug}))
    shown = from_cell("ADJ_RETURN", 0.08, "high")
    assert refused(shown)
    assert "\n" not in shown
    assert "line one" not in shown


# --- stock xlwings --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stock_wrapper():
    """Return the module that the "Import Functions" of stock xlwings writes from ours."""
    windows_xlwings()
    udfs = importlib.import_module("xlwings.udfs")
    text = StringIO()
    module = importlib.import_module("addin.excel.udfs")
    udfs.generate_vba_wrapper("addin.excel.udfs", module, text, SimpleNamespace(Name="Book1.xlsm"))
    return text.getvalue()


@pytest.mark.parametrize("name", REGISTRY)
def test_stock_xlwings_imports_every_function(name, stock_wrapper):
    spec = importlib.import_module("addin.excel.udfs").__dict__[name].__xlfunc__
    own = [argument for argument in spec["args"] if not argument["vba"]]
    assert f"Function {name}(" in stock_wrapper
    assert spec["category"] == "pyalloc"
    assert spec["ret"]["doc"] == REGISTRY[name].says
    assert [argument["doc"] for argument in own] == [argument.says for argument in REGISTRY[name].arguments]
    assert ["optional" in argument for argument in own] == [a.optional for a in REGISTRY[name].arguments]


def test_stock_xlwings_hides_the_calling_cell(stock_wrapper):
    assert 'CallUDF("addin.excel.udfs", "DYNALLOC_WEIGHTS", Array(Nothing, universe' in stock_wrapper
    assert "caller" not in stock_wrapper


def test_no_parameter_is_a_word_of_vba(stock_wrapper):
    assert "Function DYNALLOC_WHY(function_, Optional argument_1" in stock_wrapper


def test_xlwings_converts_nothing_by_itself():
    windows_xlwings()
    for name, function in vars(importlib.import_module("addin.excel.udfs")).items():
        if name in REGISTRY:
            spec = function.__xlfunc__
            options = [spec["ret"]["options"], *(argument["options"] for argument in spec["args"])]
            assert {option["convert"] for option in options} == {"raw"}


def test_numpy_values_do_not_reach_excel():
    cells = [cell for row in as_rows(from_cell("DYNALLOC_FRONTIER", MU, COV, 3.0)) for cell in row]
    assert {type(cell) for cell in cells} == {float}
    assert not any(isinstance(cell, np.generic) for cell in cells)
