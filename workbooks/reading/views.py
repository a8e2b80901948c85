"""A workbook's own cells, or a market narrowed to its assets, as what an allocation is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.errors import InputError
from pyalloc.frontier import Covariance, SleevePolicy, ledoit_wolf
from pyalloc.macro import MacroSnapshot
from pyalloc.marketdata import Asset, MarketData, MarketView, StockUniverse
from pyalloc.marketdata.view import monthly_returns
from pyalloc.stocks import (
    FEATURES,
    MONTH_CLOSES,
    TRADING_YEAR,
    StockPolicy,
    scale_scores,
    stock_features,
)
from workbooks.reading.imported import Imported


@dataclass(frozen=True, eq=False)
class WorkbookView:
    """A view (:class:`pyalloc.view.View`) that answers from what the workbook itself holds."""

    imported: Imported
    as_of: date
    macro: MacroSnapshot
    risk_free: float

    @property
    def market(self) -> MarketData:
        """The workbook's assets and notice; of their prices it holds month closes at most."""
        assets = self.imported.assets
        no_days = np.array([], dtype="datetime64[D]")
        return MarketData(no_days, np.empty((0, len(assets))), assets, (), self.imported.notice)

    def universe(
        self,
        stocks: StockPolicy | None = None,
        sleeve: SleevePolicy | None = None,
        exclude: tuple[str, ...] = (),
    ) -> StockUniverse:
        """Return the workbook's stocks; what follows from month closes is computed from them."""
        held = self.imported
        stocks, sleeve = stocks or StockPolicy(), sleeve or SleevePolicy()
        if held.covariance and sleeve.return_model != "implied":
            raise InputError(
                f"expected returns ({sleeve.return_model}) were estimated from month closes, which a "
                f"workbook of {len(held.stocks)} stocks does not hold: give the market"
            )
        kept = [i for i, asset in enumerate(held.stocks) if asset.asset not in exclude]
        closes = held.closes[kept]
        features = {name: values[kept] for name, values in held.features.items()}
        if not held.covariance:
            no_days = np.ones((len(kept), TRADING_YEAR + 1))
            features = stock_features(closes[:, -MONTH_CLOSES:], no_days) | features
        table = np.column_stack([features[name] for name in FEATURES])
        scores = held.ranking.ranker.predict(table) if held.scores is None else held.scores[kept]
        return StockUniverse(
            assets=tuple(held.stocks[i] for i in kept),
            month_ends=held.month_ends,
            closes=closes,
            features=features,
            ranking=held.ranking,
            scores=scores,
            scaled=scale_scores(scores, stocks.scaling),
            covariance=_of(held.covariance, kept)
            if held.covariance
            else ledoit_wolf(monthly_returns(closes).T),
            excluded=held.excluded,
        )

    def instruments(
        self, category: str, exclude: tuple[str, ...] = ()
    ) -> tuple[tuple[Asset, ...], dict[str, str]]:
        """Return the instruments of a category; why others were left out, the notes say."""
        listed = self.imported.instruments
        return tuple(
            asset for asset in listed if asset.category == category and asset.asset not in exclude
        ), {}

    def volatility(self, asset: Asset) -> float:
        """Return a number in proportion to the volatility of an instrument.

        Shares by inverse volatility tell it up to a factor, which its category's instruments have in common.
        """
        return 1.0 / self.imported.instruments[asset]

    def covariance(self, assets: Sequence[Asset]) -> NDArray[np.float64]:
        """Return a covariance of which the shares in the workbook are those of equal risk."""
        return np.diag([self.volatility(asset) ** 2 for asset in assets])


def _of(covariance: Covariance, kept: Sequence[int]) -> Covariance:
    return replace(covariance, matrix=covariance.matrix[np.ix_(kept, kept)])


@dataclass(frozen=True, eq=False)
class NarrowedView:
    """A market's view (:class:`pyalloc.view.View`), narrowed to the assets of a workbook.

    Conditions and risk-free rate are the workbook's inputs. Why other assets were left out is what its notes
    record, as the limits that decided it are not all in the workbook.
    """

    imported: Imported
    whole: MarketView
    macro: MacroSnapshot
    risk_free: float

    @property
    def market(self) -> MarketData:
        """The whole market."""
        return self.whole.market

    @property
    def as_of(self) -> date:
        """The last close."""
        return self.whole.as_of

    def universe(
        self,
        stocks: StockPolicy | None = None,
        sleeve: SleevePolicy | None = None,
        exclude: tuple[str, ...] = (),
    ) -> StockUniverse:
        """Return the workbook's stocks, as the market has them.

        Raises
        ------
        InputError
            Where the market does not have one of them, or not with the history that it needs.
        """
        wanted = {asset.asset for asset in self.imported.stocks}
        others = [a.asset for a in self.market.in_category(names.STOCKS) if a.asset not in wanted]
        universe = self.whole.universe(stocks, sleeve, (*exclude, *others))
        missing = wanted.difference(exclude, (asset.asset for asset in universe.assets))
        for stock in sorted(missing):
            reason = universe.excluded.get(stock, "it is not among the market's stocks")
            raise InputError(f"{stock} cannot be held on {self.as_of} in this market: {reason}")
        return replace(universe, excluded=self.imported.excluded)

    def instruments(
        self, category: str, exclude: tuple[str, ...] = ()
    ) -> tuple[tuple[Asset, ...], dict[str, str]]:
        """Return the workbook's instruments of a category, as the market has them."""
        wanted = {asset.asset for asset in self.imported.instruments}
        priced, _ = self.whole.instruments(category, exclude)
        return tuple(asset for asset in priced if asset.asset in wanted), {}

    def volatility(self, asset: Asset) -> float:
        """Return the annualised volatility of an asset."""
        return self.whole.volatility(asset)

    def covariance(self, assets: Sequence[Asset]) -> NDArray[np.float64]:
        """Return the annualised covariance of assets."""
        return self.whole.covariance(assets)
