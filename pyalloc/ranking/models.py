"""What can stand between features and score: 12-1 momentum, a linear model, or any regressor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError
from pyalloc.ranking.panel import feature_ranks
from pyalloc.stocks import ModelName

FloatArray = NDArray[np.float64]

MODELS: Final[tuple[ModelName, ...]] = get_args(ModelName)


class Regressor(Protocol):
    """A model in scikit-learn's manners: what ``fit`` learns, ``predict`` applies."""

    def fit(self, X: FloatArray, y: FloatArray) -> Any:
        """Learn labels, shape (samples,), from ranks of features, shape (samples, k)."""
        ...

    def predict(self, X: FloatArray) -> FloatArray:
        """Return predictions, shape (samples,)."""
        ...


@dataclass(frozen=True, eq=False)
class LinearRanker:
    """A score that is an intercept and a coefficient for each feature's rank; k of them."""

    coefficients: FloatArray
    intercept: float

    def predict(self, features: FloatArray) -> FloatArray:
        """Return scores, shape (n,), from the features of one date, shape (n, k)."""
        return self.predict_ranks(feature_ranks(features))

    def predict_ranks(self, ranks: FloatArray) -> FloatArray:
        """Return scores, shape (n,), from ranks in [0, 1], shape (n, k)."""
        return np.asarray(self.intercept + ranks @ self.coefficients, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class RegressorRanker:
    """A score by a regressor that was fitted to ranks."""

    regressor: Regressor

    def predict(self, features: FloatArray) -> FloatArray:
        """Return scores, shape (n,), from the features of one date, shape (n, k)."""
        return self.predict_ranks(feature_ranks(features))

    def predict_ranks(self, ranks: FloatArray) -> FloatArray:
        """Return scores, shape (n,), from ranks in [0, 1], shape (n, k)."""
        return np.asarray(self.regressor.predict(ranks), dtype=np.float64)


def regressor_maker(model: str | Regressor, seed: int) -> Callable[[], Regressor]:
    """Return what makes an unfitted regressor for every fit: one of the named trees, or copies of one given.

    The trees are shallow and few, because a month says little about the next one. Their settings are
    convention; no result was looked at to choose them.

    Raises
    ------
    InputError
        For an unknown name, or an object without ``fit`` and ``predict``.
    """
    if isinstance(model, str):
        match model:
            case "hist_gradient_boosting":
                return lambda: _boosted_trees(seed)
            case "random_forest":
                return lambda: _random_forest(seed)
        raise InputError(f"model is {model!r}; it must be {', '.join(MODELS)}, or a regressor")
    if not (callable(getattr(model, "fit", None)) and callable(getattr(model, "predict", None))):
        raise InputError(f"a {type(model).__name__} is no regressor: it needs the methods fit and predict")
    return lambda: _unfitted(model)


def _unfitted(model: Regressor) -> Regressor:
    from sklearn.base import clone

    copied: Regressor = clone(model, safe=False)
    return copied


def _boosted_trees(seed: int) -> Regressor:
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees: Regressor = HistGradientBoostingRegressor(
        max_iter=100,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=20,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    return trees


def _random_forest(seed: int) -> Regressor:
    from sklearn.ensemble import RandomForestRegressor

    trees: Regressor = RandomForestRegressor(
        n_estimators=100, max_depth=5, min_samples_leaf=20, max_features=1 / 3, n_jobs=1, random_state=seed
    )
    return trees
