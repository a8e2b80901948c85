"""A fitted ridge as plain arrays, so that it is fitted once and read anywhere in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError
from pyalloc.ranking.models import LinearRanker
from pyalloc.ranking.ranker import Fit, StockRanker
from pyalloc.ranking.skill import SkillReport
from pyalloc.stocks import FEATURES

Arrays = Mapping[str, NDArray[Any]]

_WHOLE: Final = ("horizon", "minimum_months", "refit_months", "embargo_months", "seed")
_REAL: Final = ("penalty", "cost")
_RECORD: Final = ("ic", "spread", "turnover")


def ranker_arrays(ranker: StockRanker) -> dict[str, NDArray[Any]]:
    """Return what a fitted ridge knows: settings, fits and record; not the prices that it was fitted to.

    Raises
    ------
    InputError
        For another model: trees are no plain arrays, and momentum has nothing to save.
    """
    if ranker.model != "ridge":
        raise InputError(f"{ranker.name} cannot be saved as plain arrays: only a ridge can")
    skill, fits = ranker.skill_, ranker.fits_
    plain = skill.momentum
    if plain is None:
        raise InputError("the ridge's record lacks momentum's: fit it again")
    linear = [fit.ranker for fit in fits if isinstance(fit.ranker, LinearRanker)]
    return {
        "features": np.array(ranker.names_),
        "window": np.array(-1 if ranker.window is None else ranker.window),
        **{name: np.array(getattr(ranker, name)) for name in (*_WHOLE, *_REAL)},
        "days": ranker.days_,
        "fits": np.array([(fit.month, fit.start, fit.known) for fit in fits]),
        "coefficients": np.array([model.coefficients for model in linear]),
        "intercepts": np.array([model.intercept for model in linear]),
        "months": skill.months,
        "stocks": skill.stocks,
        **{name: getattr(skill, name) for name in _RECORD},
        **{f"momentum_{name}": getattr(plain, name) for name in _RECORD},
    }


def ranker_from_arrays(arrays: Arrays) -> StockRanker:
    """Return the fitted ridge that :func:`ranker_arrays` describes; all but its panel and scores.

    Raises
    ------
    InputError
        Where arrays are missing, of another kind or shape, or measured by other features than these.
    """
    try:
        return _restored(arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"the arrays are no saved ridge ({error}): fit and save it again") from None


def _restored(arrays: Arrays) -> StockRanker:
    if tuple(arrays["features"].tolist()) != tuple(FEATURES):
        raise ValueError("its features are others")
    days = _vector(arrays, "days", "datetime64[D]")
    fits, intercepts = arrays["fits"].astype(np.intp, casting="safe"), _vector(arrays, "intercepts")
    coefficients = _numbers(arrays, "coefficients")
    if (
        not len(fits)
        or fits.shape != (len(fits), 3)
        or coefficients.shape != (len(fits), len(FEATURES))
        or intercepts.shape != (len(fits),)
        or not (fits >= 0).all()
        or not (fits < len(days)).all()
        or not (np.diff(fits[:, 0]) > 0).all()
        or not (fits[:, 2] <= fits[:, 0]).all()
    ):
        raise ValueError("its fits do not belong together")
    window = int(arrays["window"])
    settings: dict[str, Any] = {name: int(arrays[name]) for name in _WHOLE}
    settings |= {name: float(arrays[name]) for name in _REAL}
    ranker = StockRanker(model="ridge", window=None if window < 0 else window, **settings)
    ranker.days_, ranker.names_ = days, tuple(FEATURES)
    ranker.fits_ = tuple(
        Fit(month, start, known, LinearRanker(row, intercept))
        for (month, start, known), row, intercept in zip(
            fits.tolist(), coefficients, intercepts.tolist(), strict=True
        )
    )
    ranker.skill_ = _record(arrays, ranker, "", _record(arrays, ranker, "momentum_"))
    return ranker


def _record(
    arrays: Arrays, ranker: StockRanker, prefix: str, momentum: SkillReport | None = None
) -> SkillReport:
    months = _vector(arrays, "months", "datetime64[D]")
    values = {name: _vector(arrays, f"{prefix}{name}") for name in _RECORD}
    stocks = _vector(arrays, "stocks", np.intp)
    if any(len(column) != len(months) for column in (stocks, *values.values())):
        raise ValueError("its record has months without figures")
    return SkillReport(
        model="ridge" if momentum else "momentum",
        months=months,
        stocks=stocks,
        horizon=ranker.horizon,
        cost=ranker.cost,
        momentum=momentum,
        **values,
    )


def _vector(arrays: Arrays, name: str, kind: Any = np.float64) -> NDArray[Any]:
    found = _numbers(arrays, name, kind)
    if found.ndim != 1:
        raise ValueError(f"{name} is no list")
    return found


def _numbers(arrays: Arrays, name: str, kind: Any = np.float64) -> NDArray[Any]:
    found = arrays[name].astype(kind, casting="safe")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} is not all numbers")
    return found
