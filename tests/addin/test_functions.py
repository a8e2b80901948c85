"""Each spreadsheet function answers as the mathematics does, or says in a cell why not."""

from __future__ import annotations

import copy
import math
import os
import subprocess
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from openpyxl.utils import range_boundaries

import addin.functions  # noqa: F401  (fills the registry)
from addin.calls import answer
from addin.cells import CellError
from addin.spec import REGISTRY, Kind
from pyalloc import InvestorProfile, MacroSnapshot, Policy, __version__, allocate
from pyalloc.frontier import SleevePolicy
from pyalloc.macro import MacroPolicy
from pyalloc.names import CLIPPED_HIGH, CLIPPED_LOW, SECTOR_DEFENSIVENESS
from pyalloc.stocks import StockPolicy
from tests.addin.test_cells import NO_NUMBERS
from tests.hosts.function_sheet import departures
from tests.workbooks.cases import CASES, RECIPIENT, build_case
from workbooks.template.author import addresses_in
from workbooks.template.book import Design, fill
from workbooks.template.functions_sheet import CALLS

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = 10_000 if os.environ.get("PYALLOC_SOAK") == "1" else 2000
"""Random calls of each function."""

NEUTRAL = (math.exp(2.8925), 0.0241, 0.01166)
"""VIX, growth and spread at their means of 1990 to 2019."""

BUDGET = 250_000.0
SYSTEM = [
    [1.0, 1.0, 1.0, 1.0, BUDGET],
    [0.4, -0.6, -0.6, -0.6, 0.0],
    [0.0, -0.2, 0.8, 0.0, 0.0],
    [-0.04, -0.04, -0.04, 0.96, 0.0],
]
"""A and b of a medium risk tolerance in a neutral economy, by hand from the house policy."""


def cells(array):
    """Return an array as a host hands it over: rows, a vector as one column."""
    values = np.asarray(array, dtype=float)
    return (values[:, None] if values.ndim == 1 else values).tolist()


def column(values):
    return [[value] for value in values]


def call(name, *arguments, names=None):
    return answer(name, arguments, names)


def vector(name, *arguments):
    return np.ravel(call(name, *arguments))


def fails(name, *arguments, names=None):
    """Return what the cell shows, and the sentence behind it."""
    with pytest.raises(CellError) as caught:
        answer(name, arguments, names)
    return caught.value.code, str(caught.value)


A, b = [row[:4] for row in SYSTEM], column(row[4] for row in SYSTEM)


# --- macro ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("macro", "composite"),
    [
        (NEUTRAL, 0.0),
        ((math.exp(2.8925 + 0.3346), 0.0241, 0.01166), 0.5),
        ((math.exp(2.8925), 0.0241 - 0.0193, 0.01166), 0.3),
        ((math.exp(2.8925), 0.0241, 0.01166 - 0.00881), 0.2),
        ((150.0, -0.5, -0.1), 3.0),
        ((5.0, 0.5, 0.1), -3.0),
    ],
)
def test_stress_is_the_percentile_of_the_weighted_and_clipped_deviations(macro, composite):
    assert call("DYNALLOC_STRESS", *macro) == pytest.approx(NormalDist().cdf(composite / 0.612), abs=1e-12)


@pytest.mark.parametrize(
    ("stress", "regime"),
    [
        *((0.0, "calm"), (0.39, "calm"), (0.40, "normal"), (0.59, "normal")),
        *((0.60, "elevated"), (0.79, "elevated"), (0.80, "high stress"), (1.0, "high stress")),
    ],
)
def test_a_regime_starts_where_the_documentation_says(stress, regime):
    assert call("DYNALLOC_REGIME", stress) == regime


def test_recession_probability_is_the_published_one():
    assert call("DYNALLOC_RECESSION", 0.01) == pytest.approx(0.122, abs=5e-4)


def test_tilts_favour_defensive_sectors_under_stress():
    sectors = column(["Utilities", "Real Estate", "Information Technology"])
    assert vector("DYNALLOC_TILTS", sectors, 0.5).tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(
        vector("DYNALLOC_TILTS", sectors, 1.0), np.exp([0.5, 0.0, -0.4]), rtol=1e-15, atol=0
    )


def test_tilts_take_a_defensiveness_of_their_own_for_any_sector():
    tilts = vector("DYNALLOC_TILTS", [["Shipping", "Water"]], 0.0, [[-2.0, 1.0]])
    np.testing.assert_allclose(tilts, np.exp([1.0, -0.5]), rtol=1e-15, atol=0)


# --- categories -----------------------------------------------------------------------------------------


def test_the_matrix_is_the_house_policy_in_numbers():
    np.testing.assert_allclose(
        call("DYNALLOC_MATRIX", "medium", [NEUTRAL], BUDGET), SYSTEM, rtol=0, atol=1e-15
    )


