"""Who invests: risk, budget and limits; and the budget's whole minor units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError, UncertifiedError
from pyalloc.names import currency_digits, risk_tolerance

FloatArray = NDArray[np.float64]

LARGEST_BUDGET: Final = 10**14
"""In minor units; a spreadsheet's fifteen digits would lose some of a larger one."""


@dataclass(frozen=True)
class InvestorProfile:
    """Who invests, and within which limits.

    Parameters
    ----------
    risk : {"low", "medium", "high"} or a number 1 to 10
    budget : float
        Amount to invest, in `currency`, whole minor units; above 0.
    currency : str
        ISO 4217 code; a label with a number of decimals, nothing is converted.
    bounds : mapping of category to (least, greatest)
        Weights as fractions of the whole; a category not named runs from 0 to 1.
    exclude : tuple of str
        Assets that must not be held.
    overrides : mapping of (row, column) to coefficient
        Entries of the constraint system that replace the policy's, counted from 1; the column after the last
        category is b.

    Raises
    ------
    InputError
        For the first of these that cannot be.
    """

    risk: str | float = "medium"
    budget: float = 100_000.0
    currency: str = "USD"
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    overrides: Mapping[tuple[int, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        risk_tolerance(self.risk)
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise InputError(f"currency is {self.currency!r}; it must be a three-letter ISO code such as USD")
        digits = currency_digits(self.currency)
        largest = LARGEST_BUDGET / 10**digits
        if not 0.0 < self.budget <= largest:
            raise InputError(
                f"budget is {self.budget!r}; it must be above 0 and at most {largest:,.0f} {self.currency}"
            )
        if round(self.budget, digits) != self.budget:
            raise InputError(
                f"budget is {self.budget!r}; {self.currency} has {digits} decimals, so round it to "
                f"{self.budget:.{digits}f}"
            )
        for category, (least, greatest) in self.bounds.items():
            if not 0.0 <= least <= greatest <= 1.0:
                raise InputError(
                    f"bounds of {category} are {least!r} to {greatest!r}; they must be fractions, "
                    "0 <= least <= greatest <= 1 (0.05 is 5 %)"
                )


def minor_units(running: FloatArray, budget: float, digits: int) -> list[int]:
    """Return each line's amount in minor units of the currency; they sum to the budget exactly.

    ``a_i = ROUND(C_i B, d) − ROUND(C_{i−1} B, d)`` with C the running weight, which ends at 1.

    Raises
    ------
    UncertifiedError
        Where it ends so far from 1 that the amounts miss the budget.
    """
    cumulated = [0, *(int(rounded(c * budget, digits).scaleb(digits)) for c in running)]
    if cumulated[-1] != rounded(budget, digits).scaleb(digits):
        raise UncertifiedError(
            f"amounts are withheld: the weights sum to {running[-1]:.17g}, so they miss the budget"
        )
    return [after - before for before, after in pairwise(cumulated)]


def rounded(value: float, digits: int) -> Decimal:
    """Return `value` rounded as a spreadsheet's ROUND does: on fifteen digits, half away from zero."""
    return Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
