"""LibreOffice Calc as an independent spreadsheet against which tests hold our numbers."""

from __future__ import annotations

import json
import math
import os
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

SERVER = Path(__file__).with_name("calc_server.py")
SHUTDOWN_SECONDS = 20.0
_ADDRESS = re.compile(r"[A-Z]{1,3}[1-9][0-9]*")


@dataclass(frozen=True)
class CalcError:
    """An error value in a cell.

    Attributes
    ----------
    code : int
        Calc's own number: 503 is #NUM!, 519 #VALUE!, 524 #REF!, 525 #NAME?, 532 #DIV/0!, 32767 #N/A.
    text : str
        What the cell shows; codes without an Excel name read like ``Err:502``.
    """

    code: int
    text: str


Cell: TypeAlias = tuple[str, str]
"""Sheet and address: ``("Inputs", "C7")``."""

CellInput: TypeAlias = float | str | bool | None
CellValue: TypeAlias = float | str | bool | CalcError


@dataclass(frozen=True)
class Recalculated:
    """What Calc computed.

    Attributes
    ----------
    values : mapping of (sheet, address) to float, str, bool or CalcError
        Every cell that is not empty. Dates are serial numbers. Calc has no boolean type: 1 and 0 are
        booleans where the cell shows TRUE or FALSE, and numbers under any other number format.
    formulas : frozenset of (sheet, address)
        The cells that hold a formula; each cell of an array formula counts.
    """

    values: Mapping[Cell, CellValue]
    formulas: frozenset[Cell]

    def __getitem__(self, cell: Cell) -> CellValue:
        return self.values[cell]


class HostError(Exception):
    """The spreadsheet program refused a workbook, died or did not answer."""


class HostMissingError(HostError):
    """The spreadsheet program is not on this machine."""


@dataclass(frozen=True)
class CalcProgram:
    """Where LibreOffice is, and a Python that can talk to it."""

    soffice: str
    python: str

    def release(self) -> tuple[int, int]:
        """Return the release of LibreOffice, as (25, 2)."""
        said = subprocess.run(
            [self.soffice, "--version"], env=_foreign_environment(), capture_output=True, text=True
        ).stdout
        found = re.search(r"(\d+)\.(\d+)", said)
        if found is None:
            raise HostMissingError(f"{self.soffice} tells no version")
        return int(found[1]), int(found[2])


def find_calc() -> CalcProgram:
    """Find LibreOffice on the PATH, or where PYALLOC_SOFFICE says, and a Python that has ``uno``.

    Raises
    ------
    HostMissingError
        If either is absent; the text says which.
    """
    if os.name != "posix":
        raise HostMissingError("LibreOffice is driven through process groups, which only POSIX systems have")
    override = os.environ.get("PYALLOC_SOFFICE")
    names = (override,) if override else ("soffice", "libreoffice")
    soffice = next(filter(None, map(shutil.which, names)), None)
    if soffice is None:
        raise HostMissingError(f"LibreOffice is not installed: no program {' or '.join(names)}")
    pythons = (str(Path(soffice).resolve().with_name("python")), "/usr/bin/python3")
    for python in filter(shutil.which, pythons):
        probe = [python, "-c", "import uno"]
        if subprocess.run(probe, env=_foreign_environment(), capture_output=True).returncode == 0:
            return CalcProgram(soffice, python)
    raise HostMissingError(f"no Python with uno (package python3-uno): tried {' and '.join(pythons)}")


