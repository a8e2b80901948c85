"""Every audit check fails when its fault is planted in the file, and passes otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pyalloc import MarketData
from tests.hosts.calc_host import CalcHost, Cell, CellInput, Recalculated
from tests.hosts.workbook_cells import check_results, place
from tests.workbooks.cases import PASTS, RECIPIENT, build_case, build_history
from workbooks.template.author import Book
from workbooks.template.book import fill
from workbooks.template.checks import CHECKS
from workbooks.template.writer import write_workbook

Edits = Mapping[Cell, CellInput]


class Made(NamedTuple):
    """A workbook on disk, with what it was made from."""

    book: Book
    facts: Mapping[str, Any]
    path: Path

    def set(self, name: str, value: CellInput, row: int = 1, column: int = 1) -> dict[Cell, CellInput]:
        """Return the edit that puts a value into an entry of a named range, counted from 1."""
        return {place(self.book, name, row, column): value}

    def shift(self, name: str, by: float, first: int, second: int, column: int = 1) -> dict[Cell, CellInput]:
        """Return the edits that move `by` from one entry of a named column to another, keeping its sum."""
        values = self.facts[name] if self.facts[name].ndim == 1 else self.facts[name][:, column - 1]
        return {
            place(self.book, name, first, column): float(values[first - 1] - by),
            place(self.book, name, second, column): float(values[second - 1] + by),
        }


def make(case: str, market: MarketData, folder: Path) -> Made:
    allocation = build_case(case, market)
    book, facts = fill(allocation, RECIPIENT, build_history(case, allocation))
    path = folder / f"{case}.xlsx"
    write_workbook(book, facts, path)
    return Made(book, facts, path)


@pytest.fixture(scope="module")
def plain(demo_market: MarketData, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make("high", demo_market, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def bounded(demo_market: MarketData, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make("bounded", demo_market, tmp_path_factory.mktemp("bounded"))


def nearly_repeated_row(made: Made) -> dict[Cell, CellInput]:
    row = made.facts["constraint_A"][1]
    edits: dict[Cell, CellInput] = {}
    for column, coefficient in enumerate(row, start=1):
        edits |= made.set("override_A", float(coefficient), 3, column)
    return edits | made.set("override_A", float(row[0]) + 1e-13, 3, 1)


FAULTS: dict[str, tuple[str, Callable[[Made], Edits]]] = {
    "inputs_missing": ("CHECK", lambda w: w.set("vix", "high")),
    "inputs_late": ("CHECK", lambda w: w.set("as_of", w.facts["known_on"] - 10)),
    "inputs_old": ("NOTE", lambda w: w.set("known_on", w.facts["as_of"] - 200)),
    "omega_sum": ("CHECK", lambda w: w.set("macro_omega", 0.6)),
    "stress_inverse": ("CHECK", lambda w: w.set("stress", 0.3)),
    "tilt_logs": ("CHECK", lambda w: w.set("sector_tilt", 1.5)),
    "tilt_signs": ("CHECK", lambda w: w.set("sector_tilt", 0.5)),
    "category_sum": ("CHECK", lambda w: w.set("category_weights", 0.9)),
    "category_residual": ("CHECK", lambda w: w.shift("category_weights", 0.01, 2, 3)),
    "category_condition": ("CHECK", nearly_repeated_row),
    "category_bounds": ("CHECK", lambda w: w.set("category_lower", 0.95)),
    "category_solver_gap": ("CHECK", lambda w: w.set("category_solver", 0.5)),
    "overrides": ("NOTE", lambda w: w.set("override_A", 0.3, 2, 1)),
    "bounds_bind": ("NOTE", lambda w: w.set("category_lower", 0.95)),
    "stock_sum": ("CHECK", lambda w: w.set("stock_weight", 0.2)),
    "stock_pro_rata": ("CHECK", lambda w: w.shift("stock_weight", 0.005, 1, 3)),
    "stock_range": ("CHECK", lambda w: w.set("stock_weight", -0.01)),
    "stock_labels": ("CHECK", lambda w: w.set("stock_ticker", w.facts["stock_ticker"][1])),
    "covariance_symmetry": ("CHECK", lambda w: w.set("covariance", 0.07, 1, 2)),
    "shrinkage_range": ("CHECK", lambda w: w.set("lw_shrinkage", 1.5)),
    "efficient_return": ("CHECK", lambda w: w.set("r_eff", 0.12)),
    "frontier_range": ("CHECK", lambda w: w.set("frontier_weights", 0.5, 1, 10)),
    "frontier_optimal": ("CHECK", lambda w: w.shift("frontier_weights", 0.01, 1, 2, 10)),
    "frontier_convex": ("CHECK", lambda w: w.set("frontier_volatility", 0.4, 10)),
    "sharpe_best": ("CHECK", lambda w: w.set("r_eff", 0.05)),
    "sleeve_range": ("CHECK", lambda w: w.set("sleeve_weights", 0.3)),
    "sleeve_attains": ("CHECK", lambda w: w.shift("sleeve_weights", 0.001, 1, 3)),
    "sleeve_optimal": ("CHECK", lambda w: w.shift("sleeve_weights", 0.001, 1, 3)),
    "target_clipped": ("NOTE", lambda w: w.set("sleeve_floor", 0.95)),
    "holding_sum": ("CHECK", lambda w: w.set("holding_weight", 0.2)),
    "holding_budget": ("CHECK", lambda w: w.set("holding_amount", 1.0)),
    "holding_rounding": ("CHECK", lambda w: w.set("holding_amount", 1.0)),
    "holding_categories": ("CHECK", lambda w: w.set("holding_weight", 0.2)),
    "holding_names": ("CHECK", lambda w: w.set("holding_category", "Bonds")),
    "backtest_wealth": ("CHECK", lambda w: w.set("wealth_policy", 150.0, 3)),
    "backtest_weights_sum": ("CHECK", lambda w: w.set("backtest_weights", 0.9, 2)),
    "backtest_rows": ("CHECK", lambda w: w.set("backtest_dates", w.facts["as_of"] + 30, PASTS["high"] + 1)),
    "backtest_engine": ("CHECK", lambda w: w.set("backtest_returns", 0.5, 2)),
    "backtest_risk": ("CHECK", lambda w: w.set("backtest_t", 0.2)),
    "overwritten": ("CHECK", lambda w: w.set("composite", float(w.facts["composite"]))),
    "errors": ("CHECK", lambda w: w.set("vix", "high")),
    "solved_changed": ("CHECK", lambda w: w.set("volatility_63", 0.9)),
    "inputs_edited": ("NOTE", lambda w: w.set("budget", 300_000.0)),
}  # fmt: skip
"""Check → the result it must give, and the edit that plants its fault."""


def test_the_table_has_a_fault_for_every_check() -> None:
    assert {*FAULTS, "category_optimal"} == {check.key for check in CHECKS}


def test_a_fresh_workbook_passes_every_check(plain: Made, calc: CalcHost) -> None:
    assert set(check_results(plain.book, calc.recalculate(plain.path)).values()) == {"OK"}


@pytest.mark.parametrize("key", FAULTS)
def test_a_planted_fault_is_reported(key: str, plain: Made, calc: CalcHost) -> None:
    expected, fault = FAULTS[key]
    result = calc.recalculate(plain.path, fault(plain))
    assert check_results(plain.book, result)[key] == expected
    assert not summary(plain, result).startswith("● All 4")


def test_an_edited_text_or_limit_is_reported(plain: Made, calc: CalcHost) -> None:
    """Moving a line to another category keeps every sum, and a limit raised keeps every check quiet."""
    last = len(plain.facts["holding_category"])
    for edit in (
        plain.set("holding_category", "Cash", last),
        plain.set("holding_name", "Another fund", last),
        plain.set("stock_name", "Another name", 7),
        plain.set("return_model", "historical"),
        plain.set("check_limit", 1e9, 3),
    ):
        assert check_results(plain.book, calc.recalculate(plain.path, edit))["solved_changed"] == "CHECK"


def test_bounded_weights_that_are_not_the_nearest_are_reported(bounded: Made, calc: CalcHost) -> None:
    fresh = check_results(bounded.book, calc.recalculate(bounded.path))
    assert fresh["category_optimal"] == "OK"
    assert fresh["bounds_bind"] == "NOTE"
    moved = calc.recalculate(bounded.path, bounded.shift("category_solver", 0.01, 1, 2))
    assert check_results(bounded.book, moved)["category_optimal"] == "CHECK"


def test_an_override_given_from_the_start_makes_no_solved_cell_stale(
    demo_market: MarketData, tmp_path: Path, calc: CalcHost
) -> None:
    made = make("overridden", demo_market, tmp_path)
    edited = calc.recalculate(made.path, made.shift("sleeve_weights", 0.001, 1, 3))
    assert check_results(made.book, edited)["sleeve_optimal"] == "CHECK"


def test_a_what_if_leaves_native_checks_alone_and_marks_solved_ones_stale(
    plain: Made, calc: CalcHost
) -> None:
    result = calc.recalculate(plain.path, plain.set("vix", 35.0))
    results = check_results(plain.book, result)
    assert "CHECK" not in results.values()
    assert {key for key, got in results.items() if got == "STALE"} >= {
        "category_solver_gap",
        "sleeve_optimal",
    }
    assert summary(plain, result).startswith("■ What-if")


def summary(made: Made, result: Recalculated) -> str:
    return str(result[place(made.book, "checks_summary")])
