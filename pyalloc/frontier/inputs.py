"""Expected returns, covariance and bounds as the frontier and the target portfolio take them: checked."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyalloc.errors import InfeasibleError, InputError
from pyalloc.qp import positive_definite

FloatArray = NDArray[np.float64]

INDEFINITE_LIMIT: Final = 0.01
"""How far below 0 the smallest eigenvalue of a covariance may lie, as a fraction of the largest: so far can
rounding the entries of a typed table to a few digits push it, no further."""


class PortfolioInputs(NamedTuple):
    """Arrays of n names that belong together: each has shape (n,), the covariance (n, n)."""

    mu: FloatArray
    cov: FloatArray
    lower: FloatArray
    upper: FloatArray


class GroupLimits(NamedTuple):
    """``G w <= h``: shapes (k, n) and (k,)."""

    G: FloatArray
    h: FloatArray

    @property
    def disjoint(self) -> bool:
        """Whether they limit the weights of sets of names that have no name in common."""
        return bool(((self.G == 0.0) | (self.G == 1.0)).all() and (self.G.sum(axis=0) <= 1.0).all())


def checked(mu: ArrayLike, cov: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> PortfolioInputs:
    """Return the inputs as arrays, single bounds repeated for every name.

    Raises
    ------
    InputError
        For shapes that do not agree, numbers that are missing, or a covariance that cannot be one.
    InfeasibleError
        Where no weights within the bounds sum to 1.
    """
    returns = np.asarray(mu, dtype=np.float64)
    matrix = np.asarray(cov, dtype=np.float64)
    n = returns.size
    if returns.shape != (n,) or n == 0 or matrix.shape != (n, n):
        raise InputError(f"mu has shape {returns.shape} and cov {matrix.shape}; they must be (n,) and (n, n)")
    try:
        low, high = (np.broadcast_to(np.asarray(x, dtype=np.float64), (n,)) for x in (lower, upper))
    except ValueError:
        raise InputError(f"bounds must be one number, or one for each of the {n} names") from None
    for what, values in {"mu": returns, "cov": matrix, "lower": low, "upper": high}.items():
        check_finite(what, values)
    _check_covariance(matrix)
    _check_bounds(low, high)
    return PortfolioInputs(returns, matrix, low.copy(), high.copy())


def checked_groups(G: ArrayLike | None, h: ArrayLike | None, n: int) -> GroupLimits | None:
    """Return the group limits ``G w <= h`` as arrays, shape (k, n) and (k,), or None where there are none."""
    if G is None and h is None:
        return None
    if G is None or h is None:
        raise InputError("group limits need both G and h")
    rows, limits = np.atleast_2d(np.asarray(G, np.float64)), np.atleast_1d(np.asarray(h, np.float64))
    if rows.shape != (limits.size, n) or limits.ndim != 1:
        raise InputError(
            f"G has shape {rows.shape} and h {limits.shape}; with {n} names they must be (k, {n}) and (k,)"
        )
    check_finite("G", rows)
    check_finite("h", limits)
    return GroupLimits(rows, limits)


def check_finite(what: str, values: FloatArray) -> None:
    """Refuse an array with a number that is missing or not finite, naming its position from 1."""
    finite = np.isfinite(values)
    if finite.all():
        return
    for position in np.argwhere(~finite).tolist():
        place = ", ".join(str(i + 1) for i in position)
        raise InputError(f"{what}: entry {place} is missing or not finite")


def _check_covariance(cov: FloatArray) -> None:
    apart = np.zeros((1, 1)) if np.array_equal(cov, cov.T) else np.abs(cov - cov.T)
    if apart.max() > 1e-9 * np.abs(cov).max():
        i, j = np.unravel_index(int(apart.argmax()), cov.shape)
        raise InputError(
            f"cov is not symmetric: entry {i + 1}, {j + 1} is {cov[i, j]:g} and entry {j + 1}, {i + 1} is "
            f"{cov[j, i]:g}; write the same number in both"
        )
    if _surely_definite(cov):
        return
    smallest, largest = np.linalg.eigvalsh(cov)[[0, -1]]
    if smallest < -INDEFINITE_LIMIT * max(float(largest), 0.0):
        raise InputError(
            f"cov is no covariance: its smallest eigenvalue is {smallest:.3g}, so some portfolio would have "
            "a variance below 0; check its entries, or shrink it"
        )


def _surely_definite(cov: FloatArray) -> bool:
    """Return whether a Cholesky factor proves that no eigenvalue is below the limit, at a tenth of the cost.

    As it stands it may be singular: then half the limit is added, and the other half is left for rounding.
    The largest eigenvalue is at least the largest variance.
    """
    allowed = INDEFINITE_LIMIT / 2.0 * float(cov.diagonal().max())
    return positive_definite(cov) or positive_definite(cov + allowed * np.eye(len(cov)))


def _check_bounds(lower: FloatArray, upper: FloatArray) -> None:
    for i in np.flatnonzero(lower > upper).tolist():
        raise InfeasibleError(
            f"name {i + 1}: the lower bound {lower[i]:.4g} is above the upper bound {upper[i]:.4g}"
        )
    if lower.sum() > 1.0 + 1e-12 or upper.sum() < 1.0 - 1e-12:
        raise InfeasibleError(
            f"weights between bounds that sum to {lower.sum():.6g} and {upper.sum():.6g} cannot sum to 1: "
            "lower the floor or raise the cap, by "
            f"{max(lower.sum() - 1.0, 1.0 - upper.sum()):.6g} for all names together"
        )
