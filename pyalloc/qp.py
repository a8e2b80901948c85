"""Convex quadratic programmes over a box: solved, polished to machine precision, certified.

    minimise  ½ xᵀPx + qᵀx   subject to   A x = b,   lower ≤ x ≤ upper

piqp finds the active set; solving the optimality conditions on that set exactly removes what an interior
point leaves; the duality gap certifies the result without trusting either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import UncertifiedError

FloatArray = NDArray[np.float64]

GAP_LIMIT: Final = 1e-9
"""Largest duality gap of an answer that is handed out, in units of the objective's natural size."""

ROW_LIMIT: Final = 1e-11
"""Largest departure from ``A x = b`` or a bound of an answer that is handed out."""

_POLISH_STEPS: Final = 60


@dataclass(frozen=True)
class QPSolution:
    """A certified minimiser.

    Attributes
    ----------
    x : ndarray, shape (n,)
    multipliers : ndarray, shape (m,)
        Lagrange multipliers y of ``A x = b``: ``Px + q = Aᵀy`` where no bound is active.
    gap : float
        Duality gap: the objective can fall by no more than this.
    """

    x: FloatArray
    multipliers: FloatArray
    gap: float


def duality_gap(
    gradient: FloatArray,
    x: FloatArray,
    A: FloatArray,
    b: FloatArray,
    multipliers: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> float:
    """Return by how much the objective could still fall at feasible `x`, at most (weak duality).

    ``gᵀx − [bᵀy + Σ min(lower (g − Aᵀy), upper (g − Aᵀy))]``; any multipliers y give a valid bound.
    """
    reduced = gradient - A.T @ multipliers
    bound = b @ multipliers + np.minimum(lower * reduced, upper * reduced).sum()
    return float(gradient @ x - bound)


def solve_box_qp(
    P: FloatArray, q: FloatArray, A: FloatArray, b: FloatArray, lower: FloatArray, upper: FloatArray
) -> QPSolution:
    """Return the certified minimiser of a feasible, convex box-constrained quadratic programme.

    Parameters
    ----------
    P : ndarray, shape (n, n)
        Symmetric positive semi-definite.
    q : ndarray, shape (n,)
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    lower, upper : ndarray, shape (n,)
        Finite, ``lower <= upper``.

    Raises
    ------
    UncertifiedError
        Where no answer passes its certificate (or none exists).
    """
    scale = max(float(np.trace(P)) / len(q), float(np.abs(q).max(initial=0.0)), 1e-300)
    P, q = P / scale, q / scale
    x, y, at_lower, at_upper = _interior_point(P, q, A, b, lower, upper)
    polished = _polish(P, q, A, b, lower, upper, at_lower, at_upper)
    if polished is not None:
        x, y = polished
    gap = duality_gap(P @ x + q, x, A, b, y, lower, upper)
    infeasibility = max(
        float(np.abs(A @ x - b).max(initial=0.0)),
        float(np.max(lower - x, initial=0.0)),
        float(np.max(x - upper, initial=0.0)),
    )
    # Written so that NaN fails.
    if not (gap <= GAP_LIMIT and infeasibility <= ROW_LIMIT):
        raise UncertifiedError(
            f"the quadratic programme's answer is withheld: it misses its constraints by {infeasibility:.1e} "
            f"and its optimum by {gap:.1e}"
        )
    return QPSolution(x, y * scale, gap * scale)


def _interior_point(
    P: FloatArray, q: FloatArray, A: FloatArray, b: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return piqp's x, multipliers and its guess of which bounds are active."""
    import piqp

    solver = piqp.DenseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-11
    solver.settings.eps_duality_gap_abs = solver.settings.eps_duality_gap_rel = 1e-11
    solver.settings.max_iter = 500
    solver.setup(P, q, A, b, None, None, None, lower, upper)
    solver.solve()
    found = solver.result
    x = np.asarray(found.x)
    # At an interior point slack times multiplier is the same small number: the smaller of the two is zero.
    at_lower = np.asarray(found.z_bl) > x - lower
    at_upper = (np.asarray(found.z_bu) > upper - x) & ~at_lower
    return np.clip(x, lower, upper), -np.asarray(found.y), at_lower, at_upper


def _polish(
    P: FloatArray,
    q: FloatArray,
    A: FloatArray,
    b: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    at_lower: NDArray[np.bool_],
    at_upper: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray] | None:
    """Return x and multipliers solving the optimality conditions exactly, or None if the set will not settle.

    A primal-dual active-set iteration from the interior point's guess: bounds that are crossed become
    active, active bounds whose multiplier has the wrong sign are released.
    """
    tolerance = 1e-13
    pinned = lower == upper
    at_lower, at_upper = at_lower | pinned, at_upper & ~pinned
    for _ in range(_POLISH_STEPS):
        free = ~(at_lower | at_upper)
        x = np.where(at_lower, lower, np.where(at_upper, upper, 0.0))
        rows, n_free = len(b), int(free.sum())
        kkt = np.zeros((n_free + rows, n_free + rows))
        kkt[:n_free, :n_free] = P[np.ix_(free, free)]
        kkt[:n_free, n_free:] = -A[:, free].T
        kkt[n_free:, :n_free] = A[:, free]
        right = np.concatenate([-(q + P @ x)[free], b - A @ x])
        # Least squares, because a vertex leaves the multipliers undetermined.
        solution = np.linalg.lstsq(kkt, right, rcond=1e-14)[0]
        solution += np.linalg.lstsq(kkt, right - kkt @ solution, rcond=1e-14)[0]
        x[free], y = solution[:n_free], solution[n_free:]
        reduced = P @ x + q - A.T @ y
        below, above = x < lower - tolerance, x > upper + tolerance
        if np.abs(A @ x - b).max(initial=0.0) > tolerance * 10.0:
            # Too few names are free to meet the rows: free those whose bounds matter least.
            weakest = np.argsort(np.where(free | pinned, np.inf, np.abs(reduced)))[:rows]
            at_lower[weakest] = at_upper[weakest] = False
            continue
        wrong = ~pinned & ((at_lower & (reduced < -tolerance)) | (at_upper & (reduced > tolerance)))
        if not (below.any() or above.any() or wrong.any()):
            return np.clip(x, lower, upper), y
        at_lower = (at_lower & ~wrong) | below
        at_upper = ((at_upper & ~wrong) | above) & ~at_lower
    return None
