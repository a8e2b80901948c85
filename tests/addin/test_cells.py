"""Cells become arrays and answers become cells exactly, and nothing that is no number passes for one."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addin.cells import (
    EXCEL_ERRORS,
    LARGEST_TABLE,
    UNREAD_RANGE,
    CellError,
    argument,
    is_left_out,
    result,
)
from addin.spec import Argument, Kind

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SIDES = st.integers(1, 7)

NO_NUMBERS = {
    "nothing": (None, "is empty"),
    "empty text": ("", "is empty"),
    "text": ("n/a", "is the text 'n/a'"),
    "text of a number": ("1.5", "is the text '1.5'"),
    "true": (True, "is TRUE"),
    "false": (False, "is FALSE"),
    "date": (date(2016, 12, 30), "is the date 2016-12-30"),
    "datetime": (datetime(2016, 12, 30, 16, 0), "is the date 2016-12-30"),
    "currency": (Decimal("1.5"), "is an amount of money that the host rounded to four decimals"),
    "error": (-2146826246, "is the error #N/A"),
    "error of a later Excel": (-2146826238 + 38, "is the error 2088"),
    "nan": (math.nan, "is nan"),
    "infinity": (-math.inf, "is -inf"),
    "object": (1j, "is complex"),
    "array": ([1.0], "is list"),
}
"""What a cell can hold instead of a number, with what the refusal says of it."""

no_numbers = st.sampled_from([*NO_NUMBERS.values()])


def given_as(kind, *, optional=False, default=None, options=()):
    return Argument("x", kind, "What it is", optional, default, options)


def read(kind, raw):
    return argument(given_as(kind), raw)


def refused(kind, raw, **how):
    with pytest.raises(CellError) as caught:
        argument(given_as(kind, **how), raw)
    assert caught.value.code == "#VALUE!"
    return str(caught.value)


@st.composite
def blocks(draw, rows=SIDES, columns=SIDES):
    """Draw a block of numbers as hosts hand it over: tuples or lists of rows."""
    height, width = draw(rows), draw(columns)
    row = st.lists(NUMBERS, min_size=width, max_size=width)
    block = draw(st.lists(row, min_size=height, max_size=height))
    return draw(st.sampled_from([block, tuple(map(tuple, block))]))


# --- numbers in -----------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(blocks())
def test_a_block_of_numbers_comes_in_and_goes_out_unchanged(block):
    array = read(Kind.MATRIX, block)
    assert array.dtype == np.float64
    assert result(array) == [[*row] for row in block]


@settings(max_examples=50)
@given(st.lists(NUMBERS, min_size=1, max_size=9))
def test_a_row_and_a_column_are_the_same_vector(values):
    as_row, as_column = [values], [[value] for value in values]
    assert read(Kind.VECTOR, as_row).tolist() == read(Kind.VECTOR, as_column).tolist() == values
    assert read(Kind.VECTOR, values).tolist() == values
    assert result(read(Kind.VECTOR, as_row)) == as_column


def test_a_whole_number_is_a_number_too():
    assert read(Kind.MATRIX, [[1, 2.5], [3, 4]]).tolist() == [[1.0, 2.5], [3.0, 4.0]]


@settings(max_examples=300)
@given(blocks(), no_numbers, st.data())
def test_one_cell_that_is_no_number_is_refused_by_row_and_column(block, bad, data):
    i = data.draw(st.integers(0, len(block) - 1))
    j = data.draw(st.integers(0, len(block[0]) - 1))
    rows = [[*row] for row in block]
    rows[i][j], says = bad
    place = f", row {i + 1}, column {j + 1}," if (len(rows), len(rows[0])) != (1, 1) else ""
    message = f"x{place} {says}"
    assert refused(Kind.MATRIX, rows).startswith(message)
    if 1 in (len(rows), len(rows[0])):
        assert refused(Kind.VECTOR, rows).startswith(message)
    if (len(rows), len(rows[0])) == (1, 1):
        assert refused(Kind.NUMBER, rows).startswith(message)


@pytest.mark.parametrize(("code", "shown"), EXCEL_ERRORS.items(), ids=EXCEL_ERRORS.values())
def test_every_error_of_excel_is_called_by_its_name(code, shown):
    assert refused(Kind.NUMBER, code) == f"x is the error {shown}: a number is needed"


# --- shapes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.VECTOR, Kind.MATRIX])
@pytest.mark.parametrize("raw", [2.5, [2.5], [[2.5]], ((2.5,),)])
def test_one_cell_is_a_range_of_one(kind, raw):
    assert read(kind, raw).ravel().tolist() == [2.5]
    assert read(Kind.NUMBER, raw) == 2.5


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.TEXT, Kind.LEVEL])
def test_a_range_where_one_cell_is_meant_is_refused(kind):
    assert refused(kind, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]) == "x is a range of 2 × 3 cells: give one cell"


@pytest.mark.parametrize("kind", [Kind.VECTOR, Kind.TEXTS])
def test_a_block_where_a_row_or_a_column_is_meant_is_refused(kind):
    assert refused(kind, [[1.0] * 3] * 2) == f"x has 2 rows and 3 columns: give {kind}"


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.ANYTHING])
@pytest.mark.parametrize("raw", [[[1.0, 2.0], [3.0]], [[1.0], 2.0], [[], [1.0]]])
def test_rows_of_different_lengths_are_refused(kind, raw):
    assert refused(kind, raw) == "x has rows of different lengths: give a rectangular range"


@pytest.mark.parametrize("kind", [Kind.VECTOR, Kind.MATRIX, Kind.TEXTS, Kind.TABLE])
def test_a_whole_column_is_refused_before_its_cells_are_read(kind):
    assert refused(kind, [[1.0]] * 2**20) == "x has 1,048,576 cells: give the range that is filled"


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.ANYTHING])
def test_areas_that_the_host_could_not_hand_over_are_refused_by_their_address(kind):
    says = "x is $A:$A,$C:$C: give one range, and only the part that is filled"
    assert refused(kind, f"{UNREAD_RANGE} $A:$A,$C:$C") == says


def test_the_largest_range_is_read():
    assert read(Kind.MATRIX, [[1.0] * 1000] * (LARGEST_TABLE // 1000)).sum() == LARGEST_TABLE


# --- what is left out -----------------------------------------------------------------------------------

NOTHING = (None, "", (), [], [[]], [[None]], (("",),))


@pytest.mark.parametrize("raw", NOTHING)
@pytest.mark.parametrize("kind", Kind)
def test_an_argument_left_out_is_its_default(kind, raw):
    assert is_left_out(raw)
    assert argument(given_as(kind, optional=True, default="the default"), raw) == "the default"


@pytest.mark.parametrize("raw", [[[None, None]], [[None], [None]], [[0.0]], 0.0, False, " "])
def test_cells_that_are_there_are_not_left_out(raw):
    assert not is_left_out(raw)


@pytest.mark.parametrize("raw", [None, [[None]]])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.ANYTHING, Kind.TABLE)])
def test_an_empty_cell_is_never_read_as_zero(kind, raw):
    assert refused(kind, raw).startswith("x is empty")


# --- texts, levels and tables ---------------------------------------------------------------------------


def test_texts_are_read_in_a_row_or_a_column():
    assert read(Kind.TEXTS, [["Energy"], ["Utilities"]]) == ("Energy", "Utilities")
    assert read(Kind.TEXTS, [["Energy", "Utilities"]]) == ("Energy", "Utilities")


@pytest.mark.parametrize(
    ("value", "says"),
    [(2.5, "is 2.5"), (None, "is empty"), (True, "is TRUE"), (-2146826259, "is #NAME?")],
)
def test_what_is_no_text_is_refused_by_place(value, says):
    assert refused(Kind.TEXTS, [["Energy"], [value]]) == f"x, row 2, column 1, {says}: a text is needed"


@pytest.mark.parametrize("value", ["high", 7.0])
def test_a_level_is_a_text_or_a_number_as_it_stands(value):
    assert read(Kind.LEVEL, [[value]]) == value


@pytest.mark.parametrize("case", sorted(NO_NUMBERS.keys() - {"text", "text of a number"}))
def test_a_level_is_nothing_else(case):
    value, says = NO_NUMBERS[case]
    assert refused(Kind.LEVEL, [[value]]).startswith(f"x {says}")


def test_a_table_keeps_texts_numbers_and_gaps():
    raw = [["ZXUA", "Stocks", "Energy", 0.12], ["ZXBA", "Bonds", "", None]]
    assert read(Kind.TABLE, raw) == (("ZXUA", "Stocks", "Energy", 0.12), ("ZXBA", "Bonds", None, None))


@pytest.mark.parametrize(
    "case", sorted(NO_NUMBERS.keys() - {"nothing", "empty text", "text", "text of a number"})
)
def test_a_table_takes_nothing_else(case):
    value, says = NO_NUMBERS[case]
    assert refused(Kind.TABLE, [["ZXUA", 1.0], ["ZXBA", value]]).startswith(f"x, row 2, column 2, {says}")


@pytest.mark.parametrize("typed", ["rank", "Rank", " RANK "])
def test_a_choice_is_taken_whatever_its_capitals(typed):
    assert argument(given_as(Kind.TEXT, options=("minmax", "rank")), typed) == "rank"


def test_another_text_than_the_choices_is_refused_with_the_list():
    says = refused(Kind.TEXT, "ranks", options=("minmax", "rank"))
    assert says == "x is 'ranks': give one of minmax, rank"


def test_anything_is_passed_on_as_it_is():
    raw = [[1.0, "a"], [None, True]]
    assert read(Kind.ANYTHING, raw) is raw


# --- answers out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        (0.25, 0.25),
        (2, 2.0),
        (np.float64(0.25), 0.25),
        (np.int64(2**40), float(2**40)),
        ("calm", "calm"),
        (True, True),
        (np.bool_(False), False),
        (None, ""),
        (np.array([1.0, 2.0]), [[1.0], [2.0]]),
        (np.array([[1, 2], [3, 4]]), [[1.0, 2.0], [3.0, 4.0]]),
        (np.array(0.25), 0.25),
        ([1, "a"], [[1.0], ["a"]]),
        ([["a", np.float64(0.5), None], ("b", 3, True)], [["a", 0.5, ""], ["b", 3.0, True]]),
    ],
    ids=repr,
)
def test_an_answer_is_a_value_or_rows_of_values(value, cells):
    shown = result(value)
    assert shown == cells
    flat = [cell for row in shown for cell in row] if isinstance(shown, list) else [shown]
    assert {type(cell) for cell in flat} <= {float, str, bool}


@pytest.mark.parametrize("value", [math.nan, -math.inf, np.float64("nan")])
@pytest.mark.parametrize(
    "shaped",
    [lambda x: x, lambda x: np.array([1.0, x]), lambda x: np.array([[x, 1.0]]), lambda x: [["a", x]]],
)
def test_no_answer_contains_what_is_no_number(value, shaped):
    with pytest.raises(CellError, match="the result is not a finite number") as caught:
        result(shaped(value))
    assert caught.value.code == "#NUM!"
