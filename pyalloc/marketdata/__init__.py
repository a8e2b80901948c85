"""Market data: a market on disk, its point-in-time views, and the synthetic demo market."""

from pyalloc.marketdata.data import MarketData
from pyalloc.marketdata.sources import Asset
from pyalloc.marketdata.view import MarketView, StockUniverse

__all__ = ["Asset", "MarketData", "MarketView", "StockUniverse"]
