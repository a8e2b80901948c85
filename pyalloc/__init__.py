"""Dynamic asset allocation for Excel: the mathematics, which knows no cell.

``import pyalloc`` stays light (a spreadsheet waits for it); each name below is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyalloc.allocation import Allocation as Allocation
    from pyalloc.allocation import allocate as allocate
    from pyalloc.backtest import walk_forward as walk_forward
    from pyalloc.macro import MacroSnapshot as MacroSnapshot
    from pyalloc.marketdata import MarketData as MarketData
    from pyalloc.marketdata import MarketView as MarketView
    from pyalloc.policy import Policy as Policy
    from pyalloc.profile import InvestorProfile as InvestorProfile

__version__ = "0.1.0"

_HOMES = {
    "Allocation": "pyalloc.allocation",
    "InvestorProfile": "pyalloc.profile",
    "MacroSnapshot": "pyalloc.macro",
    "MarketData": "pyalloc.marketdata",
    "MarketView": "pyalloc.marketdata",
    "Policy": "pyalloc.policy",
    "allocate": "pyalloc.allocation",
    "walk_forward": "pyalloc.backtest",
}

__all__ = [
    *sorted(_HOMES),
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pyalloc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
