"""The exact long-only efficient frontier by the critical line algorithm, every turning point certified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyalloc.errors import InfeasibleError, InputError
from pyalloc.frontier.inputs import checked, checked_groups
from pyalloc.frontier.single import minimum_variance, tangency
from pyalloc.frontier.target import attainable_returns
from pyalloc.frontier.turning import Path, TurningPoints, turning_points
from pyalloc.pivoting import Pivoted

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
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
        Where no turning points pass the certificate; raised by the first question that needs them.

    Notes
    -----
    Markowitz's critical line algorithm (1956): ours where it can be certified, else cvxcla's; `path` says
    which. Minimum variance and maximum Sharpe ratio are found without it where the answer is unique.
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
        self._given = checked(mu, cov, lower, upper)
        self.mu, self.cov, self.lower, self.upper = self._given
        self._groups = checked_groups(G, h, len(self.mu))
        if self._groups is not None:
            _ = self._turning  # whether any weights meet the limits shows here

    @cached_property
    def _turning(self) -> TurningPoints:
        return turning_points(self._given, self._groups)

    @property
    def path(self) -> Path:
        """Which algorithm found the turning points."""
        return self._turning.path

    @property
    def gap(self) -> float:
        """Largest duality gap of a turning point, relative to ``tr Σ/n + λ max|μ|``."""
        return self._turning.gap

    def _between(self, ks: IntArray, shares: FloatArray) -> tuple[FrontierPoint, ...]:
        """Return the portfolios `shares` of the way from turning points k to those above them, k − 1.

        Between two turning points weights and λ are linear, and the variance is quadratic.
        """
        t, above = self._turning, np.maximum(ks - 1, 0)
        share, rest = shares[:, None], 1.0 - shares
        weights = t.weights[ks] + share * (t.weights[above] - t.weights[ks])
        crosses = t.crosses[above] if len(t.crosses) else t.variances[ks]
        variances = rest**2 * t.variances[ks] + 2.0 * rest * shares * crosses + shares**2 * t.variances[above]
        multipliers = t.multipliers[ks] + shares * (t.multipliers[above] - t.multipliers[ks])
        columns = (weights @ self.mu, np.sqrt(np.maximum(variances, 0.0)), multipliers)
        return tuple(map(FrontierPoint, weights, *(column.tolist() for column in columns)))

    def _point(self, k: int, share: float = 0.0) -> FrontierPoint:
        return self._between(np.array([k]), np.array([share]))[0]

    def _single(self, found: Pivoted) -> FrontierPoint:
        w = found.x
        held = np.flatnonzero(w)
        variance = float(w[held] @ (self.cov[held] @ w))
        return FrontierPoint(w, float(w @ self.mu), float(np.sqrt(max(0.0, variance))), found.parameter)

    @cached_property
    def turning_points(self) -> tuple[FrontierPoint, ...]:
        """Every turning point, from the highest return down to minimum variance."""
        count = len(self._turning.weights)
        return self._between(np.arange(count), np.zeros(count))

    def min_variance(self) -> FrontierPoint:
        """Return the portfolio of least variance; of several, that of the highest return."""
        found = None if self._groups is not None else minimum_variance(self._given)
        return self._point(len(self._turning.weights) - 1) if found is None else self._single(found)

    def at_return(self, r: float) -> FrontierPoint:
        """Return the portfolio of least variance among those of expected return `r` on the frontier.

        Raises
        ------
        InfeasibleError
            Where `r` is above the highest or below the minimum-variance return.
        """
        least, greatest = self._turning.returns[-1], self._turning.returns[0]
        if not least - 1e-12 <= r <= greatest + 1e-12:
            raise InfeasibleError(
                f"a return of {100 * r:.4g} % a year is off the efficient frontier, "
                f"which runs from {100 * least:.4g} % to {100 * greatest:.4g} %"
            )
        return self._at_returns(np.array([r], dtype=np.float64))[0]

    def _at_returns(self, wanted: FloatArray) -> tuple[FrontierPoint, ...]:
        returns = self._turning.returns
        ks = np.clip(np.searchsorted(-returns, -wanted), 0, len(returns) - 1)
        span = np.where(ks > 0, returns[ks - 1] - returns[ks], 0.0)
        shares = np.divide(wanted - returns[ks], span, out=np.zeros(len(wanted)), where=span > 0.0)
        return self._between(ks, np.clip(shares, 0.0, 1.0))

    def at_volatility(self, s: float) -> FrontierPoint:
        """Return the portfolio of greatest return whose volatility is at most `s` a year.

        Raises
        ------
        InfeasibleError
            Where `s` is below the least volatility.
        """
        variances, crosses = self._turning.variances, self._turning.crosses
        volatilities = np.sqrt(variances)
        if not s >= volatilities[-1] * (1.0 - 1e-12):
            raise InfeasibleError(
                f"a volatility of {100 * s:.4g} % a year is below the least possible, "
                f"{100 * volatilities[-1]:.4g} %"
            )
        if s >= volatilities[0]:
            return self._point(0)
        k = int(np.argmax(volatilities <= max(s, volatilities[-1])))
        a = variances[k - 1] - 2.0 * crosses[k - 1] + variances[k]
        half_b, c = crosses[k - 1] - variances[k], variances[k] - s * s
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
        greatest = self._highest_return()
        if not greatest > risk_free:
            raise InfeasibleError(
                f"no expected return is above the risk-free {100 * risk_free:.4g} % a year, so no portfolio "
                "has a positive Sharpe ratio: use the minimum-variance portfolio"
            )
        found = None if self._groups is not None else tangency(self._given, risk_free)
        return self._best_ratio(risk_free) if found is None else self._single(found)

    def _highest_return(self) -> float:
        if self._groups is not None:
            return float(self._turning.returns[0])
        return attainable_returns(self.mu, self.lower, self.upper)[1]

    def _best_ratio(self, risk_free: float) -> FrontierPoint:
        """Return the best Sharpe ratio of all turning points and of the line between each two."""
        t = self._turning
        excess, slope = t.returns[1:] - risk_free, -np.diff(t.returns)
        variance, cross = t.variances[1:], t.crosses - t.variances[1:]
        curve = t.variances[:-1] - 2.0 * t.crosses + t.variances[1:]
        # The derivative of (excess + t slope)/√(variance + 2 t cross + t² curve) is 0 at one t.
        top, bottom = excess * cross - slope * variance, slope * cross - excess * curve
        inner = np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0.0).clip(0.0, 1.0)
        count = len(t.returns)
        candidates = (
            *self._between(np.arange(count), np.zeros(count)),
            *self._between(np.arange(1, count), inner),
        )

        def ratio(point: FrontierPoint) -> float:
            above = point.expected_return - risk_free
            return above / point.volatility if point.volatility > 0.0 else float(np.copysign(np.inf, above))

        return max(candidates, key=ratio)

    def points(self, n: int) -> tuple[FrontierPoint, ...]:
        """Return `n` frontier portfolios evenly spaced in return, from minimum variance up."""
        if n < 2:
            raise InputError(f"{n} points asked for; a frontier has at least 2")
        returns = self._turning.returns
        return self._at_returns(np.linspace(returns[-1], returns[0], n))
