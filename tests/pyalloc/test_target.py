"""The portfolio nearest the anchor attains its target or says why not; quadratic programmes are certified."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from pyalloc.errors import InfeasibleError, InputError, UncertifiedError
from pyalloc.frontier import attainable_returns, minimum_variance_weights, target_weights
from pyalloc.names import ATTAINED, CLIPPED_HIGH, CLIPPED_LOW, MINIMUM_VARIANCE, SINGLE_POINT
from pyalloc.qp import duality_gap, solve_box_qp

seeds = st.integers(0, 2**32 - 1)

PROGRAMMES = 60_000 if os.environ.get("PYALLOC_SOAK") == "1" else 1500
"""Random quadratic programmes that must all be solved; the soak size takes about a minute."""


# --- hard cases -----------------------------------------------------------------------------------------


def _orthogonal(rng, n):
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


def _sample(rng, n, days):
    returns = rng.normal(size=(days, n)) * rng.uniform(0.05, 0.4, n)
    return returns.T @ returns / days


def _duplicated(rng, n):
    cov = _sample(rng, n, 3 * n)
    twin = np.r_[0, 0, 2:n]
    return cov[np.ix_(twin, twin)]


def _stretched(rng, n, decades):
    axes = _orthogonal(rng, n)
    return (axes * 10.0 ** rng.uniform(-decades, 0.0, n)) @ axes.T * 0.04


COVARIANCES = {
    "full rank": lambda rng, n: _sample(rng, n, 3 * n),
    "fewer days than names": lambda rng, n: _sample(rng, n, max(2, n // 2)),
    "the same name twice": _duplicated,
    "condition 1e6": lambda rng, n: _stretched(rng, n, 6),
    "condition 1e12": lambda rng, n: _stretched(rng, n, 12),
    "one factor": lambda rng, n: np.outer(*[rng.uniform(0.1, 0.4, n)] * 2),
    "a name without risk": lambda rng, n: np.diag(np.r_[0.0, rng.uniform(0.01, 0.1, n - 1)]),
    "no risk at all": lambda _, n: np.zeros((n, n)),
}
RETURNS = {
    "apart": lambda rng, n: rng.normal(0.08, 0.04, n),
    "ties": lambda rng, n: np.round(rng.normal(0.08, 0.04, n), 2),
    "two values": lambda rng, n: rng.choice([0.05, 0.1], n),
    "almost equal": lambda rng, n: 0.08 + 1e-7 * rng.normal(size=n),
    "all equal": lambda _, n: np.full(n, 0.08),
}


def _around(rng, n, both):
    """Return bounds around a portfolio, some of which touch it or leave no room."""
    inside = rng.dirichlet(np.ones(n))
    lower = inside - rng.exponential(0.1, n) * (rng.random(n) < 0.7)
    upper = inside + rng.exponential(0.1, n) * (rng.random(n) < 0.7)
    return (lower, upper) if both else (np.where(lower < inside, 0.0, inside), upper)


BOUNDS = {
    "long only": lambda _, n: (np.zeros(n), np.ones(n)),
    "cap": lambda _, n: (np.zeros(n), np.full(n, min(1.0, 1.5 / n))),
    "cap of a k-th": lambda rng, n: (np.zeros(n), np.full(n, 1.0 / rng.integers(1, n + 1))),
    "caps that sum to 1": lambda rng, n: (np.zeros(n), rng.dirichlet(np.ones(n))),
    "floors that sum to 1": lambda rng, n: (rng.dirichlet(np.ones(n)), np.ones(n)),
    "equal caps that sum to 1": lambda _, n: (np.zeros(n), np.full(n, 1.0 / n)),
    "touching, some pinned": lambda rng, n: _around(rng, n, True),
    "floor and cap": lambda rng, n: _around(rng, n, False),
    "wide": lambda rng, n: (np.full(n, -rng.uniform(0, 5)), np.full(n, 1 + rng.uniform(0, 5))),
}


def _feasible(rng, lower, upper):
    """Return weights within the bounds that sum to 1: a mixture of vertices, often of one alone."""
    vertices = []
    for _ in range(rng.integers(1, 4)):
        w, left = lower.copy(), 1.0 - lower.sum()
        for i in rng.permutation(len(lower)):
            step = min(upper[i] - lower[i], max(left, 0.0))
            w[i], left = w[i] + step, left - step
        vertices.append(w)
    return rng.dirichlet(np.ones(len(vertices))) @ np.array(vertices)


def _drawn(rng, most):
    """Return a random covariance, expected returns, bounds and anchor of up to `most` names."""
    n = int(rng.integers(2, most + 1))
    parts = [list(kinds.values()) for kinds in (COVARIANCES, RETURNS, BOUNDS)]
    cov, mu, (lower, upper) = (kinds[rng.integers(len(kinds))](rng, n) for kinds in parts)
    return mu, cov, rng.dirichlet(np.ones(n)), lower, upper


# --- quadratic programmes -------------------------------------------------------------------------------


def optimality(P, q, A, b, lower, upper, found):
    """Return the worst violation of feasibility and the duality gap, computed here."""
    reduced = P @ found.x + q - A.T @ found.multipliers
    slack = np.maximum((found.x - lower) * reduced, (found.x - upper) * reduced).sum()
    misses = np.r_[np.abs(A @ found.x - b), lower - found.x, found.x - upper]
    return misses.max(), slack


def test_no_feasible_programme_is_refused():
    for seed in range(PROGRAMMES):
        rng = np.random.default_rng(seed)
        mu, cov, anchor, lower, upper = _drawn(rng, 40)
        A = np.vstack([np.ones_like(mu), mu])[: rng.integers(1, 3)]
        b = A @ _feasible(rng, lower, upper)
        q = -(cov @ anchor) if rng.random() < 0.8 else rng.normal(size=mu.size)
        found = solve_box_qp(cov, q, A, b, lower, upper)
        size = max(np.trace(cov) / len(q), np.abs(q).max(), 1e-300)
        rounding = np.abs(A.T * found.multipliers).max()
        outside, gap = optimality(cov, q, A, b, lower, upper, found)
        assert outside <= 1e-11, seed
        assert gap <= 1e-12 * size + 1e-13 * rounding, seed
        assert found.gap <= 1e-12 * size, seed


def test_programmes_with_several_rows_of_any_size_are_solved():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 30))
        A = rng.normal(size=(rng.integers(1, min(n, 6) + 1), n)) * 10.0 ** rng.uniform(-1, 1)
        inside = rng.normal(size=n)
        touch = rng.random((2, n)) < 0.4
        lower = inside - np.where(touch[0], 0.0, rng.exponential(1.0, n))
        upper = inside + np.where(touch[1], 0.0, rng.exponential(1.0, n))
        P = _sample(rng, n, int(rng.integers(1, 2 * n + 1))) * 10.0 ** rng.uniform(-8, 2)
        q = rng.normal(size=n) * rng.choice([0.0, 1e-6, 1.0])
        found = solve_box_qp(P, q, A, A @ inside, lower, upper)
        outside, gap = optimality(P, q, A, A @ inside, lower, upper, found)
        assert outside <= 1e-11, seed
        assert gap <= 1e-10 * max(np.trace(P) / n, np.abs(q).max()), seed


def test_caps_that_sum_to_one_leave_one_portfolio():
    caps = np.array([0.5, 0.2, 0.2, 0.1])
    found = solve_box_qp(np.eye(4), np.zeros(4), np.ones((1, 4)), np.ones(1), np.zeros(4), caps)
    assert found.x.tolist() == caps.tolist()


def test_a_linear_programme_is_a_quadratic_one_without_curvature():
    # The two cheapest at their caps and the rest in the third; its price is the multiplier of the sum.
    cost = np.array([3.0, 1.0, 4.0, 2.0])
    found = solve_box_qp(np.zeros((4, 4)), cost, np.ones((1, 4)), np.ones(1), np.zeros(4), np.full(4, 0.4))
    assert found.x == pytest.approx([0.2, 0.4, 0.0, 0.4], abs=1e-15)
    assert found.multipliers == pytest.approx([3.0])


def test_the_multiplier_is_the_price_of_the_row():
    # min ½(x² + 2y²), x + y = 1: x = 2/3, y = 1/3, and the value 1/3 rises by 2/3 per unit of the sum.
    found = solve_box_qp(
        np.diag([1.0, 2.0]), np.zeros(2), np.ones((1, 2)), np.ones(1), np.full(2, -9.0), np.full(2, 9.0)
    )
    assert found.x == pytest.approx([2 / 3, 1 / 3], abs=1e-15)
    assert found.multipliers == pytest.approx([2 / 3])


def test_the_same_row_twice_and_a_row_of_zeros_change_nothing():
    budget, zeros = [1.0, 1.0], [0.0, 0.0]
    once, twice, with_zeros = (
        solve_box_qp(np.diag([1.0, 2.0]), np.zeros(2), np.array(rows), np.array(b), np.zeros(2), np.ones(2))
        for rows, b in (([budget], [1.0]), ([budget, budget], [1.0, 1.0]), ([budget, zeros], [1.0, 0.0]))
    )
    for found in (twice, with_zeros):
        assert found.x == pytest.approx(once.x, abs=1e-15)
        assert found.multipliers.sum() == pytest.approx(once.multipliers.sum())


@pytest.mark.parametrize(("rows", "right"), [([[1.0, 1.0]], [3.0]), ([[1.0, 1.0], [1.0, 1.0]], [1.0, 0.5])])
def test_a_programme_without_a_solution_is_withheld(rows, right):
    with pytest.raises(UncertifiedError, match="misses its constraints by"):
        solve_box_qp(np.eye(2), np.zeros(2), np.array(rows), np.array(right), np.zeros(2), np.ones(2))


@settings(max_examples=60)
@given(seeds)
def test_the_gap_bounds_what_any_other_portfolio_could_gain(seed):
    rng = np.random.default_rng(seed)
    _, cov, anchor, lower, upper = _drawn(rng, 8)
    x, other = _feasible(rng, lower, upper), _feasible(rng, lower, upper)
    gradient = cov @ (x - anchor)
    budget = np.ones((1, len(x)))
    gap = duality_gap(gradient, x, budget, budget @ x, rng.normal(size=1), lower, upper)

    def distance(w):
        return 0.5 * (w - anchor) @ cov @ (w - anchor)

    assert distance(x) - distance(other) <= gap + 1e-12


# --- attainable returns ---------------------------------------------------------------------------------


@settings(max_examples=80)
@given(seeds)
def test_attainable_returns_are_those_of_a_linear_programme(seed):
    mu, _, _, lower, upper = _drawn(np.random.default_rng(seed), 12)
    found = attainable_returns(mu, lower, upper)
    spread = np.ptp(mu) or 1.0
    for sign, bound in zip((1.0, -1.0), found, strict=True):
        # Where bounds sum to 1 but for rounding, linprog needs a little room; it also wants numbers near 1.
        room = np.c_[lower - 1e-12, upper + 1e-12]
        best = linprog(sign * (mu - mu[0]) / spread, A_eq=[np.ones_like(mu)], b_eq=[1.0], bounds=room)
        assert bound == pytest.approx(mu[0] + sign * spread * best.fun, abs=1e-9 * spread + 1e-15)


def test_attainable_returns_of_a_capped_trio():
    assert attainable_returns(np.array([0.1, 0.3, 0.2]), np.zeros(3), np.full(3, 0.5)) == pytest.approx(
        (0.15, 0.25)
    )


# --- target portfolios ----------------------------------------------------------------------------------


def certificate(mu, cov, anchor, lower, upper, found):
    """Return the duality gap that the returned multiplier proves; the best γ is some name's own gradient."""
    gradient = cov @ (found.weights - anchor) - found.multiplier * mu
    reduced = gradient[None, :] - gradient[:, None]
    w = found.weights
    return np.maximum((w - lower) * reduced, (w - upper) * reduced).sum(axis=1).min()


