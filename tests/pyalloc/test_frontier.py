"""Published frontiers come out exactly; estimates are those of their papers; the rest is refused by name."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.covariance import LedoitWolf

from pyalloc.errors import InfeasibleError, InputError
from pyalloc.frontier import (
    EfficientFrontier,
    SleevePolicy,
    adjusted_return,
    alpha,
    bayes_stein_returns,
    betas,
    historical_returns,
    implied_returns,
    ledoit_wolf,
)

seeds = st.integers(0, 2**32 - 1)


def random_market(seed, n=None):
    """Return (mu, cov, anchor) of a few names with a positive definite covariance."""
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(2, 12))
    returns = rng.normal(size=(4 * n, n)) * rng.uniform(0.05, 0.4, n)
    return rng.normal(0.08, 0.04, n), returns.T @ returns / (4 * n), rng.dirichlet(np.ones(n))


# --- published answers ----------------------------------------------------------------------------------


def test_reverse_optimisation_gives_he_and_littermans_table(shared_data):
    folder = shared_data / "frontier" / "black_litterman"
    table = pd.read_csv(folder / "he_litterman_inputs.csv", index_col="country")
    expected = json.loads((folder / "he_litterman_expected.json").read_text())
    volatility, weight = table["vol"].to_numpy(), table["mkt_weight"].to_numpy()
    cov = table.filter(like="corr_").to_numpy() * np.outer(volatility, volatility)
    premium = expected["delta"] * weight @ cov @ weight
    found = 100.0 * implied_returns(cov, weight, 0.0, premium)
    # The table is in tenths of a per cent.
    assert np.round(found, 1).tolist() == expected["expected_percent"]["pi"]


@pytest.mark.parametrize("number", [1, 2])
def test_the_frontiers_of_the_or_library_at_all_two_thousand_points(shared_data, number):
    folder = shared_data / "frontier" / "orlib"
    tokens = (folder / f"port{number}.txt").read_text().split()
    n = int(tokens[0])
    mu, deviation = np.array(tokens[1 : 1 + 2 * n], dtype=float).reshape(n, 2).T
    i, j, correlation = np.array(tokens[1 + 2 * n :], dtype=float).reshape(-1, 3).T
    cov = np.zeros((n, n))
    cov[i.astype(int) - 1, j.astype(int) - 1] = cov[j.astype(int) - 1, i.astype(int) - 1] = correlation
    frontier = EfficientFrontier(mu, cov * np.outer(deviation, deviation))

    returns, variances = np.loadtxt(folder / f"portef{number}.txt").T
    assert len(returns) == 2000
    # The last return is printed a little below that of minimum variance.
    within = np.maximum(returns, frontier.min_variance().expected_return)
    assert within == pytest.approx(returns, abs=1e-7)
    found = np.array([frontier.at_return(r).volatility ** 2 for r in within])
    np.testing.assert_array_less(np.abs(found - variances), np.maximum(1e-9, 5e-7 * variances))


def test_the_corner_portfolios_of_published_cases(shared_data):
    cases = json.loads((shared_data / "frontier" / "cla" / "corner_portfolios_cases.json").read_text())
    assert len(cases) == 3
    for case in cases:
        frontier = EfficientFrontier(case["mu"], case["cov"], case["lb"], case["ub"])
        weights, multipliers = zip(*case["corner"], strict=True)
        assert len(frontier.turning_points) == len(weights), case["name"]
        for point, corner, multiplier in zip(frontier.turning_points, weights, multipliers, strict=True):
            assert point.weights == pytest.approx(corner, abs=1e-12), case["name"]
            assert point.multiplier == pytest.approx(multiplier, abs=1e-12), case["name"]


def test_riskfolios_minimum_variance_and_sharpe_portfolios(shared_data):
    folder = shared_data / "frontier" / "riskfolio"
    prices = pd.read_csv(folder / "stock_prices.csv.gz", index_col=0).drop(columns="SPY")
    returns = prices.pct_change().iloc[-200:]
    frontier = EfficientFrontier(returns.mean(), returns.cov())
    for name, found in {
        "Classic_MinRisk": frontier.min_variance(),
        "Classic_Sharpe": frontier.max_sharpe(risk_free=0.0),
    }.items():
        published = pd.read_csv(folder / f"{name}.csv", index_col=0)["MV"]
        assert found.weights == pytest.approx(published[returns.columns], abs=5e-7), name


# --- the frontier ---------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(seeds, st.floats(0.3, 1.0))
def test_no_portfolio_beats_the_frontier(seed, cap):
    mu, cov, _ = random_market(seed)
    upper = max(cap, 1.2 / len(mu))
    frontier = EfficientFrontier(mu, cov, 0.0, upper)
    assert (np.diff([point.expected_return for point in frontier.turning_points]) <= 1e-12).all()
    assert (np.diff([point.volatility for point in frontier.turning_points]) <= 1e-12).all()
    for w in np.random.default_rng(seed).dirichlet(np.ones(len(mu)), size=50):
        if w.max() <= upper:
            assert frontier.at_volatility(np.sqrt(w @ cov @ w)).expected_return >= mu @ w - 1e-12


@settings(max_examples=40)
@given(seeds, st.floats(0.0, 1.0))
@example(98, 0.0)  # the least volatility, which no turning point but for rounding has
def test_a_point_of_given_return_and_one_of_its_volatility_are_the_same(seed, place):
    mu, cov, _ = random_market(seed)
    frontier = EfficientFrontier(mu, cov, 0.0, 0.9)
    least, greatest = frontier.min_variance(), frontier.turning_points[0]
    r = least.expected_return + place * (greatest.expected_return - least.expected_return)
    point = frontier.at_return(r)
    assert point.expected_return == pytest.approx(r, abs=1e-13)
    assert point.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert point.volatility == pytest.approx(np.sqrt(point.weights @ cov @ point.weights), rel=1e-12)
    again = frontier.at_volatility(point.volatility)
    assert again.volatility == pytest.approx(point.volatility, rel=1e-12)
    assert again.expected_return == pytest.approx(r, abs=1e-7)


@settings(max_examples=40)
@given(seeds)
def test_the_multiplier_of_a_point_proves_it_optimal(seed):
    mu, cov, _ = random_market(seed)
    for point in EfficientFrontier(mu, cov, 0.0, 0.9).points(7):
        gradient = cov @ point.weights - point.multiplier * mu
        reduced = gradient[None, :] - gradient[:, None]
        w = point.weights
        gap = np.maximum(w * reduced, (w - 0.9) * reduced).sum(axis=1).min()
        assert gap <= 1e-12 * max(1.0, point.multiplier)


@settings(max_examples=40)
@given(seeds, st.floats(0.02, 0.25), st.floats(-0.02, 0.05))
def test_under_implied_returns_the_anchor_has_the_greatest_sharpe_ratio(seed, premium, risk_free):
    _, cov, anchor = random_market(seed)
    mu = implied_returns(cov, anchor, risk_free, premium)
    assert mu @ anchor == pytest.approx(risk_free + premium, abs=1e-14)
    best = EfficientFrontier(mu, cov).max_sharpe(risk_free)
    np.testing.assert_allclose(best.weights, anchor, atol=1e-9)


@settings(max_examples=25)
@given(seeds, st.floats(-0.05, 0.05))
def test_no_random_portfolio_has_a_greater_sharpe_ratio(seed, risk_free):
    mu, cov, _ = random_market(seed)
    if mu.max() <= risk_free:
        return
    best = EfficientFrontier(mu, cov).max_sharpe(risk_free)
    others = np.random.default_rng(seed).dirichlet(np.full(len(mu), 0.5), size=300)
    ratios = (others @ mu - risk_free) / np.sqrt(np.einsum("ij,jk,ik->i", others, cov, others))
    assert (best.expected_return - risk_free) / best.volatility >= ratios.max() - 1e-12


def test_points_are_evenly_spaced_in_return_from_minimum_variance_up():
    mu, cov, _ = random_market(5, n=8)
    frontier = EfficientFrontier(mu, cov)
    points = frontier.points(21)
    steps = np.diff([point.expected_return for point in points])
    assert len(points) == 21
    assert steps == pytest.approx(np.full(20, steps.mean()), rel=1e-9)
    assert points[0].weights == pytest.approx(frontier.min_variance().weights, abs=1e-12)
    assert points[-1].weights[mu.argmax()] == pytest.approx(1.0)


def test_group_limits_are_kept_and_the_best_within_them_is_found():
    mu, cov, _ = random_market(11, n=6)
    G, h = np.array([[1.0, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0]]), np.array([0.3, 0.25])
    frontier = EfficientFrontier(mu, cov, 0.0, 0.6, G, h)
    for point in frontier.points(5):
        assert (G @ point.weights <= h + 1e-12).all()
        reference = minimize(
            lambda w: 1e2 * w @ cov @ w,
            np.full(6, 1 / 6),
            jac=lambda w: 2e2 * cov @ w,
            bounds=[(0.0, 0.6)] * 6,
            constraints=[
                {"type": "eq", "fun": lambda w: w.sum() - 1.0},
                {"type": "ineq", "fun": lambda w, r=point.expected_return: mu @ w - r},
                {"type": "ineq", "fun": lambda w: h - G @ w},
            ],
            options={"ftol": 1e-15, "maxiter": 500},
        )
        assert point.volatility**2 == pytest.approx(reference.fun / 1e2, rel=1e-6)


def test_one_name_is_its_own_frontier():
    frontier = EfficientFrontier([0.06], [[0.04]])
    assert frontier.min_variance() == frontier.at_return(0.06) == frontier.max_sharpe(0.02)
    assert (frontier.min_variance().expected_return, frontier.min_variance().volatility) == (0.06, 0.2)
    assert [point.volatility for point in frontier.points(3)] == [0.2] * 3


def test_two_names_by_hand():
    # Uncorrelated, variances 0.01 and 0.04: minimum variance holds 0.8 and 0.2.
    frontier = EfficientFrontier([0.05, 0.10], np.diag([0.01, 0.04]))
    assert frontier.min_variance().weights == pytest.approx([0.8, 0.2])
    assert frontier.at_return(0.08).weights == pytest.approx([0.4, 0.6])
    # Tangency weights are in proportion to (μ − rf)/variance: 3 and 2 at rf = 2 %.
    assert frontier.max_sharpe(0.02).weights == pytest.approx([0.6, 0.4])
    # 0.01 (1 − x)² + 0.04 x² = 0.02 where x = (1 + √6)/5.
    assert frontier.at_volatility(np.sqrt(0.02)).weights[1] == pytest.approx((1 + np.sqrt(6)) / 5)


def test_names_that_may_not_be_held_take_no_part():
    mu, cov, _ = random_market(3, n=6)
    some = EfficientFrontier(mu, cov, 0.0, [1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    held = [0, 2, 4, 5]
    fewer = EfficientFrontier(mu[held], cov[np.ix_(held, held)])
    for point, expected in zip(some.points(5), fewer.points(5), strict=True):
        assert point.weights[held] == pytest.approx(expected.weights, abs=1e-12)
        assert point.weights[[1, 3]].tolist() == [0.0, 0.0]


def test_names_of_equal_return_share_the_top_of_the_frontier_by_risk():
    frontier = EfficientFrontier([0.08, 0.08, 0.05], np.diag([0.01, 0.04, 0.02]))
    assert frontier.turning_points[0].weights == pytest.approx([0.8, 0.2, 0.0])


@pytest.mark.parametrize("risk_free", [0.10, 0.12, float("nan")])
def test_where_no_return_is_above_the_risk_free_rate_there_is_no_tangency_portfolio(risk_free):
    with pytest.raises(InfeasibleError, match=r"no expected return is above .*: use the minimum-variance"):
        EfficientFrontier([0.05, 0.10], np.diag([0.01, 0.04])).max_sharpe(risk_free)


@pytest.mark.parametrize("r", [0.05, 0.11, float("nan")])
def test_returns_off_the_frontier_are_refused_with_its_range(r):
    with pytest.raises(InfeasibleError, match="off the efficient frontier, which runs from 6 % to 10 %"):
        EfficientFrontier([0.05, 0.10], np.diag([0.01, 0.04])).at_return(r)


@pytest.mark.parametrize("s", [0.05, -0.2, float("nan")])
def test_a_volatility_below_the_least_is_refused(s):
    frontier = EfficientFrontier([0.05, 0.10], np.diag([0.01, 0.04]))
    with pytest.raises(InfeasibleError, match=r"is below the least possible, 8\.944 %"):
        frontier.at_volatility(s)
    assert frontier.at_volatility(9.0).weights == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (([0.05], np.eye(2)), InputError, r"mu has shape \(1,\) and cov \(2, 2\)"),
        (
            ([0.05, 0.1], np.eye(2), [0.0] * 3),
            InputError,
            "bounds must be one number, or one for each of the 2",
        ),
        (([0.05, 0.1], np.eye(2), 0.0, 0.4), InfeasibleError, "sum to 0 and 0.8 cannot sum to 1"),
        (([0.05, 0.1], [[1, 0.5], [0.4, 1]]), InputError, "cov is not symmetric: entry 1, 2 is 0.5"),
        (([0.05, 0.1], [[1, 2], [2, 1]]), InputError, "cov is no covariance: its smallest eigenvalue is -1"),
        (([0.05, 0.1], np.eye(2), 0.0, 1.0, [[1, 0]]), InputError, "group limits need both G and h"),
        (
            ([0.05, 0.1], np.eye(2), 0.0, 1.0, [[1, 0, 0]], [1]),
            InputError,
            r"G has shape \(1, 3\) and h \(1,\)",
        ),
        (([0.05, 0.1], np.eye(2), 0.0, 1.0, [[1, np.nan]], [1]), InputError, "G: entry 1, 2 is missing"),
        (
            ([0.05, 0.1], np.eye(2), 0.0, 1.0, [[1, 1]], [0.5]),
            InfeasibleError,
            "because of group limit 1; the nearest limits that can be met have group limit 1 at 1 instead of",
        ),
        (([0.05], [[1.0]], 0.0, 1.0, [[1]], [0.5]), InfeasibleError, "because of group limit 1; the nearest"),
    ],
)
def test_unusable_input_is_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        EfficientFrontier(*arguments)


def test_a_frontier_has_at_least_two_points():
    with pytest.raises(InputError, match="1 points asked for; a frontier has at least 2"):
        EfficientFrontier([0.05, 0.10], np.eye(2)).points(1)


# --- estimates ------------------------------------------------------------------------------------------


def shrinkage_by_hand(returns):
    """Return Ledoit and Wolf's (2004) estimate from their equations, and the weight of its target."""
    months, n = returns.shape
    x = returns - returns.mean(axis=0)
    sample = x.T @ x / months
    target = np.trace(sample) / n * np.eye(n)
    apart = ((sample - target) ** 2).sum()
    noise = sum(((np.outer(row, row) - sample) ** 2).sum() for row in x) / months**2
    weight = min(noise, apart) / apart
    return weight * target + (1.0 - weight) * sample, weight


