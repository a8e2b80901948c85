"""The return target: r_adj = r_eff + α, and the portfolio nearest the anchor that attains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Doc

from pyalloc import names
from pyalloc.errors import InputError
from pyalloc.frontier.certificate import budget_price
from pyalloc.frontier.inputs import check_finite, checked
from pyalloc.names import risk_tolerance
from pyalloc.pivoting import Pivoted, pivoted
from pyalloc.qp import QPSolution, solve_box_qp

FloatArray = NDArray[np.float64]
ReturnModel = Literal["implied", "bayes_stein", "historical"]


@dataclass(frozen=True)
class SleevePolicy:
    """How the stock sleeve's risk, return and target are set; the defaults are the house policy."""

    __pydantic_config__: ClassVar = {
        "extra": "forbid",
        "allow_inf_nan": False,
        "revalidate_instances": "always",
    }

    return_model: Annotated[
        ReturnModel,
        Doc("Expected returns: implied by the anchor, bayes_stein, or historical (unsafe: sample means)."),
    ] = "implied"
    equity_premium: Annotated[
        float, Interval(gt=0, le=0.25), Doc("Return of the anchor above the risk-free rate, a year.")
    ] = 0.08
    history_months: Annotated[int, Ge(12), Doc("Monthly returns that the covariance is estimated from.")] = 60
    minimum_months: Annotated[int, Ge(12), Doc("A name with fewer monthly returns is left out.")] = 36
    alpha: Annotated[
        tuple[float, float, float, float],
        Doc("Shift of the return target at risk tolerance 0, 0.2 (low), 0.5 (medium), 1 (high), a year."),
    ] = (-0.01, -0.01, 0.0, 0.02)
    floor: Annotated[
        float, Interval(ge=0, le=1), Doc("Each name keeps at least this fraction of its anchor weight.")
    ] = 0.25
    frontier_points: Annotated[
        int, Interval(ge=3, le=101), Doc("Frontier portfolios shown, evenly spaced in return.")
    ] = 21

    def __post_init__(self) -> None:
        if self.minimum_months > self.history_months:
            raise InputError(
                f"minimum_months is {self.minimum_months}, more than history_months ({self.history_months})"
            )


@dataclass(frozen=True)
class TargetPortfolio:
    """The portfolio nearest the anchor that attains the target, or the nearest attainable one.

    Attributes
    ----------
    weights : ndarray, shape (n,)
        Sum to 1.
    attained : float
        Its expected return, a year.
    status : str
        One of :data:`pyalloc.names.TARGET_STATUSES`.
    shortfall : float
        Target less attained; 0 when attained, negative when even the lowest return is above the target.
    multiplier : float
        λ of the return constraint: the gradient ``Σ(w − anchor)`` per unit of μ.
    gap : float
        Duality gap of ``½ (w − anchor)ᵀ Σ (w − anchor)``.
    """

    weights: FloatArray
    attained: float
    status: str
    shortfall: float
    multiplier: float
    gap: float


def alpha(risk: str | float, policy: SleevePolicy | None = None) -> float:
    """Return the shift α of the return target for a risk level or number 1-10, a year."""
    return float(np.interp(risk_tolerance(risk), names.RISK_KNOTS, (policy or SleevePolicy()).alpha))


def adjusted_return(r: float, risk: str | float) -> float:
    """Return ``r + α(risk)``: +0.02 for high, −0.01 for low risk tolerance (the source strategy, step 4)."""
    if not np.isfinite(r):
        raise InputError(f"the return is {r!r}; it must be a finite number, 0.08 for 8 %")
    return float(r) + alpha(risk)


def attainable_returns(mu: FloatArray, lower: FloatArray, upper: FloatArray) -> tuple[float, float]:
    """Return the least and the greatest expected return of weights that sum to 1 within the bounds.

    Exact: the optimum of a linear programme with one row is ``γ + Σ min((μ−γ) u, (μ−γ) l)``, with γ the price
    of the budget (its dual).
    """

    def least(values: FloatArray) -> float:
        price = float(budget_price(values[None], lower, upper)[0])
        excess = values - price
        return price + float(np.minimum(excess * upper, excess * lower).sum())

    return least(mu), -least(-mu)


