"""The files that bring the functions to Excel, built without Excel; two builds have the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import addin.functions  # noqa: F401  (fills the registry)
from addin.excel.macro_package import addin_package, macro_workbook
from addin.excel.vba_project import Module
from addin.excel.wrapper import wrapper_module
from addin.excel.xlwings_module import xlwings_module
from addin.spec import REGISTRY
from pyalloc import __version__
from pyalloc.errors import InputError

ADDIN: Final = "pyalloc.xlam"
LIVE_WORKBOOK: Final = "pyalloc_live.xlsm"


def excel_addin() -> bytes:
    """Return the add-in."""
    return addin_package(_modules())


def build_excel(out: Path, live_template: bytes) -> tuple[Path, ...]:
    """Write everything for Excel into a folder and return the files.

    Parameters
    ----------
    out : Path
        Made if need be.
    live_template : bytes
        A workbook of the live flavour, .xlsx; written with the modules inside.

    Returns
    -------
    tuple of Path
        The add-in, the live workbook, and each module as text to import by hand.
    """
    modules = _modules()
    contents = {
        ADDIN: addin_package(modules),
        LIVE_WORKBOOK: macro_workbook(live_template, modules),
        **{f"{module.name}.bas": module.source.encode("ascii") for module in modules},
    }
    for name, content in contents.items():
        write(out / name, content)
    return tuple(out / name for name in contents)


def write(path: Path, content: bytes) -> None:
    """Write a whole file, or leave the one that is there.

    Raises
    ------
    InputError
        Where it is in use, or its folder cannot be written to.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written ({error.strerror}): close Excel and try again") from error


def _modules() -> tuple[Module, ...]:
    return wrapper_module(REGISTRY.values(), __version__), xlwings_module()