@pytest.mark.parametrize(("months", "n"), [(60, 5), (60, 30), (36, 80)])
def test_the_covariance_is_ledoit_and_wolfs_and_positive_definite(months, n):
    rng = np.random.default_rng(months + n)
    returns = 0.04 * rng.normal(size=(months, n)) + 0.03 * rng.normal(size=(months, 1))
    found = ledoit_wolf(returns)
    matrix, weight = shrinkage_by_hand(returns)
    np.testing.assert_allclose(found.matrix, 12.0 * matrix, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.matrix, 12.0 * LedoitWolf().fit(returns).covariance_, rtol=1e-10)
    assert found.shrinkage == pytest.approx(weight, rel=1e-10)
    assert 0.0 < found.shrinkage < 1.0
    assert np.linalg.eigvalsh(found.matrix)[0] > 0.0
    assert found.months == months


def test_one_name_has_its_sample_variance():
    returns = np.array([[0.01], [0.03], [-0.02], [0.02]])
    assert ledoit_wolf(returns).matrix == pytest.approx(12.0 * returns.var(keepdims=True))


@pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.array([[0.1, np.nan]]), np.zeros(5)])
def test_returns_with_gaps_have_no_covariance(bad):
    with pytest.raises(InputError, match="months by names, without gaps"):
        ledoit_wolf(bad)


