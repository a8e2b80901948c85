"""Awkward frontiers by the family: each is certified here anew, and held against cvxcla's where that can be.

The soak size has up to 200 names, the everyday one 60; both have 25 seeds a family.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from scipy.optimize import linprog

from pyalloc.errors import PyallocError
from pyalloc.frontier import EfficientFrontier
from tests.pyalloc.frontier_families import ILL_CONDITIONED, WELL_POSED, drawn

MOST = 200 if os.environ.get("PYALLOC_SOAK") == "1" else 60
SEEDS = range(25)

answered: Counter[str] = Counter()


def worst(problem, frontier):
    """Return the largest relative duality gap of the turning points, and how far one misses its limits."""
    mu, cov, lower, upper = problem
    gap, outside = 0.0, 0.0
    for point in frontier.turning_points:
        w = point.weights
        outside = max(outside, abs(w.sum() - 1.0), (lower - w).max(), (w - upper).max())
        gradient = cov @ w - point.multiplier * mu
        reduced = gradient[None, :] - gradient[:, None]
        left = np.maximum((w - lower) * reduced, (w - upper) * reduced).sum(axis=1).min()
        gap = max(gap, left / (np.trace(cov) / len(mu) + point.multiplier * np.abs(mu).max() or 1.0))
    return gap, outside


def answers(family):
    """Yield seed, problem and frontier of a family; a frontier that is refused is counted and left out."""
    for seed in SEEDS:
        problem = drawn(family, seed, MOST)
        try:
            frontier = EfficientFrontier(*problem)
            answered[frontier.path] += 1
            yield seed, problem, frontier
        except PyallocError:
            answered["refused"] += 1


@pytest.mark.parametrize("family", WELL_POSED, ids=lambda family: family.__name__)
def test_a_well_posed_frontier_is_never_refused_and_exact(family):
    found = list(answers(family))
    assert len(found) == len(SEEDS)
    for seed, problem, frontier in found:
        gap, outside = worst(problem, frontier)
        assert gap <= 1e-12, seed
        assert outside <= 1e-12, seed
        assert frontier.gap <= 1e-12, seed


@pytest.mark.parametrize("family", ILL_CONDITIONED, ids=lambda family: family.__name__)
def test_an_ill_conditioned_frontier_is_certified_or_refused_by_name(family):
    found = list(answers(family))
    assert len(found) >= 0.95 * len(SEEDS)
    for seed, problem, frontier in found:
        gap, outside = worst(problem, frontier)
        assert gap <= 1e-8, seed
        assert outside <= 1e-11, seed


@pytest.mark.parametrize("family", WELL_POSED, ids=lambda family: family.__name__)
def test_weights_that_are_unique_are_those_of_cvxcla(family):
    from pyalloc.frontier.inputs import checked
    from pyalloc.frontier.turning import by_cvxcla

    compared = 0
    for seed in SEEDS:
        problem = drawn(family, seed, MOST)
        if len(problem.mu) > 1 and np.linalg.cond(problem.cov) >= 1e8 and problem.cov.any(axis=0).all():
            continue
        try:
            proof, theirs, _ = by_cvxcla(checked(*problem), None)
        except PyallocError:
            continue  # cvxcla refuses boxes without width
        if not proof.holds(1e-12):
            continue  # nor is it right where returns at the top nearly tie
        ours = EfficientFrontier(*problem).turning_points
        multipliers = [point.multiplier for point in ours]
        weights = np.array([point.weights for point in ours])
        least = min(multipliers[0], theirs.multipliers[0])
        for lam in theirs.multipliers[theirs.multipliers < least]:
            there = [
                np.array([np.interp(lam, m[::-1], w[::-1]) for w in columns.T])
                for m, columns in ((multipliers, weights), (theirs.multipliers, theirs.weights))
            ]
            np.testing.assert_allclose(*there, rtol=0, atol=1e-9, err_msg=str(seed))
        compared += 1
    assert compared >= 1


def sectors(problem, seed):
    """Return limits of up to 11 sectors around a portfolio within the bounds; some leave no room at all."""
    rng = np.random.default_rng(seed)
    n = len(problem.mu)
    member = np.arange(min(11, n))[:, None] == rng.integers(0, min(11, n), n)
    width = problem.upper - problem.lower
    inside = problem.lower + width * (1.0 - problem.lower.sum()) / (width.sum() or 1.0)
    room = rng.uniform(1.0, 1.6, len(member)) if seed % 3 else 1.0
    G = member.astype(float)
    return G, np.maximum(G @ inside * room + 1e-16, G @ problem.lower)


@pytest.mark.parametrize("family", [*WELL_POSED, *ILL_CONDITIONED], ids=lambda family: family.__name__)
def test_no_portfolio_within_sector_limits_is_better(family):
    for seed in range(9):
        problem = drawn(family, seed, 40)
        if problem.lower.min() < 0.0:
            continue
        G, h = sectors(problem, seed)
        mu, cov, lower, upper = problem
        frontier = EfficientFrontier(*problem, G, h)
        points = frontier.turning_points
        for point in {id(p): p for p in (points[0], points[len(points) // 2], points[-1])}.values():
            w = point.weights
            assert (G @ w <= h + 1e-11).all()
            scale = np.trace(cov) / len(mu) + point.multiplier * np.abs(mu).max() or 1.0
            gradient = (cov @ w - point.multiplier * mu) / scale
            # linprog wants a little room where limits leave none.
            box = np.c_[lower, upper + 1e-9]
            best = linprog(
                gradient, A_ub=G, b_ub=h + 1e-9, A_eq=np.ones((1, len(mu))), b_eq=[1.0], bounds=box
            )
            assert gradient @ w - best.fun <= 1e-6, seed


def test_which_path_answered_is_told(capsys):
    for family in (*WELL_POSED, *ILL_CONDITIONED):
        for seed in SEEDS[:3]:
            answered[EfficientFrontier(*drawn(family, seed, 20)).path] += 1
    total = sum(answered.values())
    with capsys.disabled():
        print(f"\n{', '.join(f'{path} {count / total:.1%}' for path, count in answered.most_common())}")
    assert answered["critical line"] >= 0.8 * total
    assert answered["refused"] <= 0.05 * total