@settings(max_examples=250)
@given(seeds, st.floats(-0.2, 1.2))
@example(0, 0.0)
@example(0, 1.0)
def test_every_target_is_attained_or_clipped_and_proved_nearest(seed, place):
    mu, cov, anchor, lower, upper = _drawn(np.random.default_rng(seed), 25)
    least, greatest = attainable_returns(mu, lower, upper)
    target = least + place * max(greatest - least, 1e-3)
    found = target_weights(mu, cov, target, anchor, lower, upper)

    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (found.weights >= lower - 1e-15).all()
    assert (found.weights <= upper + 1e-15).all()
    assert found.attained == pytest.approx(float(mu @ found.weights), abs=1e-15)
    assert found.attained == pytest.approx(np.clip(target, least, greatest), abs=1e-11)
    if found.status == ATTAINED:
        assert found.shortfall == 0.0
        assert found.attained == pytest.approx(target, abs=1e-11)
    else:
        assert found.status == (CLIPPED_HIGH if target > greatest else CLIPPED_LOW)
        assert found.shortfall == pytest.approx(target - found.attained)
    size = max(1.0, abs(found.multiplier) * np.abs(mu).max())
    assert certificate(mu, cov, anchor, lower, upper, found) <= 1e-12 * size


@settings(max_examples=40)
@given(seeds, st.floats(0.05, 0.95))
def test_no_nearer_portfolio_is_found_by_scipy(seed, place):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    cov, mu, anchor = _sample(rng, n, 3 * n), rng.normal(0.08, 0.04, n), rng.dirichlet(np.ones(n))
    lower, upper = 0.25 * anchor, np.maximum(anchor, 0.5)
    least, greatest = attainable_returns(mu, lower, upper)
    target = least + place * (greatest - least)
    found = target_weights(mu, cov, target, anchor, lower, upper)

    def distance(w):
        return (w - anchor) @ cov @ (w - anchor)

    reference = minimize(
        lambda w: 1e3 * distance(w),
        np.full(n, 1.0 / n),
        jac=lambda w: 2e3 * cov @ (w - anchor),
        bounds=np.c_[lower, upper],
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": np.ones_like},
            {"type": "eq", "fun": lambda w: mu @ w - target, "jac": lambda _: mu},
        ],
        options={"ftol": 1e-15, "maxiter": 500},
    )
    assert np.abs([reference.x.sum() - 1.0, mu @ reference.x - target]).max() < 1e-9
    assert distance(found.weights) == pytest.approx(distance(reference.x), abs=1e-8)
    np.testing.assert_allclose(found.weights, reference.x, atol=2e-3)


