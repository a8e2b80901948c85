"""The vocabulary: risk levels, categories, sectors, regimes, statuses, and every traced quantity.

A word that a person types or reads, in a client list, a policy file, a cell or a message, is written down
here once. :data:`TRACE` lists the intermediates of the chain in its order; its keys are the keys of
``Allocation.trace`` and the defined names of the workbook.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# --- risk tolerance -------------------------------------------------------------------------------------

RISK_LEVELS: Final = {"low": 0.2, "medium": 0.5, "high": 1.0}
"""Risk tolerance t in [0, 1] of each risk level."""

RISK_SCALE: Final = (1, 10)
"""The numeric risk scale; r means t = r / 10."""

# --- categories and sectors -----------------------------------------------------------------------------

STOCKS: Final = "Stocks"
BONDS: Final = "Bonds"
CASH: Final = "Cash"
COMMODITIES: Final = "Commodities"
CATEGORIES: Final = (STOCKS, BONDS, CASH, COMMODITIES)
"""The four standard categories, in the order of the columns of A."""

SECTOR_DEFENSIVENESS: Final = {
    "Utilities": 1.0,
    "Consumer Staples": 0.8,
    "Health Care": 0.6,
    "Real Estate": 0.0,
    "Communication Services": 0.0,
    "Energy": -0.2,
    "Financials": -0.4,
    "Industrials": -0.4,
    "Materials": -0.4,
    "Consumer Discretionary": -0.4,
    "Information Technology": -0.8,
}
"""Defensiveness d of the eleven GICS sectors, from most defensive to most cyclical; 0 is neutral."""

SECTORS: Final = tuple(SECTOR_DEFENSIVENESS)

# --- regimes and statuses -------------------------------------------------------------------------------

REGIMES: Final = ("calm", "normal", "elevated", "high stress")

ATTAINED: Final = "attained"
CLIPPED_HIGH: Final = "clipped to the highest attainable return"
CLIPPED_LOW: Final = "clipped to the lowest attainable return"
SINGLE_POINT: Final = "single point"
MINIMUM_VARIANCE: Final = "minimum variance"
TARGET_STATUSES: Final = (ATTAINED, CLIPPED_HIGH, CLIPPED_LOW, SINGLE_POINT, MINIMUM_VARIANCE)
"""How the return target of the stock sleeve was met."""

EXACT: Final = "exact"
NEAREST: Final = "nearest"
CATEGORY_STATUSES: Final = (EXACT, NEAREST)
"""Whether category weights solve ``A w = b`` exactly or are the nearest within bounds."""

# --- currencies -----------------------------------------------------------------------------------------

_MINOR_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def currency_digits(currency: str) -> int:
    """Return the number of minor-unit digits of an ISO 4217 currency code (JPY 0, USD 2, KWD 3)."""
    return _MINOR_DIGITS.get(currency, 2)
