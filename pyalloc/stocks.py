"""Stocks: month-end features -> score -> scaled score m -> tilted, capped weights.

``w_i = m_i τ_i / Σ_j m_j τ_j``, the source strategy's normalised momentum with the sector tilt; a cap per
name is met exactly, in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Protocol

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Doc

from pyalloc.errors import InfeasibleError, InputError
from pyalloc.ranking.ranks import average_ranks

if TYPE_CHECKING:
    from pyalloc.ranking.ranker import StockRanker as StockRanker

FloatArray = NDArray[np.float64]
ScaleMethod = Literal["minmax", "rank", "softmax"]
ModelName = Literal["momentum", "ridge", "hist_gradient_boosting", "random_forest"]
RankerName = Literal[ModelName, "auto"]

MONTH_CLOSES: Final = 13
"""Closes P₋₁₂ … P₀ that the momentum features need."""

TRADING_YEAR: Final = 252
"""Daily returns in a trading year: the longest daily window, and the annualisation factor."""

TRADING_QUARTER: Final = 63

WINSOR: Final = (5.0, 95.0)
"""Percentiles at which scores are winsorised before min-max scaling."""


@dataclass(frozen=True)
class StockPolicy:
    """How stocks are scored, scaled and capped; the defaults are the house policy."""

    __pydantic_config__: ClassVar = {
        "extra": "forbid",
        "allow_inf_nan": False,
        "revalidate_instances": "always",
    }

    ranker: Annotated[
        RankerName,
        Doc(
            "What scores the stocks: momentum = 12-1 month return; ridge, hist_gradient_boosting and "
            "random_forest are trained walk-forward; auto = ridge if it beat momentum, else momentum."
        ),
    ] = "momentum"
    scaling: Annotated[
        ScaleMethod, Doc("How scores become m in [0, 1]: minmax (winsorised), rank, or softmax.")
    ] = "minmax"
    cap_floor: Annotated[
        float, Interval(gt=0, le=1), Doc("Largest weight of one name, as a fraction of the sleeve ...")
    ] = 0.10
    cap_multiple: Annotated[
        float,
        Gt(0),
        Doc("... or this multiple of 1/n, where that is more; never above 1."),
    ] = 1.5
    top: Annotated[int | None, Ge(1), Doc("Hold only this many names, by tilted score; none: all.")] = None
    max_volatility: Annotated[
        float | None,
        Gt(0),
        Doc("Leave out names more volatile than this a year (0.6 = 60 %)."),
    ] = None

    training_window: Annotated[
        int | None, Ge(12), Doc("Months a ranker is trained on; none: all that came before.")
    ] = None
    training_minimum: Annotated[int, Ge(12), Doc("Months of outcomes that the first training needs.")] = 36
    refit_months: Annotated[int, Ge(1), Doc("Months from one training to the next.")] = 12
    embargo_months: Annotated[
        int, Ge(0), Doc("Months of outcomes left out besides those not public yet when a ranker is trained.")
    ] = 0
    ridge_penalty: Annotated[
        float, Gt(0), Doc("Ridge penalty, in multiples of the mean eigenvalue of the normal matrix.")
    ] = 1.0
    ranking_cost: Annotated[
        float, Interval(ge=0, le=0.1), Doc("Cost of trading in skill reports, a fraction of what is traded.")
    ] = 0.001

    def cap(self, n: int) -> float:
        """Return the largest weight of one of `n` names, a fraction of the stock sleeve."""
        return min(1.0, max(self.cap_floor, self.cap_multiple / n))


# --- features -------------------------------------------------------------------------------------------

FEATURES: Final = {
    "momentum_12_1": "Return from 12 months ago to 1 month ago",
    "momentum_6_1": "Return from 6 months ago to 1 month ago",
    "momentum_3_1": "Return from 3 months ago to 1 month ago",
    "return_1": "Return of the last month (reversal)",
    "volatility_63": "Annualised volatility of the last 63 daily returns",
    "volatility_252": "Annualised volatility of the last 252 daily returns",
    "downside_volatility": "Annualised root mean square of the negative ones among 252 daily returns",
    "maximum_drawdown": "Deepest fall from a running peak over the last 252 days",
    "below_high": "Close relative to the highest close of the last 252 days",
}
"""The features of a stock at a close, by name; all are decimal fractions."""


def stock_features(month_closes: FloatArray, daily_closes: FloatArray) -> dict[str, FloatArray]:
    """Return every feature of every stock at the last close.

    Parameters
    ----------
    month_closes : ndarray, shape (n, 13)
        Closes P₋₁₂ … P₀: the as-of close last, the month-end closes before it.
    daily_closes : ndarray, shape (n, 253)
        Consecutive daily closes, the as-of close last.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        In the order of :data:`FEATURES`.
    """
    closes = np.atleast_2d(month_closes)
    before, last = closes[:, -2], closes[:, -1]
    daily = np.atleast_2d(daily_closes)
    returns = daily[:, 1:] / daily[:, :-1] - 1.0
    year = np.sqrt(float(TRADING_YEAR))
    return {
        "momentum_12_1": before / closes[:, -13] - 1.0,
        "momentum_6_1": before / closes[:, -7] - 1.0,
        "momentum_3_1": before / closes[:, -4] - 1.0,
        "return_1": last / before - 1.0,
        "volatility_63": returns[:, -TRADING_QUARTER:].std(axis=1, ddof=1) * year,
        "volatility_252": returns.std(axis=1, ddof=1) * year,
        "downside_volatility": np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2, axis=1)) * year,
        "maximum_drawdown": np.min(daily / np.maximum.accumulate(daily, axis=1), axis=1) - 1.0,
        "below_high": last / daily[:, 1:].max(axis=1) - 1.0,
    }


class Ranker(Protocol):
    """Turns the features of one date into a score per stock; larger is better."""

    def predict(self, features: FloatArray) -> FloatArray:
        """Return scores, shape (n,), from features, shape (n, k), in the order of :data:`FEATURES`."""
        ...


@dataclass(frozen=True)
class MomentumRanker:
    """Scores a stock by one feature, 12-1 momentum; learns nothing."""

    feature: str = "momentum_12_1"

    def fit(self, features: FloatArray, forward_ranks: FloatArray) -> MomentumRanker:  # noqa: ARG002
        """Return itself: there is nothing to fit."""
        return self

    def predict(self, features: FloatArray) -> FloatArray:
        """Return the feature's column, shape (n,)."""
        return features[:, list(FEATURES).index(self.feature)]


