"""The same portfolios by pyalloc and by its peers: from one market to weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyalloc.frontier import EfficientFrontier, equal_risk_weights

FloatArray: TypeAlias = NDArray[np.float64]

RISK_FREE: Final = 0.02
OURS: Final = "pyalloc"
MODULES: Final = {"PyPortfolioOpt": "pypfopt", "skfolio": "skfolio"}


class Market(NamedTuple):
    """Made-up yearly returns, shape (3 n, n), and their sample moments: the problem all candidates solve."""

    returns: FloatArray
    mu: FloatArray
    cov: FloatArray


class Limits(NamedTuple):
    """A cap for each name, and limits ``G w <= h`` of sectors."""

    cap: float
    G: FloatArray
    h: FloatArray


Frontier: TypeAlias = Callable[[Market, FloatArray], FloatArray]
"""From a market and target returns, shape (k,), to weights, shape (at most k, n)."""

Portfolio: TypeAlias = Callable[[Market], FloatArray]


def market(n: int) -> Market:
    """Return the market of n names: one factor, own risk, expected returns of 2 to 12 %."""
    rng = np.random.default_rng(n)
    common = rng.normal(0.0, 0.16, (3 * n, 1))
    returns = common * rng.uniform(0.6, 1.4, n) + rng.normal(0.0, 0.25, (3 * n, n))
    returns = np.asarray(returns - returns.mean(axis=0) + rng.uniform(0.02, 0.12, n))
    return Market(returns, returns.mean(axis=0), np.cov(returns, rowvar=False))


def sector_limits(n: int) -> Limits:
    """Return a cap of 5 % or 1.5/n and eleven sectors of at most 15 %."""
    sectors = np.arange(11)[:, None] == np.arange(n) % 11
    return Limits(max(0.05, 1.5 / n), sectors.astype(np.float64), np.full(11, 0.15))


def installed(candidates: Mapping[str, Any]) -> dict[str, Any]:
    """Return the candidates whose library is there."""
    return {name: one for name, one in candidates.items() if name not in MODULES or find_spec(MODULES[name])}


# --- a hundred portfolios -------------------------------------------------------------------------------


def pyalloc_frontier(given: Market, targets: FloatArray) -> FloatArray:
    """Return exact, certified portfolios evenly spaced in return."""
    return np.array([p.weights for p in EfficientFrontier(given.mu, given.cov).points(len(targets))])


def pyalloc_limited(given: Market, targets: FloatArray, limits: Limits) -> FloatArray:
    """Return them within limits."""
    frontier = EfficientFrontier(given.mu, given.cov, 0.0, *limits)
    return np.array([p.weights for p in frontier.points(len(targets))])


def cvxcla_frontier(given: Market, targets: FloatArray, limits: Limits | None = None) -> FloatArray:
    """Return exact portfolios: between turning points weights are linear in return."""
    from cvxcla import CLA

    n = len(given.mu)
    rows = {} if limits is None else {"g": limits.G, "h": limits.h}
    upper = np.full(n, 1.0 if limits is None else limits.cap)
    traced = CLA(given.mu, given.cov, np.zeros(n), upper, np.ones((1, n)), np.ones(1), **rows)
    weights = np.array([point.weights for point in traced.turning_points])[::-1]
    returns = weights @ given.mu
    above = np.clip(np.searchsorted(returns, targets), 1, len(returns) - 1)
    share = (targets - returns[above - 1]) / np.maximum(returns[above] - returns[above - 1], 1e-300)
    return weights[above - 1] + share.clip(0.0, 1.0)[:, None] * (weights[above] - weights[above - 1])


def piqp_frontier(given: Market, targets: FloatArray) -> FloatArray:
    """Return one quadratic programme a target, set up once."""
    import piqp

    n, rows = len(given.mu), np.vstack([np.ones_like(given.mu), given.mu])
    solver = piqp.DenseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-9
    none = (None, None, None)
    solver.setup(given.cov, np.zeros(n), rows, np.array([1.0, targets[0]]), *none, np.zeros(n), np.ones(n))
    found = []
    for target in targets:
        solver.update(b=np.array([1.0, target]))
        solver.solve()
        found.append(np.array(solver.result.x))
    return np.array(found)


def pypfopt_frontier(given: Market, targets: FloatArray) -> FloatArray:
    """Return what it finds with one problem whose target moves, and a better solver than its default."""
    from pypfopt import EfficientFrontier as Rival
    from pypfopt.exceptions import OptimizationError

    rival = Rival(given.mu, given.cov, solver="CLARABEL")
    found = []
    for target in targets:
        try:
            found.append(list(rival.efficient_return(target).values()))
        except (OptimizationError, ValueError):
            continue
    return np.array(found)


def skfolio_frontier(given: Market, targets: FloatArray) -> FloatArray:
    """Return what one model finds, asked for all returns at once; the last a hair lower, to be in reach."""
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk

    least = np.minimum(targets, targets[-1] - 1e-9)
    model = MeanRisk(risk_measure=RiskMeasure.VARIANCE, min_return=least).fit(given.returns)
    return np.atleast_2d(np.asarray(model.weights_))


# --- one portfolio --------------------------------------------------------------------------------------


def _pypfopt(given: Market, method: str, **arguments: float) -> FloatArray:
    from pypfopt import EfficientFrontier as Rival

    rival = Rival(given.mu, given.cov, solver="CLARABEL")
    return np.array(list(getattr(rival, method)(**arguments).values()))


def _cvxcla_traced(given: Market) -> Any:
    from cvxcla import CLA

    n = len(given.mu)
    return CLA(given.mu, given.cov, np.zeros(n), np.ones(n), np.ones((1, n)), np.ones(1))


def _cvxcla_tangency(given: Market) -> FloatArray:
    shifted = given._replace(mu=given.mu - RISK_FREE)  # its Sharpe ratio has no risk-free rate
    return np.asarray(_cvxcla_traced(shifted).frontier.max_sharpe[1])


def _skfolio_tangency(given: Market) -> FloatArray:
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    model = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_free_rate=RISK_FREE)
    return np.asarray(model.fit(given.returns).weights_)


def _skfolio_least(given: Market) -> FloatArray:
    from skfolio.optimization import MeanRisk

    return np.asarray(MeanRisk().fit(given.returns).weights_)


def _skfolio_equal_risk(given: Market) -> FloatArray:
    from skfolio.optimization import RiskBudgeting

    return np.asarray(RiskBudgeting().fit(given.returns).weights_)


LEAST_RISK: Final[dict[str, Portfolio]] = {
    OURS: lambda given: EfficientFrontier(given.mu, given.cov).min_variance().weights,
    "cvxcla": lambda given: np.asarray(_cvxcla_traced(given).turning_points[-1].weights),
    "PyPortfolioOpt": lambda given: _pypfopt(given, "min_volatility"),
    "skfolio": _skfolio_least,
}
BEST_RATIO: Final[dict[str, Portfolio]] = {
    OURS: lambda given: EfficientFrontier(given.mu, given.cov).max_sharpe(RISK_FREE).weights,
    "cvxcla": _cvxcla_tangency,
    "PyPortfolioOpt": lambda given: _pypfopt(given, "max_sharpe", risk_free_rate=RISK_FREE),
    "skfolio": _skfolio_tangency,
}
EQUAL_RISK: Final[dict[str, Portfolio]] = {
    OURS: lambda given: equal_risk_weights(given.cov),
    "skfolio": _skfolio_equal_risk,
}
