"""The critical line algorithm: every turning point of the frontier, from the highest return down.

Markowitz (1956), "The optimization of a quadratic function subject to linear constraints"; in the form of
Niedermayer and Niedermayer (2010). As λ falls from infinity to 0 the efficient weights follow one critical
line until a weight reaches a bound or a parked name's multiplier reaches 0: a turning point, where the line
changes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.frontier.bordered import (
    BreakdownError,
    Conditions,
    CriticalLine,
    conditions,
    enter,
    leave,
    solved,
)
from pyalloc.frontier.inputs import GroupLimits
from pyalloc.frontier.start import highest_return, on_the_face

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

NOISE: Final = 1e-13
"""A slope below this, in units of Σ and of the spread of μ, is rounding: the entry stays where it is."""

_FRESH_AFTER: Final = 64  # changes of rank 1 before the free block is inverted anew
_SAME: Final = 1e-15  # weights that differ by less are one portfolio


class Traced(NamedTuple):
    """The turning points, from the highest return down.

    Attributes
    ----------
    weights : ndarray, shape (T, n)
    multipliers : ndarray, shape (T,)
        λ, not increasing.
    group_multipliers : ndarray, shape (T, k)
        ν of each group limit.
    sensitivity : float
        Error of a weight per error of its reduced gradient, at most, on the last critical line.
    """

    weights: FloatArray
    multipliers: FloatArray
    group_multipliers: FloatArray
    sensitivity: float


def trace(
    mu: FloatArray,
    cov: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    groups: GroupLimits | None = None,
    *,
    careful: bool = False,
) -> Traced:
    """Return the turning points of the frontier.

    Parameters
    ----------
    mu, lower, upper : ndarray, shape (n,)
    cov : ndarray, shape (n, n)
    groups : GroupLimits, optional
        Of disjoint sets of names.
    careful : bool
        Solve for every critical line anew instead of updating the one before.

    Raises
    ------
    BreakdownError
        Where the events do not end, or no weights meet the limits.
    numpy.linalg.LinAlgError
        Where a block of H is singular.
    """
    size = float(np.trace(cov)) / len(mu) or 1.0
    top = highest_return(mu, lower, upper, groups)
    # From the marginal return, so that returns which nearly tie with it keep their digits.
    excess = mu - top.marginal
    spread = float(np.abs(excess[upper > lower]).max(initial=0.0))
    given = conditions(excess / (spread or 1.0), cov / size, lower, upper, groups)
    free, parked = top.free, top.parked
    if np.count_nonzero(top.tied) > 1:
        end = _follow(on_the_face(given, top), free, parked, careful=careful)
        free, parked = end.state.free, end.parked
    found = _follow(given, free, parked, careful=careful)
    n = given.names
    weights = np.clip(lower + found.x[:, 1 : n + 1], lower, upper)
    kept = _distinct(weights)
    unit = size / spread if spread else 0.0
    return Traced(
        weights[kept],
        unit * found.lambdas[kept],
        size * np.maximum(found.x[kept, n + 1 :], 0.0),
        float(np.abs(found.state.inverse[1:, 1:]).max()),
    )


class _Followed(NamedTuple):
    """λ, shape (T,), and x, shape (T, N), where critical lines meet; the last line and where x is parked."""

    lambdas: FloatArray
    x: FloatArray
    state: CriticalLine
    parked: FloatArray


def _follow(given: Conditions, free: IntArray, parked: FloatArray, *, careful: bool) -> _Followed:
    """Follow the critical lines from those of the free entries, at λ = ∞, down to λ = 0."""
    state, changes = solved(given, free, parked), 0
    parked = parked.copy()
    is_free = np.zeros(len(parked), dtype=np.bool_)
    is_free[free] = True
    # The sign that keeps an entry where it is: of x where free, of d where parked.
    side = np.where(parked > 0.0, -given.rests, given.rests)
    side[free] = np.abs(given.rests[free])
    room = given.room if np.isfinite(given.room).any() else None
    barred: list[int] = []
    lam = first_event(state, side)
    values = state.line[0] + lam * state.line[1]
    lambdas, points = [lam], [np.where(is_free, values, parked)]
    for _ in range(100 + 20 * len(parked)):
        if lam <= 0.0:
            return _Followed(np.array(lambdas), np.array(points), state, parked)
        event = next_event(state, values, side, room, lam, barred)
        if event.lam < lam:
            # Read off the line that ends here, of which the block is better conditioned than with one more.
            lam = event.lam
            values = state.line[0] + lam * state.line[1]
            lambdas.append(lam)
            points.append(np.where(is_free, values, parked))
        if lam <= 0.0:
            continue
        j, at = event.entry, given.room.item(event.entry) if event.above else parked.item(event.entry)
        frees = not is_free[j]
        if not (enter(given, state, j, at) if frees else leave(state, j, at)):
            barred.append(j)
            continue
        barred.clear()
        changes += 1
        is_free[j] = frees
        values[j], parked[j] = (at, 0.0) if frees else (0.0, at)
        side[j] = 1.0 if frees else -given.rests[j] if event.above else given.rests[j]
        if careful or changes % _FRESH_AFTER == 0:
            state = solved(given, state.free, parked)
            values = state.line[0] + lam * state.line[1]
    raise BreakdownError("the events do not end")


def first_event(state: CriticalLine, side: FloatArray) -> float:
    """Return the greatest λ at which an entry reaches its bound, 0 where none does.

    Coming from λ = ∞, the first slack ``z_i + λ z'_i`` to vanish is that of the greatest root, ``−z_i/z'_i``.
    """
    start, slope = state.line
    falls = side * slope > NOISE
    return float(np.divide(-start, slope, out=np.zeros(len(start)), where=falls).max(initial=0.0))


class Event(NamedTuple):
    """Where a critical line ends.

    Attributes
    ----------
    entry : int
        The entry that is freed or parked.
    lam : float
        λ there; 0 where the line reaches minimum variance first.
    above : bool
        Whether a weight reaches its upper bound.
    """

    entry: int
    lam: float
    above: bool


def next_event(
    state: CriticalLine,
    values: FloatArray,
    side: FloatArray,
    room: FloatArray | None,
    lam: float,
    barred: list[int],
) -> Event:
    """Return the first entry that reaches its bound as λ falls from `lam`.

    The least step ``max(slack, 0)/slope``: what rounding has put beyond its bound is there already. The two
    events of Niedermayer and Niedermayer (2010), a weight that reaches a bound and a parked name whose
    multiplier reaches 0, are one ratio test. Bailey and López de Prado (2013, ``computeLambda``) compare
    values of λ instead, which rounding orders wrongly where several events coincide.

    Parameters
    ----------
    values : ndarray, shape (N,)
        On the line at `lam`.
    side : ndarray, shape (N,)
        Sign of the slack in each value; 0 where nothing is watched.
    room : ndarray, shape (N,), optional
        Upper bounds of x, where any are finite.
    barred : list of int
        Entries that cannot move.
    """
    start, slope = state.line
    rate = side * slope
    if barred:
        rate[barred] = 0.0
    slack = side * values
    np.maximum(slack, 0.0, out=slack)
    steps = np.divide(slack, rate, out=np.full(len(rate), np.inf), where=rate > NOISE)
    first = int(steps.argmin())
    step, bound, above = steps.item(first), 0.0, False
    if room is not None:
        free = state.free
        rises = -slope[free]
        left = np.maximum(room[free] - values[free], 0.0)
        rising = np.divide(left, rises, out=np.full(len(free), np.inf), where=rises > NOISE)
        p = int(rising.argmin())
        if rising[p] < step:
            first, step, above = int(free[p]), float(rising[p]), True
            bound = float(room[first])
    if not step < lam:
        return Event(first, 0.0, above)
    # A long step would leave λ few digits: then it is read off the line.
    found = lam - step if step < 0.5 * lam else (bound - start.item(first)) / slope.item(first)
    return Event(first, min(max(found, 0.0), lam), above)


def _distinct(weights: FloatArray) -> NDArray[np.bool_]:
    """Return which points stay: of a run of equal portfolios the ends, of the first run the last."""
    again = np.abs(weights[1:] - weights[:-1]).max(axis=1) <= _SAME
    before, after = np.concatenate([[True], again]), np.concatenate([again, [False]])
    return np.asarray(~(before & after))