def _foreign_environment() -> dict[str, str]:
    """Return the environment without what would make another Python load our libraries, or take ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "LD_LIBRARY_PATH"}
    folders = kept.get("PATH", os.defpath).split(os.pathsep)
    others = [folder for folder in folders if not (Path(folder).parent / "pyvenv.cfg").exists()]
    return kept | {"PATH": os.pathsep.join(others)}


class CalcHost:
    """One headless soffice with a profile of its own; it starts when first asked and ends with ``close``.

    A soffice that dies or exceeds the timeout fails the call it was busy with, and the next call starts
    another. It also ends when the process that drives it does, however that ends.

    Parameters
    ----------
    program : CalcProgram
        What to run.
    timeout : float
        Longest wait for one answer, in seconds.
    extensions : Path, optional
        Folder of unpacked extensions, which need no installation.
    """

    def __init__(self, program: CalcProgram, timeout: float = 60.0, extensions: Path | None = None) -> None:
        self.timeout = timeout
        self.extensions = extensions
        self.soffice_pid: int | None = None  # leads its process group
        self._program = program
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def recalculate(self, path: Path, edits: Mapping[Cell, CellInput] | None = None) -> Recalculated:
        """Load a workbook, overwrite some cells, compute every formula anew and read every cell.

        Parameters
        ----------
        path : Path
            The .xlsx file, which stays as it is.
        edits : mapping of (sheet, address) to float, str, bool or None
            Literals to put into cells before the calculation; text is never taken for a formula, and None
            empties the cell.

        Raises
        ------
        ValueError
            If an edit names no single cell or is not a finite number.
        HostError
            If Calc cannot open the file, a sheet is absent, or soffice died or did not answer in time.
        """
        checked = [_checked_edit(sheet, address, value) for (sheet, address), value in (edits or {}).items()]
        return _recalculated(self._ask("recalculate", [path], edits=checked))

    def recalculate_together(self, *paths: Path) -> list[Recalculated]:
        """Load several workbooks, compute one after the other, and only then read every cell of each."""
        return [_recalculated(cells) for cells in self._ask("recalculate_together", paths)]

    def time_calculation(self, path: Path, rounds: int) -> list[float]:
        """Return the seconds that each of some full recalculations of a workbook takes."""
        seconds: list[float] = self._ask("time_calculation", [path], rounds=rounds)
        return seconds

    def to_pdf(self, path: Path, out_dir: Path) -> Path:
        """Print a recalculated workbook into ``out_dir`` under its own name, and return the PDF's path."""
        return self._store(path, out_dir / f"{path.stem}.pdf", "calc_pdf_Export")

    def to_xlsx(self, path: Path, out: Path) -> Path:
        """Store a recalculated copy of a workbook as Calc writes it, and return its path."""
        return self._store(path, out, "Calc MS Excel 2007 XML")

    def close(self) -> None:
        """End soffice; a later call starts another."""
        server, self._server = self._server, None
        if server is None:
            return
        try:
            server.communicate(timeout=SHUTDOWN_SECONDS)  # closes its stdin, on which it cleans up
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()
            if self.soffice_pid is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self.soffice_pid, signal.SIGKILL)
        self.soffice_pid = None

    def _store(self, path: Path, out: Path, filter_name: str) -> Path:
        self._ask("store", [path], target=str(out.resolve()), filter_name=filter_name)
        return out

    def _ask(self, call: str, paths: Sequence[Path], **arguments: object) -> Any:
        try:
            if self._server is None:
                self._start()
            self._send({"call": call, "paths": [str(path.resolve()) for path in paths], **arguments})
            reply = self._receive(" ".join([call, *(path.name for path in paths)]))
        except BaseException:  # Ctrl-C too: an answer left unread would be taken for that of the next call
            self.close()
            raise
        if "refused" in reply:
            raise HostError(reply["refused"])
        return reply["result"]

    def _start(self) -> None:
        self._server = subprocess.Popen(
            [self._program.python, SERVER, self._program.soffice, *filter(None, [self.extensions])],
            env=_foreign_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is ours to handle
        )
        self.soffice_pid = self._receive("start")["result"]["soffice_pid"]

    def _send(self, request: Mapping[str, object]) -> None:
        assert self._server is not None
        assert self._server.stdin is not None
        with suppress(BrokenPipeError):  # the missing answer will say it
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()

    def _receive(self, task: str) -> dict[str, Any]:
        assert self._server is not None
        assert self._server.stdout is not None
        if not select.select([self._server.stdout], [], [], self.timeout)[0]:
            raise HostError(f"LibreOffice did not {task} within {self.timeout:g} s and was ended")
        line = self._server.stdout.readline()
        reply: dict[str, Any] = json.loads(line) if line else {"failed": "its server ended"}
        if "failed" in reply:
            raise HostError(f"LibreOffice could not {task} and was ended: {reply['failed']}")
        return reply


def _checked_edit(sheet: str, address: str, value: CellInput) -> tuple[str, str, CellInput]:
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{sheet}!{address} is not one cell: give an address such as C7")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{sheet}!{address}: {value} is not a number that a cell can hold")
    return sheet, address, value


def _recalculated(cells: Any) -> Recalculated:
    return Recalculated(
        values={(sheet, address): _cell_value(value) for sheet, address, value, _ in cells},
        formulas=frozenset((sheet, address) for sheet, address, _, is_formula in cells if is_formula),
    )


def _cell_value(value: Any) -> CellValue:
    return CalcError(**value) if isinstance(value, dict) else value