# --- from score to weight -------------------------------------------------------------------------------


def adjust_scores(scores: ArrayLike, method: ScaleMethod = "minmax") -> FloatArray:
    """Return the scores as they enter the scaling, shape (n,).

    ``minmax``: pulled in to their 5th and 95th percentile (linear interpolation). ``rank``: average rank, 1
    for the lowest. ``softmax``: exp of the normal score of the rank.
    """
    values = _vector(scores, "scores")
    if method == "minmax":
        return np.clip(values, *np.percentile(values, WINSOR))
    ranks = average_ranks(values)
    if method == "rank":
        return ranks
    if method == "softmax":
        from scipy.special import ndtri

        return np.asarray(np.exp(ndtri((ranks - 0.5) / len(values))), dtype=np.float64)
    raise InputError(f"method is {method!r}; it must be minmax, rank or softmax")


def scale_scores(scores: ArrayLike, method: ScaleMethod = "minmax") -> FloatArray:
    """Return the scaled momentum scores m in [0, 1], shape (n,).

    The adjusted scores (:func:`adjust_scores`), then ``(x - min)/(max - min)``; for ``softmax`` ``x / max``.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite scores, larger is better.
    method : {"minmax", "rank", "softmax"}

    Returns
    -------
    ndarray, shape (n,)
        All 1 where nothing tells the adjusted scores apart.
    """
    adjusted = adjust_scores(scores, method)
    low, high = adjusted.min(), adjusted.max()
    if low == high:
        return np.ones_like(adjusted)
    scaled = adjusted / high if method == "softmax" else (adjusted - low) / (high - low)
    return np.asarray(scaled, dtype=np.float64)


