"""The optimality conditions of a frontier as one symmetric system, and its solution as names come and go.

For ``min ½ wᵀΣw − λ μᵀw`` subject to ``1ᵀw = 1``, ``l ≤ w ≤ u``, ``G w ≤ h`` the conditions of Karush, Kuhn
and Tucker are, with x = (−γ, w − l, ν),

    H x = r + λ s + d,    H = [0 1ᵀ 0; 1 Σ Gᵀ; 0 G 0]

where every entry is either *free* (its d is 0: the budget, a name between its bounds, a limit that binds) or
*parked* (its x rests at a bound and its d has one sign). For given free entries both are affine in λ: a
critical line. Names enter and leave by rank-1 changes of the inverse of H's free block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.frontier.inputs import GroupLimits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

BUDGET: Final = 0
"""The entry of H that belongs to ``1ᵀw = 1``; names follow it, then group limits."""


SINGULAR: Final = 1e-13
"""A pivot below this, in units of a name's variance, is rounding: its block of H is singular."""

_SPARE: Final = 16  # rows at least by which the store grows


class BreakdownError(ArithmeticError):
    """The algorithm has no start, met a singular block, or finds no end: another path has to answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """H and what stands beside it, in units that make Σ and the spread of μ about 1.

    Attributes
    ----------
    matrix : ndarray, shape (N, N)
        H, N = 1 + n + k.
    sides : ndarray, shape (2, N)
        r and s.
    room : ndarray, shape (N,)
        How far x may rise from 0: the width of a name's box, infinite where the budget ends before it.
    rests : ndarray, shape (N,)
        Sign of d where an entry is parked at 0: 1 for a name, −1 for a group limit (d is less its slack), 0
        where nothing can move: the budget and a box without width.
    names : int
        n.
    """

    matrix: FloatArray
    sides: FloatArray
    room: FloatArray
    rests: FloatArray
    names: int


@dataclass(slots=True, eq=False)
class CriticalLine:
    """Free entries, the inverse of their block of H, and the line that they define.

    Attributes
    ----------
    entries : ndarray of int, shape (at least m,)
        The free entries, the budget first; room to grow.
    inverse : ndarray, shape (m, m)
    rows : ndarray, shape (at least m, N)
        H's rows of the free entries.
    line : ndarray, shape (2, N)
        Value at λ = 0 and change per unit of λ: of x where an entry is free, of d where it is parked.
    """

    entries: IntArray
    inverse: FloatArray
    rows: FloatArray
    line: FloatArray

    @property
    def free(self) -> IntArray:
        """The free entries, shape (m,)."""
        return self.entries[: len(self.inverse)]


def conditions(
    mu: FloatArray,
    cov: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    groups: GroupLimits | None,
) -> Conditions:
    """Return the conditions of returns, covariance and limits that are already scaled."""
    n = len(mu)
    G, h = groups or (np.empty((0, n)), np.empty(0))
    size = 1 + n + len(h)
    names, limits = slice(1, n + 1), slice(n + 1, size)
    matrix = np.zeros((size, size))
    matrix[names, names] = cov
    matrix[BUDGET, names] = matrix[names, BUDGET] = 1.0
    matrix[limits, names], matrix[names, limits] = G, G.T
    sides = np.zeros((2, size))
    sides[0, BUDGET] = budget = 1.0 - lower.sum()
    if lower.any():
        sides[0, names], sides[0, limits] = -(cov @ lower), h - G @ lower
    else:
        sides[0, limits] = h
    sides[1, names] = mu
    room = np.full(size, np.inf)
    width = upper - lower
    room[names] = np.where(width < budget, width, np.inf)
    rests = np.concatenate([[0.0], np.where(width > 0.0, 1.0, 0.0), -np.ones(len(h))])
    return Conditions(matrix, sides, room, rests, n)


def solved(given: Conditions, free: IntArray, parked: FloatArray) -> CriticalLine:
    """Return the critical line of the free entries, solved for, with a step of iterative refinement.

    With F free, P parked and ``K = H_FF⁻¹``:

        x_F = K (r_F − H_FP x_P) + λ K s_F        d_P = H_PF x_F + H_PP x_P − r_P − λ s_P

    The weights and γ of Niedermayer and Niedermayer (2010) as functions of λ, ``computeW`` of Bailey and
    López de Prado (2013), "An open-source implementation of the critical-line algorithm for portfolio
    optimization", in one system.

    Parameters
    ----------
    free : ndarray of int, shape (m,)
    parked : ndarray, shape (N,)
        Where the other entries of x rest; 0 where free.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where the free block is singular.
    """
    m = len(free)
    rows = np.empty((m + _SPARE, len(parked)))
    np.take(given.matrix, free, axis=0, out=rows[:m])
    block = rows[:m, free]
    inverse = np.asarray(np.linalg.inv(block), dtype=np.float64)
    resting = np.flatnonzero(parked)
    sides = given.sides.copy()
    if len(resting):
        sides[0] -= parked[resting] @ given.matrix[resting]
    x = sides[:, free] @ inverse
    x += (sides[:, free] - x @ block) @ inverse
    line = x @ rows[:m] - sides
    line[:, free] = x
    return CriticalLine(np.concatenate([free, np.empty(_SPARE, dtype=np.intp)]), inverse, rows, line)


def enter(given: Conditions, state: CriticalLine, j: int, parked_at: float) -> bool:
    """Free entry j, by a rank-1 change of the inverse; return False where its block would be singular.

    The bordering method, as in Niedermayer and Niedermayer (2010), "Applying Markowitz's critical line
    algorithm". With ``c = H_Fj``, ``u = Kc`` and the Schur complement ``σ = H_jj − cᵀu``:

        K ← [ K + uuᵀ/σ   −u/σ ]        x_j ← x_j − d_j/σ,   x_F ← x_F + u d_j/σ,
            [ −uᵀ/σ        1/σ ]        d_P ← d_P − (H_Pj − H_PF u) d_j/σ

    Parameters
    ----------
    parked_at : float
        x_j so far.
    """
    m = len(state.inverse)
    rows = state.rows[:m]
    column = rows[:, j]
    u = state.inverse @ column
    own = given.matrix.item(j, j)
    schur = own - float(column @ u)
    if abs(schur) <= SINGULAR * (1.0 + own):
        return False
    against = u @ rows
    against -= given.matrix[j]
    against[state.free] = u
    line = state.line
    moved = line[:, j] / schur
    line += moved[:, None] * against
    line[:, j] = -moved
    line[0, j] += parked_at
    grown = np.empty((m + 1, m + 1))
    scaled = u / -schur
    np.subtract(state.inverse, u[:, None] * scaled, out=grown[:m, :m])
    grown[m, :m] = grown[:m, m] = scaled
    grown[m, m] = 1.0 / schur
    state.inverse = grown
    if m == len(state.rows):
        spare = m + _SPARE
        state.rows = np.concatenate([state.rows, np.empty((spare, len(against)))])
        state.entries = np.concatenate([state.entries, np.empty(spare, dtype=np.intp)])
    state.rows[m], state.entries[m] = given.matrix[j], j
    return True


def leave(state: CriticalLine, j: int, park_at: float) -> bool:
    """Park entry j at a bound, by a rank-1 change of the inverse; return False where nothing else could move.

    The reverse of :func:`enter`. With k the column of K that belongs to j, and the force
    ``f = (bound − x_j)/k_j`` that holds j there:

        K ← K − kkᵀ/k_j  without row and column j,    x_F ← x_F + f k,    d_P ← d_P + f H_PF k,    d_j ← f

    The last free entry takes the place of j.
    """
    free = state.free
    last = len(free) - 1
    p = int((free == j).argmax())
    column = state.inverse[p]
    pivot = column.item(p)
    if abs(pivot) <= SINGULAR:
        return False
    change = column @ state.rows[: last + 1]
    change[free] = column
    line = state.line
    force = line[:, j] / -pivot
    force[0] += park_at / pivot
    line += force[:, None] * change
    line[:, j] = force
    shrunk = state.inverse - column[:, None] * (column / pivot)
    shrunk[p] = shrunk[last]
    shrunk[:, p] = shrunk[:, last]
    state.inverse = shrunk[:last, :last]
    state.rows[p] = state.rows[last]
    state.entries[p] = state.entries[last]
    return True
