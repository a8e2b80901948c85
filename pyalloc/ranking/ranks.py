"""Ranks within a row: the one definition behind features, labels, information coefficients and deciles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def tied_places(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how many values of its row lie below each one, and how many equal it, itself among them.

    Parameters
    ----------
    values : ndarray, shape (..., n)
        Not a number where there is none: such a place has no rank, and counts for no other.

    Returns
    -------
    below, equal : ndarray, shape (..., n)
        Not a number where the value is.
    """
    rows = values.reshape(-1, values.shape[-1])
    order = np.argsort(rows, axis=1, kind="stable")  # puts what is no number last
    ordered = np.take_along_axis(rows, order, axis=1)
    n = rows.shape[1]
    starts = np.ones(rows.shape, dtype=np.bool_)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(n)
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=1)
    ends = np.ones(rows.shape, dtype=np.bool_)
    ends[:, :-1] = starts[:, 1:]
    after = np.minimum.accumulate(np.where(ends, places + 1, n)[:, ::-1], axis=1)[:, ::-1]
    missing = np.isnan(ordered)
    below, equal = np.empty(rows.shape), np.empty(rows.shape)
    np.put_along_axis(below, order, np.where(missing, np.nan, first), axis=1)
    np.put_along_axis(equal, order, np.where(missing, np.nan, after - first), axis=1)
    return below.reshape(values.shape), equal.reshape(values.shape)


def average_ranks(values: FloatArray) -> FloatArray:
    """Return ranks within each row, 1 for the lowest, equal values sharing their average; shape (..., n)."""
    below, equal = tied_places(values)
    return below + (equal + 1.0) / 2.0


def unit_ranks(values: FloatArray) -> FloatArray:
    """Return average ranks within each row as fractions: 0 lowest, 1 highest, ½ where all are equal.

    A single value has rank 0, as a spreadsheet's ``(RANK.AVG - 1)/MAX(1, n - 1)``.
    """
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    return np.asarray((average_ranks(values) - 1.0) / np.maximum(1, count - 1), dtype=np.float64)
