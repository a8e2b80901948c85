"""Frontier portfolios: pyalloc's exact, certified ones beside those of its peers.

Correctness comes first: every portfolio is held against a lower bound on the variance of any portfolio of
its return, which weak duality gives whoever found it. Times include everything from moments to weights: the
checks of the input and the certificate of every turning point.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from math import log
from statistics import median
from typing import Final

import numpy as np

from benchmarks.measure import paired, show
from benchmarks.optimisers import (
    BEST_RATIO,
    EQUAL_RISK,
    LEAST_RISK,
    MODULES,
    OURS,
    RISK_FREE,
    FloatArray,
    Frontier,
    Limits,
    Market,
    Portfolio,
    cvxcla_frontier,
    installed,
    market,
    piqp_frontier,
    pyalloc_frontier,
    pyalloc_limited,
    pypfopt_frontier,
    sector_limits,
    skfolio_frontier,
)
from pyalloc.frontier import (
    EfficientFrontier,
    attainable_returns,
    implied_returns,
    risk_contributions,
    target_weights,
)
from pyalloc.frontier.inputs import checked
from pyalloc.qp import solve_box_qp

NAMES: Final = (20, 100, 500)
GROWTH: Final = (20, 50, 100, 200, 500, 1000)
POINTS: Final = 100
MANY, FEW = 15, 2  # rounds
IN_A_ROW: Final = 5  # calls in one timing of what takes milliseconds
SAMPLE: Final = 4  # of the points, for who takes minutes for all of them

FAST: Final[dict[str, Frontier]] = {
    OURS: pyalloc_frontier,
    "cvxcla": cvxcla_frontier,
}
SLOW: Final[dict[str, Frontier]] = {
    OURS: pyalloc_frontier,
    "piqp": piqp_frontier,
    "PyPortfolioOpt": pypfopt_frontier,
    "skfolio": skfolio_frontier,
}


def run() -> None:
    """Judge and time the candidates that are installed."""
    if missing := MODULES.keys() - installed(dict.fromkeys(MODULES)).keys():
        print(f"\nFrontier without {' and '.join(sorted(missing))}: install the extra bench to compare")
    markets = {n: market(n) for n in NAMES}
    for given in markets.values():
        _frontiers(given, FAST, MANY, POINTS)
    for n, given in markets.items():
        _frontiers(given, installed(SLOW), FEW, POINTS if n < max(NAMES) else SAMPLE)
    for title, candidates in {"Least variance": LEAST_RISK, "Greatest Sharpe ratio": BEST_RATIO}.items():
        _portfolios(title, markets[max(NAMES)], installed(candidates))
    _equal_risk(markets[max(NAMES)])
    for given in markets.values():
        _limited(given, sector_limits(len(given.mu)))
    _target_step()
    _growth()


def _frontiers(given: Market, solvers: Mapping[str, Frontier], rounds: int, points: int) -> None:
    frontier = EfficientFrontier(given.mu, given.cov)
    targets = np.array([point.expected_return for point in frontier.points(POINTS)])
    asked = {name: targets if name == OURS else targets[:: POINTS // points] for name in solvers}
    notes = {}
    for name, solver in solvers.items():
        weights = solver(given, asked[name])
        notes[name] = (
            f"{len(weights)} of {len(asked[name])} found, variance above the bound by at most "
            f"{_largest_excess(frontier, weights):.0e} of it"
        )
    calls = IN_A_ROW if rounds == MANY else 1
    candidates = {name: partial(solver, given, asked[name]) for name, solver in solvers.items()}
    seconds = paired(candidates, rounds, calls)
    seconds = {name: [t * POINTS / len(asked[name]) for t in times] for name, times in seconds.items()}
    sampled = f"; others: {points} points, times {POINTS // points}" if points < POINTS else ""
    show(f"Frontier of {len(given.mu)} names, {POINTS} points{sampled}", seconds, OURS, notes)


def _portfolios(title: str, given: Market, candidates: Mapping[str, Portfolio]) -> None:
    frontier = EfficientFrontier(given.mu, given.cov)
    notes = {}
    for name, candidate in candidates.items():
        w = candidate(given)
        ratio = (w @ given.mu - RISK_FREE) / np.sqrt(w @ given.cov @ w)
        notes[name] = (
            f"volatility {100 * np.sqrt(w @ given.cov @ w):.6f} %, Sharpe ratio {ratio:.8f}, variance above "
            f"the bound by {_largest_excess(frontier, w[None]):.0e}"
        )
    ready = {name: partial(one, given) for name, one in candidates.items()}
    exact = {OURS: ready[OURS], "cvxcla": ready.pop("cvxcla")}
    title = f"{title}, {len(given.mu)} names"
    show(title, paired(exact, MANY, IN_A_ROW), OURS, notes)
    show(title, paired(ready, 2 * FEW), OURS, notes)


def _equal_risk(given: Market) -> None:
    candidates = installed(EQUAL_RISK)
    notes = {}
    for name, candidate in candidates.items():
        shares = risk_contributions(candidate(given), given.cov)
        notes[name] = f"contributions off by at most {np.abs(len(shares) * shares - 1.0).max():.0e} of 1/n"
    seconds = paired({name: partial(one, given) for name, one in candidates.items()}, FEW)
    show(f"Equal risk, {len(given.mu)} names", seconds, OURS, notes)


def _limited(given: Market, limits: Limits) -> None:
    frontier = EfficientFrontier(given.mu, given.cov, 0.0, *limits)
    targets = np.array([point.expected_return for point in frontier.points(POINTS)])
    ours, theirs = pyalloc_limited(given, targets, limits), cvxcla_frontier(given, targets, limits)
    notes = {
        OURS: f"{frontier.path}; largest gap {frontier.gap:.0e} of its scale",
        "cvxcla": f"weights differ by at most {np.abs(ours - theirs).max():.0e}",
    }
    candidates = {
        OURS: partial(pyalloc_limited, given, targets, limits),
        "cvxcla": partial(cvxcla_frontier, given, targets, limits),
    }
    title = f"Frontier of {len(given.mu)} names, {POINTS} points, capped, 11 sector limits"
    show(title, paired(candidates, MANY, IN_A_ROW), OURS, notes)


def _target_step() -> None:
    """Time the sleeve's step to the return target beside the general programme, for an anchor of 60 names."""
    n, premium = 60, 0.08
    rng = np.random.default_rng(n)
    cov, anchor = market(n).cov, rng.dirichlet(np.full(n, 4.0))
    mu = implied_returns(cov, anchor, RISK_FREE, premium)
    lower, upper, target = 0.25 * anchor, np.full(n, 0.1), RISK_FREE + premium - 0.01
    rows, sides = np.vstack([np.ones(n), mu]), np.array([1.0, target])

    def general() -> FloatArray:
        checked(mu, cov, lower, upper)
        attainable_returns(mu, lower, upper)
        return solve_box_qp(cov, -(cov @ anchor), rows, sides, lower, upper).x

    def ours() -> FloatArray:
        return target_weights(mu, cov, target, anchor, lower, upper).weights

    notes = {"general programme": f"weights differ by at most {np.abs(ours() - general()).max():.0e}"}
    show(
        f"Target step, {n} names",
        paired({OURS: ours, "general programme": general}, MANY, IN_A_ROW),
        OURS,
        notes,
    )


