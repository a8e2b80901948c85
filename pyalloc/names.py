"""The vocabulary: risk levels, categories, sectors, regimes, statuses, and every traced quantity.

A word that a person types or reads, in a client list, a policy file, a cell or a message, is written down
here once. :data:`TRACE` lists the intermediates of the chain in its order; its keys are the keys of
``Allocation.trace`` and the defined names of the workbook.
"""

from __future__ import annotations

from numbers import Real
from typing import Final, NamedTuple

from pyalloc.errors import InputError

# --- risk tolerance -------------------------------------------------------------------------------------

RISK_LEVELS: Final = {"low": 0.2, "medium": 0.5, "high": 1.0}
"""Risk tolerance t in [0, 1] of each risk level."""

RISK_SCALE: Final = (1, 10)
"""The numeric risk scale; r means t = r / 10."""

RISK_KNOTS: Final = (0.0, 0.2, 0.5, 1.0)
"""Risk tolerances at which the policy states equity shares and α; linear between, flat outside."""


def risk_tolerance(risk: object) -> float:
    """Return the risk tolerance t in [0, 1] of a risk level (any case) or a number 1 to 10.

    Raises
    ------
    InputError
        For anything else; 0.5 is refused, because it could mean t or a number below the scale.
    """
    low, high = RISK_SCALE
    if isinstance(risk, str):
        if risk.strip().lower() in RISK_LEVELS:
            return RISK_LEVELS[risk.strip().lower()]
    elif not isinstance(risk, bool) and isinstance(risk, Real) and low <= float(risk) <= high:
        return float(risk) / high
    raise InputError(
        f"risk is {risk!r}; it must be {', '.join(RISK_LEVELS)} or a number from {low} to {high}"
    )


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

HELD: Final = 1e-14
"""A share of its category up to this is what rounding leaves of none: no holding."""

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


# --- the trace ------------------------------------------------------------------------------------------


class Quantity(NamedTuple):
    """One intermediate of the chain: its shape in the symbols below, its unit, what it is."""

    shape: str
    unit: str
    meaning: str


