"""Values of cells and of facts, made comparable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from workbooks.reading.cells import FoundCell, Value
from workbooks.template.author import Ref

TOLERANCE: Final = 1e-9
"""Largest departure of a value, relative to it or, below 1, absolute."""

Facts = Mapping[str, Any]


def same_value(found: Value, expected: Value) -> bool:
    """Return whether a cell holds a value, up to rounding; an empty text is an empty cell."""
    if isinstance(found, bool | float) and isinstance(expected, bool | float):
        return abs(found - expected) <= TOLERANCE * max(1.0, abs(found), abs(expected))
    return ("" if found is None else found) == ("" if expected is None else expected)


def expected_value(ref: Ref, facts: Facts) -> Value:
    """Return the value of a fact as a cell would hold it; None where the facts do not reach as far."""
    try:
        value = ref.of(facts)
    except IndexError:
        return None
    if isinstance(value, np.generic | np.ndarray):
        value = value.item()  # a block of one cell shows a list of one
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def shown(cell: FoundCell) -> Value:
    """Return what a reader sees in the formula bar: a formula, or what was typed."""
    return f"={cell.formula}" if cell.formula else cell.value