def stock_weights(
    scaled: ArrayLike, tilts: ArrayLike | None = None, cap: float | None = None, top: int | None = None
) -> FloatArray:
    """Return the weights of the stock sleeve, shape (n,), summing to 1.

    ``w_i = m_i τ_i / Σ_j m_j τ_j``, then no name above `cap`: the excess goes to the others pro rata and,
    where every positive score is at the cap, to the zero-score names in equal parts. With ``x = m τ`` the
    answer is ``min(cap, s x)`` for the one s at which it sums to 1, the largest of n candidates.

    Parameters
    ----------
    scaled : array_like, shape (n,)
        Scaled scores m, at least 0.
    tilts : array_like, shape (n,), optional
        Sector tilts τ, above 0; default 1.
    cap : float, optional
        Largest weight of one name; default the house policy's ``min(1, max(0.10, 1.5/n))``.
    top : int, optional
        Keep only this many names, by m τ (the earlier one on a tie); default all.

    Raises
    ------
    InfeasibleError
        Where fewer names than 1/cap may be held.
    """
    x = tilted_scores(scaled, tilts)
    held = held_names(x, top)
    n = int(held.sum())
    limit = StockPolicy().cap(n) if cap is None else float(cap)
    if not 0.0 < limit <= 1.0:
        raise InputError(f"cap is {limit:g}; it must be above 0 and at most 1")
    if n * limit < 1.0 - 1e-12:
        raise InfeasibleError(
            f"{n} names of at most {100 * limit:g} % hold {100 * n * limit:g} %, not everything: "
            f"raise the cap to at least {100 / n:.4g} % or allow more names"
        )
    weights = np.zeros_like(x)
    weights[held] = _capped(x[held], limit)
    return weights


def tilted_scores(scaled: ArrayLike, tilts: ArrayLike | None = None) -> FloatArray:
    """Return ``m τ``, shape (n,)."""
    m = _vector(scaled, "scaled scores")
    if np.any(m < 0.0):
        raise InputError(f"scaled score {int(np.argmax(m < 0.0)) + 1} is below 0; scale the scores first")
    if tilts is None:
        return m
    factors = _vector(tilts, "tilts")
    if factors.shape != m.shape:
        raise InputError(f"{len(m)} scaled scores and {len(factors)} tilts; give one tilt per score")
    if np.any(factors <= 0.0):
        raise InputError(f"tilt {int(np.argmax(factors <= 0.0)) + 1} is not above 0")
    return m * factors


def held_names(tilted: FloatArray, top: int | None = None) -> NDArray[np.bool_]:
    """Return which names may be held, shape (n,): the `top` largest (the earlier one on a tie), or all."""
    held = np.ones(len(tilted), dtype=np.bool_)
    if top is not None and top < len(tilted):
        held[np.argsort(-tilted, kind="stable")[top:]] = False
    return held


def cap_scales(x: FloatArray, cap: float) -> FloatArray:
    """Return, per name, the s at which ``min(cap, s x)`` sums to 1 if exactly the larger x are capped.

    Σ min(cap, s x) is the lower envelope of the lines ``cap k + s Σ_rest x``, so of these candidates the
    largest is the s that sums to 1. Names with x = 0 get 0.
    """
    larger = x[None, :] > x[:, None]
    rest = np.where(larger, 0.0, x[None, :]).sum(axis=1)
    scales = np.zeros_like(x)
    np.divide(1.0 - cap * larger.sum(axis=1), rest, out=scales, where=x > 0.0)
    return scales


def _capped(x: FloatArray, cap: float) -> FloatArray:
    x = x / (x.max() or 1.0)
    x[x < 1e-200] = 0.0  # what scales such a number up overflows
    positive = x > 0.0
    weights = np.where(positive, np.minimum(cap, cap_scales(x, cap).max() * x), 0.0)
    left = 1.0 - cap * positive.sum()
    if left > 0.0 and not positive.all():
        weights[~positive] = left / (~positive).sum()
    return weights


def __getattr__(name: str) -> Any:
    """Load the ranker that learns when it is asked for: weights do not need it."""
    if name != "StockRanker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("pyalloc.ranking.ranker").StockRanker


def _vector(values: ArrayLike | Sequence[float], what: str) -> FloatArray:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0:
        raise InputError(f"{what}: a list of at least one number is needed, not shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise InputError(f"{what}: number {int(np.argmin(np.isfinite(vector))) + 1} is missing or not finite")
    return vector
