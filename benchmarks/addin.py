"""What a PM waits for in Excel: the import at the first formula, and cells becoming arrays and back.

Conversions run through the real xlwings, over stubs of Windows' COM: an echo declared as any function of
ours, and one with xlwings' own numpy conversion.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import numpy as np

from addin.spec import REGISTRY, Matrix, spreadsheet_function
from benchmarks.measure import paired, show
from tests.addin.xlwings_stack import windows_xlwings

IMPORTS: Final = {
    "import addin.excel.udfs": "import addin.excel.udfs",
    "import xlwings": "import xlwings",
}
SIZES: Final = {(1, 1): 5000, (50, 50): 40, (2500, 50): 1}
"""Rows and columns, and how many calls are timed at once."""

ROUNDS: Final = 9
OURS, THEIRS = "ours", "xlwings, numpy"


def run() -> None:
    """Time imports in processes of their own, then calls."""
    seconds = paired({name: _process(program) for name, program in IMPORTS.items()}, ROUNDS)
    show("First formula, whole processes, ratio to import xlwings", seconds, "import xlwings")
    echoes = _echoes()
    for (rows, columns), calls in SIZES.items():
        block = tuple(map(tuple, np.random.default_rng(1).normal(size=(rows, columns)).tolist()))
        cells = block if len(block) > 1 else block[0][0]
        candidates = {name: _calls(echo, cells, calls) for name, echo in echoes.items()}
        seconds = paired(candidates, ROUNDS)
        show(f"{rows} x {columns} cells in and out, {calls} calls, ratio to {OURS}", seconds, OURS)


def _process(program: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", program], check=True)


def _echoes() -> dict[str, Callable[[Any], Any]]:
    """Return functions that give back the cells they are given, as xlwings decorates them."""

    @spreadsheet_function("DYNALLOC_ECHO", returns="The same numbers", example="=DYNALLOC_ECHO(A1:B2)")
    def echo(numbers: Annotated[Matrix, "Numbers"]) -> Any:
        """Return numbers."""
        return numbers

    xlwings = windows_xlwings()
    from addin.excel.udfs import served  # with the xlwings of Windows

    def theirs(numbers: Any) -> Any:
        return numbers

    return {
        OURS: served(REGISTRY["DYNALLOC_ECHO"]),
        THEIRS: xlwings.func(xlwings.ret(np.array)(xlwings.arg("numbers", np.array, ndim=2)(theirs))),
    }


def _calls(function: Any, cells: Any, calls: int) -> Callable[[], object]:
    """Return what xlwings does of a call once it has found the function: read, call, write."""
    from xlwings import conversion

    reading, writing = function.__xlfunc__["args"][0]["options"], function.__xlfunc__["ret"]["options"]

    def call() -> None:
        for _ in range(calls):
            conversion.write(function(conversion.read(None, cells, reading)), None, writing)

    return call
