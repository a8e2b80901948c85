"""The weights within bounds that come nearest to ``A w = b``, with the proof that none come nearer.

Row 1 is held exactly; the squared distance of the other rows, each divided by its Euclidean norm, is least. A
primal active-set method ends on exact bounds; the duality gap certifies the answer without trusting it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import UncertifiedError
from pyalloc.qp import duality_gap

FloatArray = NDArray[np.float64]

GAP_LIMIT: Final = 1e-9
"""Largest duality gap of an answer that is handed out."""

BOUND_TOLERANCE: Final = 1e-12
"""How far from a bound a weight still lies on it."""

_NEGLIGIBLE: Final = 1e-13  # what rounding leaves of zero, in rows of norm one
_RIDGE: Final = 1e-8


def rank(A: FloatArray) -> int:
    """Return the rank of A, its rows scaled to norm one."""
    norms = np.linalg.norm(A, axis=1, keepdims=True)
    return int(np.linalg.matrix_rank(A / np.where(norms > 0.0, norms, 1.0), tol=_NEGLIGIBLE))


def _scaled_rows(A: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return rows 2 to m and their right-hand sides in budgets, both divided by the norms of the rows."""
    norms = np.linalg.norm(A[1:], axis=1)
    return A[1:] / norms[:, None], b[1:] / b[0] / norms


def scaled_residual(A: FloatArray, b: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the residuals of rows 2 to m in budgets, shape (m - 1,), divided by the norms of the rows."""
    rows, targets = _scaled_rows(A, b)
    return np.asarray(rows @ weights - targets, dtype=np.float64)


def nearest_gradient(A: FloatArray, b: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the gradient, shape (n,), of the squared distance that the nearest weights minimise."""
    rows, _ = _scaled_rows(A, b)
    return np.asarray(2.0 * rows.T @ scaled_residual(A, b, weights), dtype=np.float64)


def nearest_gap(
    A: FloatArray, b: FloatArray, weights: FloatArray, lower: FloatArray, upper: FloatArray
) -> float:
    """Return by how much, at most, the squared distance of `weights` exceeds the least within the bounds.

    With g the gradient and a row 1: ``g·w - max over γ of [γ + Σ min(upper (g - γ a), lower (g - γ a))]``,
    where the best γ is one of ``g / a``. An open bound is put one budget away, which loses nothing: the
    minimum of a convex function over a neighbourhood is its minimum.
    """
    gradient, row = nearest_gradient(A, b, weights), A[0]
    lower = np.where(np.isfinite(lower), lower, weights - 1.0)
    upper = np.where(np.isfinite(upper), upper, weights + 1.0)
    return min(
        duality_gap(gradient, weights, A[:1], np.ones(1), np.array([gamma]), lower, upper)
        for gamma in gradient[row != 0.0] / row[row != 0.0]
    )


def nearest_weights(A: FloatArray, b: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the certified nearest weights, of least norm among equally near ones.

    Where the rows leave a choice, a small ridge settles which bounds are active; the weights are then solved
    for on these without the ridge, which is the limit as it vanishes.
    """
    n = len(lower)
    rows, targets = _scaled_rows(A, b)
    ridge = 0.0 if rank(A) == n else _RIDGE
    weights, free = _active_set(
        np.vstack([rows, np.sqrt(ridge) * np.eye(n)]), np.r_[targets, np.zeros(n)], A[0], lower, upper
    )
    weights[free] = 0.0
    weights[free] = _equality_least_squares(
        rows[:, free], targets - rows @ weights, A[0, free], 1.0 - float(A[0] @ weights)
    )
    weights = np.clip(weights, lower, upper)  # rounding only: anything more fails the certificate
    gap = nearest_gap(A, b, weights, lower, upper)
    shortfall = abs(A[0] @ weights - 1.0) / max(1.0, np.abs(A[0]) @ np.abs(weights))
    if not (gap <= GAP_LIMIT and shortfall <= BOUND_TOLERANCE):
        raise UncertifiedError(
            f"the weights nearest to A w = b miss row 1 by {shortfall:.1e} and the optimum by {gap:.1e} "
            "and are withheld: bring the coefficients to similar sizes"
        )
    return weights


def _active_set(
    M: FloatArray, d: FloatArray, row: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Minimise ``‖M w - d‖`` subject to ``row·w = 1`` and bounds; return the weights and which are free.

    Primal active-set method (Nocedal & Wright, Numerical Optimization, 2nd ed., algorithm 16.3) with Bland's
    rule against cycling. Unlike an interior point it is exact at a vertex and copes with open bounds, and by
    working on M rather than MᵀM it does not square the condition number. M and `row` together have full
    column rank. A step keeps ``row·w``, so the last free weight with a coefficient in `row` stays free.
    """
    weights, free = _feasible_vertex(row, lower, upper)
    for _ in range(100 * len(row)):
        step = np.zeros_like(weights)
        step[free] = _equality_least_squares(
            M[:, free], d - M @ weights, row[free], 1.0 - float(row @ weights)
        )
        target = weights + step
        beyond = (target < lower - _NEGLIGIBLE) | (target > upper + _NEGLIGIBLE)
        if blocking := np.flatnonzero(free & beyond).tolist():
            bound = np.where(step < 0.0, lower, upper)
            room = {i: (bound[i] - weights[i]) / step[i] for i in blocking}
            first = min(blocking, key=room.__getitem__)
            weights = weights + max(0.0, room[first]) * step
            weights[first], free[first] = bound[first], False
            continue
        weights = target
        gradient = M.T @ (M @ weights - d)
        reduced = gradient - row * (row[free] @ gradient[free] / (row[free] @ row[free]))
        inward = np.where(weights == lower, reduced < -_NEGLIGIBLE, reduced > _NEGLIGIBLE)
        releasable = np.flatnonzero(~free & (lower < upper) & inward)
        if not releasable.size:
            return weights, free
        free[releasable[0]] = True
    raise UncertifiedError(
        "the search for the nearest weights did not end: bring the coefficients to one size"
    )


def _feasible_vertex(
    row: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return weights within bounds with ``row·w = 1``, and which are free: the open ones, the last moved."""
    weights = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper, 0.0))
    free = np.isinf(lower) & np.isinf(upper)
    for i in np.flatnonzero(row).tolist():
        target = weights[i] + (1.0 - row @ weights) / row[i]
        weights[i] = np.clip(target, lower[i], upper[i])
        if weights[i] == target:
            break
    free[i] = True
    return weights, free


def _equality_least_squares(M: FloatArray, d: FloatArray, row: FloatArray, total: float) -> FloatArray:
    """Return the least-norm minimiser of ``‖M v - d‖`` subject to ``row·v = total`` (null-space method)."""
    constrained = bool(np.any(row))
    particular = row * (total / (row @ row)) if constrained else np.zeros_like(row)
    null = np.linalg.svd(row[None, :])[2][int(constrained) :].T
    left, values, right = np.linalg.svd(M @ null, full_matrices=False)
    kept = values > _NEGLIGIBLE  # absolute: on some faces nothing but rounding is left of M
    coordinates = (left.T @ (d - M @ particular))[kept] / values[kept]
    return np.asarray(particular + null @ (right[kept].T @ coordinates), dtype=np.float64)
