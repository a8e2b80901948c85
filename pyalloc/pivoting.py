"""Convex quadratic programmes with few rows by block principal pivoting: a handful of linear systems.

    minimise  ½ xᵀPx + (q − λp)ᵀx   subject to   A x = b,   lower ≤ x ≤ upper

Every pass solves for the variables taken to be free, then frees and parks all that have the wrong sign at
once (Júdice and Pires 1994, "A block principal pivoting algorithm for large-scale strictly monotone linear
complementarity problems"). It ends after a few passes or not at all: what it returns is certified, and where
it returns nothing a slower method has to answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.qp import ROW_LIMIT, duality_gap, positive_definite

FloatArray = NDArray[np.float64]

_PASSES: Final = 40
_PATIENCE: Final = 6  # passes without fewer wrong signs
_ROUNDING: Final = 1e-13
_EXACT: Final = 1e-13  # largest duality gap, in units of P
_WEAK: Final = 1e-10  # a multiplier or a curvature below this, in units of P, may be 0


class Pivoted(NamedTuple):
    """A minimiser.

    Attributes
    ----------
    x : ndarray, shape (n,)
    multipliers : ndarray, shape (m,)
        y of ``A x = b``: the gradient is ``Aᵀy`` where x is between its bounds.
    gap : float
        Duality gap.
    parameter : float
        λ.
    """

    x: FloatArray
    multipliers: FloatArray
    gap: float
    parameter: float


def pivoted(
    P: FloatArray,
    q: FloatArray,
    A: FloatArray,
    b: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    free: NDArray[np.bool_] | None = None,
    p: FloatArray | None = None,
    parameter: Callable[[FloatArray], float] | None = None,
) -> Pivoted | None:
    """Return the certified minimiser where it is unique and found in a few passes, else None.

    Parameters
    ----------
    P : ndarray, shape (n, n)
        Symmetric positive semi-definite.
    q : ndarray, shape (n,)
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    lower, upper : ndarray, shape (n,)
    free : ndarray of bool, shape (n,), optional
        Variables between their bounds at the start; by default all.
    p : ndarray, shape (n,), optional
    parameter : callable, optional
        λ from the minimiser for λ = 0 among those with the same variables free.
    """
    movable = lower < upper
    free = movable.copy() if free is None else free & movable
    at_upper = np.zeros(len(q), dtype=np.bool_)
    unit = float(P.diagonal().max(initial=0.0)) or 1.0
    span = 0.0 if p is None else float(np.abs(p).max())
    fewest, patience = len(q) + 1, _PATIENCE
    settled = False
    for _ in range(_PASSES):
        parked = np.where(at_upper, upper, lower)
        try:
            found = _stationary(P, q, A, b, parked, free, p, parameter, refined=settled)
        except np.linalg.LinAlgError:
            return None
        if found is None:
            return None
        x, y, gradient, lam = found
        reduced, scale = gradient - y @ A, unit + abs(lam) * span
        if settled:
            break
        below, above = free & (x < lower - _ROUNDING), free & (x > upper + _ROUNDING)
        inward = ~free & movable & (np.where(at_upper, reduced, -reduced) > _ROUNDING * scale)
        wrong = int(below.sum() + above.sum() + inward.sum())
        settled = wrong == 0
        patience = _PATIENCE if wrong < fewest else patience - 1
        fewest = min(fewest, wrong)
        if patience == 0:
            return None
        at_upper = (at_upper & ~inward) | above
        free = (free & ~below & ~above) | inward
    else:
        return None
    x = np.clip(x, lower, upper)
    gap = duality_gap(gradient, x, A, A @ x, y, lower, upper)
    exact = gap <= _EXACT * scale and np.abs(A @ x - b).max() <= ROW_LIMIT
    # A parked variable without a clear sign could be free too.
    undecided = free | (movable & (np.abs(reduced) <= _WEAK * scale))
    return Pivoted(x, y, gap, lam) if exact and _definite(P, undecided, unit) else None


def _stationary(
    P: FloatArray,
    q: FloatArray,
    A: FloatArray,
    b: FloatArray,
    parked: FloatArray,
    free: NDArray[np.bool_],
    p: FloatArray | None,
    parameter: Callable[[FloatArray], float] | None,
    *,
    refined: bool,
) -> tuple[FloatArray, FloatArray, FloatArray, float] | None:
    """Return x, y, the gradient and λ where the objective is stationary in the free variables."""
    inside = np.flatnonzero(free)
    k, m = len(inside), len(b)
    rows = P[inside]
    system = np.zeros((k + m, k + m))
    system[:k, :k] = rows[:, inside]
    system[k:, :k] = A[:, inside]
    system[:k, k:] = A[:, inside].T
    x = np.where(free, 0.0, parked)
    resting = np.flatnonzero(x)
    base = q + x[resting] @ P[resting] if len(resting) else q
    sides = np.zeros((k + m, 1 if p is None else 2))
    sides[:k, 0], sides[k:, 0] = -base[inside], b - A @ x
    if p is not None:
        sides[:k, 1] = p[inside]
    solution: FloatArray = np.asarray(np.linalg.solve(system, sides), dtype=np.float64)
    if refined:
        solution += np.linalg.solve(system, sides - system @ solution)
    lam = 0.0
    values = solution[:, 0]
    x[inside] = values[:k]
    if p is not None and parameter is not None:
        lam = parameter(x)
        if not 0.0 < lam < np.inf:
            return None
        values = values + lam * solution[:, 1]
        x[inside] = values[:k]
    gradient: FloatArray = base + values[:k] @ rows
    return x, -values[k:], gradient if p is None else gradient - lam * p, lam


def _definite(P: FloatArray, of: NDArray[np.bool_], unit: float) -> bool:
    """Return whether P is safely positive definite in some variables, so that the minimiser is unique."""
    block = P[np.ix_(of, of)]
    block.flat[:: len(block) + 1] -= _WEAK * unit
    return positive_definite(block)
