"""The stock ranker: a model walked forward through the months, each fitted on outcomes that were public."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.ranking.labels import forward_ranks, forward_returns, labels_known
from pyalloc.ranking.measures import LEAST_STOCKS
from pyalloc.ranking.models import LinearRanker, Regressor, RegressorRanker, regressor_maker
from pyalloc.ranking.panel import Panel, feature_panel
from pyalloc.ranking.ridge import ridge_path
from pyalloc.ranking.skill import SkillReport, skill_report
from pyalloc.stocks import MomentumRanker

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A model as it stood from one month on, until the next fit.

    Attributes
    ----------
    month : int
        Number of the first month whose decisions it makes.
    start, known : int
        It learned from the month ends ``start`` to ``known - 1``.
    ranker : MomentumRanker, LinearRanker or RegressorRanker
    """

    month: int
    start: int
    known: int
    ranker: MomentumRanker | LinearRanker | RegressorRanker


@dataclass(kw_only=True)
class StockRanker:
    """Scores stocks at month ends by a model that is trained walk-forward; larger is better.

    Timing comes first. Scores of a month end use prices up to that close. They are carried out at the next
    close, so the label of month end t, the rank in [0, 1] of the return over `horizon` months from there,
    is public only in month t + horizon + 1; a fit for the decisions of month s uses the labels up to month
    end s - horizon - 1 - `embargo_months` and nothing later. Features are ranked within their date, among
    the stocks that have all of them.

    Parameters
    ----------
    model : {"ridge", "momentum", "hist_gradient_boosting", "random_forest"} or regressor
        momentum = 12-1 month return, not trained. A regressor has ``fit(X, y)`` and ``predict(X)`` and is
        copied for every fit.
    horizon : int
        Months ahead that the label looks.
    window : int, optional
        Train on the last so many months; default all before.
    minimum_months : int
        Months of labels that the first fit needs.
    refit_months : int
        Months from one fit to the next.
    embargo_months : int
        Months of labels left out besides those that are not public yet.
    penalty : float
        Of the ridge, see :func:`pyalloc.ranking.ridge.ridge_path`.
    cost : float
        Of trading, for the skill report: a fraction of what is traded.
    seed : int
        Of everything random.

    Attributes
    ----------
    days_ : ndarray of datetime64[D], shape (m,)
        Month ends.
    names_ : tuple of str
        Features.
    panel_ : Panel
    fits_ : tuple of Fit
    scores_ : ndarray, shape (m, n)
        Out-of-sample scores at every month end; not a number before the first fit, and where a stock has
        not the history.
    skill_ : SkillReport

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from pyalloc.stocks import StockRanker
    >>> walks = np.random.default_rng(0).normal(0.0, 0.01, (2000, 12)).cumsum(axis=0)
    >>> prices = pd.DataFrame(100.0 * np.exp(walks), pd.bdate_range("2010-01-01", periods=2000))
    >>> ranker = StockRanker(model="ridge").fit(prices)
    >>> ranker.predict(prices).shape
    (12,)
    """

    model: str | Regressor = "ridge"
    horizon: int = 1
    window: int | None = None
    minimum_months: int = 36
    refit_months: int = 12
    embargo_months: int = 0
    penalty: float = 1.0
    cost: float = 0.001
    seed: int = 0
    days_: NDArray[np.datetime64] = field(init=False, repr=False, compare=False)
    names_: tuple[str, ...] = field(init=False, repr=False, compare=False)
    panel_: Panel = field(init=False, repr=False, compare=False)
    fits_: tuple[Fit, ...] = field(init=False, repr=False, compare=False)
    scores_: FloatArray = field(init=False, repr=False, compare=False)
    skill_: SkillReport = field(init=False, repr=False, compare=False)

    def fit(self, prices: pd.DataFrame | Panel, y: None = None) -> StockRanker:  # noqa: ARG002
        """Walk the model forward through prices and return itself.

        Parameters
        ----------
        prices : DataFrame, shape (t, n), or Panel
            Adjusted closes by day, ascending, blank where missing; or features that were measured already.

        Raises
        ------
        InputError
            For settings or prices that cannot be used.
        MissingHistoryError
            Where labels for a first fit are missing.
        """
        self._check_settings()
        self.panel_ = panel = prices if isinstance(prices, Panel) else _panel_of(prices)
        self.days_, self.names_ = panel.days, panel.names
        self.fits_ = tuple(self._fits(panel))
        self.scores_ = self._walk(panel)
        plain = _momentum_scores(panel)
        self.skill_ = skill_report(
            self.name,
            panel.days,
            self.scores_,
            forward_returns(panel, self.horizon),
            forward_returns(panel),
            horizon=self.horizon,
            cost=self.cost,
            momentum=None if self.model == "momentum" else plain,
        )
        return self

    def predict(self, prices: pd.DataFrame) -> FloatArray:
        """Return scores at the last close, shape (n,); not a number where a stock has not the history."""
        panel = _panel_of(prices)
        ranker = self.fit_in(panel.days[-1].item()).ranker
        scores = np.full(panel.complete.shape[1], np.nan)
        counted = panel.complete[-1]
        scores[counted] = ranker.predict(panel.features[-1][counted])
        return scores

    def fit_in(self, day: date) -> Fit:
        """Return the fit that decides on a day: the last one made for its month or before.

        Raises
        ------
        MissingHistoryError
            Where the first fit is later, or the last one so long ago that another is due.
        """
        months = self.days_[[fit.month for fit in self.fits_]].astype("datetime64[M]")
        place = int(np.searchsorted(months, np.datetime64(day, "M"), side="right")) - 1
        if place < 0:
            raise MissingHistoryError(
                f"{self.name} is trained from {months[0]} on, when {self.minimum_months} months of outcomes "
                f"are public; on {day} there are fewer: ask for a later date, or use momentum"
            )
        due = months[-1] + self.refit_months
        later = np.datetime64(day, "M") > self.days_[-1].astype("datetime64[M]")
        if later and np.datetime64(day, "M") >= due and self.model != "momentum":
            raise MissingHistoryError(
                f"{self.name} was fitted to prices up to {self.days_[-1]} and is due again from {due} on: "
                f"fit it again for {day}"
            )
        return self.fits_[place]

    def skill_in(self, day: date) -> SkillReport:
        """Return the skill report as it could be known on a day."""
        public = self.days_[: self.outcomes_public(day)]
        return self.skill_.until(int(np.isin(self.skill_.months, public).sum()))

    def outcomes_public(self, day: date) -> int:
        """Return how many month ends, from the first, have an outcome that is public on a day."""
        month = int(np.searchsorted(self.days_.astype("datetime64[M]"), np.datetime64(day, "M")))
        return labels_known(month, self.horizon)

    @property
    def name(self) -> str:
        """The model as a report calls it."""
        return self.model if isinstance(self.model, str) else type(self.model).__name__

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the settings, as scikit-learn asks for them."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}

    def set_params(self, **settings: Any) -> StockRanker:
        """Change settings and return itself."""
        known = self.get_params()
        for name, value in settings.items():
            if name not in known:
                raise InputError(f"{name} is no setting of a StockRanker: there are {', '.join(known)}")
            setattr(self, name, value)
        return self

    def _check_settings(self) -> None:
        least = {"horizon": 1, "minimum_months": 1, "refit_months": 1, "embargo_months": 0, "window": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise InputError(f"{name} is {value} months; it must be at least {smallest}")
        if self.window is not None and self.window < self.minimum_months:
            raise InputError(
                f"window is {self.window} months, less than the {self.minimum_months} that a first fit needs "
                "(minimum_months): raise the one or lower the other"
            )
        if not self.penalty > 0.0:
            raise InputError(f"penalty is {self.penalty:g}; it must be above 0")
        if not 0.0 <= self.cost < 1.0:
            raise InputError(f"cost is {self.cost:g}; it must be a fraction of what is traded, 0 to 1")

    def _fits(self, panel: Panel) -> Iterator[Fit]:
        if self.model == "momentum":
            yield Fit(0, 0, 0, MomentumRanker())
            return
        labels = forward_ranks(panel, self.horizon)
        labels[np.isfinite(labels).sum(axis=1) < LEAST_STOCKS] = np.nan
        months = self._fit_months(labels)
        known = np.array([labels_known(month, self.horizon, self.embargo_months) for month in months])
        starts = np.zeros_like(known) if self.window is None else np.maximum(0, known - self.window)
        if self.model == "ridge":
            coefficients, intercepts = ridge_path(panel.ranks, labels, known, self.window, self.penalty)
            rankers: Iterator[LinearRanker | RegressorRanker] = map(
                LinearRanker, coefficients, intercepts.tolist()
            )
        else:
            rankers = self._regressors(panel, labels, starts, known)
        for month, start, end, ranker in zip(months, starts.tolist(), known.tolist(), rankers, strict=True):
            yield Fit(month, start, end, ranker)

    def _fit_months(self, labels: FloatArray) -> range:
        """Return the months of the fits: the first with enough labels, and every so many after it."""
        months = len(labels)
        usable = np.append(0, np.cumsum(np.isfinite(labels).any(axis=1)))
        for month in range(months):
            if usable[labels_known(month, self.horizon, self.embargo_months)] >= self.minimum_months:
                return range(month, months, self.refit_months)
        raise MissingHistoryError(
            f"{self.name} needs {self.minimum_months} months of outcomes of at least {LEAST_STOCKS} stocks "
            f"with a year of prices; there are {usable[-1]}: give longer prices, or use momentum"
        )

    def _regressors(
        self, panel: Panel, labels: FloatArray, starts: NDArray[np.intp], known: NDArray[np.intp]
    ) -> Iterator[RegressorRanker]:
        make = regressor_maker(self.model, self.seed)
        for start, end in zip(starts, known, strict=True):
            counted = np.isfinite(labels[start:end])
            regressor = make()
            regressor.fit(panel.ranks[start:end][counted], labels[start:end][counted])
            yield RegressorRanker(regressor)

    def _walk(self, panel: Panel) -> FloatArray:
        """Return the scores of each month by the fit in force, shape (m, n)."""
        if self.model == "momentum":
            return _momentum_scores(panel)
        scores = np.full(panel.complete.shape, np.nan)
        ends = [fit.month for fit in self.fits_[1:]] + [len(scores)]
        for fit, end in zip(self.fits_, ends, strict=True):
            # Month by month: how many rows a product has can change the last bit of each.
            for month in range(fit.month, end):
                counted = panel.complete[month]
                if counted.any() and not isinstance(fit.ranker, MomentumRanker):
                    scores[month, counted] = fit.ranker.predict_ranks(panel.ranks[month, counted])
        return scores


def _momentum_scores(panel: Panel) -> FloatArray:
    """Return 12-1 momentum of the complete stocks, shape (m, n)."""
    column = panel.names.index(MomentumRanker().feature)
    return np.where(panel.complete, panel.features[:, :, column], np.nan)


def _panel_of(prices: pd.DataFrame) -> Panel:
    days = np.asarray(prices.index.to_numpy(), dtype="datetime64[D]")
    if not (days[1:] > days[:-1]).all():
        raise InputError("the days of the prices must ascend, each once: sort them, and keep one row a day")
    return feature_panel(days, prices.to_numpy(dtype=np.float64))
