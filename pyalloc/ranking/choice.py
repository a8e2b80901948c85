"""The ranking in force at a close: the policy's model as it stood then, and what its record was then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import MissingHistoryError
from pyalloc.ranking.models import LinearRanker
from pyalloc.ranking.ranker import StockRanker
from pyalloc.stocks import FEATURES, Ranker, StockPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyalloc.ranking.skill import SkillReport

FloatArray = NDArray[np.float64]

CANDIDATE: Final = "ridge"
"""The model that ``auto`` holds against momentum: the one whose reasons can be read."""

FIGURES: Final = (
    "mean rank IC",
    "t-value",
    "hit rate",
    "spread of tenths after costs, a month",
    "turnover of a tenth, a month",
    "months",
    "rank IC from",
    "rank IC to",
)
"""What :func:`skill_figures` returns, in this order; the last two bound the mean at 95 %."""

NOT_TRAINED: Final = "not trained"


@dataclass(frozen=True, eq=False)
class Ranking:
    """What scores the stocks of one close.

    Attributes
    ----------
    model : str
        The model in force; where the policy says ``auto``, what that came to.
    ranker : Ranker
        The model itself, as fitted at the time.
    trained : str
        Which outcomes it learned from, or that it did not learn.
    judged : str
        The model that the record is of: the policy's, or the one that ``auto`` held against momentum.
    skill, momentum : ndarray, shape (8,)
        Its out-of-sample :data:`FIGURES`, and those of momentum in the same months, as known then; 0 where
        there are none.
    verdict : str
        What the figures say.
    warns : bool
        Whether a reader has to be told: a model in force, or asked for, that does not beat momentum.
    """

    model: str
    ranker: Ranker
    trained: str
    judged: str
    skill: FloatArray
    momentum: FloatArray
    verdict: str
    warns: bool = False

    @property
    def coefficients(self) -> FloatArray:
        """Coefficient of each feature's rank, shape (k,); 0 where the model is not linear."""
        if isinstance(self.ranker, LinearRanker):
            return self.ranker.coefficients
        return np.zeros(len(FEATURES))

    @property
    def intercept(self) -> float:
        """Intercept of a linear model, else 0."""
        return self.ranker.intercept if isinstance(self.ranker, LinearRanker) else 0.0


def stock_ranker(policy: StockPolicy, model: str) -> StockRanker:
    """Return the unfitted ranker of a model with the policy's settings."""
    return StockRanker(
        model=model,
        window=policy.training_window,
        minimum_months=policy.training_minimum,
        refit_months=policy.refit_months,
        embargo_months=policy.embargo_months,
        penalty=policy.ridge_penalty,
        cost=policy.ranking_cost,
    )


def ranking_at(day: date, policy: StockPolicy, fitted: Callable[[str], StockRanker]) -> Ranking:
    """Return the ranking that a policy asks for, as it stood on a day.

    Parameters
    ----------
    day : date
    policy : StockPolicy
    fitted : callable
        Returns the fitted ranker of a model by its name.

    Raises
    ------
    MissingHistoryError
        Where the model asked for cannot have been trained by then. ``auto`` uses momentum instead.
    """
    if policy.ranker != "auto":
        ranker = fitted(policy.ranker)
        report = ranker.skill_in(day)
        warns = report.momentum is not None and not report.beats_momentum
        return _ranking(ranker, day, report, report.verdict, warns=warns)
    try:
        ranker = fitted(CANDIDATE)
        report = ranker.skill_in(day)
        ranker.fit_in(day)
    except MissingHistoryError as error:
        plain = fitted("momentum")
        return _ranking(plain, day, plain.skill_in(day), f"Momentum is used: {error}.", warns=True)
    if report.beats_momentum:
        return _ranking(ranker, day, report, f"Ridge is used. {report.verdict}", warns=False)
    verdict = f"Momentum is used: ridge {report.verdict[0].lower()}{report.verdict[1:]}"
    return _ranking(fitted("momentum"), day, report, verdict, warns=True)


def _ranking(ranker: StockRanker, day: date, report: SkillReport, verdict: str, *, warns: bool) -> Ranking:
    fit = ranker.fit_in(day)
    learned = f"learned up to month end {ranker.days_[fit.known - 1]}" if fit.known else NOT_TRAINED
    return Ranking(
        model=ranker.name,
        ranker=fit.ranker,
        trained=learned,
        judged=report.model,
        skill=skill_figures(report),
        momentum=skill_figures(report.momentum or report),
        verdict=verdict,
        warns=warns,
    )


def skill_figures(report: SkillReport) -> FloatArray:
    """Return the report's :data:`FIGURES`, shape (8,); 0 where there is none."""
    figures = (
        report.mean_ic,
        report.t_value,
        report.hit_rate,
        report.mean_spread,
        report.mean_turnover,
        len(report.ic),
        *report.interval,
    )
    return np.nan_to_num(np.array(figures, dtype=np.float64))