TRACE: Final[dict[str, Quantity]] = {
    # n stocks, F features, T monthly returns, S sectors, K frontier points, k categories, H holdings; () is
    # one value, (8) the figures of :data:`pyalloc.ranking.choice.FIGURES`.
    # who and when
    "as_of": Quantity("()", "date", "Last close that anything is computed from"),
    "risk_tolerance": Quantity("()", "level or 1-10", "Risk as the client states it"),
    "budget": Quantity("()", "currency", "Amount to invest, B"),
    "currency": Quantity("()", "ISO 4217", "Currency of every amount"),
    "currency_digits": Quantity("()", "digits", "Decimal digits of the currency's minor unit"),
    # macro conditions
    "vix": Quantity("()", "index points", "VIX, 21-day average"),
    "gdp_growth": Quantity("()", "fraction a year", "Real GDP growth, q/q annualised, first release"),
    "yield_spread": Quantity("()", "fraction a year", "Treasury yield 10y - 2y, 21-day average"),
    "spread_10y_3m": Quantity("()", "fraction a year", "Treasury yield 10y - 3m, bond equivalent"),
    "known_on": Quantity("()", "date", "Day from which the macro row was public"),
    "macro_transformed": Quantity("(3)", "ln points, fractions", "ln VIX, growth, spread"),
    "macro_z": Quantity("(3)", "standard deviations", "Clipped z-scores, positive toward stress"),
    "composite": Quantity("()", "standard deviations", "Weighted sum of the z-scores"),
    "stress": Quantity("()", "percentile 0-1", "Macro stress"),
    "regime": Quantity("()", "text", "Regime that stress falls in"),
    "recession_probability": Quantity(
        "()", "probability", "Yield-curve probit, 12 months ahead; display only"
    ),
    # sectors
    "sector_names": Quantity("(S)", "text", "Sectors of the policy"),
    "sector_tilt": Quantity("(S)", "factor", "exp(κ d (2 stress - 1))"),
    "sector_untilted": Quantity("(S)", "fraction of sleeve", "Sector weights by m alone"),
    "sector_tilted": Quantity("(S)", "fraction of sleeve", "Sector weights of the anchor"),
    "sector_sleeve": Quantity("(S)", "fraction of sleeve", "Sector weights after the return target"),
    # stocks
    "stock_ticker": Quantity("(n)", "text", "Stocks that can be held"),
    "model_name": Quantity("()", "text", "Model that scores the stocks"),
    "model_trained": Quantity("()", "text", "Which outcomes the model learned from"),
    "model_coefficients": Quantity("(F)", "score per rank", "Coefficients of a linear model, else 0"),
    "model_intercept": Quantity("()", "score", "Intercept of a linear model, else 0"),
    "skill_of": Quantity("()", "text", "Model that the record is of"),
    "skill_model": Quantity("(8)", "as listed", "Its out-of-sample record, as known on the as-of date"),
    "skill_momentum": Quantity("(8)", "as listed", "Record of momentum in the same months"),
    "skill_verdict": Quantity("()", "text", "What the record says"),
    "stock_score": Quantity("(n)", "fraction", "The model's score; for momentum the 12-1 month return"),
    "stock_adjusted": Quantity("(n)", "fraction", "Score as it is scaled: winsorised (or ranked)"),
    "stock_m": Quantity("(n)", "0-1", "Scaled momentum score m"),
    "stock_tilt": Quantity("(n)", "factor", "Tilt τ of the stock's sector"),
    "stock_mt": Quantity("(n)", "0-1 × factor", "m τ, of the names that may be held"),
    "stock_cap": Quantity("()", "fraction of sleeve", "Largest weight of one name"),
    "stock_scale": Quantity("()", "fraction per m τ", "s in w = min(cap, s m τ)"),
    "stock_weight": Quantity("(n)", "fraction of sleeve", "Anchor weights w⁰"),
    # risk and return of the sleeve
    "month_ends": Quantity("(T+1)", "date", "Days of the month closes, the as-of day last"),
    "closes": Quantity("(n, T+1)", "price", "Adjusted month closes"),
    "returns": Quantity("(n, T)", "fraction a month", "Simple monthly returns"),
    "lw_shrinkage": Quantity("()", "0-1", "Ledoit-Wolf shrinkage δ"),
    "covariance": Quantity("(n, n)", "fraction² a year", "Shrunk covariance Σ of monthly returns × 12"),
    "risk_free": Quantity("()", "fraction a year", "Trailing-year return of the cash instruments"),
    "beta": Quantity("(n)", "ratio", "Beta to the anchor"),
    "mu": Quantity("(n)", "fraction a year", "Expected returns μ"),
    "frontier_weights": Quantity("(n, K)", "fraction of sleeve", "K portfolios evenly spaced in return"),
    "frontier_lambda": Quantity("(K)", "variance per return", "Multiplier λ of each frontier portfolio"),
    "maxsharpe_weights": Quantity("(n)", "fraction of sleeve", "Maximum-Sharpe portfolio within the caps"),
    "r_eff": Quantity("()", "fraction a year", "Return of the maximum-Sharpe portfolio"),
    "alpha": Quantity("()", "fraction a year", "Shift of the target for risk tolerance, α(t)"),
    "r_adj": Quantity("()", "fraction a year", "Return target r_eff + α"),
    "r_min": Quantity("()", "fraction a year", "Least return within floor and cap"),
    "r_max": Quantity("()", "fraction a year", "Greatest return within floor and cap"),
    "r_target": Quantity("()", "fraction a year", "Target in force: r_adj within r_min to r_max"),
    "sleeve_lower": Quantity(
        "(n)", "fraction of sleeve", "Floor of each name: a fraction of its anchor weight"
    ),
    "sleeve_upper": Quantity("(n)", "fraction of sleeve", "Cap of each name; 0 where it may not be held"),
    "sleeve_weights": Quantity("(n)", "fraction of sleeve", "Stock sleeve after the return target"),
    "sleeve_lambda": Quantity("()", "variance per return", "Multiplier λ of the return target"),
    "sleeve_return": Quantity("()", "fraction a year", "Expected return of the sleeve"),
    "sleeve_volatility": Quantity("()", "fraction a year", "Volatility of the sleeve"),
    "momentum_volatility": Quantity("()", "fraction a year", "Volatility of the anchor"),
    "sleeve_beta": Quantity("()", "ratio", "Beta of the sleeve to the anchor"),
    "shortfall": Quantity("()", "fraction a year", "r_adj less the return attained"),
    "target_status": Quantity("()", "text", "How the target was met"),
    # categories
    "risk_t": Quantity("()", "0-1", "Risk tolerance t"),
    "equity_share": Quantity("()", "fraction of whole", "e: share of stocks"),
    "cash_share": Quantity("()", "fraction of bonds + cash", "c: share of cash in bonds + cash"),
    "commodity_share": Quantity("()", "fraction of whole", "k: share of commodities"),
    "category_names": Quantity("(k)", "text", "Categories, the columns of A"),
    "constraint_A": Quantity("(k, k)", "coefficient", "Category constraint matrix A"),
    "constraint_b": Quantity(
        "(k)", "currency", "Right-hand side b: the budget, then zeros unless overridden"
    ),
    "category_lower": Quantity("(k)", "fraction of whole", "Least weight of each category"),
    "category_upper": Quantity("(k)", "fraction of whole", "Greatest weight of each category"),
    "category_exact": Quantity("(k)", "fraction of whole", "A⁻¹ b / B, whatever the bounds"),
    "category_weights": Quantity("(k)", "fraction of whole", "Weights in force"),
    "category_status": Quantity("()", "text", "Exact, or nearest within the bounds"),
    "category_distance": Quantity(
        "()", "fraction of whole", "Row-scaled distance from A w = b; 0 when exact"
    ),
    "det_A": Quantity("()", "number", "Determinant of A"),
    "rcond_A": Quantity("()", "number", "Reciprocal condition number of A, 1-norm"),
    # holdings
    "holding_category": Quantity("(H)", "text", "Category of each line"),
    "holding_ticker": Quantity("(H)", "text", "Instrument of each line"),
    "holding_share": Quantity("(H)", "fraction of category", "Weight within its category"),
    "holding_weight": Quantity("(H)", "fraction of whole", "Weight in the portfolio"),
    "holding_running": Quantity("(H)", "fraction of whole", "Running sum of the weights"),
    "holding_amount": Quantity("(H)", "currency", "Amount, whole minor units, summing to the budget"),
}
"""Every traced quantity, in the order of the chain."""
