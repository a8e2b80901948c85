"""What stands between a formula in Excel and its answer, part by part, with the cure for what fails."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Final

from addin.excel.build import excel_addin
from addin.excel.install import ON_WINDOWS, Installation
from addin.excel.wrapper import PYTHON_MODULE

_INSTALL: Final = "run: pyalloc addin install excel"
_REPAIR: Final = "run: pip install --force-reinstall -c constraints.txt xlwings"
_SLOW: Final = 10.0  # seconds to import; a PM waits for them at the first formula


@dataclass(frozen=True)
class Finding:
    """One part, what is known of it, and what to do where that is not well."""

    part: str
    says: str
    cure: str = ""

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to do."""
        return not self.cure

    def __str__(self) -> str:
        says = f"{self.says}; {self.cure}" if self.cure else self.says
        return f"{'ok' if self.is_well else '!!':<4}{self.part:<10}{says}"


def findings(installation: Installation, *, on_windows: bool = ON_WINDOWS) -> Iterator[Finding]:
    """Yield what is found, from the interpreter to a call that is answered."""
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    yield _import()
    yield _xlwings(on_windows)
    if on_windows:
        yield _library(installation)
        yield _settings(installation)
        yield _addin(installation)
    else:
        yield Finding("Excel", "not on this system: library, settings and add-in are looked at on Windows")
    yield _call()


def _import() -> Finding:
    """Start Python and import what the first formula of a day waits for."""
    started = perf_counter()
    ended = subprocess.run([sys.executable, "-c", f"import {PYTHON_MODULE}"], capture_output=True, text=True)  # noqa: S603
    seconds = perf_counter() - started
    if ended.returncode:
        return Finding("Import", ended.stderr.strip().rpartition("\n")[2], "install pyalloc again")
    slow = "have the virus scanner leave out the folder of this Python" if seconds > _SLOW else ""
    return Finding("Import", f"a fresh Python is ready after {seconds:.1f} s", slow)


def _xlwings(on_windows: bool) -> Finding:
    says = version("xlwings")
    if on_windows and find_spec("pythoncom") is None:
        return Finding("xlwings", f"{says}, without pywin32", _REPAIR.replace("xlwings", "xlwings pywin32"))
    return Finding("xlwings", says)


def _library(installation: Installation) -> Finding:
    """Look for xlwings' libraries, of which Excel takes the one of its own bits, where its VBA does."""
    folder = Path(installation.interpreter).parent
    for bits in (64, 32):
        name = f"xlwings{bits}-{version('xlwings')}.dll"
        if not any((place / name).exists() for place in (folder, folder.parent)):
            return Finding("Library", f"{name} is neither in {folder} nor in {folder.parent}", _REPAIR)
    return Finding("Library", f"xlwings64 and xlwings32-{version('xlwings')}.dll")


def _settings(installation: Installation) -> Finding:
    found = installation.found_settings()
    for name, value in installation.values.items():
        if name not in found:
            return Finding("Settings", f"{installation.settings} does not say {name}", _INSTALL)
        if found[name] != value:
            return Finding("Settings", f"{installation.settings} says {name} is {found[name]}", _INSTALL)
    return Finding("Settings", str(installation.settings))


def _addin(installation: Installation) -> Finding:
    try:
        content = installation.addin.read_bytes()
    except FileNotFoundError:
        return Finding("Add-in", f"{installation.addin} is not there", _INSTALL)
    if content != excel_addin():
        return Finding("Add-in", f"{installation.addin} was built by another version", _INSTALL)
    return Finding("Add-in", str(installation.addin))


def _call() -> Finding:
    """Answer =ADJ_RETURN(0.08,"high") as Excel would have it."""
    from addin.excel.answers import excel_answer

    given = excel_answer("ADJ_RETURN", (0.08, "high"))
    if given == [[0.1]]:
        return Finding("Call", '=ADJ_RETURN(0.08,"high") is 0.1')
    return Finding("Call", f'=ADJ_RETURN(0.08,"high") is {given[0][0]}', "install pyalloc again")
