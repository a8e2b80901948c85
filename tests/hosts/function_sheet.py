"""Calls of every spreadsheet function, and how they come onto a worksheet: rows of arguments are ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.worksheet import Worksheet

from tests.hosts.calc_host import Cell

Rows: TypeAlias = list[list[Any]]
Block: TypeAlias = list[list[Cell]]
"""Cells that belong together, row by row."""

_A: Final = [
    [1.0, 1.0, 1.0, 1.0],
    [0.4, -0.6, -0.6, -0.6],
    [0.0, -0.2, 0.8, 0.0],
    [-0.04, -0.04, -0.04, 0.96],
]
_B: Final = [[250_000.0], [0.0], [0.0], [0.0]]
_MU: Final = [[0.06], [0.08], [0.11]]
_COV: Final = [[0.04, 0.006, 0.01], [0.006, 0.05, 0.02], [0.01, 0.02, 0.09]]
_SECTORS: Final = [["Utilities"], ["Energy"], ["Information Technology"]]
_UNIVERSE: Final = [
    ["AAA", "Stocks", "Utilities", 0.12],
    ["BBB", "Stocks", "Energy", 0.3],
    ["CCC", "Stocks", "Information Technology", -0.1],
    ["BND", "Bonds", None, None],
    ["CSH", "Cash", None, None],
    ["OIL", "Commodities", None, None],
]
_MACRO: Final = [[20.0], [0.02], [0.01]]
_PRICES: Final = [[100.0 + 3 * month, 80.0 - month] for month in range(13)]

RIGHT: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("DYNALLOC_WEIGHTS", (_UNIVERSE, _MACRO, _A, _B)),
    ("DYNALLOC_WEIGHTS", (_UNIVERSE, _MACRO, _A, _B, "high", _COV)),
    ("CATEGORY_SOLVE", (_A, _B)),
    ("CATEGORY_SOLVE", (_A, _B, [[0.0], [0.0], [0.1], [0.0]], [[0.3], [1.0], [1.0], [1.0]])),
    ("CATEGORY_EXPLAIN", (_A, _B)),
    ("DYNALLOC_MATRIX", ("high", _MACRO, 250_000.0)),
    ("DYNALLOC_STRESS", (20.0, 0.02, 0.01)),
    ("DYNALLOC_REGIME", (0.62,)),
    ("DYNALLOC_RECESSION", (0.01,)),
    ("DYNALLOC_TILTS", (_SECTORS, 0.8)),
    ("DYNALLOC_MOMENTUM", (_PRICES,)),
    ("DYNALLOC_STOCKS", ([[0.1], [0.3], [0.2]], _SECTORS, 0.62)),
    ("ADJ_RETURN", (0.08, "high")),
    ("ADJ_RETURN", (0.08, 7.0)),
    ("DYNALLOC_FRONTIER", (_MU, _COV, 5.0)),
    ("DYNALLOC_TARGET", (_MU, _COV, 0.09)),
    ("DYNALLOC_TARGET_STATUS", (_MU, _COV, 0.5)),
    ("DYNALLOC_RISK", ([[0.5], [0.3], [0.2]], _COV)),
    ("DYNALLOC_STATS", ([[1.0], [1.1], [1.05], [1.2]], 12.0)),
    ("DYNALLOC_WHY", ("DYNALLOC_STRESS", 2000.0, 0.02, 0.01)),
    ("DYNALLOC_VERSION", ()),
)
"""Function and arguments of calls that return something, at least one of each function."""

WRONG: Final[tuple[tuple[str, tuple[Any, ...], str], ...]] = (
    ("ADJ_RETURN", ("x", "high"), "#VALUE!"),
    ("ADJ_RETURN", (0.08,), "#VALUE!"),
    ("ADJ_RETURN", (0.08, 0.5), "#VALUE!"),
    ("DYNALLOC_STRESS", (2000.0, 0.02, 0.01), "#VALUE!"),
    ("CATEGORY_SOLVE", ([[1.0, 1.0], [2.0, "a text"]], [[1.0], [2.0]]), "#VALUE!"),
    ("CATEGORY_SOLVE", ([[1.0, 1.0], [2.0, None]], [[1.0], [2.0]]), "#VALUE!"),
    ("CATEGORY_SOLVE", ([[1.0, 1.0], [2.0, 2.0]], [[1.0], [2.0]]), "#NUM!"),
    ("DYNALLOC_WEIGHTS", (), "#N/A"),
    ("DYNALLOC_MOMENTUM", (_PRICES[:5],), "#N/A"),
)
"""Function, arguments and error of calls that do not."""


def write_calls(
    path: Path, calls: Iterable[tuple[str, tuple[Any, ...], tuple[int, int]]]
) -> list[tuple[str, Block]]:
    """Write a workbook of calls, without values, and return each formula with the cells of its result.

    Parameters
    ----------
    path : Path
    calls : iterable of (function, arguments, shape of the result)
        Numbers and texts are typed into the formula, rows become a range.
    """
    book = openpyxl.Workbook()
    results, arguments = book.active, book.create_sheet("Arguments")
    results.title = "Results"
    written, row = [], 1
    for function, given, shape in calls:
        formula = f"={function}({','.join(_typed(argument, arguments) for argument in given)})"
        written.append((formula, put(results, row, formula, shape)))
        row += shape[0] + 1
    book.save(path)
    return written


def put(sheet: Worksheet, row: int, formula: str, shape: tuple[int, int]) -> Block:
    """Write a formula of that shape from column A of a row on, and return its cells."""
    height, width = shape
    block = [
        [(sheet.title, f"{get_column_letter(j)}{i}") for j in range(1, width + 1)]
        for i in range(row, row + height)
    ]
    first, last = block[0][0][1], block[-1][-1][1]
    sheet[first] = formula if first == last else ArrayFormula(f"{first}:{last}", formula)
    return block


def read(block: Block, value_of: Callable[[Cell], Any]) -> Rows:
    """Return what cells hold."""
    return [[value_of(cell) for cell in row] for row in block]


def shape_of(result: Any) -> tuple[int, int]:
    """Return rows and columns of what a call returns."""
    return (len(result), len(result[0])) if isinstance(result, list) else (1, 1)


def departures(got: Rows, want: Rows, tolerance: float = 1e-12) -> list[tuple[Any, Any]]:
    """Return each pair of values that differ."""
    pairs = (pair for rows in zip(got, want, strict=True) for pair in zip(*rows, strict=True))
    return [(mine, theirs) for mine, theirs in pairs if not _equal(mine, theirs, tolerance)]


def _equal(got: Any, want: Any, tolerance: float) -> bool:
    if isinstance(got, int | float) and isinstance(want, int | float):
        return abs(got - want) <= tolerance * max(1.0, abs(want))
    return bool(got == want)


def _typed(argument: Any, sheet: Worksheet) -> str:
    """Return an argument as a formula has it; rows go onto a sheet first."""
    if not isinstance(argument, list):
        return f'"{argument}"' if isinstance(argument, str) else f"{argument:.15g}"
    first = sheet.max_row + 2
    for i, row in enumerate(argument):
        for j, value in enumerate(row):
            sheet.cell(first + i, j + 1, value)
    return f"{sheet.title}!A{first}:{get_column_letter(len(argument[0]))}{first + len(argument) - 1}"
