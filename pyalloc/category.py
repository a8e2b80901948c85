"""From risk tolerance and macro conditions to the category system ``A w = b``, by a policy that is data.

The solver is :mod:`pyalloc.linear`; its public names are offered here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

import numpy as np
from annotated_types import Ge, Gt, Le, MinLen
from typing_extensions import Doc

from pyalloc.errors import InputError
from pyalloc.linear import CategorySolution as CategorySolution
from pyalloc.linear import explain as explain
from pyalloc.linear import solve as solve
from pyalloc.names import BONDS, CASH, CATEGORIES, COMMODITIES, RISK_KNOTS, STOCKS
from pyalloc.names import risk_tolerance as risk_tolerance
from pyalloc.nearest import FloatArray
from pyalloc.nearest import nearest_gap as nearest_gap
from pyalloc.nearest import nearest_gradient as nearest_gradient

if TYPE_CHECKING:
    from pyalloc.macro import MacroSnapshot

BUDGET = "budget"
"""The name of row 1, which every system has and no policy lists."""

_Name = Annotated[str, MinLen(1)]
_Fraction = Annotated[float, Ge(0.0), Le(1.0)]
_Effect = Annotated[float, Ge(-1.0), Le(1.0)]
_Knots = tuple[_Fraction, _Fraction, _Fraction, _Fraction]
_ShareName = Literal["equity", "cash", "commodity"]


@dataclass(frozen=True)
class CategoryShares:
    """The shares that the rows of the system hold categories to, as fractions.

    Attributes
    ----------
    equity : float
        Stocks in the whole, e.
    cash : float
        Cash in bonds and cash together, c.
    commodity : float
        Commodities in the whole, k.
    """

    equity: float
    cash: float
    commodity: float

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if not _is_fraction(share):
                raise InputError(
                    f"the {name} share comes to {share:.4g}; it must be from 0 to 1: change the policy's "
                    f"{name} coefficients"
                )


@dataclass(frozen=True)
class CategoryRow:
    """One row below the budget: the categories ``of`` hold the fraction ``share`` of those ``within``."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: Annotated[_Name, Doc("What messages and the workbook call the row.")]
    of: Annotated[tuple[_Name, ...], MinLen(1), Doc("The categories whose share is fixed.")]
    within: Annotated[
        Annotated[tuple[_Name, ...], MinLen(1)] | Literal["all"],
        Doc('The categories it is a share of, or "all".'),
    ]
    share: Annotated[
        _Fraction | _ShareName,
        Doc('A fraction from 0 to 1, or "equity", "cash" or "commodity" for the share that conditions set.'),
    ]

    def __post_init__(self) -> None:
        if self.share not in get_args(_ShareName) and not _is_fraction(self.share):
            raise InputError(
                f"row {self.name!r} has the share {self.share!r}; it must be a fraction from 0 to 1 or one "
                f"of {', '.join(get_args(_ShareName))}"
            )


_DEFAULT_ROWS = (
    CategoryRow("equity", of=(STOCKS,), within="all", share="equity"),
    CategoryRow("liquidity", of=(CASH,), within=(BONDS, CASH), share="cash"),
    CategoryRow("real assets", of=(COMMODITIES,), within="all", share="commodity"),
)


