"""Group limits that no weights meet: the nearest that can be met, and what stands against them, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InfeasibleError
from pyalloc.frontier.inputs import GroupLimits

FloatArray = NDArray[np.float64]

_NOTHING: Final = 1e-9  # a relaxation or a price below this is the linear programme's rounding
_NAMED: Final = 5  # names listed before "and … more"


def nearest_limits(lower: FloatArray, upper: FloatArray, groups: GroupLimits) -> tuple[FloatArray, list[str]]:
    """Return the limits h, shape (k,), that can be met and differ least in sum, and what binds against them.

    The elastic programme ``min 1ᵀe`` subject to ``G w ≤ h + e``, ``1ᵀw = 1``, ``l ≤ w ≤ u``, ``e ≥ 0``; what
    binds are the constraints of non-zero price.
    """
    from scipy.optimize import linprog

    G, h = groups
    k, n = G.shape
    found: Any = linprog(
        np.r_[np.zeros(n), np.ones(k)],
        A_ub=np.c_[G, -np.eye(k)],
        b_ub=h,
        A_eq=np.r_[np.ones(n), np.zeros(k)][None],
        b_eq=[1.0],
        bounds=np.r_[np.c_[lower, upper], np.c_[np.zeros(k), np.full(k, np.inf)]],
    )
    relaxed = np.where(found.x[n:] > _NOTHING, h + found.x[n:], h)
    prices = {
        "group limit": found.ineqlin.marginals,
        "the floor of name": found.lower.marginals[:n],
        "the cap of name": found.upper.marginals[:n],
    }
    binding = [
        _listed(what, (np.flatnonzero(np.abs(price) > _NOTHING) + 1).tolist())
        for what, price in prices.items()
        if (np.abs(price) > _NOTHING).any()
    ]
    return relaxed, binding


def refuse_clash(lower: FloatArray, upper: FloatArray, groups: GroupLimits) -> None:
    """Raise where no weights meet the limits, naming what binds and the nearest limits that can be met.

    Raises
    ------
    InfeasibleError
    """
    nearest, binding = nearest_limits(lower, upper, groups)
    if np.array_equal(nearest, groups.h):
        return
    raise InfeasibleError(
        f"no weights that sum to 1 meet these limits, because of {' and '.join(binding)}; the nearest limits "
        f"that can be met have {', '.join(_changes(groups.h, nearest))}"
    )


def _changes(given: FloatArray, nearest: FloatArray) -> Iterator[str]:
    for i in np.flatnonzero(given != nearest).tolist():
        yield f"group limit {i + 1} at {nearest[i]:.6g} instead of {given[i]:.6g}"


def _listed(what: str, numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_NAMED]))
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return f"{what}{'s' if len(numbers) > 1 else ''} {shown}{more}"
