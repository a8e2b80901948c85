"""The exact long-only efficient frontier by the critical line algorithm, every turning point certified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyalloc.errors import InfeasibleError, InputError, UncertifiedError
from pyalloc.frontier.inputs import checked, checked_groups
from pyalloc.qp import ROW_LIMIT, duality_gap, solve_box_qp

FloatArray = NDArray[np.float64]

CERTIFICATE_LIMIT: Final = 1e-9
"""Largest duality gap of a turning point, relative to ``tr Σ/n + λ max|μ|``."""


@dataclass(frozen=True)
class FrontierPoint:
    """One efficient portfolio.

    Attributes
    ----------
    weights : ndarray, shape (n,)
    expected_return, volatility : float
        A year, decimal fractions.
    multiplier : float
        λ for which the portfolio minimises ``½ wᵀΣw − λ μᵀw``; 0 at minimum variance.
    """

    weights: FloatArray
    expected_return: float
    volatility: float
    multiplier: float


class EfficientFrontier:
    """All efficient portfolios of ``1ᵀw = 1, lower ≤ w ≤ upper, G w ≤ h``.

    Between two turning points the efficient weights are linear, so every answer is exact.

    Parameters
    ----------
    mu : array_like, shape (n,)
        Expected returns a year, decimal fractions.
    cov : array_like, shape (n, n)
        Annualised covariance, positive semi-definite.
    lower, upper : array_like, shape (n,) or scalar
        Bounds of each weight.
    G, h : array_like, shape (k, n) and (k,), optional
        Group limits.

    Raises
    ------
    InputError
        For shapes that do not agree or numbers that are missing.
    InfeasibleError
        Where no weights meet the limits.
    UncertifiedError
        Where a turning point fails its certificate.

    Notes
    -----
    Traced by cvxcla; Markowitz's critical line algorithm, "Mean-Variance Analysis in Portfolio Choice and
    Capital Markets" (1987).
    """

    def __init__(
        self,
        mu: ArrayLike,
        cov: ArrayLike,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = 1.0,
        G: ArrayLike | None = None,
        h: ArrayLike | None = None,
    ) -> None:
        self.mu, self.cov, self.lower, self.upper = checked(mu, cov, lower, upper)
        self._group_limits = checked_groups(G, h, len(self.mu))
        weights, multipliers = self._trace()
        self._returns = weights @ self.mu
        self._weights, self._multipliers = weights, multipliers

    def _trace(self) -> tuple[FloatArray, FloatArray]:
        """Return the turning points, shape (k, n), from the highest return down, and their λ, shape (k,)."""
        from cvxcla import CLA, CLAError, InfeasibleProblemError

        # A name that cannot be held is left out: a box without width is a tie that no step resolves.
        held = (self.lower != 0.0) | (self.upper != 0.0)
        n = int(held.sum())
        if n == 1:
            only = np.where(held, 1.0, 0.0)
            if self._infeasibility(only) > ROW_LIMIT:
                raise InfeasibleError("the only portfolio breaks a group limit: relax it")
            return only[None, :], np.zeros(1)
        G, h = self._group_limits or (None, None)
        limits = {} if G is None else {"g": G[:, held], "h": h}
        try:
            traced = CLA(
                self.mu[held],
                self.cov[np.ix_(held, held)],
                self.lower[held],
                self.upper[held],
                np.ones((1, n)),
                np.ones(1),
                **limits,
            ).turning_points
        except InfeasibleProblemError as error:
            raise InfeasibleError(f"no efficient frontier exists within these limits: {error}") from error
        except CLAError as error:
            raise UncertifiedError(f"the efficient frontier could not be traced: {error}") from error
        # The first vertex comes twice: for λ → ∞, and at the λ where the frontier leaves it.
        traced = traced[1:] or traced
        weights = np.zeros((len(traced), len(held)))
        weights[:, held] = [point.weights for point in traced]
        multipliers = np.array([point.lamb if np.isfinite(point.lamb) else 0.0 for point in traced])
        self._certify(weights, multipliers)
        return weights, multipliers

    def _certify(self, weights: FloatArray, multipliers: FloatArray) -> None:
        size = np.trace(self.cov) / len(self.mu)
        for w, lam in zip(weights, multipliers, strict=True):
            gap, outside = self._gap(w, lam), self._infeasibility(w)
            if not (gap <= CERTIFICATE_LIMIT * (size + lam * np.abs(self.mu).max()) and outside <= ROW_LIMIT):
                raise UncertifiedError(
                    f"a turning point is off by {gap:.1e} in variance and {outside:.1e} in its limits, "
                    "and is withheld"
                )

    def _gap(self, w: FloatArray, lam: float) -> float:
        """Return by how much ``½ wᵀΣw − λ μᵀw`` could still fall at `w`, at most."""
        gradient = self.cov @ w - lam * self.mu
        budget, one = np.ones((1, len(w))), np.ones(1)
        if self._group_limits is None:
            return min(
                duality_gap(gradient, w, budget, one, np.array([gamma]), self.lower, self.upper)
                for gamma in gradient
            )
        # A slack for each group limit makes it a row: the least value is found again, certified.
        G, h = self._group_limits
        most_slack = h - np.minimum(G * self.lower, G * self.upper).sum(axis=1)
        none = np.zeros_like(h)
        least = solve_box_qp(
            np.pad(self.cov, (0, len(h))),
            np.concatenate([-lam * self.mu, none]),
            np.block([[budget, none], [G, np.eye(len(h))]]),
            np.concatenate([one, h]),
            np.concatenate([self.lower, none]),
            np.concatenate([self.upper, np.maximum(most_slack, 0.0)]),
        ).x[: len(w)]
        return float((gradient + self.cov @ least - lam * self.mu) @ (w - least)) / 2.0

    def _infeasibility(self, w: FloatArray) -> float:
        """Return by how much `w` misses the sum, its bounds or a group limit, at most."""
        beyond = [abs(w.sum() - 1.0), (self.lower - w).max(), (w - self.upper).max()]
        if self._group_limits is not None:
            G, h = self._group_limits
            beyond.append((G @ w - h).max())
        return float(max(beyond))

    def _point(self, k: int, share: float = 0.0) -> FrontierPoint:
        """Return the portfolio `share` of the way from turning point k to the one above it, k − 1."""
        weights, multiplier = self._weights[k], self._multipliers[k]
        if share > 0.0:
            weights = weights + share * (self._weights[k - 1] - weights)
            multiplier += share * (self._multipliers[k - 1] - multiplier)
        variance = max(0.0, float(weights @ self.cov @ weights))
        return FrontierPoint(weights, float(weights @ self.mu), float(np.sqrt(variance)), float(multiplier))

    @cached_property
    def turning_points(self) -> tuple[FrontierPoint, ...]:
        """Every turning point, from the highest return down to minimum variance."""
        return tuple(self._point(k) for k in range(len(self._weights)))

    def min_variance(self) -> FrontierPoint:
        """Return the portfolio of least variance."""
        return self._point(len(self._weights) - 1)

    def at_return(self, r: float) -> FrontierPoint:
        """Return the portfolio of least variance among those of expected return `r` on the frontier.

        Raises
        ------
        InfeasibleError
            Where `r` is above the highest or below the minimum-variance return.
        """
        least, greatest = self._returns[-1], self._returns[0]
        if not least - 1e-12 <= r <= greatest + 1e-12:
            raise InfeasibleError(
                f"a return of {100 * r:.4g} % a year is off the efficient frontier, "
                f"which runs from {100 * least:.4g} % to {100 * greatest:.4g} %"
            )
        below = int(np.clip(np.searchsorted(-self._returns, -r), 0, len(self._returns) - 1))
        span = self._returns[below - 1] - self._returns[below] if below else 0.0
        share = (r - self._returns[below]) / span if span > 0.0 else 0.0
        return self._point(below, float(np.clip(share, 0.0, 1.0)))

    def at_volatility(self, s: float) -> FrontierPoint:
        """Return the portfolio of greatest return whose volatility is at most `s` a year.

        Raises
        ------
        InfeasibleError
            Where `s` is below the least volatility.
        """
        volatilities = np.array([point.volatility for point in self.turning_points])
        if not s >= volatilities[-1] * (1.0 - 1e-12):
            raise InfeasibleError(
                f"a volatility of {100 * s:.4g} % a year is below the least possible, "
                f"{100 * volatilities[-1]:.4g} %"
            )
        if s >= volatilities[0]:
            return self._point(0)
        k = int(np.argmax(volatilities <= max(s, volatilities[-1])))
        start, step = self._weights[k], self._weights[k - 1] - self._weights[k]
        a, half_b = step @ self.cov @ step, start @ self.cov @ step
        c = start @ self.cov @ start - s * s
        # The root between 0 and 1 of a t² + 2 half_b t + c, in the form that does not cancel.
        bottom = half_b + np.sqrt(max(0.0, half_b * half_b - a * c))
        share = -c / bottom if bottom > 0.0 else 0.0
        return self._point(k, float(np.clip(share, 0.0, 1.0)))

    def max_sharpe(self, risk_free: float) -> FrontierPoint:
        """Return the tangency portfolio: greatest expected return above `risk_free` per unit of volatility.

        Raises
        ------
        InfeasibleError
            Where no portfolio's expected return is above `risk_free`.
        """
        if not self._returns[0] > risk_free:
            raise InfeasibleError(
                f"no expected return is above the risk-free {100 * risk_free:.4g} % a year, so no portfolio "
                "has a positive Sharpe ratio: use the minimum-variance portfolio"
            )
        candidates = [self._point(0)]
        for k in range(1, len(self._weights)):
            start, step = self._weights[k], self._weights[k - 1] - self._weights[k]
            excess, slope = start @ self.mu - risk_free, step @ self.mu
            variance, cross, curve = start @ self.cov @ start, start @ self.cov @ step, step @ self.cov @ step
            # The derivative of (excess + t slope)/√(variance + 2 t cross + t² curve) is 0 at one t.
            bottom = slope * cross - excess * curve
            inner = (excess * cross - slope * variance) / bottom if bottom != 0.0 else 0.0
            candidates += [self._point(k), self._point(k, float(np.clip(inner, 0.0, 1.0)))]

        def ratio(point: FrontierPoint) -> float:
            excess = point.expected_return - risk_free
            return excess / point.volatility if point.volatility > 0.0 else np.copysign(np.inf, excess)

        return max(candidates, key=ratio)

    def points(self, n: int) -> tuple[FrontierPoint, ...]:
        """Return `n` frontier portfolios evenly spaced in return, from minimum variance up."""
        if n < 2:
            raise InputError(f"{n} points asked for; a frontier has at least 2")
        returns = np.linspace(self._returns[-1], self._returns[0], n)
        return tuple(self.at_return(float(r)) for r in returns)
