"""Macro conditions: one snapshot of three indicators -> stress -> regime -> sector tilts.

Stress is the standard normal percentile of a weighted, clipped z-score of VIX, GDP growth and the yield
spread, measured against 1990-2019; the constants are reproduced by ``docs/examples/real_market.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from math import erfc, exp, isfinite, log, sqrt
from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray
from typing_extensions import Doc

from pyalloc import names
from pyalloc.errors import InputError

FloatArray = NDArray[np.float64]

MACRO_LIMITS: Final = {
    "vix": (5.0, 150.0),
    "gdp_growth": (-0.50, 0.50),
    "yield_spread": (-0.10, 0.10),
    "spread_10y_3m": (-0.10, 0.10),
}
"""What each indicator may be; VIX in index points, the others in decimal fractions a year."""

TILT_LIMIT: Final = 10.0
"""Largest strength × defensiveness of a tilt: a factor beyond exp(±10) is a slip, not a view."""

LONGEST_AGE: Final = 100
"""Days beyond which a workbook's own audit notes the age of its macro row: a quarter, and a late release."""

PROBIT: Final = (-0.5333, -63.30)
"""Intercept and slope of the New York Fed's yield-curve recession probit (spread as a fraction)."""


def normal_cdf(x: float) -> float:
    """Return the standard normal distribution function at `x`."""
    return 0.5 * erfc(-x / sqrt(2.0))


@dataclass(frozen=True)
class MacroPolicy:
    """Reference constants and strengths of the macro step; the defaults are the house policy."""

    __pydantic_config__: ClassVar = {
        "extra": "forbid",
        "allow_inf_nan": False,
        "revalidate_instances": "always",
    }

    vix_mean: Annotated[float, Doc("Mean of ln VIX over the months 1990-2019.")] = 2.8925
    vix_std: Annotated[float, Gt(0), Doc("Standard deviation of ln VIX over the same months.")] = 0.3346
    gdp_mean: Annotated[
        float, Doc("Mean first-release real GDP growth, q/q annualised, as a fraction (0.0241 = 2.41 %).")
    ] = 0.0241
    gdp_std: Annotated[float, Gt(0), Doc("Its standard deviation, as a fraction.")] = 0.0193
    spread_mean: Annotated[float, Doc("Mean 10y - 2y Treasury spread, as a fraction.")] = 0.01166
    spread_std: Annotated[float, Gt(0), Doc("Its standard deviation, as a fraction.")] = 0.00881
    vix_weight: Annotated[float, Interval(ge=0, le=1), Doc("Weight of VIX in the composite.")] = 0.5
    gdp_weight: Annotated[float, Interval(ge=0, le=1), Doc("Weight of GDP growth in the composite.")] = 0.3
    spread_weight: Annotated[
        float, Interval(ge=0, le=1), Doc("Weight of the spread; the three sum to 1.")
    ] = 0.2
    z_limit: Annotated[float, Gt(0), Doc("Every z-score is clipped to plus or minus this.")] = 3.0
    composite_std: Annotated[
        float,
        Gt(0),
        Doc("Standard deviation of the unclipped composite over 1990-2019."),
    ] = 0.612
    regime_from: Annotated[
        tuple[float, float, float, float],
        Doc("Stress from which calm, normal, elevated and high stress start."),
    ] = (0.0, 0.40, 0.60, 0.80)
    max_age_days: Annotated[
        int,
        Interval(ge=0, le=LONGEST_AGE),
        Doc("Days by which a macro row may be older than the as-of date before a notice says so."),
    ] = LONGEST_AGE
    tilt_strength: Annotated[
        float, Ge(0), Doc("Kappa: a sector of defensiveness d is tilted by exp(kappa d (2 stress - 1)).")
    ] = 0.5
    defensiveness: Annotated[
        Mapping[str, float], Doc("Defensiveness d of each sector; above 0 gains when stress is high.")
    ] = field(default_factory=lambda: dict(names.SECTOR_DEFENSIVENESS))

    def __post_init__(self) -> None:
        if abs(sum(self.weights) - 1.0) > 1e-12:
            raise InputError(
                f"vix_weight + gdp_weight + spread_weight is {sum(self.weights):g}; the three must sum to 1"
            )
        starts = self.regime_from
        if starts[0] != 0.0 or any(b <= a for a, b in pairwise(starts)) or starts[-1] >= 1:
            raise InputError(f"regime_from is {list(starts)}; it must start at 0 and rise, all below 1")

    def __hash__(self) -> int:
        return hash((self.weights, self.regime_from, self.tilt_strength, *self.defensiveness.items()))

    @property
    def means(self) -> FloatArray:
        """Reference means of (ln VIX, growth, spread), shape (3,)."""
        return np.array([self.vix_mean, self.gdp_mean, self.spread_mean])

    @property
    def stds(self) -> FloatArray:
        """Reference standard deviations of (ln VIX, growth, spread), shape (3,)."""
        return np.array([self.vix_std, self.gdp_std, self.spread_std])

    @property
    def weights(self) -> tuple[float, float, float]:
        """Weights of (VIX, growth, spread) in the composite."""
        return (self.vix_weight, self.gdp_weight, self.spread_weight)


DIRECTIONS: Final = (1.0, -1.0, -1.0)
"""Sign with which (VIX, growth, spread) point toward stress."""