def test_the_anchor_is_its_own_nearest_portfolio():
    cov, anchor = np.diag([0.01, 0.04, 0.09]), np.array([0.5, 0.3, 0.2])
    mu = np.array([0.05, 0.08, 0.12])
    found = target_weights(mu, cov, float(mu @ anchor), anchor)
    assert found.weights == pytest.approx(anchor, abs=1e-14)
    assert (found.status, found.multiplier) == (ATTAINED, pytest.approx(0.0, abs=1e-12))


def test_names_of_equal_return_and_risk_move_together():
    mu = np.array([0.05, 0.05, 0.10, 0.10])
    found = target_weights(mu, 0.04 * np.eye(4), 0.09, np.full(4, 0.25))
    assert found.weights == pytest.approx([0.1, 0.1, 0.4, 0.4], abs=1e-14)


def test_at_the_highest_return_tied_names_stay_as_near_the_anchor_as_they_can():
    # The first at its cap, the two that tie below it share the rest, 0.25 each above their anchor weights.
    mu = np.array([0.12, 0.10, 0.10, 0.05])
    anchor = np.array([0.5, 0.1, 0.2, 0.2])
    found = target_weights(mu, 0.04 * np.eye(4), 0.2, anchor, 0.0, [0.4, 0.6, 0.6, 0.6])
    assert found.weights == pytest.approx([0.4, 0.25, 0.35, 0.0], abs=1e-14)
    assert found.status == CLIPPED_HIGH
    assert found.shortfall == pytest.approx(0.2 - 0.108)


