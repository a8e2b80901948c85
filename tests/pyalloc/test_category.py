"""The category policy makes the system it promises, and the solver solves, certifies or refuses it."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.optimize import lsq_linear
from typing_extensions import Doc

from pyalloc import nearest
from pyalloc.category import (
    CategoryPolicy,
    CategoryRow,
    CategoryShares,
    explain,
    nearest_gap,
    nearest_gradient,
    risk_tolerance,
    solve,
)
from pyalloc.errors import InfeasibleError, InputError, SingularSystemError, UncertifiedError
from pyalloc.macro import MacroPolicy, MacroSnapshot
from pyalloc.names import CATEGORIES, EXACT, NEAREST

POLICY = CategoryPolicy()
ROWS = POLICY.row_names
B = np.array([250_000.0, 0.0, 0.0, 0.0])
A = POLICY.matrix(CategoryShares(equity=0.6, cash=0.2, commodity=0.05), B[0])[0]

seeds = st.integers(0, 2**32 - 1)
tolerances = st.floats(0.1, 1.0)
fractions = st.floats(0.0, 1.0)


# --- policy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("risk", "t"), [("low", 0.2), ("Medium", 0.5), ("HIGH", 1.0), (1, 0.1), (7, 0.7), (10.0, 1.0)]
)
def test_risk_levels_and_the_scale_of_ten_give_a_tolerance(risk, t):
    assert risk_tolerance(risk) == t


@pytest.mark.parametrize("risk", [0.5, 0, 11, float("nan"), True, "5", "moderate", ""])
def test_any_other_risk_is_refused_with_what_is_allowed(risk):
    with pytest.raises(InputError, match="low, medium, high or a number from 1 to 10"):
        risk_tolerance(risk)


@pytest.mark.parametrize(
    ("conditions", "shares"),
    [
        # t, stress, growth in standard deviations, spread -> e, c, k, each by hand
        ((0.5, 0.5, 0.0, 0.01), (0.96 * 0.625, 0.20, 0.04)),
        ((0.2, 0.0, 0.0, 0.02), (0.94 * 0.41, 0.15, 0.06)),
        ((1.0, 1.0, -1.0, -0.005), (0.985 * 0.80, 0.30, 0.015)),
        ((0.1, 0.0, 1.0, 0.0), (0.935 * 0.33, 0.15, 0.065)),
        ((0.75, 0.0, 0.0, 0.0), (0.94 * 0.8725, 0.15, 0.06)),
    ],
)
def test_shares_are_those_of_the_house_policy(conditions, shares):
    found = POLICY.shares(*conditions)
    assert (found.equity, found.cash, found.commodity) == pytest.approx(shares, abs=1e-15)


def test_growth_and_inversion_count_only_up_to_their_limits():
    assert POLICY.shares(0.5, 0.5, 2.0, -0.01) == POLICY.shares(0.5, 0.5, 9.0, -0.08)
    assert POLICY.shares(0.5, 0.5, 0.0, 0.0) == POLICY.shares(0.5, 0.5, 0.0, 0.1)


@settings(max_examples=200)
@given(tolerances, fractions, st.floats(-0.5, 0.5), st.floats(-0.1, 0.1))
@example(1.0, 0.0, 0.5, -0.1)
@example(0.1, 1.0, -0.5, 0.1)
@example(1.0, 0.0, -0.5, 0.1)
def test_under_all_admissible_conditions_the_weights_mean_what_the_rows_say(t, stress, growth, spread):
    reference = MacroPolicy()
    shares = POLICY.shares(t, stress, (growth - reference.gdp_mean) / reference.gdp_std, spread)
    answer = solve(*POLICY.matrix(shares, 1e6))
    stocks, bonds, cash, commodities = answer.weights

    assert answer.weights.min() >= 0.0
    assert answer.determinant == pytest.approx(-1.0, abs=1e-12)
    assert answer.rcond >= 0.06
    assert stocks + bonds + cash + commodities == pytest.approx(1.0, abs=1e-14)
    assert stocks == pytest.approx(shares.equity, abs=1e-14)
    assert cash == pytest.approx(shares.cash * (bonds + cash), abs=1e-14)
    assert commodities == pytest.approx(shares.commodity, abs=1e-14)


def test_equity_falls_with_stress_and_rises_with_risk_tolerance():
    equity = np.array(
        [[POLICY.shares(t, stress, 0.0, 0.01).equity for stress in (0, 0.5, 1)] for t in (0.2, 0.5, 1)]
    )
    assert (np.diff(equity, axis=1) < 0).all()
    assert (np.diff(equity, axis=0) > 0).all()


def test_system_reads_risk_and_macro_at_the_reference_growth():
    macro = MacroSnapshot(vix=30.0, gdp_growth=-0.01, yield_spread=-0.004)
    shares = POLICY.shares(0.7, macro.stress(), (-0.01 - 0.0241) / 0.0193, -0.004)
    expected_A, expected_b = POLICY.matrix(shares, 250_000.0)
    found_A, found_b = POLICY.system(7, macro, 250_000.0)
    np.testing.assert_allclose(found_A, expected_A, rtol=0, atol=1e-15)
    assert found_b.tolist() == expected_b.tolist() == [250_000.0, 0.0, 0.0, 0.0]


def test_a_fifth_and_a_sixth_category_are_two_more_rows():
    crypto = CategoryRow("crypto", of=("Crypto",), within=("Stocks", "Crypto"), share=0.02)
    property_ = CategoryRow("property", of=("Real Estate",), within="all", share=0.1)
    six = CategoryPolicy(names=(*CATEGORIES, "Real Estate", "Crypto"), rows=(*POLICY.rows, property_, crypto))
    shares = six.shares(0.5, 0.5, 0.0, 0.01)
    weights = dict(zip(six.names, solve(*six.matrix(shares, 1e6)).weights, strict=True))

    assert sum(weights.values()) == pytest.approx(1.0, abs=1e-14)
    assert weights["Stocks"] == pytest.approx(shares.equity)
    assert weights["Real Estate"] == pytest.approx(0.1)
    assert weights["Crypto"] == pytest.approx(0.02 * (weights["Stocks"] + weights["Crypto"]))
    assert weights["Cash"] == pytest.approx(shares.cash * (weights["Bonds"] + weights["Cash"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"names": ("Stocks",), "rows": ()}, "1 category is given; a policy needs at least 2"),
        ({"names": ("Stocks", "Stocks"), "rows": ()}, "the category 'Stocks' is given more than once"),
        ({"rows": (*POLICY.rows, POLICY.rows[0])}, "the row 'equity' is given more than once"),
        (
            {"rows": (CategoryRow("budget", ("Cash",), "all", 0.1),)},
            "the row 'budget' is given more than once",
        ),
        ({"rows": (CategoryRow("gold", ("Gold",), "all", 0.1),)}, "row 'gold' names the category 'Gold'"),
        (
            {"rows": (CategoryRow("x", ("Cash",), ("Gold",), 0.1),)},
            "categories are Stocks, Bonds, Cash, Comm",
        ),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused_by_name(change, says):
    with pytest.raises(InputError, match=says):
        CategoryPolicy(**change)


def test_a_category_misspelt_in_a_policy_file_is_refused_in_the_same_sentence():
    rows = [{"name": "gold", "of": ["Gold"], "within": "all", "share": 0.1}]
    with pytest.raises(InputError, match=r"^row 'gold' names the category 'Gold'; the categories"):
        TypeAdapter(CategoryPolicy).validate_python({"rows": rows})


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "equities"])
def test_a_row_needs_a_fraction_or_a_known_share(share):
    with pytest.raises(InputError, match="a fraction from 0 to 1 or one of equity, cash, commodity"):
        CategoryRow("x", ("Cash",), "all", share)


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ({"comodity_base": 0.1}, ("comodity_base",)),
        ({"cash_base": 1.5}, ("cash_base",)),
        ({"cash_base": float("nan")}, ("cash_base",)),
        ({"risk_calm": [0.1, 0.2, 0.3, 1.2]}, ("risk_calm", 3)),
        ({"risk_calm": [0.1, 0.2, 0.3]}, ("risk_calm", 3)),
        ({"inversion_scale": 0.0}, ("inversion_scale",)),
        ({"rows": [{"name": "x", "of": ["Cash"], "within": "all", "share": 1.5}]}, ("rows", 0, "share")),
        ({"rows": [{"name": "x", "of": [], "within": "all", "share": 0.5}]}, ("rows", 0, "of")),
        ({"rows": [{"name": "x", "of": ["Cash"], "within": "all", "share": 0.5, "o": 1}]}, ("rows", 0, "o")),
    ],
)
def test_a_policy_file_is_refused_at_the_place_that_is_wrong(file, place):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(CategoryPolicy).validate_python(file)
    assert refused.value.errors()[0]["loc"][: len(place)] == place


def test_a_policy_file_gives_the_policy_it_describes():
    rows = [{"name": "equity", "of": ["Stocks"], "within": "all", "share": "equity"}]
    found = TypeAdapter(CategoryPolicy).validate_python({"names": ["Stocks", "Cash"], "rows": rows})
    assert found == CategoryPolicy(names=("Stocks", "Cash"), rows=POLICY.rows[:1])


@pytest.mark.parametrize("owner", [CategoryPolicy, CategoryRow])
def test_every_policy_field_explains_itself(owner):
    hints = get_type_hints(owner, include_extras=True)
    for field in fields(owner):
        assert any(isinstance(part, Doc) for part in get_args(hints[field.name])), field.name


@pytest.mark.parametrize(
    ("policy", "conditions", "says"),
    [
        (CategoryPolicy(commodity_base=0.01), (0.5, 1.0, 0.0, 0.01), "commodity share comes to -0.03"),
        (CategoryPolicy(cash_base=1.0), (0.5, 1.0, 0.0, 0.01), "cash share comes to 1.1"),
        (POLICY, (0.5, 0.5, float("nan"), 0.01), "share comes to nan"),
        (POLICY, (0.5, 1.5, 0.0, 0.01), "stress is 1.5; it must be from 0 to 1"),
    ],
)
def test_shares_outside_zero_to_one_are_refused(policy, conditions, says):
    with pytest.raises(InputError, match=says):
        policy.shares(*conditions)


@pytest.mark.parametrize("budget", [0.0, -5.0, float("nan"), float("inf")])
def test_a_budget_is_a_positive_amount(budget):
    with pytest.raises(InputError, match="must be an amount above 0"):
        POLICY.matrix(CategoryShares(0.6, 0.2, 0.05), budget)


# --- exact solutions ------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(seeds, st.integers(1, 50), st.sampled_from([(0, 0), (5, 0), (0, 4), (4, 3)]))
def test_a_square_system_is_solved_to_rounding_even_when_badly_scaled(seed, n, decades):
    rng = np.random.default_rng(seed)
    rows, columns = decades
    M = rng.normal(size=(n, n)) * 10.0 ** rng.uniform(-rows, rows, (n, 1))
    M *= 10.0 ** rng.uniform(-columns, columns, (1, n))
    assume(1.0 / np.linalg.cond(M, 1) > 1e-11)
    planted = rng.normal(size=n)
    answer = solve(M, M @ planted)

    size = np.linalg.norm(M, np.inf) * np.abs(answer.solution).max() + np.abs(M @ planted).max()
    assert np.abs(answer.residual).max() <= 1e-14 * size
    forward = np.abs(answer.solution - planted).max() / np.abs(planted).max()
    assert forward <= 1e-13 * n / answer.rcond
    assert answer.rcond == pytest.approx(1.0 / np.linalg.cond(M, 1), rel=1e-4)
    assert (answer.status, answer.distance, answer.rank, answer.binding) == (EXACT, 0.0, n, ())


def test_weights_are_fractions_of_the_budget():
    answer = solve(A, B)
    np.testing.assert_allclose(answer.weights, [0.6, 0.28, 0.07, 0.05], rtol=0, atol=1e-15)
    np.testing.assert_allclose(answer.solution, [150_000, 70_000, 17_500, 12_500], rtol=1e-15)


def test_a_first_right_hand_side_of_zero_gives_amounts_but_no_weights():
    answer = solve([[1, -1], [1, 1]], [0, 4])
    assert answer.solution.tolist() == [2.0, 2.0]
    assert np.isnan(answer.weights).all()


@settings(max_examples=40)
@given(seeds, st.integers(2, 8), st.booleans())
def test_permuting_the_categories_permutes_the_answer(seed, n, bounded):
    M, rhs, lower, upper = random_bounded_system(seed, n, n)
    order = np.random.default_rng(seed).permutation(n)
    bounds = (lower, upper) if bounded else (None, None)
    permuted_bounds = (lower[order], upper[order]) if bounded else (None, None)
    assume(1.0 / np.linalg.cond(M, 1) > 1e-4)
    answer, permuted = solve(M, rhs, *bounds), solve(M[:, order], rhs, *permuted_bounds)
    np.testing.assert_allclose(permuted.weights, answer.weights[order], rtol=0, atol=1e-9)


@settings(max_examples=40)
@given(seeds, st.integers(2, 8), st.floats(1e-3, 1e9), st.booleans())
def test_scaling_the_right_hand_side_scales_the_answer(seed, n, factor, bounded):
    M, rhs, lower, upper = random_bounded_system(seed, n, n)
    bounds = (lower, upper) if bounded else (None, None)
    assume(1.0 / np.linalg.cond(M, 1) > 1e-4)
    answer, scaled = solve(M, rhs, *bounds), solve(M, factor * rhs, *bounds)
    np.testing.assert_allclose(scaled.solution, factor * answer.solution, rtol=1e-9, atol=1e-9 * factor)
    assert scaled.distance == pytest.approx(answer.distance, abs=1e-9)


# --- nearest answers ------------------------------------------------------------------------------------


def random_bounded_system(seed, m, n, budget=1000.0):
    """Return (A, b, lower, upper) with the budget as row 1 and bounds that some weights meet."""
    rng = np.random.default_rng(seed)
    M = np.vstack([np.ones(n), rng.normal(size=(m - 1, n)) * 10.0 ** rng.uniform(-2, 2, (m - 1, 1))])
    rhs = budget * M @ rng.dirichlet(np.ones(n))
    # Some bounds touch the inside point, so that vertices and faces are met too.
    inside = rng.dirichlet(np.ones(n))
    lower = np.maximum(0.0, inside - rng.exponential(0.1, n) * (rng.random(n) < 0.8))
    upper = inside + rng.exponential(0.1, n) * (rng.random(n) < 0.8) + 1e-9
    return M, rhs, lower, upper


def scaled_rows(M, rhs):
    """Return rows 2 to m in weights, divided by their norms."""
    norms = np.linalg.norm(M[1:], axis=1)
    return M[1:] / norms[:, None], rhs[1:] / rhs[0] / norms


@settings(max_examples=150)
@given(seeds, st.integers(1, 9), st.integers(2, 7))
def test_a_bounded_answer_is_on_budget_within_bounds_and_as_near_as_scipy_gets(seed, m, n):
    M, rhs, lower, upper = random_bounded_system(seed, m, n)
    answer = solve(M, rhs, lower, upper)
    assert (answer.weights >= lower - 1e-12).all()
    assert (answer.weights <= upper + 1e-12).all()
    assert answer.weights.sum() == pytest.approx(1.0, abs=1e-13)

    rows, targets = scaled_rows(M, rhs)
    heavy = np.vstack([1e5 * M[:1], rows]), np.r_[1e5, targets]
    reference = lsq_linear(*heavy, (lower, upper), method="bvls", tol=1e-14).x
    assert answer.distance == pytest.approx(np.linalg.norm(rows @ reference - targets), abs=1e-6)
    assert answer.distance == pytest.approx(np.linalg.norm(rows @ answer.weights - targets), abs=1e-12)
    assert answer.status == (EXACT if answer.distance == 0.0 else NEAREST)


@settings(max_examples=100)
@given(seeds, st.integers(1, 5), st.integers(3, 8))
def test_among_equally_near_answers_the_one_of_least_norm_is_taken(seed, m, n):
    M, rhs, lower, upper = random_bounded_system(seed, m, n)
    weights = solve(M, rhs, lower, upper).weights
    rows = 1e7 * M / np.linalg.norm(M, axis=1)[:, None]
    heavy = np.vstack([rows, np.eye(n)]), np.r_[rows @ weights, np.zeros(n)]
    shortest = lsq_linear(*heavy, (lower, upper), method="bvls", tol=1e-14).x
    assert np.linalg.norm(weights) <= np.linalg.norm(shortest) + 1e-6


@pytest.mark.parametrize("bounds", [None, (np.zeros(4), np.array([1, 1, 0.1, 1]))])
def test_what_the_budget_alone_leaves_open_is_spread_evenly(bounds):
    answer = solve([[1, 1, 1, 1]], [500], *(bounds or (None, None)))
    expected = [0.25, 0.25, 0.25, 0.25] if bounds is None else [0.3, 0.3, 0.1, 0.3]
    np.testing.assert_allclose(answer.weights, expected, rtol=0, atol=1e-15)
    assert (answer.status, answer.rank) == (EXACT, 1)


def test_bounds_that_do_not_bind_leave_the_exact_solution():
    free, bounded = solve(A, B), solve(A, B, np.zeros(4), np.ones(4))
    assert bounded.solution.tolist() == free.solution.tolist()
    assert (bounded.status, bounded.binding) == (EXACT, ())


@settings(max_examples=60)
@given(st.integers(0, 3), st.floats(0.05, 0.95), st.booleans())
def test_a_tightened_bound_binds_and_is_named(i, fraction, from_above):
    exact = solve(A, B).weights
    lower, upper = np.zeros(4), np.ones(4)
    side = "upper" if from_above else "lower"
    if from_above:
        upper[i] = bound = fraction * exact[i]
    else:
        lower[i] = bound = exact[i] + fraction * (1.0 - exact[i])
    answer = solve(A, B, lower, upper, ROWS, CATEGORIES)
    assert answer.weights[i] == bound
    assert f"{CATEGORIES[i]} at {side} bound {100 * bound:.2f} %" in answer.binding
    assert answer.status == NEAREST
    assert answer.distance > 0.0


def test_upper_bounds_that_add_up_to_the_budget_leave_one_answer():
    answer = solve(A, B, np.zeros(4), [0.5, 0.5, 0.0, 0.0])
    assert answer.weights.tolist() == [0.5, 0.5, 0.0, 0.0]
    assert len(answer.binding) == 4


def test_one_open_side_is_no_bound():
    inf = np.inf
    answer = solve(A, B, [-inf, -inf, 0.2, -inf], [inf, inf, inf, inf], column_names=CATEGORIES)
    assert answer.binding == ("Cash at lower bound 20.00 %",)
    np.testing.assert_allclose(answer.weights, solve(A, B, [0, 0, 0.2, 0], None).weights, rtol=0, atol=1e-14)


def test_more_rows_than_categories_are_met_if_they_agree_and_approached_if_not():
    agreeing = np.vstack([A, A[1] + A[2]])
    answer = solve(agreeing, [*B, 0.0])
    assert (answer.status, answer.distance) == (EXACT, 0.0)
    np.testing.assert_allclose(answer.weights, solve(A, B).weights, rtol=0, atol=1e-14)

    disagreeing = solve(agreeing, [*B, 5000.0])
    assert disagreeing.status == NEAREST
    assert disagreeing.residual[0] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(disagreeing.determinant)
    rows, targets = scaled_rows(agreeing, np.array([*B, 5000.0]))
    gradient = nearest_gradient(agreeing, np.array([*B, 5000.0]), disagreeing.weights)
    np.testing.assert_allclose(gradient, gradient.mean(), rtol=0, atol=1e-14)
    assert disagreeing.distance == pytest.approx(np.linalg.norm(rows @ disagreeing.weights - targets))


def test_a_singular_system_has_a_nearest_answer_within_bounds():
    singular = np.vstack([A[:3], A[1]])
    answer = solve(singular, B, np.zeros(4), [1.0, 1.0, 1.0, 0.1], column_names=CATEGORIES)
    np.testing.assert_allclose(answer.weights, [0.6, 0.24, 0.06, 0.1], rtol=0, atol=1e-14)
    assert (answer.status, answer.rank) == (EXACT, 3)
    assert answer.binding == ("Commodities at upper bound 10.00 %",)


# --- the certificate ------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(seeds, st.integers(2, 7), st.integers(2, 6))
def test_the_gap_is_the_workbook_s_formula_and_closes_only_at_the_optimum(seed, m, n):
    M, rhs, lower, upper = random_bounded_system(seed, m, n)
    answer = solve(M, rhs, lower, upper)
    rng = np.random.default_rng(seed)
    spread = lower + rng.random() * (upper - lower)
    other = spread + (1.0 - spread.sum()) * (upper - lower) / (upper - lower).sum()
    for weights in (answer.weights, other):
        g = nearest_gradient(M, rhs, weights)
        cells = [
            gamma + sum(min(upper[i] * (g[i] - gamma), lower[i] * (g[i] - gamma)) for i in range(n))
            for gamma in g
        ]
        formula = sum(g * weights) - max(cells)
        assert nearest_gap(M, rhs, weights, lower, upper) == pytest.approx(
            formula, abs=1e-12 * (1 + abs(g).max())
        )
    rows, targets = scaled_rows(M, rhs)
    excess = np.sum((rows @ other - targets) ** 2) - np.sum((rows @ answer.weights - targets) ** 2)
    assert nearest_gap(M, rhs, other, lower, upper) >= excess - 1e-12
    assert nearest_gap(M, rhs, answer.weights, lower, upper) <= 1e-9


def test_an_answer_that_is_not_the_nearest_is_withheld(monkeypatch):
    def search_that_stops_early(_rows, _targets, row, lower, upper):
        return nearest._feasible_vertex(row, lower, upper)

    monkeypatch.setattr(nearest, "_active_set", search_that_stops_early)
    with pytest.raises(UncertifiedError, match="withheld"):
        solve(A, B, np.zeros(4), [0.3, 1.0, 1.0, 1.0])


# --- what is refused ------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(seeds, st.integers(3, 7), st.booleans())
def test_a_planted_dependent_row_is_named_with_its_coefficients(seed, n, contradictory):
    rng = np.random.default_rng(seed)
    M, rhs = rng.normal(size=(n, n)), rng.normal(size=n) * 1000.0
    planted = int(rng.integers(2, n))
    first, second = rng.choice(planted, 2, replace=False)
    M[planted] = 2.0 * M[first] - 0.5 * M[second]
    rhs[planted] = 2.0 * rhs[first] - 0.5 * rhs[second] + (5000.0 if contradictory else 0.0)
    names = [f"rule {i}" for i in range(n)]
    with pytest.raises(SingularSystemError) as refused:
        solve(M, rhs, row_names=names)
    message = str(refused.value)
    terms = {first: f"2 × row {first + 1} (rule {first})", second: f"0.5 × row {second + 1} (rule {second})"}
    assert f"row {planted + 1} (rule {planted}) = " in message
    assert all(term in message for term in terms.values())
    assert message.count("×") == 2
    assert ("contradict" in message) == contradictory
    assert ("redundant" in message) == (not contradictory)


def test_a_singular_system_is_refused_in_words():
    M, rhs = A.copy(), B.copy()
    M[2] = 2.0 * M[0]
    with pytest.raises(SingularSystemError) as refused:
        solve(M, rhs, row_names=ROWS)
    assert str(refused.value) == (
        "A w = b has no single solution: row 3 (liquidity) = 2 × row 1 (budget); the right-hand sides "
        "do not agree (0 against 500 000), so the rows contradict each other: "
        "change row 3 (liquidity) or its right-hand side"
    )


def test_near_singular_is_told_apart_from_singular():
    M = A.copy()
    M[2] = 2.0 * M[0]
    M[2, 2] += 4e-13
    with pytest.raises(
        SingularSystemError, match=r"row 3 \(liquidity\) differs from 2 × row 1 \(budget\) by only"
    ):
        solve(M, B, row_names=ROWS)


def test_rows_of_very_different_size_are_named():
    M = A.copy()
    M[3] *= 1e-14
    with pytest.raises(SingularSystemError, match=r"row 1 is 1, that of row 4 only 9.5e-15 .* of one size"):
        solve(M, B)


@pytest.mark.parametrize(("side", "says"), [(0.0, "says nothing"), (50.0, "cannot hold")])
@pytest.mark.parametrize("bounds", [(None, None), (np.zeros(4), np.ones(4))])
def test_a_row_of_zeros_is_refused(side, says, bounds):
    M, rhs = A.copy(), B.copy()
    M[2], rhs[2] = 0.0, side
    with pytest.raises(SingularSystemError, match=f"row 3 has only zeros .* {side:g}, which {says}"):
        solve(M, rhs, *bounds)


@pytest.mark.parametrize(
    ("lower", "upper", "says"),
    [
        (
            [0.6, 0.5, 0, 0],
            None,
            r"with Stocks ≥ 60.00 %, Bonds ≥ 50.00 %, row 1 \(budget\) .* least 110.00 %",
        ),
        (None, [0.1, 0.2, 0.1, 0.1], r"Commodities ≤ 10.00 %, row 1 \(budget\) comes to at most 50.00 %"),
        ([0.6, 0, 0, 0], [0.5, 1, 1, 1], "Stocks is bounded below by 60.00 % and above by 50.00 %"),
    ],
)
def test_bounds_that_cannot_hold_are_named_with_numbers(lower, upper, says):
    with pytest.raises(InfeasibleError, match=says):
        solve(A, B, lower, upper, ROWS, CATEGORIES)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((A, -B, np.zeros(4)), "row 1 is -250 000; weights are fractions of it, so it must be above 0"),
        ((A[:2], [0, 0]), "row 1 is 0; .* must not be 0"),
        (([[1, np.nan], [1, 2]], [1, 2]), "A is nan in row 1, column 2"),
        (([[1, 1], [1, 2]], [1, np.inf]), "b is inf in row 2"),
        ((A, B, [0, np.nan, 0, 0]), "the lower bound of column 2 is NaN"),
        ((A, B[:3]), "b is 3; it must be one row or column of 4 numbers"),
        ((A, B, None, [1.0] * 5), "upper is 5; it must be one row or column of 4 numbers"),
        ((A, [[1, 2], [3, 4]]), "b is 2 × 2; it must be one row or column of 4 numbers"),
        ((A[0], [1]), "A must be a table"),
        (([[1, 2], [3]], [1, 2]), "A has rows of different lengths"),
        (([[1, "x"], [1, 2]], [1, 2]), "A must hold numbers only"),
        ((A, [True, False, True, True]), "b must hold numbers only"),
        ((A, B, None, None, ["budget"]), "1 row names are given for 4 rows"),
    ],
)
def test_unusable_input_is_refused_by_position(arguments, says):
    with pytest.raises(InputError, match=says):
        solve(*arguments)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 4)])
def test_rows_and_columns_are_both_vectors(shape):
    assert solve(A, B.reshape(shape), np.zeros(shape)).weights.tolist() == solve(A, B).weights.tolist()


# --- in words -------------------------------------------------------------------------------------------


def test_explain_says_what_a_system_determines():
    assert explain(A, B, ROWS).startswith("4 rows, 4 columns, rank 4, reciprocal condition 0.19")
    assert "one solution. The largest residual is" in explain(A, B, ROWS)
    assert "The rows leave a choice; the answer of least norm is taken." in explain(A[:2], B[:2])


def test_explain_names_the_rows_that_clash():
    singular = np.vstack([A[:3], A[1]])
    assert explain(singular, B, ROWS) == (
        "4 rows, 4 columns, rank 3: A w = b has no single solution: "
        "row 4 (real assets) = 1 × row 2 (equity); the right-hand sides agree, "
        "so row 4 (real assets) is redundant: remove or change it."
    )
    tall = explain(np.vstack([A, A[1] + A[2]]), [*B, 5000.0])
    assert "not every row can hold" in tall
    assert "Row 5 = 1 × row 2 + 1 × row 3; the right-hand sides do not agree (5 000 against 0)" in tall
