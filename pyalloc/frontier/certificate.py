"""What proves frontier portfolios optimal, for all of them at once, whoever found them.

Weak duality for ``min ½ wᵀΣw − λ μᵀw`` subject to ``1ᵀw = 1``, ``l ≤ w ≤ u``, ``G w ≤ h``: with the reduced
gradients ``d = Σw − λμ + Gᵀν − γ1`` the objective can fall by no more than

    Σ max(d (w − l), d (w − u)) + νᵀ(h − G w)        for any γ and any ν ≥ 0
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.frontier.inputs import GroupLimits
from pyalloc.qp import ROW_LIMIT

FloatArray = NDArray[np.float64]

CERTIFICATE_LIMIT: Final = 1e-9
"""Largest duality gap of a portfolio that is handed out, relative to ``tr Σ/n + λ max|μ|``."""

EXACT: Final = 1e-12
"""Largest relative duality gap of a portfolio that is exact but for rounding."""

_INSIDE: Final = 1e-9  # a weight so far from both bounds tells γ


class Certificate(NamedTuple):
    """Proof for T portfolios.

    Attributes
    ----------
    exposures : ndarray, shape (T, n)
        Σw.
    gaps : ndarray, shape (T,)
        Duality gaps relative to ``tr Σ/n + λ max|μ|``.
    outside : float
        How far a portfolio misses the sum, a bound or a group limit, at most.
    residual : float
        Largest reduced gradient of a weight between its bounds, in the units of the gaps.
    """

    exposures: FloatArray
    gaps: FloatArray
    outside: float
    residual: float

    def holds(self, limit: float = CERTIFICATE_LIMIT) -> bool:
        """Return whether every gap is within the limit and no constraint is missed; not for NaN."""
        return bool(self.gaps.max() <= limit and self.outside <= ROW_LIMIT)


def certify(
    mu: FloatArray,
    cov: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    groups: GroupLimits | None,
    weights: FloatArray,
    multipliers: FloatArray,
    group_multipliers: FloatArray,
) -> Certificate:
    """Return the certificate of `weights`, shape (T, n), with λ, shape (T,), and ν, shape (T, k)."""
    held = np.flatnonzero(weights.any(axis=0))
    exposures = weights[:, held] @ cov[held]
    gradients = exposures - multipliers[:, None] * mu
    outside = [np.abs(weights.sum(axis=1) - 1.0).max(), (lower - weights).max(), (weights - upper).max()]
    slack_cost = np.zeros(len(weights))
    if groups is not None:
        slack, prices = groups.h - weights @ groups.G.T, np.maximum(group_multipliers, 0.0)
        gradients += prices @ groups.G
        slack_cost = (prices * np.maximum(slack, 0.0)).sum(axis=1)
        outside.append(-slack.min())
    scale = np.trace(cov) / len(mu) + multipliers * np.abs(mu).max()
    above, beneath = weights - lower, weights - upper
    # A bound that the budget never lets a weight pass, or reach with others held, is none.
    width = upper - lower
    margin = np.minimum(above, np.where(width < 1.0 - lower.sum(), -beneath, np.inf))
    rows = np.arange(len(weights))
    d = gradients - gradients[rows, margin.argmax(axis=1)][:, None]
    gaps = _gaps(d, above, beneath) + slack_cost
    # Where no weight is inside its bounds, or rounding hides γ, the best γ is that of a linear programme.
    unclear = np.flatnonzero((margin.max(axis=1) <= _INSIDE) | ~(gaps <= EXACT * scale))
    if len(unclear):
        best = _gaps(
            gradients[unclear] - budget_price(gradients[unclear], lower, upper)[:, None],
            above[unclear],
            beneath[unclear],
        )
        gaps[unclear] = np.minimum(gaps[unclear], best + slack_cost[unclear])
    unit = np.where(scale > 0.0, scale, 1.0)
    residual = np.abs(d * (margin > _INSIDE)).max(axis=1) / unit
    return Certificate(exposures, gaps / unit, float(max(outside)), float(residual.max()))


def _gaps(d: FloatArray, above: FloatArray, beneath: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(d * above, d * beneath).sum(axis=1))


def budget_price(gradients: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the multiplier of ``1ᵀv = 1`` in ``min gᵀv``, ``l ≤ v ≤ u``, for each row g, shape (T,).

    The entry of g on which the last of the budget is spent, cheapest first: the γ of least gap.
    """
    order = np.argsort(gradients, axis=1)
    spent = np.cumsum((upper - lower)[order], axis=1)
    last = (spent < 1.0 - lower.sum() - 1e-15).sum(axis=1).clip(max=gradients.shape[1] - 1)
    rows = np.arange(len(gradients))
    return np.asarray(gradients[rows, order[rows, last]])
