"""Ten thousand blocks of anything: no call crashes, hangs, or makes a number of what was none."""

from __future__ import annotations

import math
import os
from decimal import Decimal
from random import Random
from time import perf_counter
from typing import Any

import pytest

import addin.functions  # noqa: F401  (fills the registry)
from addin.cells import EXCEL_ERRORS
from addin.excel.answers import ERROR_MARK
from addin.spec import REGISTRY, Argument, Kind
from tests.addin.test_excel_calls import CALLS, replaced
from tests.addin.xlwings_stack import MISSING, Date, FakeRange, from_cell

CALLS_OF_ANY = 10_000 if os.environ.get("PYALLOC_SOAK") == "1" else 1_500
LONGEST_CALL = 20.0  # seconds; what takes so long is a frozen Excel

NUMBERS = (0.0, 1.0, -1.0, 0.25, 0.5, 12.0, 21.0, 1e-320, 1e-12, 1e12, 1.7e308, -1.7e308, 7, math.pi)
OTHERS = (
    *(None, "", " ", "high", "Stocks", "Utilities", "1.5", "=1+1", "é" * 300, True, False),
    *(math.nan, math.inf, -math.inf, Decimal("1.5"), Date(2016, 12, 30)),
    *(*EXCEL_ERRORS, -2146826200),
)
MOST_ROWS = 6


def block(rng: Random) -> Any:
    """Return a raw argument of any shape and content, numbers more often than not."""
    shape = rng.choice(["left out", "cell", "cell", "row", "column", "block", "block", "odd"])
    pure = rng.random() < 0.6

    def cell() -> Any:
        return rng.choice(NUMBERS) if pure or rng.random() < 0.7 else rng.choice(OTHERS)

    height, width = rng.randint(1, MOST_ROWS), rng.randint(1, MOST_ROWS)
    match shape:
        case "left out":
            return MISSING
        case "cell":
            return cell()
        case "row":
            height = 1
        case "column":
            width = 1
        case "odd":
            ragged = tuple(tuple(cell() for _ in range(rng.randint(0, 3))) for _ in range(height))
            flat, long = tuple(cell() for _ in range(width)), ((cell(),) * 50,) * 400
            return rng.choice([(), ((),), ragged, flat, long])
    rows = tuple(tuple(cell() for _ in range(width)) for _ in range(height))
    return FakeRange(rows if len(rows) * width > 1 else rows[0][0]) if rng.random() < 0.3 else rows


def cells_of(raw: Any) -> list[Any]:
    if isinstance(raw, FakeRange):
        raw = raw.Value
    if not isinstance(raw, tuple):
        return [raw]
    return [cell for part in raw for cell in cells_of(part)]


def is_blank(raw: Any) -> bool:
    return all(cell is None or cell == "" or cell == MISSING for cell in cells_of(raw))


def is_number(cell: Any) -> bool:
    return type(cell) in (int, float) and math.isfinite(cell) and not (type(cell) is int and cell < -(2**30))


def fits(argument: Argument, raw: Any) -> bool:
    """Return whether every cell is of the kind that the argument asks for."""
    cells = cells_of(raw)
    match argument.kind:
        case Kind.ANYTHING:
            return True
        case Kind.NUMBER | Kind.VECTOR | Kind.MATRIX:
            return all(map(is_number, cells))
        case Kind.TEXT | Kind.TEXTS:
            return all(isinstance(cell, str) and cell for cell in cells)
        case _:
            return all(cell is None or isinstance(cell, str) or is_number(cell) for cell in cells)


def is_shown(value: Any) -> bool:
    """Return whether a cell can show it."""
    return isinstance(value, str | bool) or (type(value) is float and math.isfinite(value))


def is_answer(given: Any) -> bool:
    """Return whether Excel can take it: a value, a row of values, or rows of equal length."""
    if not isinstance(given, list):
        return is_shown(given)
    rows = given if isinstance(given[0], list) else [given]
    return len({len(row) for row in rows}) == 1 and all(is_shown(value) for row in rows for value in row)


def spoiled(rng: Random, given: Any) -> Any:
    """Return a good argument with anything in one of its cells."""
    value = rng.choice((*NUMBERS, *OTHERS))
    return replaced(given, rng.randrange(-1, 1), rng.randrange(-1, 1), value)


def arguments_of(name: str, rng: Random) -> list[Any]:
    """Return blocks of anything, or those of a good call with anything in some of them."""
    if name in CALLS and rng.random() < 0.5:
        return [spoiled(rng, given) if rng.random() < 0.4 else given for given in CALLS[name]]
    return [block(rng) for _ in REGISTRY[name].arguments]


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("name", REGISTRY)
def test_a_call_answers_or_refuses_whatever_it_is_given(name):
    arguments, rng = REGISTRY[name].arguments, Random(name)
    for number in range(CALLS_OF_ANY // len(REGISTRY) if arguments else 1):
        given = arguments_of(name, rng)
        started = perf_counter()
        answer = from_cell(name, *given)
        assert perf_counter() - started < LONGEST_CALL, (number, given)
        assert is_answer(answer), (number, given, answer)
        assert "unexpectedly" not in str(answer), (number, given, answer)
        if not all(is_blank(raw) or fits(each, raw) for each, raw in zip(arguments, given, strict=False)):
            assert str(answer).startswith(ERROR_MARK), (number, given, answer)