@given(seeds)
def test_the_anchor_has_beta_one(seed):
    _, cov, anchor = random_market(seed)
    assert anchor @ betas(cov, anchor) == pytest.approx(1.0, abs=1e-14)


def test_beta_is_covariance_over_variance():
    assert betas(np.array([[0.04, 0.01], [0.01, 0.09]]), np.array([1.0, 0.0])) == pytest.approx([1.0, 0.25])


def test_an_anchor_that_never_moves_has_no_betas():
    with pytest.raises(InputError, match="the anchor portfolio has no variance"):
        betas(np.zeros((2, 2)), np.array([0.5, 0.5]))


def test_historical_returns_are_twelve_monthly_means():
    assert historical_returns(np.array([[0.01, 0.0], [0.03, -0.02]])) == pytest.approx([0.24, -0.12])


@settings(max_examples=30)
@given(seeds, st.integers(36, 120))
def test_bayes_stein_returns_lie_between_the_mean_and_the_grand_mean(seed, months):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    returns = 0.01 + 0.05 * rng.normal(size=(months, n))
    cov = ledoit_wolf(returns).matrix
    inverse = np.linalg.inv(cov)
    mean = 12.0 * returns.mean(axis=0)
    grand = (inverse @ mean).sum() / inverse.sum()
    # Jorion's weight of the grand mean, in monthly terms.
    apart = returns.mean(axis=0) - grand / 12.0
    weight = (n + 2) / (n + 2 + months * apart @ (12.0 * inverse) @ apart)
    found = bayes_stein_returns(returns, cov)
    assert found == pytest.approx((1.0 - weight) * mean + weight * grand, abs=1e-12)
    assert (np.abs(found - grand) <= np.abs(mean - grand) + 1e-15).all()