def test_the_solution_is_in_the_unit_of_b():
    np.testing.assert_allclose(
        vector("CATEGORY_SOLVE", A, b), np.array([0.6, 0.288, 0.072, 0.04]) * BUDGET, rtol=1e-14, atol=0
    )


def test_bounds_that_hold_anyway_change_nothing():
    assert call("CATEGORY_SOLVE", A, b, [[0.0] * 4], [[1.0] * 4]) == call("CATEGORY_SOLVE", A, b)


def test_bounds_are_kept_and_the_budget_is_still_invested():
    weights = vector("CATEGORY_SOLVE", A, b, None, [[0.5, 1.0, 1.0, 1.0]]) / BUDGET
    assert weights[0] == pytest.approx(0.5, abs=1e-12)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert weights.min() >= 0.0


REPEATED = [[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [2.0, -2.0, 0.0]]
"""A system whose third row says what the second one says."""


def test_rows_that_clash_are_named_in_the_error_its_explanation_and_its_why():
    code, says = fails("CATEGORY_SOLVE", REPEATED, [[1.0, 0.0, 5.0]])
    assert code == "#NUM!"
    explained = call("CATEGORY_EXPLAIN", REPEATED, [[1.0, 0.0, 5.0]])
    why = call("DYNALLOC_WHY", "category_solve", REPEATED, [[1.0, 0.0, 5.0]])
    assert why == f"#NUM!: {says}"
    for sentence in (says, explained, why):
        assert "row 2" in sentence
        assert "row 3" in sentence


def test_a_sound_system_is_explained_too():
    assert call("CATEGORY_EXPLAIN", A, b).startswith("4 rows, 4 columns, rank 4, reciprocal condition")


# --- stocks ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def allocation(demo_market):
    return allocate(demo_market.at(), profile=InvestorProfile(risk="high", budget=BUDGET))


@pytest.mark.parametrize(
    ("months", "feature"),
    [
        ((), "momentum_12_1"),
        ((12.0, 1.0), "momentum_12_1"),
        ((6.0,), "momentum_6_1"),
        ((3.0, 1.0), "momentum_3_1"),
        ((1.0, 0.0), "return_1"),
    ],
)
def test_momentum_is_the_feature_of_the_market(allocation, months, feature):
    found = vector("DYNALLOC_MOMENTUM", cells(allocation.universe.closes.T), *months)
    np.testing.assert_allclose(found, allocation.universe.features[feature], rtol=1e-15, atol=1e-15)


def test_momentum_is_one_row_so_that_it_stands_below_the_prices():
    assert call("DYNALLOC_MOMENTUM", [[100.0, 50.0], [110.0, 40.0]], 1.0, 0.0) == [
        pytest.approx([0.1, -0.2], abs=1e-15)
    ]


def test_stock_weights_are_the_anchor_of_the_chain(allocation):
    trace, assets = allocation.trace, allocation.universe.assets
    weights = vector(
        "DYNALLOC_STOCKS", cells(trace["stock_score"]), column(a.sector for a in assets), trace["stress"]
    )
    np.testing.assert_allclose(weights, trace["stock_weight"], rtol=0, atol=1e-15)


def test_without_a_tilt_stock_weights_are_the_scores_as_shares():
    # Five evenly spaced scores, winsorised: 0.2, 1, 2, 3, 3.8 of which 0.2 is the zero.
    expected = np.array([0.0, 0.8, 1.8, 2.8, 3.6]) / 9.0
    found = vector("DYNALLOC_STOCKS", [[0.0, 1.0, 2.0, 3.0, 4.0]], None, None, 1.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_no_stock_weighs_more_than_the_cap():
    weights = vector("DYNALLOC_STOCKS", [[0.0, 1.0, 2.0, 3.0, 4.0]], None, None, 0.25)
    assert weights.max() == pytest.approx(0.25, abs=1e-15)
    assert weights.sum() == pytest.approx(1.0, abs=1e-15)


# --- risk and return ------------------------------------------------------------------------------------

MU, COV = [[0.05], [0.10]], [[0.04, 0.01], [0.01, 0.09]]


@pytest.mark.parametrize(("risk", "shift"), [("high", 0.02), ("Medium", 0.0), ("low", -0.01), (10.0, 0.02)])
def test_the_return_target_moves_with_risk_tolerance(risk, shift):
    assert call("ADJ_RETURN", 0.08, risk) == pytest.approx(0.08 + shift, abs=1e-15)


def test_the_frontier_runs_from_the_least_risk_to_the_greatest_return():
    mu, variances = np.array([0.04, 0.06, 0.10]), np.array([0.01, 0.04, 0.09])
    frontier = np.array(call("DYNALLOC_FRONTIER", cells(mu), cells(np.diag(variances)), 5.0))
    safest = (1.0 / variances) / (1.0 / variances).sum()
    np.testing.assert_allclose(frontier[0, 2:], safest, rtol=0, atol=1e-9)
    np.testing.assert_allclose(frontier[-1], [0.3, 0.10, 0.0, 0.0, 1.0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.diff(frontier[:, 1]), (0.10 - safest @ mu) / 4, rtol=1e-9)
    assert (np.diff(frontier[:, 0]) > 0.0).all()


def test_the_frontier_keeps_to_the_cap():
    frontier = np.array(call("DYNALLOC_FRONTIER", MU, COV, 3.0, 0.7))
    np.testing.assert_allclose(frontier[-1, 2:], [0.3, 0.7], rtol=0, atol=1e-12)


def test_the_target_is_attained_by_the_only_weights_that_can():
    np.testing.assert_allclose(vector("DYNALLOC_TARGET", MU, COV, 0.08), [0.4, 0.6], rtol=0, atol=1e-12)
    ((attained, status, shortfall),) = call("DYNALLOC_TARGET_STATUS", MU, COV, 0.08)
    assert (attained, status, shortfall) == (pytest.approx(0.08, abs=1e-12), "attained", 0.0)


@pytest.mark.parametrize(
    ("r", "weights", "attained", "status"),
    [(0.20, [0.25, 0.75], 0.0875, CLIPPED_HIGH), (0.01, [0.75, 0.25], 0.0625, CLIPPED_LOW)],
)
def test_a_target_out_of_reach_is_clipped_and_said_so(r, weights, attained, status):
    limits = (None, None, 0.5)  # anchor: half and half; no cap; each keeps half of that
    found = vector("DYNALLOC_TARGET", MU, COV, r, *limits)
    np.testing.assert_allclose(found, weights, rtol=0, atol=1e-12)
    ((reached, said, short),) = call("DYNALLOC_TARGET_STATUS", MU, COV, r, *limits)
    assert (reached, said) == (pytest.approx(attained, abs=1e-12), status)
    assert short == pytest.approx(r - attained, abs=1e-12)


def test_the_target_is_the_sleeve_of_the_chain(allocation):
    trace = allocation.trace
    weights = vector(
        "DYNALLOC_TARGET",
        *(cells(trace["mu"]), cells(trace["covariance"]), trace["r_adj"], cells(trace["stock_weight"])),
        *(trace["stock_cap"], SleevePolicy().floor),
    )
    np.testing.assert_allclose(weights, trace["sleeve_weights"], rtol=0, atol=1e-12)


def test_risk_shares_are_of_the_variance_and_sum_to_one(allocation):
    shares = vector("DYNALLOC_RISK", [[0.6, 0.4]], [[0.04, 0.0], [0.0, 0.09]])
    assert shares.tolist() == pytest.approx([0.5, 0.5], abs=1e-15)
    weights, covariance = allocation.trace["sleeve_weights"], allocation.trace["covariance"]
    assert vector("DYNALLOC_RISK", cells(weights), cells(covariance)).sum() == pytest.approx(1.0, abs=1e-12)


def test_figures_of_a_series_are_those_of_the_backtest():
    rows = dict(answer("DYNALLOC_STATS", [[[1.0], [1.1], [1.045], [1.21]], 12.0]))
    assert rows["Growth a year"] == pytest.approx(1.21**4 - 1.0, rel=1e-12)
    assert rows["Deepest fall"] == rows["Tail loss"] == pytest.approx(-0.05, rel=1e-12)
    assert rows["Periods with a gain"] == pytest.approx(2 / 3)
    assert rows["Calmar ratio"] == pytest.approx((1.21**4 - 1.0) / 0.05, rel=1e-12)


def test_a_series_that_never_falls_has_no_ratio_to_its_falls():
    rows = dict(answer("DYNALLOC_STATS", [[[1.0], [1.1], [1.3]]]))
    assert (rows["Calmar ratio"], rows["Sortino ratio"]) == ("not defined", "not defined")
    assert rows["Deepest fall"] == 0.0


# --- the whole, from ranges -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def universe(allocation):
    """Return the rows of asset, category, sector and score behind the allocation."""
    view = allocation.view
    scores = dict(
        zip(allocation.trace["stock_ticker"], allocation.trace["stock_score"].tolist(), strict=True)
    )
    others = [asset for name in ("Bonds", "Cash", "Commodities") for asset in view.instruments(name)[0]]
    return [
        [asset.asset, asset.category, asset.sector, scores.get(asset.asset)]
        for asset in (*allocation.universe.assets, *others)
    ]


@pytest.fixture(scope="module")
def ranges(allocation):
    """Return the arguments after the universe, without and with those of the return target."""
    trace = allocation.trace
    macro = [[trace["vix"], trace["gdp_growth"], trace["yield_spread"]]]
    system = (macro, cells(trace["constraint_A"]), cells(trace["constraint_b"]))
    return {"anchor": system, "sleeve": (*system, "high", cells(trace["covariance"]))}


def by_asset(rows, place=2):
    return {row[0]: row[place] for row in rows}


def test_a_portfolio_of_ranges_is_the_allocation_of_the_house_policy(allocation, universe, ranges):
    rows = call("DYNALLOC_WEIGHTS", universe, *ranges["sleeve"])
    expected = dict(zip(allocation.weights["asset"], allocation.weights["weight"], strict=True))
    assert [row[:2] for row in rows] == [row[:2] for row in universe]
    assert by_asset(rows) == pytest.approx(
        {row[0]: expected.get(row[0], 0.0) for row in universe}, rel=0, abs=1e-12
    )
    assert by_asset(rows, 3) == pytest.approx(
        {asset: BUDGET * weight for asset, weight in by_asset(rows).items()}, rel=1e-15
    )


def test_without_a_covariance_stocks_stay_at_the_anchor(allocation, universe, ranges):
    rows = call("DYNALLOC_WEIGHTS", universe, *ranges["anchor"])
    trace = allocation.trace
    category = dict(zip(trace["category_names"], trace["category_weights"], strict=True))
    stocks = np.array([row[2] for row in rows if row[1] == "Stocks"])
    np.testing.assert_allclose(stocks, category["Stocks"] * trace["stock_weight"], rtol=0, atol=1e-12)
    for name, weight in category.items():
        assert sum(row[2] for row in rows if row[1] == name) == pytest.approx(weight, abs=1e-12)


def test_the_order_of_the_universe_does_not_matter(universe, ranges):
    shuffled = [universe[i] for i in np.random.default_rng(7).permutation(len(universe))]
    rows, again = (call("DYNALLOC_WEIGHTS", given, *ranges["anchor"]) for given in (universe, shuffled))
    assert by_asset(again) == pytest.approx(by_asset(rows), rel=0, abs=1e-12)
    assert [row[0] for row in again] == [row[0] for row in shuffled]


def test_a_further_category_is_a_further_column():
    universe = [
        ["STOCK", "Stocks", "Energy", 0.1],
        ["BOND", "Bonds", None, None],
        ["BILL", "Cash", None, None],
        ["OIL", "Commodities", None, None],
        ["COIN", "Gold", None, None],
    ]
    A = [[1.0] * 5, *(np.eye(5)[1:] - np.array([[0.1], [0.2], [0.05], [0.15]])).tolist()]
    rows = call("DYNALLOC_WEIGHTS", universe, [NEUTRAL], A, [[100.0, 0.0, 0.0, 0.0, 0.0]])
    assert by_asset(rows) == pytest.approx(
        {"STOCK": 0.5, "BOND": 0.1, "BILL": 0.2, "OIL": 0.05, "COIN": 0.15}, abs=1e-14
    )


# --- the whole, from the names of a client workbook -----------------------------------------------------


def names_of(book, facts, solved=None):
    """Return a reader of the defined names of a workbook, as a host gives it; `solved` shows the old ones."""

    def shown(cell):
        if cell.value is None:
            return cell.text
        value = cell.value.of(solved if solved and cell.kind == "solved" else facts)
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        return float(value) if is_number else value

    grid = {(sheet, at): cell for sheet, at, cell in book.cells()}

    def read(name):
        sheet, area = book.names[name].replace("$", "").replace("'", "").split("!")
        area = area if ":" in area else f"{area}:{area}"
        left, _, right, _ = range_boundaries(area)
        values = [shown(grid[sheet, at]) for at in addresses_in(area)]
        width = right - left + 1
        return [values[i : i + width] for i in range(0, len(values), width)]

    return read


def assert_same_as_holdings(rows, allocation):
    trace = allocation.trace
    assert [row[0] for row in rows] == [*trace["holding_ticker"]]
    assert [row[1] for row in rows] == [*trace["holding_category"]]
    assert [row[2] for row in rows] == pytest.approx(trace["holding_weight"].tolist(), rel=0, abs=1e-15)
    assert [row[3] for row in rows] == trace["holding_amount"].tolist()


@pytest.mark.parametrize("case", CASES)
def test_a_workbook_without_arguments_gives_its_holdings_to_the_last_minor_unit(demo_market, case):
    allocation = build_case(case, demo_market)
    book, facts = fill(allocation, RECIPIENT)
    assert_same_as_holdings(call("DYNALLOC_WEIGHTS", names=names_of(book, facts)), allocation)


@pytest.fixture(scope="module")
def firm():
    """Return a policy with another tilt, cap and floor than the house's."""
    return Policy(
        macro=MacroPolicy(tilt_strength=1.5, defensiveness={**SECTOR_DEFENSIVENESS, "Energy": 2.0}),
        stocks=StockPolicy(cap_floor=0.05, cap_multiple=1.2),
        sleeve=SleevePolicy(floor=0.6, alpha=(-0.03, -0.02, 0.001, 0.03)),
    )


@pytest.fixture(scope="module")
def bounded():
    """Return a client in yen whose bounds bind, above and below."""
    bounds = {"Stocks": (0.0, 0.3), "Commodities": (0.2, 1.0)}
    return InvestorProfile(risk="high", budget=9_876_543, currency="JPY", bounds=bounds)


def test_a_workbook_of_a_firms_own_policy_is_read_not_assumed(demo_market, firm, bounded):
    allocation = allocate(demo_market.at(), profile=bounded, policy=firm)
    rows = call("DYNALLOC_WEIGHTS", names=names_of(*fill(allocation, RECIPIENT)))
    assert_same_as_holdings(rows, allocation)
    assert sum(row[3] for row in rows) == 9_876_543


def test_after_an_input_is_edited_the_solved_parts_are_made_anew(demo_market, firm, bounded):
    view, crisis = demo_market.at(), MacroSnapshot(vix=60.0, gdp_growth=-0.04, yield_spread=-0.008)
    before = allocate(view, profile=bounded, policy=firm)
    after = allocate(view, crisis, profile=bounded, policy=firm)
    book, old = fill(before, RECIPIENT)
    _, new = fill(after, RECIPIENT)
    assert not np.allclose(before.trace["sleeve_weights"], after.trace["sleeve_weights"], atol=1e-3)
    # Native cells show the crisis; solved ones, and the list of lines, are those of the file.
    lines = {name: old[name] for name in old if name.startswith("holding")}
    rows = call("DYNALLOC_WEIGHTS", names=names_of(book, {**new, **lines}, solved=old))
    assert_same_as_holdings(rows, after)


def test_a_workbook_without_the_names_has_no_data():
    def none_of_ours(name):
        raise KeyError(name)

    for names in (None, none_of_ours):
        code, says = fails("DYNALLOC_WEIGHTS", names=names)
        assert code == "#N/A"
        assert says.startswith("this workbook has no name ")


@pytest.fixture(scope="module")
def names(allocation):
    """Return a reader of the defined names of the allocation's workbook, the live flavour."""
    return names_of(*fill(allocation, RECIPIENT, live=True))


@pytest.mark.parametrize("name", ["mu", "constraint_A", "holding_share", "category_upper"])
@pytest.mark.parametrize("case", NO_NUMBERS)
def test_a_named_cell_that_is_no_number_is_refused_by_place(names, name, case):
    value, says = NO_NUMBERS[case]

    def spoilt(asked):
        rows = names(asked)
        if asked == name:
            rows[2][-1] = value
        return rows

    code, sentence = fails("DYNALLOC_WEIGHTS", names=spoilt)
    assert code == "#VALUE!"
    assert sentence.startswith(f"{name}, row 3, column {len(names(name)[0])}, {says}")


@pytest.mark.parametrize("category", ["Stocks", "Cash"])
def test_a_renamed_category_is_refused_by_name(names, category):
    renamed = [["Other" if name == category else name] for (name,) in names("category_names")]
    code, says = fails(
        "DYNALLOC_WEIGHTS", names=lambda name: renamed if name == "category_names" else names(name)
    )
    assert code == "#VALUE!"
    assert says == f"category_names lacks {category}, of which the workbook holds something"


@pytest.mark.parametrize("case", CASES)
def test_the_calls_of_the_functions_sheet_equal_the_native_cells(case, demo_market):
    allocation = build_case(case, demo_market)
    names = names_of(*fill(allocation, RECIPIENT, live=True))
    shown = Design.of(allocation.policy, native=True).calls
    assert {"DYNALLOC_WEIGHTS", "CATEGORY_SOLVE", "DYNALLOC_RISK"} <= {*shown}
    for each in CALLS:
        if each.function in shown:
            arguments = filter(None, each.formula.removesuffix(")").partition("(")[2].split(","))
            found = call(each.function, *map(names, arguments), names=names)
            native = [list(chain(*rows)) for rows in zip(*map(names, each.native), strict=True)]
            assert departures(found if isinstance(found, list) else [[found]], native, 1e-9) == [], each


def test_a_function_that_follows_another_policy_is_not_shown_beside_the_native_cells(demo_market):
    house = Design.of(Policy(), native=True).calls
    assert house == tuple(each.function for each in CALLS)
    other = Design.of(build_case("softmax", demo_market).policy, native=True).calls
    assert {*house} - {*other} == {"DYNALLOC_STOCKS"}


# --- what is refused ------------------------------------------------------------------------------------

LISTED = [
    ["S", "Stocks", "Energy", 0.1],
    ["B", "Bonds", "", ""],
    ["C", "Cash", "", ""],
    ["O", "Commodities", "", ""],
]
MACRO = [[20.0, 0.02, 0.01]]


@pytest.mark.parametrize(
    ("name", "arguments", "code", "says"),
    [
        ("DYNALLOC_STRESS", ("20", 0.02, 0.01), "#VALUE!", "vix is the text '20': a number is needed"),
        ("DYNALLOC_STRESS", (20.0, 0.02), "#VALUE!", "yield_spread is missing: Treasury 10y-2y"),
        ("DYNALLOC_STRESS", (20.0, 0.02, 0.01, 1.0), "#VALUE!", "takes 3 arguments, 4 were given"),
        ("DYNALLOC_STRESS", (20.0, 2.0, 0.01), "#VALUE!", "was percent meant? Write 0.02 for 2 %"),
        ("DYNALLOC_REGIME", (1.5,), "#VALUE!", "stress is 1.5; it must be between 0 and 1"),
        ("DYNALLOC_TILTS", ([["Enrgy"]], 0.5), "#VALUE!", "no such sector: Enrgy; the sectors are Utilities"),
        ("DYNALLOC_TILTS", ([["X", "Y"]], 0.5, [[1.0]]), "#VALUE!", "2 sectors and 1 values of d"),
        ("DYNALLOC_MATRIX", ("high", [[20.0, 0.02]], 1e5), "#VALUE!", "macro has 2 numbers: give VIX"),
        ("DYNALLOC_MATRIX", (0.5, MACRO, 1e5), "#VALUE!", "a number from 1 to 10"),
        ("DYNALLOC_MOMENTUM", ([[1.0]] * 12,), "#N/A", "prices has 12 rows: 12 months back needs 13"),
        ("DYNALLOC_MOMENTUM", ([[1.0]] * 13, 1.5), "#VALUE!", "whole months, skip the smaller"),
        ("DYNALLOC_MOMENTUM", ([[1.0]] * 13, 2.0, 2.0), "#VALUE!", "whole months, skip the smaller"),
        ("DYNALLOC_MOMENTUM", ([[1.0, 0.0]] * 13,), "#VALUE!", "prices, row 1, column 2 is not above 0"),
        ("DYNALLOC_STOCKS", ([[1.0]], None, 0.5), "#VALUE!", "sectors is missing: stress tilts sectors"),
        ("DYNALLOC_STOCKS", ([[1.0]], [["Energy", "Energy"]]), "#VALUE!", "1 scores and 2 sectors"),
        ("DYNALLOC_STOCKS", ([[1.0, 2.0]], None, None, 0.4), "#NUM!", "2 names of at most 40 % hold 80 %"),
        ("ADJ_RETURN", (0.08, "bold"), "#VALUE!", "risk is 'bold'; it must be low, medium, high"),
        ("DYNALLOC_FRONTIER", (MU, COV, 2.5), "#VALUE!", "points is 2.5: give a whole number"),
        ("DYNALLOC_FRONTIER", (MU, COV, 3.0, 30.0), "#VALUE!", "cap is 30: a fraction above 0, at most 1"),
        ("DYNALLOC_FRONTIER", (MU, COV, 3.0, 0.4), "#NUM!", "cannot sum to 1: lower the floor or raise"),
        ("DYNALLOC_TARGET", (MU, [[0.04]], 0.1), "#VALUE!", "cov is 1 × 1 for 2 stocks"),
        ("DYNALLOC_TARGET", (MU, COV, 0.1, [[1.0]]), "#VALUE!", "anchor has 1 weights for 2 stocks"),
        ("DYNALLOC_TARGET", (MU, COV, 0.1, None, None, 25.0), "#VALUE!", "floor is 25: a fraction"),
        ("DYNALLOC_TARGET_STATUS", (MU, COV, 0.1, None, 0.0), "#VALUE!", "cap is 0: a fraction above 0"),
        ("DYNALLOC_RISK", ([[0.5, 0.5]], [[0.04, 0.0], [0.01, 0.09]]), "#VALUE!", "cov is not symmetric"),
        ("DYNALLOC_RISK", ([[0.0, 0.0]], COV), "#NUM!", "the variance of the portfolio is 0"),
        ("DYNALLOC_STATS", ([[1.0, 2.0]],), "#VALUE!", "wealth has 2 values; at least 3"),
        ("DYNALLOC_STATS", ([[1.0, 0.0, 2.0]],), "#VALUE!", "wealth, entry 2 is 0"),
        ("DYNALLOC_STATS", ([[1.0, 1.1, 1.2]], 0.0), "#VALUE!", "periods a year is 0"),
        ("CATEGORY_SOLVE", (A, b, [[0.5] * 4]), "#NUM!", "row 1 comes to at least 200.00 %"),
        ("CATEGORY_SOLVE", (A, [[1.0]]), "#VALUE!", "b is 1; it must be one row or column of 4 numbers"),
        ("DYNALLOC_WEIGHTS", (LISTED, MACRO, A), "#VALUE!", "b is missing: give universe, macro, A and b"),
        ("DYNALLOC_WEIGHTS", (LISTED, MACRO, A, b, None, [[0.04]]), "#VALUE!", "risk is missing: with cov"),
        ("DYNALLOC_WEIGHTS", (LISTED, MACRO, A, b, 5.0, COV), "#VALUE!", "cov is 2 × 2 for 1 stocks"),
        ("DYNALLOC_WEIGHTS", (LISTED, MACRO, A, [[-1.0], *b[1:]]), "#VALUE!", "b begins with -1: its first"),
        ("DYNALLOC_WEIGHTS", (LISTED, MACRO, COV, b[:2]), "#VALUE!", "A has 2 columns: give one to each"),
        ("DYNALLOC_WEIGHTS", ([["S", "Stocks"]], MACRO, A, b), "#VALUE!", "universe has 2 columns: give"),
        ("DYNALLOC_WEIGHTS", (LISTED[1:], MACRO, A, b), "#VALUE!", "Stocks is to hold 60.00 %, but no"),
        (
            "DYNALLOC_WEIGHTS",
            ([["S", "Stocks", "Energy", ""], *LISTED[1:]], MACRO, A, b),
            "#VALUE!",
            "universe, row 1: score is empty, a number is needed",
        ),
        (
            "DYNALLOC_WEIGHTS",
            ([["S", "Stocks", "", 0.1], *LISTED[1:]], MACRO, A, b),
            "#VALUE!",
            "universe, row 1: sector is empty, a text is needed",
        ),
        (
            "DYNALLOC_WEIGHTS",
            ([*LISTED, ["G", 7.0, "", ""]], MACRO, A, b),
            "#VALUE!",
            "universe, row 5: category is 7.0, a text is needed",
        ),
    ],
)
def test_a_call_that_cannot_be_answered_shows_an_error_with_its_sentence(name, arguments, code, says):
    shown, sentence = fails(name, *arguments)
    assert shown == code
    assert says in sentence
    assert call("DYNALLOC_WHY", name, *arguments) == f"{code}: {sentence}"


def test_a_short_position_without_an_instrument_is_not_lost_in_silence():
    short = [[1.0] * 4, [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    b = [[100.0, -20.0, 0.0, 0.0]]
    code, says = fails("DYNALLOC_WEIGHTS", [LISTED[0], *LISTED[2:]], MACRO, short, b)
    assert (code, says) == ("#VALUE!", "Bonds is to hold -20.00 %, but no instrument of it is listed")


def test_empty_cells_after_the_last_argument_are_no_arguments():
    assert call("DYNALLOC_REGIME", 0.5, None, "") == "normal"


def test_a_defect_is_logged_and_shown_as_one(monkeypatch, caplog):
    def broken(_):
        raise ZeroDivisionError

    function = REGISTRY["DYNALLOC_REGIME"]
    monkeypatch.setitem(REGISTRY, "DYNALLOC_REGIME", replace(function, call=broken))
    code, says = fails("DYNALLOC_REGIME", 0.5)
    assert code == "#VALUE!"
    assert says == "DYNALLOC_REGIME failed unexpectedly (ZeroDivisionError); the log says where"
    assert "DYNALLOC_REGIME failed" in caplog.text


# --- any call -------------------------------------------------------------------------------------------


def right_call(name, rng):
    """Return the arguments of a call that has an answer, of one to five stocks."""
    n = int(rng.integers(1, 6))
    factors = rng.normal(size=(n, n + 2))
    cov, mu, weights = (
        cells(0.02 * factors @ factors.T),
        cells(rng.uniform(0, 0.2, n)),
        rng.dirichlet(np.ones(n)),
    )
    macro = [rng.uniform(10.0, 40.0), rng.uniform(-0.05, 0.05), rng.uniform(-0.02, 0.03)]
    macro = [*map(float, macro)]
    sectors, stress, scores = column([*SECTOR_DEFENSIVENESS][:n]), float(rng.uniform()), rng.normal(size=n)
    risk = ("low", "medium", "High", 7.0)[rng.integers(4)]
    square = np.vstack([np.ones(n), (np.eye(n) + 0.2 * rng.normal(size=(n, n)))[1:]])
    rhs = cells([1e5, *[0.0] * (n - 1)])
    stocks = [[f"S{i}", "Stocks", *sectors[i], float(scores[i])] for i in range(n)]
    calls = {
        "DYNALLOC_WEIGHTS": ([*stocks, *LISTED[1:]], [macro], A, b, risk, cov),
        "CATEGORY_SOLVE": (cells(square), rhs, [[-9.0] * n], [[9.0] * n]),
        "CATEGORY_EXPLAIN": (cells(square), rhs),
        "DYNALLOC_MATRIX": (risk, [macro], 1e5),
        "DYNALLOC_STRESS": macro,
        "DYNALLOC_REGIME": (stress,),
        "DYNALLOC_RECESSION": macro[2:],
        "DYNALLOC_TILTS": (sectors, stress, cells(scores)),
        "DYNALLOC_MOMENTUM": (cells(rng.uniform(1.0, 9.0, (14, n))), 12.0, 1.0),
        "DYNALLOC_STOCKS": (cells(scores), sectors, stress, 1.0),
        "ADJ_RETURN": (0.08, risk),
        "DYNALLOC_FRONTIER": (mu, cov, 3.0, 1.0),
        "DYNALLOC_TARGET": (mu, cov, 0.1, cells(weights), 1.0, 0.25),
        "DYNALLOC_TARGET_STATUS": (mu, cov, 0.1, cells(weights), 1.0, 0.25),
        "DYNALLOC_RISK": (cells(weights), cov),
        "DYNALLOC_STATS": (cells(rng.uniform(1.0, 9.0, n + 2)), 12.0),
        "DYNALLOC_WHY": ("DYNALLOC_STRESS", *macro),
        "DYNALLOC_VERSION": (),
    }
    return [*calls[name]]


def rows_of(raw):
    return [[*row] for row in raw] if isinstance(raw, list) else [[raw]]


def spoil(arguments, rng):
    """Change one argument of a call in one of the ways that a sheet can be wrong."""
    if not arguments:
        return
    i = int(rng.integers(len(arguments)))
    rows = rows_of(arguments[i])
    row, place = int(rng.integers(len(rows))), int(rng.integers(len(rows[0])))
    ways = ("nothing", "cut", "left out", "cell", "block", "scale", "turn")
    match ways[rng.integers(len(ways))]:
        case "cut":
            del arguments[i:]
        case "left out":
            arguments[i] = None
        case "cell":
            values = [*NO_NUMBERS.values()]
            rows[row][place] = values[rng.integers(len(values))][0]
            arguments[i] = rows
        case "block":
            arguments[i] = cells(rng.normal(size=rng.integers(1, 6, 2)) * 10.0 ** rng.integers(-3, 4))
        case "scale":
            by = (-1.0, 0.0, 1e-3, 1e3, 1e8, 1e200)[rng.integers(6)]
            arguments[i] = [[v * by if isinstance(v, float) else v for v in row] for row in rows]
        case "turn":
            arguments[i] = column(rows[0]) if len(rows) == 1 else [[*row] for row in zip(*rows, strict=True)]


def outcome(name, arguments):
    """Return the cells of a call, or the error that it shows."""
    try:
        return answer(name, arguments)
    except CellError as error:
        return error


def has_a_cell_that_is_no_number(name, arguments):
    """Return whether an argument of numbers, not merely left out, has a cell that holds none."""
    for spec, raw in zip(REGISTRY[name].arguments, arguments, strict=False):
        rows = rows_of(raw)
        numeric = spec.kind in (Kind.NUMBER, Kind.VECTOR, Kind.MATRIX)
        left_out = spec.optional and rows in ([[None]], [[""]])
        if (
            numeric
            and not left_out
            and any(type(v) is not float or not math.isfinite(v) for r in rows for v in r)
        ):
            return True
    return False


@pytest.mark.parametrize("name", REGISTRY)
def test_every_function_has_a_right_call_and_answers_it(name):
    arguments = right_call(name, np.random.default_rng(1))
    before = copy.deepcopy(arguments)
    assert call(name, *arguments) == call(name, *arguments)
    assert call("DYNALLOC_WHY", name, *arguments[:6]) == "The call returns a value."
    assert arguments == before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers of 1e200 overflow, and are refused
@pytest.mark.parametrize("name", REGISTRY)
def test_whatever_a_sheet_holds_a_call_is_a_cell_error_or_finite_cells(name):
    rng, answered = np.random.default_rng(len(name)), 0
    for _ in range(BLOCKS):
        arguments = right_call(name, rng)
        for _ in range(rng.integers(1, 3)):
            spoil(arguments, rng)
        shown = outcome(name, arguments)
        if isinstance(shown, CellError):
            assert "unexpectedly" not in str(shown), (str(shown), arguments)
            continue
        answered += 1
        assert not has_a_cell_that_is_no_number(name, arguments), arguments
        for cell in np.ravel(np.array(rows_of(shown), dtype=object)):
            assert isinstance(cell, str) or (type(cell) is float and math.isfinite(cell)), (cell, arguments)
    assert answered >= BLOCKS / 10


@pytest.mark.parametrize("name", REGISTRY)
@pytest.mark.parametrize("case", NO_NUMBERS)
def test_why_answers_in_words_whatever_the_call(name, case):
    value = NO_NUMBERS[case][0]
    for arguments in ((), (value,), (value, value), ([[value, 1.0], [1.0, 1.0]],)):
        assert isinstance(call("DYNALLOC_WHY", name, *arguments), str)


def test_why_asks_for_a_function_that_exists():
    says = call("DYNALLOC_WHY", "DYNALLOC_WEIHTS")
    assert says.startswith("#VALUE!: function is 'DYNALLOC_WEIHTS'")
    assert "there are DYNALLOC_WEIGHTS, CATEGORY_SOLVE" in says


# --- what it takes --------------------------------------------------------------------------------------


def test_versions_name_what_an_answer_was_made_with():
    assert f"pyalloc {__version__}, Python 3." in call("DYNALLOC_VERSION")
    assert f"numpy {np.__version__}" in call("DYNALLOC_VERSION")


def test_importing_the_functions_is_light():
    heavy = ("scipy", "pandas", "sklearn", "openpyxl", "typer", "pydantic", "workbooks")
    code = f"import sys, addin.functions; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
