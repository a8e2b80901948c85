"""What an allocation asks of a market at one close, whoever answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyalloc.frontier import SleevePolicy
    from pyalloc.macro import MacroSnapshot
    from pyalloc.marketdata import Asset, MarketData, StockUniverse
    from pyalloc.stocks import StockPolicy


class View(Protocol):
    """The part of :class:`pyalloc.marketdata.MarketView` that the chain needs.

    A market's view answers from its prices; a workbook that is recomputed answers from its own cells.
    """

    @property
    def market(self) -> MarketData:
        """The assets that exist, and the notice that every result must show."""
        ...

    @property
    def as_of(self) -> date:
        """The last close that anything is computed from."""
        ...

    @property
    def macro(self) -> MacroSnapshot:
        """The latest macro conditions that were public."""
        ...

    @property
    def risk_free(self) -> float:
        """The risk-free rate a year, a decimal fraction."""
        ...

    def universe(
        self,
        stocks: StockPolicy | None = None,
        sleeve: SleevePolicy | None = None,
        exclude: tuple[str, ...] = (),
    ) -> StockUniverse:
        """Return the stocks that can be held, with features, scores and covariance."""
        ...

    def instruments(
        self, category: str, exclude: tuple[str, ...] = ()
    ) -> tuple[tuple[Asset, ...], dict[str, str]]:
        """Return the instruments of a category other than stocks, and why others are left out."""
        ...

    def volatility(self, asset: Asset) -> float:
        """Return the annualised volatility of an asset."""
        ...

    def covariance(self, assets: Sequence[Asset]) -> NDArray[np.float64]:
        """Return the annualised covariance of assets, shape (k, k), with the variances of `volatility`."""
        ...
