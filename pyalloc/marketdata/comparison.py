"""Two sources of the same prices held against each other, return by return."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TOLERANCE: Final = 0.001
"""Difference between two sources' returns of one day, beside what their rounding explains, that is none."""

_MOST_DECIMALS: Final = 10


@dataclass(frozen=True)
class Disagreement:
    """Where the daily returns of one asset are not those of a second source.

    Attributes
    ----------
    asset : str
    differing, compared : int
        Daily returns.
    worst : date
        The day on which they are furthest apart.
    own, other : float
        The returns of that day.
    growth_ratio : float
        Growth from the first to the last close in common, own over other.
    """

    asset: str
    differing: int
    compared: int
    worst: date
    own: float
    other: float
    growth_ratio: float


def disagreement(own: pd.Series, other: pd.Series) -> Disagreement | None:
    """Return where two series of closes disagree, or None where they do not.

    Compared are the returns from each day that both have a close on to the next one such. Two returns differ
    where they are further apart than :data:`TOLERANCE` and what the closes were rounded by, which for a
    stock whose early closes are adjusted to a few cents can be much.

    Parameters
    ----------
    own, other : Series of shape (t,)
        Closes by date, NaN where blank; `own` is named like the asset.
    """
    common = pd.concat([own, other], axis=1, join="inner").dropna()
    closes = common.to_numpy(dtype=np.float64)
    if len(closes) < 2:
        return None
    returns = closes[1:] / closes[:-1] - 1.0
    rounding = np.array([_half_step(column) for column in closes.T])
    allowed = TOLERANCE + ((1.0 / closes[1:] + 1.0 / closes[:-1]) * rounding).sum(axis=1)
    apart = np.abs(returns[:, 0] - returns[:, 1])
    differing = int((apart > allowed).sum())
    if not differing:
        return None
    worst = int(np.argmax(np.where(apart > allowed, apart, 0.0)))
    growth = closes[-1] / closes[0]
    return Disagreement(
        asset=str(own.name),
        differing=differing,
        compared=len(returns),
        worst=common.index[worst + 1].date(),
        own=float(returns[worst, 0]),
        other=float(returns[worst, 1]),
        growth_ratio=float(growth[0] / growth[1]),
    )


def _half_step(closes: NDArray[np.float64]) -> float:
    """Return half of the last decimal place that closes are written to; nothing where there is no last."""
    written = (0.5 * 10.0**-d for d in range(_MOST_DECIMALS) if np.array_equal(np.round(closes, d), closes))
    return next(written, 0.0)