@dataclass(frozen=True)
class CategoryPolicy:
    """How the category system follows risk tolerance t, stress, growth and the yield spread.

    With the default rows every weight is at least 0, as ``e <= 1 - k``, and ``det A = -1``, whatever the
    conditions: adding e and k times the budget row turns the equity and real-assets rows into unit vectors,
    which leaves the determinant of bonds and cash, ``(1 - c) + c``, and a sign for the order of the rows.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    risk_calm: Annotated[
        _Knots, Doc("Equity at t = 0, 0.2, 0.5, 1 and stress 0, as a fraction of what is not in commodities.")
    ] = (0.25, 0.41, 0.775, 0.97)
    risk_crisis: Annotated[
        _Knots, Doc("The same at stress 1; between the two and between the knots, equity is linear.")
    ] = (0.05, 0.21, 0.475, 0.80)
    commodity_base: Annotated[
        _Fraction, Doc("Commodities at stress 0 and average growth, as a fraction of the whole.")
    ] = 0.06
    commodity_stress_effect: Annotated[
        _Effect, Doc("Change of the commodity fraction from stress 0 to stress 1.")
    ] = -0.04
    commodity_growth_effect: Annotated[
        _Effect, Doc("Change of the commodity fraction per standard deviation of GDP growth.")
    ] = 0.005
    growth_clip: Annotated[
        float, Ge(0.0), Le(10.0), Doc("Growth counts up to this many standard deviations either side.")
    ] = 2.0
    cash_base: Annotated[_Fraction, Doc("Cash at stress 0, as a fraction of bonds and cash.")] = 0.15
    cash_stress_effect: Annotated[
        _Effect, Doc("Change of the cash fraction of bonds and cash from stress 0 to stress 1.")
    ] = 0.10
    cash_inversion_effect: Annotated[
        _Effect, Doc("Change of the cash fraction when the yield curve is inverted by the full scale.")
    ] = 0.10
    inversion_scale: Annotated[
        float, Gt(0.0), Le(1.0), Doc("Negative 10y - 2y spread with full effect, as a decimal: 0.01 is 1 %.")
    ] = 0.01
    names: Annotated[
        tuple[_Name, ...], MinLen(2), Doc("The categories, in the order of the columns of A.")
    ] = CATEGORIES
    rows: Annotated[
        tuple[CategoryRow, ...], Doc("The rows of A below the budget, which is always row 1.")
    ] = _DEFAULT_ROWS

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            raise InputError(f"{len(self.names)} category is given; a policy needs at least 2")
        _refuse_duplicates("category", self.names)
        _refuse_duplicates("row", self.row_names)
        for row in self.rows:
            for name in (*row.of, *(() if row.within == "all" else row.within)):
                if name not in self.names:
                    raise InputError(
                        f"row {row.name!r} names the category {name!r}; the categories are "
                        f"{', '.join(self.names)}"
                    )

    @property
    def row_names(self) -> tuple[str, ...]:
        """The names of the rows of A, the budget first."""
        return (BUDGET, *(row.name for row in self.rows))

    def shares(self, t: float, stress: float, growth_z: float, yield_spread: float) -> CategoryShares:
        """Return the equity, cash and commodity shares under these conditions.

        Parameters
        ----------
        t : float
            Risk tolerance; equity is linear between the knots of :data:`pyalloc.names.RISK_KNOTS`.
        stress : float
            Stress in [0, 1].
        growth_z : float
            GDP growth in standard deviations from its reference mean, not clipped.
        yield_spread : float
            10y - 2y, a decimal fraction.

        Raises
        ------
        InputError
            Stress outside [0, 1], or a share that comes out there (NaN included).
        """
        if not 0.0 <= stress <= 1.0:
            raise InputError(f"stress is {stress:.4g}; it must be from 0 to 1")
        growth = np.clip(growth_z, -self.growth_clip, self.growth_clip)
        commodity = (
            self.commodity_base
            + self.commodity_stress_effect * stress
            + self.commodity_growth_effect * growth
        )
        calm = np.interp(t, RISK_KNOTS, self.risk_calm)
        crisis = np.interp(t, RISK_KNOTS, self.risk_crisis)
        equity = (1.0 - commodity) * (calm + stress * (crisis - calm))
        inversion = np.clip(-yield_spread / self.inversion_scale, 0.0, 1.0)
        cash = self.cash_base + self.cash_stress_effect * stress + self.cash_inversion_effect * inversion
        return CategoryShares(equity=float(equity), cash=float(cash), commodity=float(commodity))

    def matrix(self, shares: CategoryShares, budget: float) -> tuple[FloatArray, FloatArray]:
        """Return A, one row per constraint and one column per category, and b, in the currency of the budget.

        Row i of A has the coefficient ``1[j in of] - share 1[j in within]`` at category j.
        """
        if not 0.0 < budget < np.inf:
            raise InputError(f"the budget is {budget!r}; it must be an amount above 0")
        A = np.ones((len(self.rows) + 1, len(self.names)))
        for coefficients, row in zip(A[1:], self.rows, strict=True):
            share = getattr(shares, row.share) if isinstance(row.share, str) else row.share
            within = self.names if row.within == "all" else row.within
            coefficients[:] = np.isin(self.names, row.of) - share * np.isin(self.names, within)
        return A, np.array([budget, *np.zeros(len(self.rows))])

    def system(self, risk: str | float, macro: MacroSnapshot, budget: float) -> tuple[FloatArray, FloatArray]:
        """Return (A, b) for a risk level or number, a macro snapshot and a budget, at the reference growth.

        A convenience over :func:`risk_tolerance`, :meth:`shares` and :meth:`matrix`, for callers without a
        macro policy of their own.
        """
        from pyalloc.macro import MacroPolicy

        reference = MacroPolicy()
        growth_z = (macro.gdp_growth - reference.gdp_mean) / reference.gdp_std
        shares = self.shares(risk_tolerance(risk), macro.stress(), growth_z, macro.yield_spread)
        return self.matrix(shares, budget)


def _is_fraction(share: object) -> bool:
    return isinstance(share, (int, float)) and 0.0 <= share <= 1.0


def _refuse_duplicates(kind: str, given: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(given).items() if count > 1]
    if repeated:
        raise InputError(
            f"the {kind} {repeated[0]!r} is given more than once; each {kind} needs its own name"
        )
