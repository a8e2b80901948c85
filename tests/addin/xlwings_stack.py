"""The real xlwings of Windows on any system: its own code from ``CallUDF`` down, over a COM of stubs.

Stub modules stand for pywin32, and the platform reads "win32" only while xlwings is imported. Ranges and
workbooks are plain objects with the few attributes that xlwings asks of them.
"""

from __future__ import annotations

import asyncio  # noqa: F401  (with numpy and pandas below: they would believe the platform that we pretend)
import atexit
import concurrent.futures  # noqa: F401
import ctypes
import datetime as dt
import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy  # noqa: F401
import pandas  # noqa: F401

MISSING = -2147352572
"""What VBA hands over for an argument left out."""

_RANGE = "{00020846-0000-0000-C000-000000000046}"
_NO_SUCH_ITEM = -2147352567


class ComError(Exception):
    """What pywin32 raises."""

    def __init__(self, hresult: int = 0, *details: object) -> None:
        super().__init__(hresult, *details)
        self.hresult = hresult


class Date(dt.datetime):
    """What pywin32 makes of a date: a datetime of its own, with a time zone."""


# --- what Excel hands over ------------------------------------------------------------------------------


class FakeRange:
    """A range of cells as ``Value`` shows them: one value, or a tuple of rows.

    Amounts of money are Decimal there, and numbers in ``Value2``, where dates are numbers too.
    """

    CLSID = _RANGE
    Address = "$A$1"
    Row = Column = 1

    def __init__(self, value: Any = None, book: Any = None) -> None:
        rows = value if isinstance(value, tuple) else ((value,),)
        self.Value = value
        self.Rows, self.Columns = SimpleNamespace(Count=len(rows)), SimpleNamespace(Count=len(rows[0]))
        self.Worksheet = SimpleNamespace(Name="Sheet1", Parent=book or FakeBook(), Application=_APPLICATION)
        self.Application = _APPLICATION
        self._oleobj_ = SimpleNamespace(
            GetTypeInfo=lambda: SimpleNamespace(GetTypeAttr=lambda: SimpleNamespace(iid=_RANGE))
        )

    @property
    def Value2(self) -> Any:
        return _unformatted(self.Value)


@dataclass
class FakeBook:
    """A workbook: its defined names with their cells, and how often each was read."""

    cells: Mapping[str, Any] = field(default_factory=dict)
    Name: str = "Book1.xlsx"
    reads: Counter[str] = field(default_factory=Counter)

    @property
    def Application(self) -> Any:
        return _APPLICATION

    def Names(self, name: str) -> Any:
        if name not in self.cells:
            raise ComError(_NO_SUCH_ITEM, "Exception occurred.")
        return _Name(self, name)


@dataclass
class _Name:
    book: FakeBook
    name: str

    @property
    def RefersToRange(self) -> FakeRange:
        self.book.reads[self.name] += 1
        return FakeRange(self.book.cells[self.name], self.book)


def _unformatted(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_unformatted, value))
    if isinstance(value, dt.datetime):
        return (value.replace(tzinfo=None) - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)
    return float(value) if isinstance(value, Decimal) else value


_APPLICATION = SimpleNamespace(Hwnd=1, Version="16.0")


# --- xlwings --------------------------------------------------------------------------------------------


def windows_xlwings() -> ModuleType:
    """Return xlwings as it is on Windows, imported anew where it is not that yet."""
    loaded = sys.modules.get("xlwings")
    if loaded is None or not loaded.has_pywin32:
        for name in [name for name in sys.modules if name.split(".")[0] == "xlwings"]:
            del sys.modules[name]
        sys.modules.pop("addin.excel.udfs", None)
        sys.modules.update(_stubs())
        with _on_windows():
            loaded = importlib.import_module("xlwings")
        atexit.unregister(loaded._xlwindows.cleanup)  # it would look for Excel's processes
    return loaded


@cache
def server() -> Any:
    """Return the object that wrappers call ``XLPy``."""
    windows_xlwings()
    return importlib.import_module("xlwings.com_server").XLPython()


def from_cell(function: str, *arguments: Any, book: Any = None) -> Any:
    """Return what a formula in a cell of a workbook gets, by stock xlwings' wrapper and by ours alike."""
    call = server().CallUDF
    udfs = importlib.import_module("addin.excel.udfs")
    taken = getattr(udfs, function).__xlfunc__["args"]
    caller = [None] if taken and taken[0]["name"] == "caller" else []
    given = [*caller, *arguments]
    given += [MISSING] * (len(taken) - len(given))
    return call(udfs.__name__, function, tuple(given), None, FakeRange(book=book))


@contextmanager
def _on_windows() -> Iterator[None]:
    real = sys.platform, ctypes.PyDLL
    for name in ("windll", "oledll"):
        if not hasattr(ctypes, name):
            setattr(ctypes, name, _Anything())
    sys.platform, ctypes.PyDLL = "win32", _Anything()
    try:
        yield
    finally:
        sys.platform, ctypes.PyDLL = real


class _Anything:
    """Stands for a constant, a class or a function that is only named while modules are imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return _Anything()

    def __or__(self, _: Any) -> int:
        return 0

    __ror__ = __or__


def _stubs() -> dict[str, ModuleType]:
    """Return modules in place of pywin32's."""

    class Dispatch:
        """What pywin32 makes of an object that it does not know better."""

    class NotWrapped(Exception):  # noqa: N818
        pass

    def unwrap(_: Any) -> Any:
        raise NotWrapped

    dispatch = "{00020400-0000-0000-C000-000000000046}"
    known: dict[str, dict[str, Any]] = {
        "pywintypes": {"com_error": ComError, "IID": str, "TimeType": Date},
        "pythoncom": {
            "com_error": ComError,
            "CoInitialize": lambda: None,
            "IID_IDispatch": dispatch,
            "TypeIIDs": {dispatch: Dispatch},
            "CoMarshalInterThreadInterfaceInStream": lambda _, given: given,
            "__file__": "pythoncom311.dll",
        },
        "win32com": {"__path__": []},
        "win32com.client": {
            "CDispatch": Dispatch,
            "DispatchBaseClass": type("DispatchBaseClass", (), {}),
            "CoClassBaseClass": type("CoClassBaseClass", (), {}),
            "Dispatch": lambda given, *_, **__: given,
        },
        "win32com.server": {"__path__": []},
        "win32com.server.util": {"unwrap": unwrap, "wrap": lambda given, *_: given},
        "win32com.server.exception": {"COMException": ComError},
        "win32com.server.dispatcher": {},
        "win32com.server.policy": {},
        **{name: {} for name in ("win32api", "win32con", "win32gui", "win32event")},
        "win32process": {"GetWindowThreadProcessId": lambda _: (1, 1)},
        "win32timezone": {"TimeZoneInfo": SimpleNamespace(utc=lambda: dt.UTC)},
    }
    stubs = {name: _stub(name, attributes) for name, attributes in known.items()}
    for name, module in stubs.items():
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(stubs[parent], child, module)
    return stubs


def _stub(name: str, attributes: Mapping[str, Any]) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(attributes)
    otherwise: Callable[[str], Any] = _Anything().__getattr__
    module.__getattr__ = otherwise  # type: ignore[method-assign]
    return module
