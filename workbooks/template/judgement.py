"""The facts of the Audit sheet: what each check measures in a workbook as generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
from openpyxl.utils.cell import range_boundaries

from pyalloc.names import HELD, STOCKS
from workbooks.template.audit_sheet import (
    CHARACTERS,
    LETTERS,
    Block,
    checksums,
    register,
)
from workbooks.template.author import Ref, Sheet, area_of
from workbooks.template.checks import CHECKS

_LIMITS: Final = np.array([check.limit for check in CHECKS])


class Placed(NamedTuple):
    """A block under a checksum, the row and column of its first cell, and whether it is one row."""

    block: Block
    top: int
    left: int
    across: bool


@dataclass(frozen=True)
class Judged:
    """What Audit judges of a design: the same for every size, as blocks grow away from their first cell."""

    register: tuple[Ref, ...]
    blocks: tuple[Placed, ...]
    sheets: int

    @classmethod
    def of(cls, sheets: Sequence[Sheet], audit: Sheet) -> Judged:
        """Return what `audit` judges of `sheets`."""
        placed = []
        for block in checksums(sheets):
            left, top, _, bottom = range_boundaries(area_of(block.name, (*sheets, audit)))
            placed.append(Placed(block, top, left, across=top == bottom))
        return cls(tuple(ref for _, _, ref in register(sheets)), tuple(placed), len(sheets))


def judge(facts: Mapping[str, Any], judged: Judged, known: Mapping[str, float]) -> dict[str, Any]:
    """Return what Audit shows: departures, results, roll-up, register of inputs, checksums.

    `known` holds the checksums of shared blocks, by name.
    """
    departures = _departures(facts)
    departure = np.array([float(departures[check.key]) for check in CHECKS])
    results = tuple(
        "OK" if abs(d) <= check.limit else "NOTE" if check.kind == "NOTE" else "CHECK"
        for d, check in zip(departure, CHECKS, strict=True)
    )
    now = tuple(_shown(ref.of(facts)) for ref in judged.register)
    sums = [
        known[placed.block.name] if placed.block.name in known else _checksum(facts, placed)
        for placed in judged.blocks
    ]
    failed, noted = results.count("CHECK"), results.count("NOTE")
    return {
        "departure": departure,
        "check_limit": _LIMITS,
        "check_result": results,
        "check_number": np.arange(1, len(CHECKS) + 1),
        "checks_total": len(CHECKS),
        "checks_failed": failed,
        "checks_stale": 0,
        "checks_noted": noted,
        "checks_summary": _roll_up(failed, noted),
        "sheet_number": np.arange(1, judged.sheets + 1),
        "overwritten_by_sheet": np.zeros(judged.sheets),
        "errors_by_sheet": np.zeros(judged.sheets),
        "register_number": np.arange(1, len(now) + 1),
        "register_now": now,
        "register_changed": np.zeros(len(now)),
        "inputs_changed": 0,
        "checksum_number": np.arange(1, len(sums) + 1),
        "checksum": np.array(sums),
        "checksum_changed": np.zeros(len(sums)),
    }


def shared_checksums(shared: Mapping[str, Any], judged: Judged) -> dict[str, float]:
    """Return the checksums of the blocks that clients share, by name."""
    facts = {"check_limit": _LIMITS, **shared}
    return {
        placed.block.name: _checksum(facts, placed) for placed in judged.blocks if placed.block.name in facts
    }


def _roll_up(failed: int, noted: int) -> str:
    total = len(CHECKS)
    if failed:
        return f"▲ {failed} of {total}{' checks needs' if failed == 1 else ' checks need'} a look"
    if noted:
        return f"● All checks passed, {noted}{' note' if noted == 1 else ' notes'}"
    return f"● All {total} checks passed"


def _departures(facts: Mapping[str, Any]) -> dict[str, float]:
    """Return what each check measures, by its key."""
    w, lower, upper = facts["category_weights"], facts["category_lower"], facts["category_upper"]
    anchor, mt, cap = facts["stock_weight"], facts["stock_mt"], facts["stock_cap"]
    sleeve = facts["sleeve_weights"]
    covariance, mu = facts["covariance"], facts["mu"]
    lean = 2.0 * facts["stress"] - 1.0
    logs = np.log(facts["sector_tilt"])
    capped = anchor >= cap - 1e-12
    pro_rata = anchor * mt[~capped].sum() - mt * (1.0 - cap * capped.sum())
    best = facts["maxsharpe_weights"]
    ratio_best = (facts["r_eff"] - facts["risk_free"]) / np.sqrt(best @ covariance @ best)
    ratio_anchor = (anchor @ mu - facts["risk_free"]) / facts["momentum_volatility"]
    rounding = np.abs(facts["holding_amount"] - facts["holding_weight"] * facts["budget"]).max()
    exact, risk = facts["bounds_hold"], facts["frontier_volatility"]
    known_on, age = facts["known_on"], facts["macro_age"]
    return {
        "inputs_missing": 0,
        "inputs_late": 0 if known_on is None else max(0, known_on - facts["as_of"]),
        "inputs_old": 0 if age is None else age,
        "omega_sum": facts["macro_omega"].sum() - 1.0,
        "stress_inverse": _composite_back(facts) - facts["composite"],
        "tilt_logs": np.abs(logs - facts["tilt_strength"] * facts["sector_defensiveness"] * lean).sum(),
        "tilt_signs": (
            np.sign(logs.round(12))
            != np.sign(facts["sector_defensiveness"])
            * np.sign(round(lean, 12))
            * np.sign(facts["tilt_strength"])
        ).sum(),
        "category_sum": w.sum() - 1.0,
        "category_residual": facts["residual_max"] if exact else abs(facts["residual"][0]),
        "category_condition": 1e-12 / facts["rcond_A"],
        "category_bounds": (w < lower - 1e-12).sum() + (w > upper + 1e-12).sum(),
        "category_solver_gap": facts["solver_difference"] if exact else 0.0,
        "category_optimal": facts["category_gap"],
        "overrides": facts["override_count"],
        "bounds_bind": 0 if exact else 1,
        "stock_sum": anchor.sum() - 1.0,
        "stock_pro_rata": np.abs(pro_rata[(mt > 0.0) & ~capped]).sum(),
        "stock_range": (anchor < 0.0).sum() + (anchor > cap + 1e-12).sum(),
        "stock_labels": 0,
        "covariance_symmetry": np.abs(covariance - covariance.T).max(),
        "shrinkage_range": max(0.0, -facts["lw_shrinkage"], facts["lw_shrinkage"] - 1.0),
        "efficient_return": facts["r_eff"] - facts["risk_free"] - facts["equity_premium"]
        if facts["return_model"] == "implied"
        else 0.0,
        "frontier_range": (np.abs(facts["frontier_sum"] - 1.0) > 1e-10).sum()
        + (facts["frontier_min"] < -1e-12).sum()
        + (facts["frontier_max"] > cap + 1e-12).sum(),
        "frontier_optimal": facts["frontier_gap"].max(),
        "frontier_convex": (2.0 * risk[1:-1] > risk[:-2] + risk[2:] + 1e-12).sum(),
        "sharpe_best": max(0.0, facts["frontier_sharpe"].max() - ratio_best, ratio_anchor - ratio_best)
        if facts["anchor_counts"]
        else 0.0,
        "sleeve_range": abs(sleeve.sum() - 1.0)
        + np.maximum(0.0, facts["sleeve_lower"] - sleeve).sum()
        + np.maximum(0.0, sleeve - facts["sleeve_upper"]).sum(),
        "sleeve_attains": facts["sleeve_return"] - facts["r_target"],
        "sleeve_optimal": facts["sleeve_gap"],
        "target_clipped": facts["r_adj"] - facts["r_target"],
        "holding_sum": facts["holding_weight"].sum() - 1.0,
        "holding_budget": round(facts["holding_amount"].sum() - facts["budget"], facts["currency_digits"]),
        "holding_rounding": round(rounding * 10.0 ** facts["currency_digits"], 6),
        "holding_categories": np.abs(facts["holding_category_weight"] - w).sum(),
        "holding_names": (sleeve > HELD).sum() - sum(line == STOCKS for line in facts["holding_category"]),
        "backtest_wealth": facts["wealth_start"]
        * np.exp(np.log1p(facts["backtest_net"]).sum())
        / facts["wealth_policy"][-1]
        - 1.0,
        "backtest_weights_sum": (np.abs(facts["backtest_weights"].sum(axis=1) - 1.0) > 1e-10).sum(),
        "backtest_rows": 0,
        "backtest_engine": facts["wealth_policy"][-1] / facts["wealth_engine"] - 1.0,
        "backtest_risk": 0.0 if facts["backtest_t"] is None else facts["backtest_t"] - facts["risk_t"],
        "overwritten": 0,
        "errors": 0,
        "solved_changed": 0,
        "inputs_edited": 0,
    }


def _composite_back(facts: Mapping[str, Any]) -> float:
    """Return the composite that stress stands for; beyond five deviations stress cannot tell."""
    composite, sigma = facts["composite"], facts["sigma_c"]
    if abs(composite) > 5.0 * sigma:
        return float(composite)
    return NormalDist().inv_cdf(facts["stress"]) * float(sigma)


def _shown(value: Any) -> Any:
    """Return an input as the register repeats it: an empty cell is an empty text."""
    return "" if value is None else value


def _checksum(facts: Mapping[str, Any], placed: Placed) -> float:
    """Return what :func:`checksum_formula` comes to for a block."""
    block, top, left, across = placed
    values = facts[block.name]
    if block.text:
        texts = (values,) if isinstance(values, str) else values
        return float(sum(_letter_sum(text, row) for row, text in enumerate(texts, start=top)))
    # An empty cell, none here, counts 0.
    numbers = np.atleast_2d(np.nan_to_num(np.asarray(values, dtype=np.float64)))
    if np.ndim(values) == 1 and not across:
        numbers = numbers.T
    rows, columns = numbers.shape
    places = np.arange(top, top + rows)[:, None] + np.arange(left, left + columns)[None, :] / 1000.0
    return float((numbers * places).sum())


def _letter_sum(text: str, row: int) -> float:
    """Return one text's part of a checksum."""
    letters, places = _letters(text)
    return row * letters + places


@lru_cache(maxsize=4096)
def _letters(text: str) -> tuple[float, float]:
    """Return the sum of a text's letters, each by its number, and the same weighted by their places."""
    numbers = [LETTERS.find(letter) + 1 for letter in text[:CHARACTERS]]
    return float(sum(numbers)), sum(number * i for i, number in enumerate(numbers, start=1)) / 100.0
