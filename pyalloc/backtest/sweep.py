"""Many policies over one history, and whether the best of them is distinguishable from luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.backtest.decisions import Mandate
from pyalloc.backtest.result import BacktestResult
from pyalloc.backtest.walk import BAND, FEE, Progress, walk_forward_all
from pyalloc.errors import InputError
from pyalloc.evaluation import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    performance,
    probability_of_backtest_overfitting,
)
from pyalloc.execution import Workers, here

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from pyalloc.profile import InvestorProfile

FloatArray = NDArray[np.float64]

MOST_TRIALS: Final = 500
CONFIDENT: Final = 0.95
"""Deflated Sharpe ratio from which a trial is said to be above luck."""

BLOCKS: Final = 10
"""Blocks of the cross-validation: a year or more each in a decade of months."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Every trial that was run, none left out.

    Attributes
    ----------
    settings : tuple of mapping of str to value
        What each trial changes in the policy, by "section.key".
    results : tuple of BacktestResult
        In the same order.
    monthly : ndarray, shape (months, trials)
        Monthly returns above cash, which the figures below rest on.
    sharpe : ndarray, shape (trials,)
        Per month, not annualised.
    best : int
        The trial of the highest Sharpe ratio.
    luck : float
        The monthly Sharpe ratio that the best of so many trials without skill is expected to show.
    deflated_sharpe : float
        Probability that the best trial's Sharpe ratio is above that.
    overfitting : float
        Probability of backtest overfitting.
    """

    settings: tuple[Mapping[str, Any], ...]
    results: tuple[BacktestResult, ...]
    monthly: FloatArray
    sharpe: FloatArray
    best: int
    luck: float
    deflated_sharpe: float
    overfitting: float

    @property
    def distinguishable(self) -> bool:
        """Whether the best trial can be told from luck, by both measures."""
        return self.deflated_sharpe >= CONFIDENT and self.overfitting <= 1.0 - CONFIDENT

    @property
    def verdict(self) -> str:
        """What the figures say, in sentences for whoever chooses a setting."""
        chosen = ", ".join(f"{key} = {value}" for key, value in self.settings[self.best].items())
        told = "can be told" if self.distinguishable else "cannot be told"
        return (
            f"The best of {len(self.settings)} trials, {chosen}, {told} from luck: the probability that its "
            f"Sharpe ratio is above what the best of so many trials shows by luck is "
            f"{100 * self.deflated_sharpe:.0f} % (deflated Sharpe ratio; {100 * CONFIDENT:.0f} % asked for), "
            f"and what was best in one half of time was below the median in the other in "
            f"{100 * self.overfitting:.0f} % of splits (probability of overfitting; at most "
            f"{100 * (1 - CONFIDENT):.0f} % asked for)."
        )


def sweep_policies(
    base: Mapping[str, Any], grid: Mapping[str, Any]
) -> tuple[tuple[Mapping[str, Any], ...], tuple[Policy, ...]]:
    """Return the settings and the policy of every combination of a grid's values.

    Parameters
    ----------
    base : mapping
        A policy file as parsed; what it leaves out keeps the house value.
    grid : mapping
        The same keys, with a list of values to try in place of a value.

    Raises
    ------
    InputError
        For a value that is no list, a combination that is no policy, fewer than two trials or too many.
    """
    from pyalloc.policy import Policy

    varied: dict[tuple[str, ...], list[Any]] = {}
    for section, content in grid.items():
        entries = content.items() if isinstance(content, Mapping) else [(None, content)]
        for key, values in entries:
            path: tuple[str, ...] = (section,) if key is None else (section, key)
            if not isinstance(values, list) or not values:
                raise InputError(f"sweep: {'.'.join(path)} is {values!r}; give a list of values to try")
            varied[path] = values
    count = int(np.prod([len(values) for values in varied.values()]))
    if not 2 <= count <= MOST_TRIALS:
        raise InputError(f"sweep: {count} combinations; give 2 to {MOST_TRIALS}")
    settings, policies = [], []
    for values in product(*varied.values()):
        document = {key: dict(part) if isinstance(part, Mapping) else part for key, part in base.items()}
        for path, value in zip(varied, values, strict=True):
            if len(path) == 1:
                document[path[0]] = value
            else:
                document.setdefault(path[0], {})[path[1]] = value
        policies.append(Policy.from_document(document, "sweep"))
        settings.append({".".join(path): value for path, value in zip(varied, values, strict=True)})
    return tuple(settings), tuple(policies)


def run_sweep(
    market: MarketData,
    profile: InvestorProfile,
    settings: Sequence[Mapping[str, Any]],
    policies: Sequence[Policy],
    *,
    start: date | None = None,
    end: date | None = None,
    fee: float = FEE,
    band: float = BAND,
    workers: Workers = here,
    on_progress: Progress | None = None,
) -> Sweep:
    """Backtest every policy for one investor and judge the best of them by all that were tried.

    Arguments are those of :func:`pyalloc.backtest.walk_forward`; `settings` and `policies` are those of
    :func:`sweep_policies`.
    """
    mandates = [Mandate(profile, policy) for policy in policies]
    results = walk_forward_all(
        market,
        mandates,
        start=start,
        end=end,
        fee=fee,
        band=band,
        workers=workers,
        on_progress=on_progress,
    )
    return sweep_of(settings, results)


def sweep_of(settings: Sequence[Mapping[str, Any]], results: tuple[BacktestResult, ...]) -> Sweep:
    """Return the sweep of backtests that have been run, one for each setting."""
    monthly = np.column_stack(
        [result.monthly_returns(result.wealth) - result.monthly_returns(result.cash) for result in results]
    )
    return judge(tuple(settings), results, monthly)


def judge(
    settings: tuple[Mapping[str, Any], ...], results: tuple[BacktestResult, ...], monthly: FloatArray
) -> Sweep:
    """Return what all trials together say of the best, from their monthly returns above cash."""
    sharpe = monthly.mean(axis=0) / monthly.std(axis=0, ddof=1)
    best = int(sharpe.argmax())
    variance = float(sharpe.var(ddof=1))
    figures = performance(np.cumprod(np.append(1.0, 1.0 + monthly[:, best])), periods_per_year=12)
    return Sweep(
        settings=settings,
        results=results,
        monthly=monthly,
        sharpe=sharpe,
        best=best,
        luck=expected_maximum_sharpe(len(sharpe), variance),
        deflated_sharpe=deflated_sharpe_ratio(
            float(sharpe[best]), len(monthly), len(sharpe), variance, figures.skew, figures.kurtosis
        ),
        overfitting=probability_of_backtest_overfitting(monthly, BLOCKS),
    )
