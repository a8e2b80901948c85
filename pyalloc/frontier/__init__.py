"""The stock sleeve's risk and return: estimates, efficient frontier, adjusted return, target portfolio."""

from pyalloc.frontier.efficient import EfficientFrontier, FrontierPoint
from pyalloc.frontier.estimates import (
    Covariance,
    bayes_stein_returns,
    betas,
    historical_returns,
    implied_returns,
    ledoit_wolf,
)
from pyalloc.frontier.risk import equal_risk_weights, risk_contributions
from pyalloc.frontier.target import (
    SleevePolicy,
    TargetPortfolio,
    adjusted_return,
    alpha,
    attainable_returns,
    minimum_variance_weights,
    target_weights,
)

__all__ = [
    "Covariance",
    "EfficientFrontier",
    "FrontierPoint",
    "SleevePolicy",
    "TargetPortfolio",
    "adjusted_return",
    "alpha",
    "attainable_returns",
    "bayes_stein_returns",
    "betas",
    "equal_risk_weights",
    "historical_returns",
    "implied_returns",
    "ledoit_wolf",
    "minimum_variance_weights",
    "risk_contributions",
    "target_weights",
]
