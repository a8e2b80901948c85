"""The exact long-only efficient frontier by the critical line algorithm, every turning point certified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyalloc.errors import InfeasibleError, InputError, UncertifiedError
from pyalloc.qp import duality_gap

FloatArray = NDArray[np.float64]

CERTIFICATE_LIMIT: Final = 1e-9
"""Largest duality gap of a turning point, relative to ``tr Σ/n + λ max|μ|``."""


@dataclass(frozen=True)
class FrontierPoint:
    """One efficient portfolio: weights, shape (n,); expected return and volatility, fractions a year."""

    weights: FloatArray
    expected_return: float
    volatility: float


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
        self.mu = np.asarray(mu, dtype=np.float64)
        self.cov = np.asarray(cov, dtype=np.float64)
        n = self.mu.size
        if self.mu.shape != (n,) or n == 0 or self.cov.shape != (n, n):
            raise InputError(
                f"mu has shape {self.mu.shape} and cov {self.cov.shape}; they must be (n,) and (n, n)"
            )
        self.lower = np.broadcast_to(np.asarray(lower, dtype=np.float64), (n,))
        self.upper = np.broadcast_to(np.asarray(upper, dtype=np.float64), (n,))
        if (G is None) != (h is None):
            raise InputError("group limits need both G and h")
        self._group_limits = (
            None if G is None else (np.atleast_2d(np.asarray(G, float)), np.atleast_1d(np.asarray(h, float)))
        )
        for what, values in {
            "mu": self.mu,
            "cov": self.cov,
            "lower": self.lower,
            "upper": self.upper,
        }.items():
            if not np.isfinite(values).all():
                raise InputError(f"{what} holds a number that is missing or not finite")
        if (self.lower > self.upper).any() or self.lower.sum() > 1 + 1e-12 or self.upper.sum() < 1 - 1e-12:
            raise InfeasibleError(
                f"weights between bounds that sum to {self.lower.sum():.6g} and {self.upper.sum():.6g} "
                "cannot sum to 1: lower the floor or raise the cap"
            )
        weights, multipliers = self._trace()
        self._returns = weights @ self.mu
        self._weights, self._multipliers = weights, multipliers

    def _trace(self) -> tuple[FloatArray, FloatArray]:
        """Return the turning points, shape (k, n), from the highest return down, and their λ, shape (k,)."""
        from cvxcla import CLA, CLAError

        n = self.mu.size
        if n == 1:
            return np.ones((1, 1)), np.zeros(1)
        rows = np.ones((1, n))
        group_limits = {}
        if self._group_limits is not None:
            group_limits = dict(zip("gh", self._group_limits, strict=True))
        try:
            traced = CLA(
                self.mu, self.cov, self.lower.copy(), self.upper.copy(), rows, np.ones(1), **group_limits
            ).turning_points
        except CLAError as error:
            raise InfeasibleError(f"no efficient frontier exists within these limits: {error}") from error
        # The first vertex comes twice: for λ → ∞, and at the λ where the frontier leaves it.
        traced = traced[1:] or traced
        weights = np.array([point.weights for point in traced])
        multipliers = np.array([point.lamb if np.isfinite(point.lamb) else 0.0 for point in traced])
        if self._group_limits is None:
            self._certify(weights, multipliers)
        return weights, multipliers

    def _certify(self, weights: FloatArray, multipliers: FloatArray) -> None:
        size = np.trace(self.cov) / len(self.mu)
        rows = np.ones((1, len(self.mu)))
        for w, lam in zip(weights, multipliers, strict=True):
            gradient = self.cov @ w - lam * self.mu
            gap = min(
                duality_gap(gradient, w, rows, np.ones(1), np.array([gamma]), self.lower, self.upper)
                for gamma in gradient
            )
            if not gap <= CERTIFICATE_LIMIT * (size + lam * np.abs(self.mu).max()):
                raise UncertifiedError(f"a turning point is off by {gap:.1e} in variance and is withheld")

    def _point(self, weights: FloatArray) -> FrontierPoint:
        return FrontierPoint(
            weights, float(weights @ self.mu), float(np.sqrt(max(0.0, weights @ self.cov @ weights)))
        )

    @cached_property
    def turning_points(self) -> tuple[FrontierPoint, ...]:
        """Every turning point, from the highest return down to minimum variance."""
        return tuple(self._point(w) for w in self._weights)

    def min_variance(self) -> FrontierPoint:
        """Return the portfolio of least variance."""
        return self._point(self._weights[-1])

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
        rising = self._returns[::-1]
        above = int(np.clip(np.searchsorted(rising, r), 1, max(1, len(rising) - 1)))
        if len(rising) == 1:
            return self._point(self._weights[0])
        span = rising[above] - rising[above - 1]
        share = 0.0 if span <= 0.0 else float(np.clip((r - rising[above - 1]) / span, 0.0, 1.0))
        upward = self._weights[::-1]
        return self._point(upward[above - 1] + share * (upward[above] - upward[above - 1]))

    def at_volatility(self, s: float) -> FrontierPoint:
        """Return the portfolio of greatest return whose volatility is at most `s` a year.

        Raises
        ------
        InfeasibleError
            Where `s` is below the least volatility.
        """
        volatilities = np.array([point.volatility for point in self.turning_points])
        if s < volatilities[-1] * (1.0 - 1e-12):
            raise InfeasibleError(
                f"a volatility of {100 * s:.4g} % a year is below the least possible, "
                f"{100 * volatilities[-1]:.4g} %"
            )
        if s >= volatilities[0]:
            return self._point(self._weights[0])
        k = max(1, int(np.argmax(volatilities <= s)))
        start, step = self._weights[k], self._weights[k - 1] - self._weights[k]
        a, half_b = step @ self.cov @ step, start @ self.cov @ step
        c = start @ self.cov @ start - s * s
        # The root between 0 and 1 of a t² + 2 half_b t + c, in the form that does not cancel.
        share = -c / (half_b + np.sqrt(max(0.0, half_b * half_b - a * c)))
        return self._point(start + float(np.clip(share, 0.0, 1.0)) * step)

    def max_sharpe(self, risk_free: float) -> FrontierPoint:
        """Return the tangency portfolio: greatest expected return above `risk_free` per unit of volatility.

        Raises
        ------
        InfeasibleError
            Where no portfolio's expected return is above `risk_free`.
        """
        if self._returns[0] <= risk_free:
            raise InfeasibleError(
                f"no expected return is above the risk-free {100 * risk_free:.4g} % a year, so no portfolio "
                "has a positive Sharpe ratio: use the minimum-variance portfolio"
            )
        best, best_ratio = self._weights[0], -np.inf
        for high, low in zip(self._weights, self._weights[1:], strict=False):
            step = low - high
            excess, slope = high @ self.mu - risk_free, step @ self.mu
            variance, cross, curve = (high @ self.cov @ high, high @ self.cov @ step, step @ self.cov @ step)
            # d/dt of (excess + t slope)/sqrt(variance + 2 t cross + t² curve) is linear in t.
            bottom = slope * cross - excess * curve
            inner = (excess * cross - slope * variance) / bottom if bottom != 0.0 else 0.0
            for share in (0.0, float(np.clip(inner, 0.0, 1.0)), 1.0):
                point = self._point(high + share * step)
                top = point.expected_return - risk_free
                ratio = np.inf if point.volatility == 0.0 and top > 0 else top / max(point.volatility, 1e-300)
                if ratio > best_ratio:
                    best, best_ratio = point.weights, ratio
        return self._point(best)

    def points(self, n: int) -> tuple[FrontierPoint, ...]:
        """Return `n` frontier portfolios evenly spaced in return, from minimum variance up."""
        if n < 2:
            raise InputError(f"{n} points asked for; a frontier has at least 2")
        returns = np.linspace(self._returns[-1], self._returns[0], n)
        return tuple(self.at_return(float(r)) for r in returns)