def test_at_the_lowest_return_the_shortfall_is_negative():
    found = target_weights([0.05, 0.10], np.eye(2), 0.01, [0.5, 0.5], 0.25)
    assert found.weights == pytest.approx([0.75, 0.25], abs=1e-15)
    assert (found.status, found.shortfall) == (CLIPPED_LOW, pytest.approx(-0.0525))


def test_equal_returns_leave_the_anchor_alone():
    found = target_weights([0.07] * 3, np.diag([0.01, 0.02, 0.03]), 0.07, [0.2, 0.3, 0.5])
    assert found.weights == pytest.approx([0.2, 0.3, 0.5], abs=1e-14)
    assert found.status == ATTAINED


def test_bounds_without_room_give_the_only_portfolio():
    only = np.array([0.2, 0.3, 0.5])
    found = target_weights([0.05, 0.08, 0.12], np.eye(3), 0.1, [0.4, 0.4, 0.2], only, only)
    assert found.weights.tolist() == only.tolist()
    assert found.status == CLIPPED_HIGH
    assert found.attained == pytest.approx(0.094)


@pytest.mark.parametrize("target", [0.0, 0.094, 0.2])
def test_a_floor_or_a_cap_that_sums_to_exactly_one_is_the_portfolio(target):
    only = [0.2, 0.3, 0.5]
    for bounds in ((only, 1.0), (0.0, only)):
        found = target_weights(
            [0.05, 0.08, 0.12], np.diag([0.01, 0.02, 0.03]), target, [0.4, 0.4, 0.2], *bounds
        )
        assert found.weights == pytest.approx(only, abs=1e-15)
        assert found.attained == pytest.approx(0.094)


