"""Which algorithm answers, what its proof is worth, and what is said where no weights meet the limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc.errors import InfeasibleError, UncertifiedError
from pyalloc.frontier import EfficientFrontier, turning
from pyalloc.frontier.bordered import BreakdownError
from pyalloc.frontier.certificate import certify
from pyalloc.frontier.critical_line import Traced, trace
from pyalloc.frontier.inputs import GroupLimits, checked, checked_groups
from tests.pyalloc.frontier_families import capped, condition_1e12, drawn, duplicates, plain, tied_returns

seeds = st.integers(0, 2**32 - 1)
NO_LIMITS = np.empty((0, 0))


def proof_of(problem, weights, multipliers):
    weights, multipliers = np.atleast_2d(weights), np.atleast_1d(multipliers)
    return certify(*checked(*problem), None, weights, multipliers, np.empty((len(weights), 0)))


# --- the certificate ------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(seeds)
def test_a_portfolio_off_the_frontier_has_a_gap_that_tells_how_much_is_lost(seed):
    problem = drawn(capped, seed, 12)
    point = EfficientFrontier(*problem).points(5)[2]
    mu, cov, _, upper = problem
    other = np.minimum(np.random.default_rng(seed).dirichlet(np.ones(len(mu))), upper)
    other += (1.0 - other.sum()) * (upper - other) / (upper - other).sum()

    def objective(w):
        return 0.5 * w @ cov @ w - point.multiplier * mu @ w

    proof = proof_of(problem, other, point.multiplier)
    scale = np.trace(cov) / len(mu) + point.multiplier * np.abs(mu).max()
    assert proof.gaps[0] * scale >= objective(other) - objective(point.weights) - 1e-14
    assert proof_of(problem, point.weights, point.multiplier).holds(1e-12)


@pytest.mark.parametrize("wrong", [np.array([0.5, 0.6]), np.array([-0.1, 1.1]), np.array([np.nan, 1.0])])
def test_weights_outside_the_limits_are_never_certified(wrong):
    problem = ([0.05, 0.10], np.diag([0.01, 0.04]), 0.0, 1.0)
    assert not proof_of(problem, wrong, 0.1).holds()


def test_a_limit_with_a_negative_price_proves_nothing():
    # Of two names alike a limit holds the first at 0.1: without a price below 0 that is not the least risk.
    given_, limits = checked([0.0, 0.0], np.eye(2), 0.0, 1.0), GroupLimits(np.eye(2)[:1], np.array([0.1]))
    held = np.array([[0.1, 0.9]])
    assert certify(*given_, limits, held, np.zeros(1), np.array([[0.8]])).holds(1e-12)
    loose = GroupLimits(np.eye(2)[1:], np.array([0.9]))
    assert not certify(*given_, loose, held, np.zeros(1), np.array([[-0.8]])).holds(1e-3)


# --- the paths ------------------------------------------------------------------------------------------


def test_well_posed_frontiers_are_traced_by_updates_and_the_rest_is_solved_anew():
    assert EfficientFrontier(*drawn(plain, 0, 40)).path == "critical line"
    assert EfficientFrontier(*drawn(condition_1e12, 0, 40)).path == "re-solved critical line"


def test_what_the_certificate_rejects_goes_to_cvxcla(monkeypatch):
    problem = drawn(plain, 1, 30)
    right = EfficientFrontier(*problem)

    def off_by_a_little(*arguments, **options):
        traced = trace(*arguments, **options)
        shifted = np.roll(traced.weights, 1, axis=1)
        return traced._replace(weights=0.999 * traced.weights + 0.001 * shifted)

    monkeypatch.setattr(turning, "trace", off_by_a_little)
    found = EfficientFrontier(*problem)
    assert found.path == "cvxcla"
    for point, expected in zip(found.points(11), right.points(11), strict=True):
        assert point.weights == pytest.approx(expected.weights, abs=1e-9)


def test_where_no_path_is_certified_the_frontier_is_withheld(monkeypatch):
    def nothing(*_arguments, **_options):
        raise BreakdownError

    def nonsense(given_, _groups):
        weights = np.full((1, len(given_.mu)), 1.0 / len(given_.mu))
        traced = Traced(weights, np.ones(1), np.empty((1, 0)), 1.0)
        return certify(*given_, None, *traced[:3]), traced, "cvxcla"

    monkeypatch.setattr(turning, "trace", nothing)
    monkeypatch.setattr(turning, "by_cvxcla", nonsense)
    with pytest.raises(UncertifiedError, match=r"off by .* of its scale in variance .* withheld"):
        EfficientFrontier(*drawn(plain, 0, 20)).points(3)


def test_limits_that_are_no_disjoint_sets_are_left_to_cvxcla():
    mu, cov, lower, upper = drawn(plain, 4, 12)
    G = np.ones((1, len(mu)))
    G[0, : len(mu) // 2] = 2.0
    h = np.array([1.4])
    frontier = EfficientFrontier(mu, cov, lower, upper, G, h)
    assert frontier.path == "cvxcla"
    assert all((G @ point.weights <= h + 1e-11).all() for point in frontier.points(7))


# --- single portfolios ----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [plain, capped, tied_returns, duplicates, condition_1e12])
def test_single_portfolios_are_those_of_the_whole_frontier(family):
    for seed in range(25):
        mu, cov, lower, upper = drawn(family, seed, 60)
        frontier = EfficientFrontier(mu, cov, lower, upper)
        ends = frontier.turning_points
        least = frontier.min_variance()
        assert least.volatility**2 - ends[-1].volatility ** 2 <= 1e-14 * np.trace(cov) / len(mu), seed
        risk_free = float(np.quantile(mu, 0.3))
        if ends[0].expected_return <= risk_free:
            continue
        best = frontier.max_sharpe(risk_free)
        ratio = (best.expected_return - risk_free) / best.volatility
        others = (*ends, *frontier.points(50))
        assert ratio >= max((p.expected_return - risk_free) / p.volatility for p in others) - 1e-11, seed
        if family is not duplicates:
            assert frontier.min_variance().weights == pytest.approx(ends[-1].weights, abs=1e-6), seed


def test_of_portfolios_of_least_variance_the_one_of_highest_return_is_given():
    # The first two are the same but for return.
    cov = np.array([[0.04, 0.04, 0.0], [0.04, 0.04, 0.0], [0.0, 0.0, 0.04]])
    found = EfficientFrontier([0.05, 0.06, 0.01], cov).min_variance()
    assert found.weights == pytest.approx([0.0, 0.5, 0.5], abs=1e-12)


# --- limits that no weights meet ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("G", "h", "upper", "says"),
    [
        (
            [[1, 1, 0, 0], [0, 0, 1, 1]],
            [0.3, 0.5],
            1.0,
            r"because of group limits 1, 2; the nearest .* group limit [12] at 0\.[57]",
        ),
        (
            [[1, 1, 0, 0]],
            [0.1],
            [1, 1, 0.4, 0.4],
            r"because of group limit 1 and the cap of names 3, 4; .* group limit 1 at 0\.2 instead of 0\.1",
        ),
        ([[-1, 0, 0, 0]], [-0.6], 0.5, r"the cap of name 1; .* group limit 1 at -0\.5 instead of -0\.6"),
    ],
)
def test_limits_that_clash_are_named_with_the_nearest_that_can_be_met(G, h, upper, says):
    with pytest.raises(InfeasibleError, match=says):
        EfficientFrontier([0.05, 0.06, 0.07, 0.08], np.eye(4), 0.0, upper, G, h)


def test_the_nearest_limits_can_be_met():
    from pyalloc.frontier.limits import nearest_limits

    for seed in range(20):
        mu, cov, lower, upper = drawn(capped, seed, 20)
        rng = np.random.default_rng(seed)
        G = (rng.random((3, len(mu))) < 0.7).astype(float)
        limits = checked_groups(G, rng.uniform(0.0, 0.4, 3), len(mu))
        nearest, _ = nearest_limits(lower, upper, limits)
        assert (nearest >= limits.h).all()
        EfficientFrontier(mu, cov, lower, upper, G, nearest + 1e-9)
        if nearest.sum() > limits.h.sum() + 1e-6:
            with pytest.raises(InfeasibleError, match="the nearest limits that can be met have group limit"):
                EfficientFrontier(mu, cov, lower, upper, G, limits.h)
