"""Convex quadratic programmes over a box: started by piqp, solved to machine precision, certified.

    minimise  ½ xᵀPx + qᵀx   subject to   A x = b,   lower ≤ x ≤ upper

An interior point guesses which bounds are active; the proximal method of multipliers, each of its steps
solved exactly by an active-set method, corrects the guess. It needs no interior, no strictly convex P and no
independent rows, so vertices, ties and caps that sum to exactly 1 are ordinary inputs. The duality gap
certifies the result without trusting either.
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

_PROXIMITY: Final = 1e-12  # of x and of the multipliers to those of the step before; vanishes as they settle
_STEPS: Final = 20
_ROUNDING: Final = 1e-14
_DEPENDENT: Final = 1e-13  # singular values of A below this fraction of the largest are rounding


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


def positive_definite(matrix: FloatArray) -> bool:
    """Return whether a symmetric matrix has a Cholesky factor."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


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

    ``gᵀx − [bᵀy + Σ min(lower (g − Aᵀy), upper (g − Aᵀy))]``, summed so that large multipliers do not cancel;
    any multipliers y give a valid bound.
    """
    reduced = gradient - A.T @ multipliers
    slack = np.maximum((x - lower) * reduced, (x - upper) * reduced)
    return float(slack.sum() + multipliers @ (A @ x - b))


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
    # Orthonormal rows: those of different size or nearly parallel would make the multipliers huge.
    norms = np.where(A.any(axis=1), np.linalg.norm(A, axis=1), 1.0)
    left, sizes, rows = np.linalg.svd(A / norms[:, None], full_matrices=False)
    kept = sizes > _DEPENDENT * sizes[0]
    left, sizes, rows = left[:, kept], sizes[kept], rows[kept]
    right = left.T @ (b / norms) / sizes
    looseness = _PROXIMITY * sizes[0] / sizes
    x, y = _interior_point(P, q, rows, right, lower, upper), np.zeros_like(right)
    for _ in range(_STEPS):
        x, y = _proximal_step(P, q, rows, right, lower, upper, x, y, looseness)
        # Of the problem whose right-hand side x meets: by how much that is not b is judged on its own.
        gap = duality_gap(P @ x + q, x, rows, rows @ x, y, lower, upper)
        if gap <= _ROUNDING and np.abs(rows @ x - right).max() <= _ROUNDING:
            break
        looseness = looseness / 2.0  # a multiplier that has far to go takes longer steps
    infeasibility = float(np.abs(A @ x - b).max())
    # Written so that NaN fails.
    if not (gap <= GAP_LIMIT and infeasibility <= ROW_LIMIT):
        raise UncertifiedError(
            f"the quadratic programme's answer is withheld: it misses its constraints by {infeasibility:.1e} "
            f"and its optimum by {gap:.1e}"
        )
    return QPSolution(x, left @ (y / sizes) / norms * scale, gap * scale)


def _interior_point(
    P: FloatArray, q: FloatArray, A: FloatArray, b: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """Return piqp's x, put onto the bounds that it takes for active.

    Not its multipliers: where no point is strictly inside all limits they can be anything.
    """
    import piqp

    solver = piqp.DenseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-11
    solver.settings.eps_duality_gap_abs = solver.settings.eps_duality_gap_rel = 1e-11
    solver.setup(P, q, A, b, None, None, None, lower, upper)
    solver.solve()
    found = solver.result
    x = np.asarray(found.x)
    # At an interior point slack times multiplier is the same small number: the smaller of the two is zero.
    x = np.where(found.z_bl > x - lower, lower, np.where(found.z_bu > upper - x, upper, x))
    return np.asarray(np.clip(x, lower, upper), dtype=np.float64)


def _proximal_step(
    P: FloatArray,
    q: FloatArray,
    A: FloatArray,
    b: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    x: FloatArray,
    y: FloatArray,
    looseness: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the next x and multipliers of the proximal method of multipliers (Rockafellar 1976).

    With x⁰, y⁰ those given and ε, δ small, x minimises over the box

        ½ xᵀPx + qᵀx + ε/2 ‖x − x⁰‖² + ½ (Ax − b − δy⁰)ᵀ δ⁻¹ (Ax − b − δy⁰)

    which is strictly convex and has no rows, so the active-set method always has a feasible start and a
    regular system. Names strictly inside their bounds are free, with at most one more, which was released
    because the objective falls inward from its bound: each step but the last lowers the objective.
    """
    n, m = len(x), len(b)
    hessian = P + _PROXIMITY * np.eye(n)
    linear = q - _PROXIMITY * x
    right = b + looseness * y
    free = (lower < x) & (x < upper)
    for _ in range(20 * n):
        inside = int(free.sum())
        system = np.zeros((inside + m, inside + m))
        system[:inside, :inside] = hessian[np.ix_(free, free)]
        system[:inside, inside:] = -A[:, free].T
        system[inside:, :inside] = A[:, free]
        system[inside:, inside:] = np.diag(looseness)
        fixed = np.where(free, 0.0, x)
        sides = np.concatenate([-(linear + hessian @ fixed)[free], right - A @ fixed])
        solution = np.linalg.solve(system, sides)
        solution += np.linalg.solve(system, sides - system @ solution)
        target, y = x.copy(), solution[inside:]
        target[free] = solution[:inside]
        beyond = (target < lower - _ROUNDING) | (target > upper + _ROUNDING)
        if beyond.any():
            step = target - x
            bound = np.where(step < 0.0, lower, upper)
            room = np.divide(bound - x, step, out=np.full(n, np.inf), where=beyond)
            first = int(room.argmin())
            x = np.clip(x + room[first] * step, lower, upper)
            x[first] = bound[first]
            free &= (lower < x) & (x < upper)
            continue
        x = np.clip(target, lower, upper)
        free = (lower < x) & (x < upper)
        reduced = hessian @ x + linear - A.T @ y
        inward = np.select([free | (lower == upper), x == lower], [0.0, -reduced], reduced)
        steepest = int(inward.argmax())
        if inward[steepest] <= _ROUNDING * (1.0 + np.abs(y).max()):
            break
        free[steepest] = True
    return x, y
