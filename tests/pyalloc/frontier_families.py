"""Families of awkward frontier problems: each draws returns, covariance and bounds from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np


class Problem(NamedTuple):
    """Returns, shape (n,), covariance, shape (n, n), and bounds, shape (n,)."""

    mu: np.ndarray
    cov: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def _long_only(mu, cov):
    return Problem(mu, cov, np.zeros(len(mu)), np.ones(len(mu)))


def _sample(rng, n, periods):
    returns = rng.normal(size=(periods, n)) * rng.uniform(0.1, 0.4, n) + 0.15 * rng.normal(size=(periods, 1))
    return np.cov(returns, rowvar=False).reshape(n, n)


def _returns(rng, n):
    return rng.normal(0.08, 0.04, n)


def _stretched(rng, n, decades):
    """Return a covariance whose eigenvalues span so many decades."""
    axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return _symmetric((axes * 10.0 ** np.linspace(-decades, 0.0, n)) @ axes.T * 0.04)


def _symmetric(matrix):
    return (matrix + matrix.T) / 2.0


def plain(rng, n):
    return _long_only(_returns(rng, n), _sample(rng, n, 3 * n))


def daily_units(rng, n):
    return _long_only(_returns(rng, n) / 252, _sample(rng, n, 3 * n) / 252)


def capped(rng, n):
    return plain(rng, n)._replace(upper=np.full(n, max(1.7 / n, 0.05)))


def equal_caps_that_fill_the_budget_exactly(rng, n):
    return plain(rng, n)._replace(upper=np.full(n, 1.0 / rng.integers(1, n + 1)))


def caps_that_sum_to_one(rng, n):
    return plain(rng, n)._replace(upper=rng.dirichlet(np.ones(n)))


def floors_that_sum_to_one(rng, n):
    return plain(rng, n)._replace(lower=rng.dirichlet(np.ones(n)))


def tight_boxes(rng, n):
    inside = rng.dirichlet(np.ones(n))
    return plain(rng, n)._replace(
        lower=inside * rng.uniform(0.0, 1.0, n), upper=inside + rng.exponential(0.3 / n, n)
    )


def some_pinned(rng, n):
    inside = rng.dirichlet(np.ones(n))
    pinned = rng.random(n) < 0.3
    return plain(rng, n)._replace(lower=np.where(pinned, inside, 0.0), upper=np.where(pinned, inside, 1.0))


def short_sales(rng, n):
    return plain(rng, n)._replace(lower=np.full(n, -0.2), upper=np.full(n, 0.5))


def tied_returns(rng, n):
    problem = plain(rng, n)
    cap = max(1.0 / n, rng.choice([0.1, 0.3, 1.0]))
    return problem._replace(mu=np.round(problem.mu, 2), upper=np.full(n, cap))


def all_returns_equal(rng, n):
    return plain(rng, n)._replace(mu=np.full(n, 0.08))


def nearly_equal_returns(rng, n):
    return plain(rng, n)._replace(mu=0.08 + 10.0 ** -rng.uniform(6, 11) * rng.normal(size=n))


def a_near_tie_at_the_top(rng, n):
    problem = plain(rng, n)
    problem.mu[: min(n, 4)] = 0.3 + 10.0 ** -rng.uniform(8, 13) * np.arange(min(n, 4))
    return problem


def negative_returns(rng, n):
    return plain(rng, n)._replace(mu=-np.abs(_returns(rng, n)) - 0.01)


def a_name_without_risk(rng, n):
    problem = plain(rng, n)
    cash = int(rng.integers(n))
    problem.cov[cash] = problem.cov[:, cash] = 0.0
    return problem


def alike_but_for_return(rng, n):
    return _long_only(np.round(_returns(rng, n), 3), 0.04 * (0.3 + 0.7 * np.eye(n)))


def one_and_two_names(rng, n):
    return plain(rng, 1 + n % 2)


def condition_1e6(rng, n):
    return _long_only(_returns(rng, n), _stretched(rng, n, 6))


def condition_1e12(rng, n):
    return _long_only(_returns(rng, n), _stretched(rng, n, 12))


def fewer_periods_than_names(rng, n):
    return _long_only(_returns(rng, n), _sample(rng, n, max(2, n // 2)))


def fewer_periods_and_caps(rng, n):
    return fewer_periods_than_names(rng, n)._replace(upper=np.full(n, max(1.5 / n, 0.05)))


def duplicates(rng, n):
    mu, cov, lower, upper = plain(rng, n)
    twin = rng.integers(0, max(1, n // 2), n)
    return Problem(mu[twin], cov[np.ix_(twin, twin)], lower, upper)


def capped_duplicates(rng, n):
    return duplicates(rng, n)._replace(upper=np.full(n, max(1.5 / n, 0.05)))


def twins_of_different_return(rng, n):
    return duplicates(rng, n)._replace(mu=_returns(rng, n))


def nearly_duplicates(rng, n):
    problem = duplicates(rng, n)
    noise = 10.0 ** -rng.uniform(5, 9)
    return problem._replace(
        mu=problem.mu + noise * rng.normal(size=n), cov=problem.cov + 0.04 * noise * np.eye(n)
    )


def one_factor(rng, n):
    exposure = rng.uniform(0.1, 0.4, n)
    return _long_only(_returns(rng, n), np.outer(exposure, exposure))


def no_risk_at_all(rng, n):
    return _long_only(_returns(rng, n), np.zeros((n, n)))


Family = Callable[[np.random.Generator, int], Problem]

WELL_POSED: Final[tuple[Family, ...]] = (
    plain,
    daily_units,
    capped,
    equal_caps_that_fill_the_budget_exactly,
    caps_that_sum_to_one,
    floors_that_sum_to_one,
    tight_boxes,
    some_pinned,
    short_sales,
    tied_returns,
    all_returns_equal,
    nearly_equal_returns,
    a_near_tie_at_the_top,
    negative_returns,
    a_name_without_risk,
    alike_but_for_return,
    one_and_two_names,
    condition_1e6,
)
"""The covariance is regular, so that the weights are unique."""

ILL_CONDITIONED: Final[tuple[Family, ...]] = (
    condition_1e12,
    fewer_periods_than_names,
    fewer_periods_and_caps,
    duplicates,
    capped_duplicates,
    twins_of_different_return,
    nearly_duplicates,
    one_factor,
    no_risk_at_all,
)
"""The covariance is singular, or so nearly that rounding decides."""


def drawn(family: Family, seed: int, most: int) -> Problem:
    """Return the problem of a family and seed, of 3 to `most` names."""
    rng = np.random.default_rng([seed, sum(map(ord, family.__name__))])
    return family(rng, int(rng.integers(3, most + 1)))