def test_one_name_is_a_single_point():
    found = target_weights([0.06], [[0.04]], 0.08, [1.0])
    assert (found.weights.tolist(), found.attained, found.status) == ([1.0], 0.06, SINGLE_POINT)
    assert found.shortfall == pytest.approx(0.02)


def test_the_least_volatile_portfolio_within_bounds():
    # Weights in proportion to 1/variance, then the first at its cap.
    cov = np.diag([0.01, 0.02, 0.04])
    found = minimum_variance_weights(np.array([0.01, 0.0, 0.02]), cov, 0.05, np.zeros(3), np.ones(3))
    assert found.weights == pytest.approx([4 / 7, 2 / 7, 1 / 7], abs=1e-14)
    assert found.status == MINIMUM_VARIANCE
    assert found.shortfall == pytest.approx(0.05 - found.attained)
    capped = minimum_variance_weights(np.zeros(3), cov, 0.0, np.zeros(3), np.array([0.4, 1.0, 1.0]))
    assert capped.weights == pytest.approx([0.4, 0.4, 0.2], abs=1e-14)


# --- what is refused ------------------------------------------------------------------------------------

MU, COV, ANCHOR = [0.05, 0.10], np.diag([0.01, 0.04]), [0.5, 0.5]


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ((0.0, 0.4), "sum to 0 and 0.8 cannot sum to 1: lower the floor or raise the cap"),
        ((0.6, 1.0), "sum to 1.2 and 2 cannot sum to 1"),
        (([0.5, 0.2], [0.4, 1.0]), "name 1: the lower bound 0.5 is above the upper bound 0.4"),
    ],
)
def test_bounds_that_no_portfolio_meets_are_refused_in_words(bounds, says):
    with pytest.raises(InfeasibleError, match=says):
        target_weights(MU, COV, 0.07, ANCHOR, *bounds)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mu": [0.05]}, r"mu has shape \(1,\) and cov \(2, 2\)"),
        ({"mu": [[0.05, 0.1]]}, "they must be"),
        ({"mu": [], "cov": []}, "they must be"),
        ({"mu": [0.05, np.nan]}, "mu: entry 2 is missing or not finite"),
        ({"cov": [[0.01, np.inf], [np.inf, 0.04]]}, "cov: entry 1, 2 is missing"),
        (
            {"cov": [[0.01, 0.02], [0.0, 0.04]]},
            "cov is not symmetric: entry 1, 2 is 0.02 and entry 2, 1 is 0",
        ),
        ({"cov": [[0.01, 0.04], [0.04, 0.01]]}, "cov is no covariance: its smallest eigenvalue is -0.03"),
        ({"anchor": [1.0]}, r"the anchor has shape \(1,\)"),
        ({"anchor": [np.nan, 1.0]}, "anchor: entry 1 is missing"),
        ({"lower": [0.0, 0.0, 0.0]}, "bounds must be one number, or one for each of the 2 names"),
        ({"upper": [1.0, np.nan]}, "upper: entry 2 is missing"),
        ({"target": np.nan}, "the target return is nan; it must be a finite number"),
    ],
)
def test_unusable_input_is_refused_by_position(change, says):
    usual = {"mu": MU, "cov": COV, "target": 0.07, "anchor": ANCHOR}
    with pytest.raises(InputError, match=says):
        target_weights(**usual | change)
