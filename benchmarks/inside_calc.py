"""ADJ_RETURN answered inside LibreOffice's own Python, in place of the bridge to the worker.

The benchmark packs this file where an extension has ``addin/calc/bridge.py``: standard library only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

LEVELS = {"low": 0.2, "medium": 0.5, "high": 1.0}
KNOTS = (0.0, 0.2, 0.5, 1.0)
ALPHA = (-0.01, -0.01, 0.0, 0.02)


class WorkerError(Exception):
    """Never raised here; the component knows it by name."""


class Bridge:
    """Has the manners of the bridge, and no worker."""

    def __init__(self, command: Sequence[str], log: str) -> None:
        del command, log

    def ask(self, function: str, arguments: Sequence[Any], cells_of: Callable[[str], Any]) -> float:
        """Return the return target."""
        del function, cells_of
        r, risk = arguments
        if not isinstance(r, float) or not math.isfinite(r):
            raise ValueError("r is no number")
        return r + alpha(risk)


def alpha(risk: object) -> float:
    """Return the shift of the return target, a year."""
    if isinstance(risk, str):
        tolerance = LEVELS[risk.strip().lower()]
    elif isinstance(risk, float) and 1.0 <= risk <= 10.0:
        tolerance = risk / 10.0
    else:
        raise ValueError("risk is no risk tolerance")
    i = min(bisect_right(KNOTS, tolerance), len(KNOTS) - 1)
    share = (tolerance - KNOTS[i - 1]) / (KNOTS[i] - KNOTS[i - 1])
    return ALPHA[i - 1] + share * (ALPHA[i] - ALPHA[i - 1])
