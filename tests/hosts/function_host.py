"""A LibreOffice that has the spreadsheet functions, without installing them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from addin.calc.build import OLDEST, build_extension
from tests.hosts.calc_host import CalcProgram, HostMissingError, find_calc


def find_calc_for_functions() -> CalcProgram:
    """Find a LibreOffice that keeps the functions' names.

    Raises
    ------
    HostMissingError
        If there is none, or an older one.
    """
    program = find_calc()
    release = program.release()
    if release < tuple(map(int, OLDEST.split("."))):
        raise HostMissingError(
            f"LibreOffice {OLDEST} or newer is needed and {release[0]}.{release[1]} was found: "
            "let PYALLOC_SOFFICE name a newer one"
        )
    return program


def build_extensions(folder: Path) -> Path:
    """Return a new folder of unpacked extensions, in a folder, with the functions in it."""
    return unpack(build_extension(folder))


def unpack(extension: Path) -> Path:
    """Return a new folder of unpacked extensions, beside an extension, with that one in it."""
    folder = extension.with_name("extensions")
    with zipfile.ZipFile(extension) as archive:
        archive.extractall(folder / "pyalloc")
    return folder
