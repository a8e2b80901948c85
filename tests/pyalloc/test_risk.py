"""Risk contributions add up; equal-risk weights are those of the papers; what can bear no risk is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc.errors import InfeasibleError, InputError
from pyalloc.frontier import equal_risk_weights, risk_contributions

seeds = st.integers(0, 2**32 - 1)
VOLATILITIES = np.array([0.1, 0.2, 0.3, 0.4])


def covariance(correlations, volatilities=VOLATILITIES):
    """Return the covariance of volatilities and of correlations by pair of names."""
    matrix = np.eye(len(volatilities))
    for (i, j), correlation in correlations.items():
        matrix[i - 1, j - 1] = matrix[j - 1, i - 1] = correlation
    return matrix * np.outer(volatilities, volatilities)


def sample(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    returns = rng.normal(size=(2 * n + 2, n)) * rng.uniform(0.01, 0.5, n) + 0.1 * rng.normal(
        size=(2 * n + 2, 1)
    )
    return np.cov(returns, rowvar=False).reshape(n, n)


def test_equal_risk_weights_of_maillard_roncalli_and_teiletche():
    # Two pairs, one alike and one opposed; printed in per cent.
    found = equal_risk_weights(covariance({(1, 2): 0.8, (3, 4): -0.5}))
    assert (100.0 * found).round(1).tolist() == [38.4, 19.2, 24.3, 18.2]


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_under_equal_correlations_equal_risk_is_inverse_volatility(correlation):
    pairs = {(i, j): correlation for i in range(1, 5) for j in range(i + 1, 5)}
    found = equal_risk_weights(covariance(pairs))
    assert found == pytest.approx([0.48, 0.24, 0.16, 0.12], abs=1e-14)


@settings(max_examples=60)
@given(seeds)
def test_every_name_bears_the_same_share_of_the_risk(seed):
    cov = sample(seed)
    w = equal_risk_weights(cov)
    assert w.sum() == pytest.approx(1.0, abs=1e-14)
    assert (w > 0.0).all()
    assert risk_contributions(w, cov) == pytest.approx(np.full(len(w), 1.0 / len(w)), rel=1e-12)


@settings(max_examples=30)
@given(seeds)
def test_equal_risk_lies_between_least_variance_and_equal_weights(seed):
    cov = sample(seed)
    n = len(cov)
    w, equal = equal_risk_weights(cov), np.full(n, 1.0 / n)
    least = np.linalg.solve(cov, np.ones(n))
    least /= least.sum()
    assert least @ cov @ least <= w @ cov @ w * (1.0 + 1e-12)
    assert w @ cov @ w <= equal @ cov @ equal * (1.0 + 1e-12)


def test_volatilities_of_very_different_size_are_no_hindrance():
    volatilities = np.array([1e-5, 1.0, 1e3])
    w = equal_risk_weights(covariance({(1, 2): 0.5}, volatilities))
    assert risk_contributions(w, covariance({(1, 2): 0.5}, volatilities)) == pytest.approx([1 / 3] * 3)


def test_the_share_of_a_hedge_is_negative():
    # w = (0.8, 0.2), ρ = −0.5: variances 0.64 and 0.04, covariance −0.08 each way.
    shares = risk_contributions([0.8, 0.2], [[1.0, -0.5], [-0.5, 1.0]])
    assert shares == pytest.approx([0.56 / 0.52, -0.04 / 0.52])


@pytest.mark.parametrize(
    ("cov", "error", "says"),
    [
        ([[1.0, 0.0], [0.0, 0.0]], InputError, "name 2 has no variance, so it can bear no risk"),
        ([[1.0, -1.0], [-1.0, 1.0]], InfeasibleError, "some names cancel each other's risk"),
        ([[1.0, 0.5], [0.4, 1.0]], InputError, "cov is not symmetric"),
        ([1.0, 2.0], InputError, r"mu has shape \(2,\) and cov \(2,\)"),
        ([[np.nan]], InputError, "cov: entry 1, 1 is missing"),
    ],
)
def test_a_covariance_without_equal_risk_is_refused(cov, error, says):
    with pytest.raises(error, match=says):
        equal_risk_weights(cov)


@pytest.mark.parametrize(
    ("weights", "error", "says"),
    [
        ([0.0, 0.0], InfeasibleError, "the variance of the portfolio is 0: nothing can be a share of it"),
        ([0.5, np.nan], InputError, "weights: entry 2 is missing"),
        ([0.5], InputError, "they must be"),
    ],
)
def test_weights_without_shares_of_risk_are_refused(weights, error, says):
    with pytest.raises(error, match=says):
        risk_contributions(weights, np.eye(2))
