"""Intervals that respect how returns depend on those before: the stationary block bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError

FloatArray = NDArray[np.float64]

SEED: Final = 20_260_101
"""Where the draws start: the same figures for the same series, every time."""


def bootstrap_interval(
    figure: Callable[..., FloatArray],
    *series: FloatArray,
    block: float = 6.0,
    draws: int = 2_000,
    confidence: float = 0.95,
    seed: int = SEED,
) -> tuple[float, float]:
    """Return the percentile interval of a figure under the stationary bootstrap.

    Blocks start anywhere, run around the end, and have geometric lengths (Politis and Romano, "The
    Stationary Bootstrap", 1994). Several series are drawn together, so what they share stays shared.

    Parameters
    ----------
    figure : callable
        Of arrays of shape (draws, t), one for each series; returns shape (draws,).
    *series : ndarray, shape (t,)
        Returns of the same periods.
    block : float
        Mean length of a block, in periods; at least 1.
    draws : int
    confidence : float
        In (0, 1).
    seed : int

    Raises
    ------
    InputError
        For series of different length, or a block or confidence that cannot be.
    """
    lengths = {len(values) for values in series}
    if len(lengths) != 1 or min(lengths) < 2:
        raise InputError(f"series have {sorted(lengths)} values: give as many of each, at least 2")
    if not (block >= 1.0 and 0.0 < confidence < 1.0 and draws >= 1):
        raise InputError(
            f"blocks of {block:g} periods, {draws} draws and a confidence of {confidence:g}: a block has at "
            "least 1 period, and confidence lies between 0 and 1"
        )
    places = _places(lengths.pop(), block, draws, np.random.default_rng(seed))
    found = figure(*(np.asarray(values)[places] for values in series))
    outside = (1.0 - confidence) / 2.0
    low, high = np.quantile(found, [outside, 1.0 - outside])
    return float(low), float(high)


def _places(t: int, block: float, draws: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return which period stands at each place of each draw, shape (draws, t)."""
    starts = rng.random((draws, t)) < 1.0 / block
    starts[:, 0] = True
    first = rng.integers(0, t, (draws, t))
    place = np.arange(t)
    begun = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    return np.asarray((np.take_along_axis(first, begun, axis=1) + place - begun) % t)