def _growth() -> None:
    print(f"\nGrowth with the number of names: median ms for {POINTS} points")
    targets = np.zeros(POINTS)
    medians = {}
    for n in GROWTH:
        given = market(n)
        seconds = paired({OURS: partial(pyalloc_frontier, given, targets)}, 5)[OURS]
        medians[n] = median(seconds)
        print(f"{n:>6}{1e3 * medians[n]:>10.2f}")
    slopes = [log(medians[more] / medians[fewer]) / log(more / fewer) for fewer, more in pairwise(GROWTH)]
    print("times n to the power of " + ", ".join(f"{slope:.1f}" for slope in slopes))


def _largest_excess(frontier: EfficientFrontier, weights: FloatArray) -> float:
    """Return by which fraction a portfolio's variance exceeds the bound at its own return, at most.

    Weights are first made long-only and fully invested, as whoever uses them has to. For x on the frontier
    with multiplier λ, convexity and weak duality give ``½ vᵀΣv ≥ min(Σx − λμ) + λr − ½ xᵀΣx`` for every v of
    return r.
    """
    mu, cov = frontier.mu, frontier.cov
    points = frontier.turning_points
    excess = []
    for found in weights:
        w = np.maximum(found, 0.0) / np.maximum(found, 0.0).sum()
        r = float(mu @ w)
        x = frontier.at_return(min(max(r, points[-1].expected_return), points[0].expected_return))
        exposure = cov @ x.weights
        slope = exposure - x.multiplier * mu
        bound = 2.0 * (slope.min() + x.multiplier * r) - x.weights @ exposure
        excess.append(float(w @ cov @ w / bound) - 1.0)
    return max(excess)
