"""Thirty years of 500 stocks by month: features beside pandas, rolling ridges beside scikit-learn.

Correctness comes first: both features and coefficients are held against the rival's before anything is timed.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.measure import paired, show
from pyalloc.ranking.labels import forward_ranks, labels_known
from pyalloc.ranking.panel import Panel, feature_panel
from pyalloc.ranking.ridge import ridge_path
from pyalloc.stocks import FEATURES

FloatArray: TypeAlias = NDArray[np.float64]

STOCKS: Final = 500
YEARS: Final = 30
FIRST_FIT: Final = 36
"""Months of labels behind the first ridge."""

ROUNDS: Final = 3
EQUAL: Final = 1e-9
"""Largest difference between equal features, and between equal coefficients."""


def run() -> None:
    """Compare features and ridges, and print what they take of memory."""
    days, closes = _market()
    frame = pd.DataFrame(closes, pd.DatetimeIndex(days))
    panel, theirs = feature_panel(days, closes), _features_by_pandas(frame)
    apart = float(np.nanmax(np.abs(panel.features - theirs)))
    _require(apart <= EQUAL and bool((np.isnan(theirs) == np.isnan(panel.features)).all()), "features", apart)
    show(
        f"Nine features of {STOCKS} stocks, {len(panel.days)} months of {len(days)} days, ratio to pyalloc",
        paired(
            {"pyalloc": partial(feature_panel, days, closes), "pandas": partial(_features_by_pandas, frame)},
            ROUNDS,
        ),
        "pyalloc",
        {"pandas": f"largest difference {apart:.0e}"},
    )
    ranks, labels = panel.ranks, forward_ranks(panel)
    months = _fit_months(labels)
    coefficients = ridge_path(ranks, labels, months)[0]
    apart = float(np.abs(coefficients - _ridges_by_sklearn(ranks, labels, months)).max())
    _require(apart <= EQUAL, "coefficients", apart)
    show(
        f"{len(months)} ridges on all months before, {np.isfinite(labels).sum():,} samples, ratio to pyalloc",
        paired(
            {
                "pyalloc": partial(ridge_path, ranks, labels, months),
                "scikit-learn": partial(_ridges_by_sklearn, ranks, labels, months),
            },
            ROUNDS,
        ),
        "pyalloc",
        {"scikit-learn": f"largest difference of a coefficient {apart:.0e}"},
    )
    for what, work in (
        ("features", partial(feature_panel, days, closes)),
        ("ranks", partial(_ranks_of, panel)),
        ("ridges", partial(ridge_path, ranks, labels, months)),
    ):
        print(
            f"{what}: {_peak(work) / 2**20:.0f} MB at most, beside {closes.nbytes / 2**20:.0f} MB of prices"
        )


def _market() -> tuple[NDArray[np.datetime64], FloatArray]:
    """Return days and prices; a tenth of the stocks begins later."""
    rng = np.random.default_rng(0)
    days = np.arange(np.datetime64("1990-01-01"), np.datetime64(f"{1990 + YEARS}-01-01"))
    days = days[np.is_busday(days)]
    common = rng.normal(0.0, 0.01, (len(days), 1)) * rng.uniform(0.5, 1.5, STOCKS)
    closes = 50.0 * np.exp(np.cumsum(common + rng.normal(0.0, 0.015, (len(days), STOCKS)), axis=0))
    for stock, start in zip(range(0, STOCKS, 10), rng.integers(0, len(days) // 2, STOCKS // 10), strict=True):
        closes[:start, stock] = np.nan
    return days, closes


def _features_by_pandas(frame: pd.DataFrame) -> FloatArray:
    """Return the features by rolling windows and shifts; drawdowns, which have no such form, by month."""
    month = frame.index.to_period("M")
    rows = [*np.flatnonzero(month[1:] != month[:-1]).tolist(), len(frame) - 1]
    ends = frame.iloc[rows]
    before = ends.shift(1)
    returns = frame.pct_change(fill_method=None)
    losses = returns.clip(upper=0.0) ** 2
    year = 252**0.5
    drawdown = pd.DataFrame(np.nan, ends.index, frame.columns)
    for i, row in enumerate(rows):
        if row >= 252:
            window = frame.iloc[row - 252 : row + 1]
            drawdown.iloc[i] = (window / window.cummax()).min(skipna=False) - 1.0
    found = {
        "momentum_12_1": before / ends.shift(12) - 1.0,
        "momentum_6_1": before / ends.shift(6) - 1.0,
        "momentum_3_1": before / ends.shift(3) - 1.0,
        "return_1": ends / before - 1.0,
        "volatility_63": returns.rolling(63).std().iloc[rows] * year,
        "volatility_252": returns.rolling(252).std().iloc[rows] * year,
        "downside_volatility": losses.rolling(252).mean().iloc[rows] ** 0.5 * year,
        "maximum_drawdown": drawdown.where(frame.shift(252).iloc[rows].notna()),
        "below_high": ends / frame.rolling(252).max().iloc[rows] - 1.0,
    }
    return np.stack([found[name].to_numpy() for name in FEATURES], axis=2)


def _fit_months(labels: FloatArray) -> NDArray[np.intp]:
    """Return how many month ends each ridge may use: one ridge for every month from the first."""
    usable = np.append(0, np.cumsum(np.isfinite(labels).any(axis=1)))
    known = np.array([labels_known(month) for month in range(len(labels))])
    return known[usable[known] >= FIRST_FIT]


def _ridges_by_sklearn(ranks: FloatArray, labels: FloatArray, months: NDArray[np.intp]) -> FloatArray:
    from sklearn.linear_model import Ridge

    counted = np.isfinite(labels)
    x, y = ranks[counted], labels[counted]
    samples = np.append(0, np.cumsum(counted.sum(axis=1)))[months]
    fitted = []
    for end in samples:
        # The penalty is a multiple of the mean eigenvalue; scikit-learn wants it as a number.
        alpha = float(x[:end].var(axis=0).sum() * end / x.shape[1])
        fitted.append(Ridge(alpha=alpha, solver="cholesky").fit(x[:end], y[:end]).coef_)
    return np.array(fitted)


def _ranks_of(panel: Panel) -> FloatArray:
    """Return ranks that were not kept."""
    panel.__dict__.pop("ranks", None)
    return panel.ranks


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _require(holds: bool, what: str, apart: float) -> None:
    if not holds:
        raise SystemExit(f"the {what} differ from the rival's by up to {apart:.1e}: nothing is timed")
