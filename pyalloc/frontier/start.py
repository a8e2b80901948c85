"""Where the critical line starts: at a vertex of greatest return, and on the least risky one of its face."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.frontier.bordered import BUDGET, BreakdownError, Conditions
from pyalloc.frontier.inputs import GroupLimits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

_SPENT: Final = 1e-14  # what rounding leaves of a budget that is spent


class Vertex(NamedTuple):
    """A portfolio of greatest expected return, as entries of H.

    Attributes
    ----------
    free : ndarray of int
        The budget, the name on which the last of it is spent, and for each group limit that binds the limit
        and the name that it stops.
    parked : ndarray, shape (N,)
        Weight above the lower bound of every other name.
    marginal : float
        Expected return of the name on which the last of the budget is spent.
    tied : ndarray of bool, shape (n,)
        Names that could be exchanged for one that is free without loss of return.
    priced : ndarray of bool, shape (k,)
        Group limits that cost return.
    """

    free: IntArray
    parked: FloatArray
    marginal: float
    tied: BoolArray
    priced: BoolArray


def highest_return(
    mu: FloatArray, lower: FloatArray, upper: FloatArray, groups: GroupLimits | None
) -> Vertex:
    """Return a portfolio of greatest expected return.

    The budget goes to names in the order of their returns, each up to its bound or what its group's limit
    leaves: groups are disjoint, so that this is the optimum of the linear programme.
    """
    n, width, left = len(mu), upper - lower, 1.0 - float(lower.sum())
    order = np.argsort(-mu, kind="stable")
    if groups is None:
        spent = np.cumsum(width[order])
        last = min(int(np.searchsorted(spent, left - _SPENT)), n - 1)
        parked = np.zeros(1 + n)
        parked[1 + order[:last]] = width[order[:last]]
        marginal = float(mu[order[last]])
        free = np.array([BUDGET, 1 + order[last]])
        return Vertex(free, parked, marginal, (mu == marginal) & (width > 0.0), np.zeros(0, dtype=np.bool_))
    return _within_groups(mu, width, left, groups.h - groups.G @ lower, groups.G, order)


def _within_groups(
    mu: FloatArray, width: FloatArray, left: float, allowance: FloatArray, G: FloatArray, order: IntArray
) -> Vertex:
    n, k = len(mu), len(G)
    group = np.where(G.any(axis=0), G.argmax(axis=0), k)
    allowance = np.append(allowance, np.inf)
    parked, marginal = np.zeros(1 + n + k), None
    stopped: dict[int, int] = {}  # by its limit, the last name of a group that could be bought
    for i in order.tolist():
        g = int(group[i])
        if g in stopped:
            continue
        most = min(width[i], allowance[g])
        if left <= most + _SPENT:
            marginal = i
            break
        left, allowance[g] = left - most, allowance[g] - most
        if most < width[i]:
            stopped[g] = i
        else:
            parked[1 + i] = most
    if marginal is None and stopped and left <= _SPENT:
        # The limits take up the budget exactly: the cheapest of them costs nothing.
        marginal = stopped.pop(next(reversed(stopped)))
    if marginal is None or allowance.min() < 0.0:
        raise BreakdownError("the limits leave no weights")
    free = [BUDGET, *(1 + i for i in stopped.values()), 1 + marginal, *(1 + n + g for g in stopped)]
    prices = np.full(k + 1, mu[marginal])
    prices[list(stopped)] = mu[list(stopped.values())]
    tied = (mu == prices[group]) & (width > 0.0)
    return Vertex(np.array(free), parked, float(mu[marginal]), tied, prices[:-1] > mu[marginal])


def on_the_face(given: Conditions, vertex: Vertex) -> Conditions:
    """Return the conditions of the portfolios that tie with a vertex, and made-up returns that part them.

    The names that tie may move, the others rest; limits that cost return stay. With returns that fall with a
    name's number, the order in which :func:`highest_return` takes names that tie, the vertex is the start of
    a frontier whose end is the least risky portfolio of the face, found without a singular block even where
    names are the same.
    """
    n = given.names
    tied = np.concatenate([[False], vertex.tied, np.zeros(len(given.rests) - 1 - n, dtype=np.bool_)])
    limits = np.concatenate([np.zeros(1 + n, dtype=np.bool_), ~vertex.priced])
    sides = given.sides.copy()
    sides[1] = 0.0
    sides[1, 1 : n + 1] = np.linspace(1.0, 0.0, n)
    return replace(given, sides=sides, rests=np.where(tied | limits, given.rests, 0.0))