def target_weights(
    mu: ArrayLike,
    cov: ArrayLike,
    target: float,
    anchor: ArrayLike,
    lower: ArrayLike = 0.0,
    upper: ArrayLike = 1.0,
) -> TargetPortfolio:
    """Return the fully invested portfolio nearest `anchor`, in tracking risk, whose return is `target`.

    ``min (w−a)ᵀ Σ (w−a)`` subject to ``μᵀw = target``, ``1ᵀw = 1``, ``lower ≤ w ≤ upper``. A target out of
    reach is replaced by the nearest attainable return, and the status says so.

    Parameters
    ----------
    mu : array_like, shape (n,)
        Expected returns a year, decimal fractions.
    cov : array_like, shape (n, n)
        Annualised covariance, positive semi-definite.
    target : float
        A year, decimal fraction.
    anchor : array_like, shape (n,)
    lower, upper : array_like, shape (n,) or scalar
        Bounds of each weight.

    Raises
    ------
    InputError
        For shapes that do not agree or numbers that are missing.
    InfeasibleError
        Where no weights within the bounds sum to 1.
    UncertifiedError
        Where the answer fails its certificate.
    """
    mu, cov, lower, upper = checked(mu, cov, lower, upper)
    anchor = np.asarray(anchor, dtype=np.float64)
    if anchor.shape != mu.shape:
        raise InputError(
            f"the anchor has shape {anchor.shape}; it must have one weight for each of {len(mu)} names"
        )
    check_finite("anchor", anchor)
    if not np.isfinite(target):
        raise InputError(f"the target return is {target!r}; it must be a finite number, 0.08 for 8 %")
    if len(mu) == 1:
        attained = float(mu[0])
        return TargetPortfolio(np.ones(1), attained, names.SINGLE_POINT, target - attained, 0.0, 0.0)
    least, greatest = attainable_returns(mu, lower, upper)
    tolerance = 1e-12 * max(1.0, abs(target))
    if target >= greatest - tolerance or target <= least + tolerance:
        return _at_the_end(mu, cov, target, anchor, lower, upper, high=target >= greatest - tolerance)
    rows = np.vstack([np.ones_like(mu), mu])
    found = _nearest(cov, anchor, rows, np.array([1.0, target]), lower, upper)
    return TargetPortfolio(
        found.x, float(mu @ found.x), names.ATTAINED, 0.0, float(found.multipliers[1]), found.gap
    )


def minimum_variance_weights(
    mu: FloatArray, cov: FloatArray, target: float, lower: FloatArray, upper: FloatArray
) -> TargetPortfolio:
    """Return the least volatile portfolio within the bounds, for when no return is above the risk-free.

    Arguments as for :func:`target_weights`; `target` only tells the shortfall.
    """
    nowhere = np.zeros(len(mu))
    found = _nearest(cov, nowhere, np.ones((1, len(mu))), np.ones(1), lower, upper)
    attained = float(mu @ found.x)
    return TargetPortfolio(found.x, attained, names.MINIMUM_VARIANCE, target - attained, 0.0, found.gap)


def _nearest(
    cov: FloatArray,
    anchor: FloatArray,
    rows: FloatArray,
    sides: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> Pivoted | QPSolution:
    """Return the weights nearest the anchor that meet the rows within the bounds, certified.

    From the names that the anchor holds, and by the general programme where that does not answer at once.
    """
    q = -(cov @ anchor)
    found = pivoted(cov, q, rows, sides, lower, upper, free=(anchor > lower) | ~anchor.any())
    return found or solve_box_qp(cov, q, rows, sides, lower, upper)


def _at_the_end(
    mu: FloatArray,
    cov: FloatArray,
    target: float,
    anchor: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    high: bool,
) -> TargetPortfolio:
    """Return the portfolio nearest the anchor among those of extreme return.

    Names on the good side of the marginal return are at their upper bound, the others at their lower one;
    only names that tie with it are free, so one row remains and no interior is needed.
    """
    sign = 1.0 if high else -1.0
    order = np.argsort(-sign * mu, kind="stable")
    room = np.cumsum((upper - lower)[order])
    marginal = mu[order[min(int(np.searchsorted(room, 1.0 - lower.sum() - 1e-15)), len(mu) - 1)]]
    better, worse = sign * (mu - marginal) > 1e-14, sign * (mu - marginal) < -1e-14
    low, top = np.where(better, upper, lower), np.where(worse, lower, upper)
    found = _nearest(cov, anchor, np.ones((1, len(mu))), np.ones(1), low, top)
    attained = float(mu @ found.x)
    shortfall = target - attained
    if abs(shortfall) <= 1e-11 * max(1.0, abs(target)):
        status, shortfall = names.ATTAINED, 0.0
    else:
        status = names.CLIPPED_HIGH if high else names.CLIPPED_LOW
    # The smallest |λ| with which an interior target's certificate also certifies this corner.
    apart = better | worse
    pull = (cov @ (found.x - anchor) - found.multipliers[0])[apart] / (mu - marginal)[apart]
    multiplier = sign * float(np.max(sign * pull, initial=0.0))
    return TargetPortfolio(found.x, attained, status, shortfall, multiplier, found.gap)
