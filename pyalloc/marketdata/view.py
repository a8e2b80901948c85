"""The market as it was known at one close, and what depends on it alone, computed once and shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.frontier import Covariance, SleevePolicy, ledoit_wolf
from pyalloc.macro import MacroSnapshot
from pyalloc.ranking.choice import Ranking, ranking_at
from pyalloc.ranking.panel import month_rows
from pyalloc.stocks import (
    FEATURES,
    MONTH_CLOSES,
    TRADING_YEAR,
    StockPolicy,
    scale_scores,
    stock_features,
)

if TYPE_CHECKING:
    from pyalloc.marketdata.data import MarketData
    from pyalloc.marketdata.sources import Asset

FloatArray = NDArray[np.float64]


def monthly_returns(closes: FloatArray) -> FloatArray:
    """Return simple returns between consecutive closes, shape (n, months), from shape (n, months + 1)."""
    return closes[:, 1:] / closes[:, :-1] - 1.0


@dataclass(frozen=True, eq=False)
class StockUniverse:
    """The stocks that can be held at a close, in the market's order, and what was measured of them.

    Attributes
    ----------
    assets : tuple of Asset, length n
    month_ends : tuple of date, length months + 1
        The as-of date last.
    closes : ndarray, shape (n, months + 1)
        Adjusted closes at the month ends.
    features : dict of str to ndarray, shape (n,)
        By the names of :data:`pyalloc.stocks.FEATURES`.
    ranking : Ranking
        The model in force, and its record as known at the close.
    scores, scaled : ndarray, shape (n,)
        The model's score, and m in [0, 1].
    covariance : Covariance
    excluded : dict of str to str
        Stocks left out, with the reason.
    """

    assets: tuple[Asset, ...]
    month_ends: tuple[date, ...]
    closes: FloatArray
    features: Mapping[str, FloatArray]
    ranking: Ranking
    scores: FloatArray
    scaled: FloatArray
    covariance: Covariance
    excluded: Mapping[str, str]

    @property
    def returns(self) -> FloatArray:
        """Simple monthly returns, shape (n, months)."""
        return monthly_returns(self.closes)


@dataclass(frozen=True, eq=False)
class MarketView:
    """Everything known at the close of `as_of`; made by :meth:`MarketData.at`, shared by all clients.

    Attributes
    ----------
    market : MarketData
    as_of : date
        The last trading day at or before the date asked for.
    """

    market: MarketData
    as_of: date
    _last_row: int = field(repr=False)

    @cached_property
    def macro(self) -> MacroSnapshot:
        """The latest snapshot that was public on the as-of date."""
        known = [row for row in self.market.macro if row.known_on is not None and row.known_on <= self.as_of]
        if not known:
            raise MissingHistoryError(
                f"macro.csv has no row known on or before {self.as_of}; add one, or ask for a later date"
            )
        return known[-1]

    @cached_property
    def _month_rows(self) -> NDArray[np.intp]:
        """Rows of the month-end closes up to the as-of close, which is the last."""
        return month_rows(self.market.days[: self._last_row + 1])

    def month_closes(self, asset: Asset, count: int) -> FloatArray:
        """Return an asset's last `count` month closes, oldest first; fewer where the market is younger."""
        rows, column = self._month_rows[-count:], self.market.column(asset.asset)
        return np.asarray(self.market.closes[rows, column], dtype=np.float64)

    def universe(
        self,
        stocks: StockPolicy | None = None,
        sleeve: SleevePolicy | None = None,
        exclude: tuple[str, ...] = (),
    ) -> StockUniverse:
        """Return the stocks that can be held, with features, scores and covariance; computed once and kept.

        Raises
        ------
        MissingHistoryError
            Where no stock has enough history; the message says what is missing.
        """
        return self._universes(stocks or StockPolicy(), sleeve or SleevePolicy(), frozenset(exclude))

    @cached_property
    def _universes(self) -> Callable[[StockPolicy, SleevePolicy, frozenset[str]], StockUniverse]:
        return lru_cache(maxsize=32)(self._universe)

    def _universe(self, stocks: StockPolicy, sleeve: SleevePolicy, exclude: frozenset[str]) -> StockUniverse:
        kept: dict[Asset, int] = {}
        excluded: dict[str, str] = {}
        for asset in self.market.in_category(names.STOCKS):
            months = self._months_of_history(asset)
            reason = self._why_not(asset, months, stocks, sleeve, exclude)
            if reason:
                excluded[asset.asset] = reason
            else:
                kept[asset] = months
        if not kept:
            reasons = [f"{asset}: {reason}" for asset, reason in excluded.items()]
            more = [f"and {len(reasons) - 5} more"] if len(reasons) > 5 else []
            listed = "; ".join([*reasons[:5], *more]) or "assets.csv lists none"
            raise MissingHistoryError(f"no stock can be held on {self.as_of}: {listed}")
        assets = tuple(kept)
        months = min(sleeve.history_months, *kept.values())
        closes = self._closes_by_month(assets, months + 1)
        features = stock_features(self._closes_by_month(assets, MONTH_CLOSES), self._daily_closes(assets))
        ranking = self._ranking(stocks)
        scores = ranking.ranker.predict(np.column_stack([features[name] for name in FEATURES]))
        return StockUniverse(
            assets=assets,
            month_ends=tuple(self.market.days[self._month_rows[-months - 1 :]].tolist()),
            closes=closes,
            features=features,
            ranking=ranking,
            scores=scores,
            scaled=scale_scores(scores, stocks.scaling),
            covariance=ledoit_wolf(monthly_returns(closes).T),
            excluded=excluded,
        )

    def _ranking(self, stocks: StockPolicy) -> Ranking:
        """Return the policy's ranking as of the close; the market walks a model forward once and keeps it."""
        return ranking_at(self.as_of, stocks, lambda model: self.market.ranker(stocks, model))

    def _why_not(
        self, asset: Asset, months: int, stocks: StockPolicy, sleeve: SleevePolicy, exclude: frozenset[str]
    ) -> str:
        """Return why a stock cannot be held, or an empty text."""
        if asset.asset in exclude:
            return "excluded by the client"
        if not self._has_price(asset):
            return f"no price on {self.as_of}"
        if months < sleeve.minimum_months:
            return f"{months} monthly returns, {sleeve.minimum_months} needed"
        if self._last_row < TRADING_YEAR or not np.isfinite(self._daily_closes([asset])).all():
            return f"a gap in the last {TRADING_YEAR} daily returns"
        limit = stocks.max_volatility
        if limit is not None and (volatility := self.volatility(asset)) > limit:
            return f"volatility {100 * volatility:.1f} % a year, at most {100 * limit:g} % allowed"
        return ""

    def _has_price(self, asset: Asset) -> bool:
        return bool(np.isfinite(self.market.closes[self._last_row, self.market.column(asset.asset)]))

    def _months_of_history(self, asset: Asset) -> int:
        """Return how many monthly returns run without a gap up to the as-of close."""
        closes = self.market.closes[self._month_rows, self.market.column(asset.asset)]
        gaps = np.flatnonzero(~np.isfinite(closes))
        return len(closes) - 1 - (int(gaps[-1]) + 1 if len(gaps) else 0)

    def _closes_by_month(self, assets: Sequence[Asset], count: int) -> FloatArray:
        return np.array([self.month_closes(asset, count) for asset in assets])

    def _daily_closes(self, assets: Sequence[Asset]) -> FloatArray:
        columns = [self.market.column(asset.asset) for asset in assets]
        return self.market.closes[self._last_row - TRADING_YEAR : self._last_row + 1, columns].T

    def instruments(
        self, category: str, exclude: tuple[str, ...] = ()
    ) -> tuple[tuple[Asset, ...], dict[str, str]]:
        """Return the priced instruments of a category other than stocks, and why others are left out."""
        kept, left_out = [], {}
        for asset in self.market.in_category(category):
            if asset.asset in exclude:
                left_out[asset.asset] = "excluded by the client"
            elif not self._has_price(asset):
                left_out[asset.asset] = f"no price on {self.as_of}"
            else:
                kept.append(asset)
        return tuple(kept), left_out

    def volatility(self, asset: Asset) -> float:
        """Return the annualised volatility of an asset's last 252 daily returns.

        Raises
        ------
        MissingHistoryError
            Where the year of prices is not complete.
        """
        return float(self._daily_returns(asset).std(ddof=1) * np.sqrt(TRADING_YEAR))

    def covariance(self, assets: Sequence[Asset]) -> FloatArray:
        """Return the annualised sample covariance of the last 252 daily returns of assets, shape (k, k).

        Raises
        ------
        MissingHistoryError
            Where the year of prices of one is not complete.
        """
        returns = np.array([self._daily_returns(asset) for asset in assets])
        return TRADING_YEAR * np.cov(returns).reshape(len(assets), len(assets))

    def _daily_returns(self, asset: Asset) -> FloatArray:
        if self._last_row >= TRADING_YEAR:
            closes = self._daily_closes([asset])[0]
            if np.isfinite(closes).all():
                return np.asarray(closes[1:] / closes[:-1] - 1.0)
        raise MissingHistoryError(f"{asset.asset} has no complete year of daily prices up to {self.as_of}")

    @cached_property
    def risk_free(self) -> float:
        """The trailing-year return of the cash instruments (their mean), a decimal fraction.

        From the last close on or before the same day a year ago to the as-of close.

        Raises
        ------
        InputError, MissingHistoryError
            Where the market lists no cash instrument, or none with a year of prices.
        """
        listed = self.market.in_category(names.CASH)
        if not listed:
            raise InputError(
                f"assets.csv has no instrument of category {names.CASH}; list one: "
                "its return is the risk-free rate"
            )
        a_year_ago = np.datetime64(_same_day_last_year(self.as_of), "D")
        row = int(np.searchsorted(self.market.days, a_year_ago, side="right")) - 1
        columns = [self.market.column(asset.asset) for asset in listed]
        growth = self.market.closes[self._last_row, columns] / self.market.closes[max(row, 0), columns]
        complete = growth[np.isfinite(growth)]
        if row < 0 or not len(complete):
            raise MissingHistoryError(
                f"no cash instrument has a year of prices up to {self.as_of}: there is no risk-free rate"
            )
        return float(complete.mean() - 1.0)


def _same_day_last_year(day: date) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap_day else day.day)
