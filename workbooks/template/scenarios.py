"""Scenarios: the same client under named real conditions, and under small shifts of today's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.category import CategoryPolicy, CategoryShares
from pyalloc.macro import MACRO_LIMITS, MacroPolicy, MacroSnapshot, sector_tilts
from pyalloc.names import STOCKS
from pyalloc.tables import ColumnReader, read_table
from workbooks.template.dates import serial

if TYPE_CHECKING:
    from pyalloc.policy import Policy

FloatArray = NDArray[np.float64]

NOW: Final = "Now"

SHIFTS: Final = (
    ("VIX + 5", 5.0, 0.0),
    ("VIX − 5", -5.0, 0.0),
    ("Spread + 0.5 %", 0.0, 0.005),
    ("Spread − 0.5 %", 0.0, -0.005),
)
"""Name, shift of VIX in index points, shift of the 10y − 2y spread as a fraction."""

_FILE: Final = Path(__file__).parents[1] / "examples" / "scenarios.csv"


class Scenario(NamedTuple):
    """Conditions that were known on one day, and where they are from."""

    name: str
    known_on: date | None
    macro: MacroSnapshot
    source: str


@lru_cache(maxsize=1)
def named_scenarios() -> tuple[Scenario, ...]:
    """Return the scenarios of ``workbooks/examples/scenarios.csv``, sourced facts of the public record."""
    reader = ColumnReader(read_table(_FILE))
    names, days, sources = reader.text("scenario"), reader.date("known_on"), reader.text("source")
    figures = [reader.number(column) for column in ("vix", "gdp_growth", "yield_spread")]
    reader.check()
    snapshots = [
        MacroSnapshot(vix, growth, spread, known_on=day)
        for vix, growth, spread, day in zip(*figures, days, strict=True)
    ]
    return tuple(Scenario(*entry) for entry in zip(names, days, snapshots, sources, strict=True))


def scenario_conditions(macro: MacroSnapshot, policy: Policy, known_on: int | None) -> dict[str, Any]:
    """Return conditions, stress and tilts of every scenario: vectors over the scenarios."""
    named = named_scenarios()
    snapshots = _snapshots(macro)
    readings = [snapshot.read(policy.macro) for snapshot in snapshots]
    names = policy.category.names
    ones = [list(names), *([*row.of] for row in policy.category.rows)]
    whole = [[], *(names if row.within == "all" else row.within for row in policy.category.rows)]
    return {
        "scenario_name": (NOW, *(scenario.name for scenario in named), *(name for name, _, _ in SHIFTS)),
        "scenario_day": (known_on, *(serial(scenario.known_on) for scenario in named)),
        "scenario_vix": np.array([snapshot.vix for snapshot in snapshots]),
        "scenario_growth": np.array([snapshot.gdp_growth for snapshot in snapshots]),
        "scenario_spread": np.array([snapshot.yield_spread for snapshot in snapshots]),
        "shift_vix": np.array([points for _, points, _ in SHIFTS]),
        "shift_spread": np.array([spread for _, _, spread in SHIFTS]),
        "vix_limits": np.array(MACRO_LIMITS["vix"]),
        "spread_limits": np.array(MACRO_LIMITS["yield_spread"]),
        "scenario_z": np.array([reading.z for reading in readings]).T,
        "scenario_composite": np.array([reading.composite for reading in readings]),
        "scenario_stress": np.array([reading.stress for reading in readings]),
        "scenario_regime": tuple(reading.regime for reading in readings),
        "scenario_tilt": np.array([_tilts(policy.macro, reading.stress) for reading in readings]).T,
        "category_of": np.array([[float(name in row) for name in names] for row in ones]),
        "category_within": np.array([[float(name in row) for name in names] for row in whole]),
    }


def scenario_outcomes(facts: Mapping[str, Any], macro: MacroSnapshot, policy: Policy) -> dict[str, Any]:
    """Return the client's shares and category weights under every scenario: vectors over the scenarios."""
    category = policy.category
    shares = [
        category.shares(
            facts["risk_t"],
            stress,
            (snapshot.gdp_growth - policy.macro.gdp_mean) / policy.macro.gdp_std,
            snapshot.yield_spread,
        )
        for stress, snapshot in zip(facts["scenario_stress"].tolist(), _snapshots(macro), strict=True)
    ]
    systems = [category.matrix(share, 1.0) for share in shares]
    A, b = (np.array(part) for part in zip(*systems, strict=True))
    weights = np.linalg.solve(A, b[:, :, None])[:, :, 0]
    stocks = category.names.index(STOCKS)
    lower, upper = facts["category_lower"], facts["category_upper"]
    inside = ((weights >= lower - 1e-12) & (weights <= upper + 1e-12)).all(axis=1)
    return {
        "scenario_commodity": np.array([share.commodity for share in shares]),
        "scenario_equity": np.array([share.equity for share in shares]),
        "scenario_cash": np.array([share.cash for share in shares]),
        "scenario_row_share": np.array([_row_shares(category, share) for share in shares]).T,
        "scenario_weights": weights,
        "scenario_change": 100.0 * (weights[:, stocks] - weights[0, stocks]),
        "scenario_inside": tuple("yes" if ok else "no" for ok in inside),
    }


def _snapshots(macro: MacroSnapshot) -> list[MacroSnapshot]:
    """Return the conditions of every scenario: now, those on record, and now with small shifts."""
    (vix_low, vix_high), (spread_low, spread_high) = MACRO_LIMITS["vix"], MACRO_LIMITS["yield_spread"]
    shifted = [
        MacroSnapshot(
            float(np.clip(macro.vix + points, vix_low, vix_high)),
            macro.gdp_growth,
            float(np.clip(macro.yield_spread + spread, spread_low, spread_high)),
        )
        for _, points, spread in SHIFTS
    ]
    return [macro, *(scenario.macro for scenario in named_scenarios()), *shifted]


def _row_shares(policy: CategoryPolicy, shares: CategoryShares) -> list[float]:
    """Return the share that each row of A holds its categories to; 0 for the budget row."""
    fixed = [row.share if isinstance(row.share, float) else getattr(shares, row.share) for row in policy.rows]
    return [0.0, *fixed]


def _tilts(policy: MacroPolicy, stress: float) -> FloatArray:
    sectors = tuple(policy.defensiveness)
    return sector_tilts(sectors, stress, policy.defensiveness, policy.tilt_strength)
