"""All turning points of a frontier, certified: by our critical line, the careful one, or cvxcla."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import UncertifiedError
from pyalloc.frontier.bordered import BreakdownError
from pyalloc.frontier.certificate import EXACT, Certificate, certify
from pyalloc.frontier.critical_line import Traced, trace
from pyalloc.frontier.inputs import GroupLimits, PortfolioInputs
from pyalloc.frontier.limits import refuse_clash

FloatArray = NDArray[np.float64]
Path = Literal["critical line", "re-solved critical line", "cvxcla"]

_WEIGHT_ERROR: Final = 1e-11
"""Largest error of a weight, estimated from residual and inverse, with which the updated line is accepted."""


@dataclass(frozen=True, slots=True, eq=False)
class TurningPoints:
    """The certified turning points, from the highest return down to minimum variance.

    Attributes
    ----------
    weights : ndarray, shape (T, n)
    multipliers : ndarray, shape (T,)
        λ.
    returns, variances : ndarray, shape (T,)
    crosses : ndarray, shape (T - 1,)
        Covariance of each portfolio with the next.
    gap : float
        Largest duality gap, relative to ``tr Σ/n + λ max|μ|``.
    path : str
        Which algorithm answered.
    """

    weights: FloatArray
    multipliers: FloatArray
    returns: FloatArray
    variances: FloatArray
    crosses: FloatArray
    gap: float
    path: Path


def turning_points(given: PortfolioInputs, groups: GroupLimits | None) -> TurningPoints:
    """Return the certified turning points.

    Our critical line with updates comes first, then the same solved anew at each turning point, then cvxcla;
    the first exact answer is taken, else the best one within the certificate's limit.

    Raises
    ------
    InfeasibleError
        Where no weights meet the limits.
    UncertifiedError
        Where no path passes the certificate.
    """
    certified: list[tuple[Certificate, Traced, Path]] = []
    if groups is None or groups.disjoint:
        for careful in (False, True):
            path: Path = "re-solved critical line" if careful else "critical line"
            try:
                traced = trace(*given, groups, careful=careful)
            except (BreakdownError, np.linalg.LinAlgError):
                continue
            proof = certify(*given, groups, *traced[:3])
            if proof.holds(EXACT) and (careful or proof.residual * traced.sensitivity <= _WEIGHT_ERROR):
                return _together(given.mu, proof, traced, path)
            certified.append((proof, traced, path))
    try:
        certified.append(by_cvxcla(given, groups))
    except UncertifiedError:
        if not certified:
            raise
    proof, traced, path = min(certified, key=lambda found: _rank(found[0]))
    if not proof.holds():
        raise UncertifiedError(
            f"a turning point is off by {proof.gaps.max():.1e} of its scale in variance and by "
            f"{proof.outside:.1e} in its limits, and the efficient frontier is withheld"
        )
    return _together(given.mu, proof, traced, path)


def _rank(proof: Certificate) -> tuple[bool, float]:
    return not proof.holds(), float(proof.gaps.max())


def _together(mu: FloatArray, proof: Certificate, traced: Traced, path: Path) -> TurningPoints:
    weights = traced.weights
    return TurningPoints(
        weights,
        traced.multipliers,
        weights @ mu,
        np.maximum((weights * proof.exposures).sum(axis=1), 0.0),
        (weights[:-1] * proof.exposures[1:]).sum(axis=1),
        float(proof.gaps.max()),
        path,
    )


def by_cvxcla(given: PortfolioInputs, groups: GroupLimits | None) -> tuple[Certificate, Traced, Path]:
    """Return what cvxcla finds, with its proof.

    Raises
    ------
    InfeasibleError
        Where no weights meet the limits.
    UncertifiedError
        Where it finds nothing.
    """
    from cvxcla import CLA, CLAError

    mu, cov, lower, upper = given
    # A name that cannot be held is left out: a box without width is a tie that no step resolves.
    held = (lower != 0.0) | (upper != 0.0)
    limits = {} if groups is None else {"g": groups.G[:, held], "h": groups.h}
    budget = np.ones((1, int(held.sum())))
    try:
        points = CLA(
            mu[held], cov[np.ix_(held, held)], lower[held], upper[held], budget, np.ones(1), **limits
        ).turning_points
    except (CLAError, np.linalg.LinAlgError) as error:
        if groups is not None:
            refuse_clash(lower, upper, groups)
        raise UncertifiedError(f"the efficient frontier could not be traced: {error}") from error
    # The first vertex comes twice: for λ → ∞, and at the λ where the frontier leaves it.
    points = points[1:] or points
    weights = np.zeros((len(points), len(mu)))
    weights[:, held] = [point.weights for point in points]
    multipliers = np.array([point.lamb if np.isfinite(point.lamb) else 0.0 for point in points])
    prices = np.array([point.eta for point in points]) if groups else np.zeros((len(points), 0))
    traced = Traced(weights, multipliers, prices, np.inf)
    return certify(*given, groups, *traced[:3]), traced, "cvxcla"