# --- adjusted return ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("risk", "shift"),
    [
        *(("high", 0.02), ("medium", 0.0), ("low", -0.01), ("High", 0.02)),
        *((1, -0.01), (2, -0.01), (3, -0.02 / 3), (5, 0.0), (6, 0.004), (8, 0.012), (10, 0.02)),
    ],
)
def test_the_target_moves_with_risk_tolerance(risk, shift):
    assert alpha(risk) == pytest.approx(shift, abs=1e-15)
    assert adjusted_return(0.08, risk) == pytest.approx(0.08 + shift, abs=1e-15)


def test_a_policy_states_its_own_shifts():
    assert alpha("high", SleevePolicy(alpha=(0.0, 0.0, 0.0, 0.05))) == 0.05


@pytest.mark.parametrize(("r", "risk"), [(float("nan"), "high"), (0.08, "extreme"), (0.08, 0.5), (0.08, 11)])
def test_no_number_and_no_such_risk_are_refused(r, risk):
    with pytest.raises(InputError, match=r"must be a finite number|low, medium, high or a number"):
        adjusted_return(r, risk)


def test_a_policy_asks_for_no_more_months_at_least_than_at_most():
    with pytest.raises(InputError, match=r"minimum_months is 48, more than history_months \(36\)"):
        SleevePolicy(history_months=36, minimum_months=48)
