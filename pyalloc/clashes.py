"""Why ``A w = b`` has no single solution, in words: which rows combine to which, and do they agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RCOND_LIMIT: Final = 1e-12
"""Smallest reciprocal condition number with which a square system counts as having one solution."""

_DEPENDENT: Final = 1e-14  # rows that combine to another but for rounding
_NEARLY_DEPENDENT: Final = 1e-6


def _dependences(A: FloatArray) -> list[tuple[float, int, FloatArray]]:
    """Return for each row its distance from the rows above it, its index, and their nearest combination.

    The distance is a fraction of the row's norm. A row that those above give exactly takes no part in later
    combinations, which are therefore unique.
    """
    norms = np.linalg.norm(A, axis=1)
    unit = A / norms[:, None]
    basis: list[int] = []
    found = []
    for i in range(len(A)):
        scaled = np.linalg.lstsq(unit[basis].T, unit[i], rcond=None)[0]
        distance = float(np.linalg.norm(unit[i] - scaled @ unit[basis]))
        combination = np.zeros(len(A))
        combination[basis] = np.where(np.abs(scaled) > 1e-10, scaled * norms[i] / norms[basis], 0.0)
        found.append((distance, i, combination))
        if distance > _DEPENDENT:
            basis.append(i)
    return found


def clashes(A: FloatArray, b: FloatArray, rows: Sequence[str]) -> list[str]:
    """Say of each row that the rows above it already give whether it is redundant or contradicts them."""
    sentences = []
    for distance, i, combination in _dependences(A):
        if distance > _DEPENDENT:
            continue
        implied = float(combination @ b)
        agree = abs(b[i] - implied) <= 1e-10 * (abs(b[i]) + np.abs(combination) @ np.abs(b))
        verdict = (
            f"the right-hand sides agree, so {rows[i]} is redundant: remove or change it"
            if agree
            else f"the right-hand sides do not agree ({number(b[i])} against {number(implied)}), "
            f"so the rows contradict each other: change {rows[i]} or its right-hand side"
        )
        sentences.append(f"{rows[i]} = {_in_words(combination, rows)}; {verdict}")
    return sentences


def why_singular(A: FloatArray, b: FloatArray, rows: Sequence[str], rcond: float) -> str:
    """Say which rows keep a square system from having one solution."""
    if found := clashes(A, b, rows):
        return "; ".join(found)
    limit = f"reciprocal condition {rcond:.2g}, at least {RCOND_LIMIT:g} is needed"
    distance, i, combination = min(_dependences(A), key=lambda row: row[0])
    if distance < _NEARLY_DEPENDENT:
        return (
            f"{rows[i]} differs from {_in_words(combination, rows)} by only {distance:.2g} of its size "
            f"({limit}): make the rows clearly different"
        )
    sizes = np.abs(A).max(axis=1)
    large, small = int(sizes.argmax()), int(sizes.argmin())
    return (
        f"the largest coefficient of {rows[large]} is {sizes[large]:.2g}, that of {rows[small]} only "
        f"{sizes[small]:.2g} ({limit}): multiply rows and their right-hand sides until they are of one size"
    )


def _in_words(combination: FloatArray, rows: Sequence[str]) -> str:
    terms = [f"{combination[j]:.6g} × {rows[j]}" for j in np.flatnonzero(combination).tolist()]
    return " + ".join(terms).replace("+ -", "- ")


def number(value: float) -> str:
    """Return a number as a person writes it: 250000 is 250 000."""
    return f"{value:,.10g}".replace(",", " ")
