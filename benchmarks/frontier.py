"""A hundred long-only frontier portfolios: pyalloc's exact ones beside those of its peers.

Correctness comes first: every portfolio is held against a lower bound on the variance of any portfolio of
its return, which weak duality gives whoever found it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import paired, show
from pyalloc.frontier import EfficientFrontier

FloatArray: TypeAlias = NDArray[np.float64]
Solver: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
"""From returns, shape (periods, n), and targets, shape (k,), to weights, shape (at most k, n)."""

NAMES: Final = (20, 100)
POINTS: Final = 100
ROUNDS: Final = 3
OURS: Final = "pyalloc"
RIVALS: Final = {"PyPortfolioOpt": "pypfopt", "skfolio": "skfolio"}


def run() -> None:
    """Judge and time the candidates that are installed, for each number of names."""
    missing = [rival for rival, module in RIVALS.items() if find_spec(module) is None]
    if missing:
        print(f"\nFrontier without {' and '.join(missing)}: install the extra bench to compare with them")
    solvers: dict[str, Solver] = {OURS: _pyalloc, "PyPortfolioOpt": _pypfopt, "skfolio": _skfolio}
    installed = {name: solver for name, solver in solvers.items() if name not in missing}
    for n in NAMES:
        _compare(_returns(n), installed)


def _compare(returns: FloatArray, solvers: Mapping[str, Solver]) -> None:
    frontier = EfficientFrontier(returns.mean(axis=0), np.cov(returns, rowvar=False))
    targets = np.array([point.expected_return for point in frontier.points(POINTS)])
    notes = {}
    for name, solver in solvers.items():
        weights = solver(returns, targets)
        notes[name] = (
            f"{len(weights)} of {POINTS} found, variance above the bound by at most "
            f"{_largest_excess(frontier, weights):.0e} of it"
        )
    seconds = paired({name: partial(solver, returns, targets) for name, solver in solvers.items()}, ROUNDS)
    show(f"Frontier of {returns.shape[1]} names, ratio to {OURS}", seconds, OURS, notes)


def _returns(n: int) -> FloatArray:
    """Return made-up yearly returns; their sample moments are the problem that all candidates solve."""
    rng = np.random.default_rng(n)
    market = rng.normal(0.0, 0.16, (3 * n, 1))
    returns = market * rng.uniform(0.6, 1.4, n) + rng.normal(0.0, 0.25, (3 * n, n))
    return np.asarray(returns - returns.mean(axis=0) + rng.uniform(0.02, 0.12, n))


def _pyalloc(returns: FloatArray, targets: FloatArray) -> FloatArray:
    frontier = EfficientFrontier(returns.mean(axis=0), np.cov(returns, rowvar=False))
    return np.array([point.weights for point in frontier.points(len(targets))])


def _pypfopt(returns: FloatArray, targets: FloatArray) -> FloatArray:
    """Return what it finds with one problem whose target moves, and a better solver than its default."""
    from pypfopt import EfficientFrontier as Rival
    from pypfopt.exceptions import OptimizationError

    rival = Rival(returns.mean(axis=0), np.cov(returns, rowvar=False), solver="CLARABEL")
    found = []
    for target in targets:
        try:
            found.append(list(rival.efficient_return(target).values()))
        except (OptimizationError, ValueError):
            continue
    return np.array(found)


def _skfolio(returns: FloatArray, targets: FloatArray) -> FloatArray:
    """Return what one model finds, asked for all returns at once; the last a hair lower, to be in reach."""
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk

    least = np.minimum(targets, targets[-1] - 1e-9)
    return np.asarray(MeanRisk(risk_measure=RiskMeasure.VARIANCE, min_return=least).fit(returns).weights_)


def _largest_excess(frontier: EfficientFrontier, weights: FloatArray) -> float:
    """Return by which fraction a portfolio's variance exceeds the bound at its own return, at most.

    Weights are first made long-only and fully invested, as whoever uses them has to. For x on the frontier
    with multiplier λ, convexity and weak duality give ``½ vᵀΣv ≥ min(Σx − λμ) + λr − ½ xᵀΣx`` for every v of
    return r.
    """
    mu, cov = frontier.mu, frontier.cov
    lowest = frontier.min_variance().expected_return
    excess = []
    for found in weights:
        w = np.maximum(found, 0.0) / np.maximum(found, 0.0).sum()
        r = float(mu @ w)
        x = frontier.at_return(max(r, lowest))
        exposure = cov @ x.weights
        slope = exposure - x.multiplier * mu
        bound = 2.0 * (slope.min() + x.multiplier * r) - x.weights @ exposure
        excess.append(float(w @ cov @ w / bound) - 1.0)
    return max(excess)