@dataclass(frozen=True)
class StressReading:
    """One snapshot measured against the reference months.

    Attributes
    ----------
    transformed : ndarray, shape (3,)
        ln VIX (points), GDP growth and yield spread (fractions a year).
    z : ndarray, shape (3,)
        Clipped z-scores, positive toward stress.
    composite : float
        Weighted sum of the z-scores.
    stress : float
        Percentile of the composite in [0, 1].
    regime : str
        One of :data:`pyalloc.names.REGIMES`.
    """

    transformed: FloatArray
    z: FloatArray
    composite: float
    stress: float
    regime: str


@dataclass(frozen=True)
class MacroSnapshot:
    """What was known of the economy on one day.

    Parameters
    ----------
    vix : float
        Cboe volatility index, index points, 21-day average; 5 to 150.
    gdp_growth : float
        Real GDP growth, quarter on quarter annualised, first release, decimal fraction; within ±0.50.
    yield_spread : float
        Treasury yield 10 years less 2 years, 21-day average, decimal fraction; within ±0.10.
    spread_10y_3m : float, optional
        10 years less 3 months (bond equivalent), decimal fraction; feeds the recession probability only.
    known_on : date, optional
        The day from which all of it was public.

    Raises
    ------
    InputError
        For a value that is missing, not finite or outside its limits.
    """

    vix: float
    gdp_growth: float
    yield_spread: float
    spread_10y_3m: float | None = None
    known_on: date | None = None

    def __post_init__(self) -> None:
        for indicator, (low, high) in MACRO_LIMITS.items():
            value = getattr(self, indicator)
            if value is None and indicator == "spread_10y_3m":
                continue
            _check_indicator(indicator, value, low, high)

    def read(self, policy: MacroPolicy | None = None) -> StressReading:
        """Return z-scores, composite, stress and regime under `policy`."""
        policy = policy or MacroPolicy()
        transformed = np.array([log(self.vix), self.gdp_growth, self.yield_spread])
        z = np.clip(
            np.array(DIRECTIONS) * (transformed - policy.means) / policy.stds, -policy.z_limit, policy.z_limit
        )
        composite = float(z @ np.array(policy.weights))
        stress = normal_cdf(composite / policy.composite_std)
        return StressReading(transformed, z, composite, stress, regime(stress, policy.regime_from))

    def stress(self, policy: MacroPolicy | None = None) -> float:
        """Return macro stress as a percentile in [0, 1]; 0.5 is neutral."""
        return self.read(policy).stress

    def regime(self, policy: MacroPolicy | None = None) -> str:
        """Return the regime's name."""
        return self.read(policy).regime


def _check_indicator(indicator: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not isfinite(value):
        raise InputError(f"{indicator} is {value!r}; it must be a finite number")
    if low <= value <= high:
        return
    if indicator == "vix":
        raise InputError(f"vix is {value:g}; it must be {low:g} to {high:g} index points")
    raise InputError(
        f"{indicator} is {value:g} ({100 * value:g} %), outside {100 * low:g} % to {100 * high:g} %: "
        f"was percent meant? Write {value / 100:g} for {value:g} %"
    )


def _check_stress(stress: float) -> None:
    if not 0.0 <= stress <= 1.0:
        raise InputError(f"stress is {stress:g}; it must be between 0 and 1")


def regime(stress: float, regime_from: Sequence[float] = MacroPolicy.regime_from) -> str:
    """Return the name of the regime that `stress` in [0, 1] falls in: the last whose start is reached."""
    _check_stress(stress)
    return names.REGIMES[int(np.searchsorted(regime_from, stress, side="right")) - 1]


def sector_tilts(
    sectors: Sequence[str],
    stress: float,
    defensiveness: Mapping[str, float] | None = None,
    strength: float = MacroPolicy.tilt_strength,
) -> FloatArray:
    """Return the factor by which each sector's momentum score is multiplied, shape (n,), all > 0.

    ``exp(strength * d * (2 * stress - 1))``: 1 at neutral stress; above 1 for defensive sectors (d > 0)
    when stress is high and for cyclical ones (d < 0) when it is low.

    Parameters
    ----------
    sectors : sequence of str, length n
        GICS sector names, or those of `defensiveness`.
    stress : float
        Macro stress in [0, 1].
    defensiveness : mapping of str to float, optional
        d by sector; default :data:`pyalloc.names.SECTOR_DEFENSIVENESS`.
    strength : float
        Kappa; 0 switches the tilts off.

    Raises
    ------
    InputError
        For a sector that is not in the table; the message lists those that are.
    """
    table = names.SECTOR_DEFENSIVENESS if defensiveness is None else defensiveness
    unknown = sorted({sector for sector in sectors if sector not in table})
    if unknown:
        raise InputError(f"no such sector: {', '.join(unknown)}; the sectors are {', '.join(table)}")
    _check_stress(stress)
    for sector in sectors:
        if not abs(strength * table[sector]) <= TILT_LIMIT:
            raise InputError(
                f"strength × defensiveness of {sector} is {strength * table[sector]:g}; "
                f"it must be within ±{TILT_LIMIT:g}"
            )
    lean = strength * (2.0 * stress - 1.0)
    return np.array([exp(lean * table[sector]) for sector in sectors], dtype=np.float64)


def recession_probability(spread_10y_3m: float) -> float:
    """Return the yield curve's probability of a US recession twelve months ahead, in [0, 1].

    ``Φ(−0.5333 − 63.30 · spread)``, spread = 10y − 3m bond equivalent as a fraction (0.01 → 0.122): the
    New York Fed's published probit (Estrella and Mishkin's model). Shown beside the chain, never part of it.
    """
    low, high = MACRO_LIMITS["spread_10y_3m"]
    _check_indicator("spread_10y_3m", spread_10y_3m, low, high)
    intercept, slope = PROBIT
    return normal_cdf(intercept + slope * spread_10y_3m)
