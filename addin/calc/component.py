"""The functions as LibreOffice calls them: each hands its arguments to the worker.

Packed into the extension and run by LibreOffice's own Python: standard library and uno, Python 3.9 syntax.
"""

# mypy: disable-error-code="import-not-found, misc, no-any-return"

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uno
import unohelper
from com.sun.star.lang import XServiceInfo
from org.pyalloc.addin import XPyAlloc
from pyalloc_bridge import Bridge, WorkerError

SETTINGS = json.loads(Path(__file__).with_name("settings.json").read_text(encoding="utf-8"))
SERVICE = SETTINGS["service"]
SERVICES = (SERVICE, "com.sun.star.sheet.AddIn")
EXPLAINS = "DYNALLOC_WHY"
"""The function that answers in words, without a worker too."""


def log_file(context: Any) -> str:
    """Return the path of the log, in the profile of LibreOffice's user."""
    paths = context.ServiceManager.createInstanceWithContext("com.sun.star.util.PathSubstitution", context)
    return str(Path(uno.fileUrlToSystemPath(paths.substituteVariables("$(user)", True))) / "pyalloc.log")


WORKER = Bridge(SETTINGS["worker"], log_file(uno.getComponentContext()))


class PyAlloc(unohelper.Base, XPyAlloc, XServiceInfo):
    """The add-in; its methods, named as the functions, are set below."""

    def __init__(self, _context: Any) -> None:
        """LibreOffice hands over its context, which no function needs."""

    def getImplementationName(self) -> str:
        """Return the name by which LibreOffice registers this class."""
        return SERVICE

    def supportsService(self, name: str) -> bool:
        """Return whether this is an add-in, or itself."""
        return name in SERVICES

    def getSupportedServiceNames(self) -> tuple[str, ...]:
        """Return what this is."""
        return SERVICES


def method(function: str, reads_names: bool) -> Callable[..., Any]:
    """Return the method of a function; where that reads defined names, the document comes first."""

    def call(_: PyAlloc, *given: Any) -> Any:
        document, arguments = (given[0], given[1:]) if reads_names else (None, given)
        try:
            return WORKER.ask(function, arguments, partial(cells_of, document))
        except WorkerError as missing:
            if function == EXPLAINS:
                return str(missing)
            raise

    return call


def cells_of(document: Any, name: str) -> Any:
    """Return the rows of a defined name of a document; None where it names no cells."""
    names = document.NamedRanges
    area = names.getByName(name).ReferredCells if names.hasByName(name) else None
    return None if area is None else area.DataArray


for function, reads_names in SETTINGS["functions"].items():
    setattr(PyAlloc, function, method(function, reads_names))

# By this name LibreOffice's Python loader looks for it.
g_ImplementationHelper = unohelper.ImplementationHelper()  # noqa: N816
g_ImplementationHelper.addImplementation(PyAlloc, SERVICE, SERVICES)
