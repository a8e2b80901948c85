"""What the functions cost in LibreOffice: start of the worker, and cells answered by it or without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import openpyxl

from benchmarks.measure import paired, show
from tests.hosts.calc_host import CalcHost, HostMissingError
from tests.hosts.function_host import build_extensions, find_calc_for_functions

CELLS: Final = 1000
ROUNDS: Final = 9
NUMPY: Final = "import numpy"
INSIDE: Final = "inside LibreOffice's Python"
STAND_IN: Final = Path(__file__).with_name("inside_calc.py")


def run() -> None:
    """Time the worker's start beside numpy's, and a recalculation beside one without a worker."""
    _start()
    with TemporaryDirectory() as folder, ExitStack() as hosts:
        try:
            _cells(Path(folder), hosts)
        except HostMissingError as missing:
            print(f"\n{missing}; the cells are not timed")


def _start() -> None:
    def process(*arguments: str) -> Callable[[], object]:
        command = [sys.executable, *arguments]
        return lambda: subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    # With nothing to read, the worker ends when it is ready.
    programs = {NUMPY: process("-c", NUMPY), "worker ready": process("-P", "-m", "addin.calc.worker")}
    show(f"Start of the worker, whole processes, ratio to {NUMPY}", paired(programs, ROUNDS), NUMPY)


def _cells(folder: Path, hosts: ExitStack) -> None:
    program = find_calc_for_functions()
    workbook = _workbook(folder / "cells.xlsx")
    ways = {
        INSIDE: _without_worker(build_extensions(folder / "inside")),
        "by the worker": build_extensions(folder / "worker"),
    }
    offices = {
        name: hosts.enter_context(CalcHost(program, extensions=extensions))
        for name, extensions in ways.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in offices}
    for _ in range(ROUNDS):
        for name, office in offices.items():
            seconds[name].append(min(office.time_calculation(workbook, 3)))
    show(f"{CELLS:,} cells of ADJ_RETURN recalculated, answered", seconds, INSIDE)


def _workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    for i in range(1, CELLS + 1):
        book.active.append([i / 1e4, f'=ADJ_RETURN(A{i},"high")'])
    book.save(path)
    return path


def _without_worker(extensions: Path) -> Path:
    shutil.copyfile(STAND_IN, extensions / "pyalloc" / "pythonpath" / "pyalloc_bridge.py")
    return extensions
