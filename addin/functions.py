"""What a cell can call: each a few lines over pyalloc, which is loaded when the first call needs it.

A function declared here is all there is to declare: Excel's module, the Calc extension, the function
reference and their tests follow from the registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from addin.calls import answer
from addin.cells import NOT_AVAILABLE, VALUE, CellError, is_left_out
from addin.portfolio import Names, check_covariance, portfolio_of_names, portfolio_of_ranges, snapshot
from addin.spec import (
    REGISTRY,
    Anything,
    Level,
    Matrix,
    Number,
    Table,
    Text,
    Texts,
    Vector,
    spreadsheet_function,
)

if TYPE_CHECKING:
    from pyalloc.frontier.target import TargetPortfolio

FloatArray = NDArray[np.float64]

_Risk = Annotated[Level, "Risk tolerance: low, medium, high, or a number from 1 to 10"]
_Mu = Annotated[Vector, "Expected returns a year, fractions, one for each stock"]
_Covariance = Annotated[Matrix, "Annualised covariance of the stocks, fractions squared"]
_Anchor = Annotated[Vector | None, "Weights to stay near to; default equal weights"]
_Cap = Annotated[Number | None, "Greatest weight of one stock, a fraction; default no cap"]
_Floor = Annotated[Number, "Least weight as a fraction of the anchor weight; default 0"]
_Macro = Annotated[Vector, "VIX in points, GDP growth and 10y-2y yield spread as fractions a year"]


# --- the whole ------------------------------------------------------------------------------------------


@spreadsheet_function(
    "DYNALLOC_WEIGHTS",
    returns="Asset, category, weight (fraction of the whole) and amount (unit of b), one row an instrument",
    example="=DYNALLOC_WEIGHTS(A2:D60, F2:F4, H2:K5, L2:L5)",
)
def dynalloc_weights(
    names: Names | None,
    universe: Annotated[Table | None, "Asset, category, sector, score: a row an instrument"] = None,
    macro: _Macro | None = None,
    A: Annotated[Matrix | None, "Category constraints, a row a constraint, a column a category"] = None,
    b: Annotated[Vector | None, "Right-hand side; the first entry is the budget"] = None,
    risk: Annotated[Level | None, "Risk tolerance: low, medium, high, or 1 to 10; needed with cov"] = None,
    cov: Annotated[
        Matrix | None, "Annualised covariance of the stocks; with it the return target applies"
    ] = None,
) -> list[list[Any]]:
    """Portfolio of a universe under macro conditions; without arguments, that of the workbook it is in."""
    given = {"universe": universe, "macro": macro, "A": A, "b": b}
    if all(value is None for value in (*given.values(), risk, cov)):
        return portfolio_of_names(names).rows()
    missing = [name for name, value in given.items() if value is None]
    if universe is None or macro is None or A is None or b is None:
        raise CellError(
            VALUE, f"{missing[0]} is missing: give universe, macro, A and b, or no argument at all"
        )
    return portfolio_of_ranges(universe, macro, A, b, risk, cov).rows()


# --- categories -----------------------------------------------------------------------------------------


@spreadsheet_function(
    "CATEGORY_SOLVE",
    returns="w, one column, in the unit of b",
    example="=CATEGORY_SOLVE(C29:F32, G29:G32)",
)
def category_solve(
    A: Annotated[Matrix, "Constraints, a row a constraint, a column a category"],
    b: Annotated[Vector, "Right-hand side, one entry a row"],
    lower: Annotated[Vector | None, "Least weights, fractions of the first entry of b"] = None,
    upper: Annotated[Vector | None, "Greatest weights, fractions of the first entry of b"] = None,
) -> FloatArray:
    """Solution of A w = b, certified; within bounds the exact one if it lies there, else the nearest."""
    from pyalloc.category import solve

    return solve(A, b, lower, upper).solution


@spreadsheet_function(
    "CATEGORY_EXPLAIN",
    returns="A sentence or two",
    example="=CATEGORY_EXPLAIN(C29:F32, G29:G32)",
)
def category_explain(
    A: Annotated[Matrix, "Constraints, a row a constraint, a column a category"],
    b: Annotated[Vector, "Right-hand side, one entry a row"],
) -> str:
    """Explain what A w = b determines: rank, condition, residual, and which rows clash."""
    from pyalloc.category import explain

    return explain(A, b)


@spreadsheet_function(
    "DYNALLOC_MATRIX",
    returns="A and b side by side, one row a constraint",
    example='=DYNALLOC_MATRIX("high", C7:C9, 250000)',
)
def dynalloc_matrix(
    risk: _Risk,
    macro: _Macro,
    budget: Annotated[Number, "Amount to invest, in any currency"],
) -> FloatArray:
    """Category constraints of the house policy for stocks, bonds, cash and commodities."""
    from pyalloc.category import CategoryPolicy

    A, b = CategoryPolicy().system(risk, snapshot(macro), budget)
    return np.column_stack([A, b])


# --- macro ----------------------------------------------------------------------------------------------


@spreadsheet_function(
    "DYNALLOC_STRESS",
    returns="Stress, a percentile from 0 to 1; 0.5 is neutral",
    example="=DYNALLOC_STRESS(20, 0.02, 0.01)",
)
def dynalloc_stress(
    vix: Annotated[Number, "VIX in index points, 5 to 150, 21-day average"],
    gdp_growth: Annotated[Number, "Real GDP growth, annualised, a fraction (0.02 is 2 %)"],
    yield_spread: Annotated[Number, "Treasury 10y-2y, a fraction (0.01 is 1 %), 21-day average"],
) -> float:
    """Macro stress against the months 1990 to 2019."""
    from pyalloc.macro import MacroSnapshot

    return MacroSnapshot(vix, gdp_growth, yield_spread).stress()


@spreadsheet_function("DYNALLOC_REGIME", returns="A text", example="=DYNALLOC_REGIME(0.62)")
def dynalloc_regime(stress: Annotated[Number, "Stress, a percentile from 0 to 1"]) -> str:
    """Regime that a stress percentile falls in: calm, normal, elevated or high stress."""
    from pyalloc.macro import regime

    return regime(stress)


@spreadsheet_function(
    "DYNALLOC_RECESSION", returns="A probability from 0 to 1", example="=DYNALLOC_RECESSION(0.01)"
)
def dynalloc_recession(
    spread_10y_3m: Annotated[Number, "Treasury 10y-3m, bond equivalent, a fraction (0.01 is 1 %)"],
) -> float:
    """Probability of a US recession twelve months ahead, by the New York Fed's yield-curve probit."""
    from pyalloc.macro import recession_probability

    return recession_probability(spread_10y_3m)


@spreadsheet_function(
    "DYNALLOC_TILTS",
    returns="A factor above 0 for each sector, one column",
    example="=DYNALLOC_TILTS(B34:B44, 0.8)",
)
def dynalloc_tilts(
    sectors: Annotated[Texts, "Names of sectors"],
    stress: Annotated[Number, "Stress, a percentile from 0 to 1"],
    defensiveness: Annotated[
        Vector | None, "Defensiveness d of each sector; default the house policy's"
    ] = None,
) -> FloatArray:
    """Factor by which each sector's momentum scores are multiplied, exp(0.5 d (2 stress - 1))."""
    from pyalloc.macro import sector_tilts

    if defensiveness is None:
        return sector_tilts(sectors, stress)
    if len(defensiveness) != len(sectors):
        raise CellError(
            VALUE, f"{len(sectors)} sectors and {len(defensiveness)} values of d: give one for each"
        )
    return np.array([sector_tilts(["d"], stress, {"d": d})[0] for d in defensiveness.tolist()])


# --- stocks ---------------------------------------------------------------------------------------------


@spreadsheet_function(
    "DYNALLOC_MOMENTUM",
    returns="One fraction for each column of prices, one row",
    example="=DYNALLOC_MOMENTUM(C2:H14)",
)
def dynalloc_momentum(
    prices: Annotated[Matrix, "Month closes, a row a month, the last row the latest, a column a stock"],
    lookback: Annotated[Number, "Months to look back; default 12"] = 12.0,
    skip: Annotated[Number, "Latest months left out; default 1"] = 1.0,
) -> list[list[float]]:
    """Momentum of each column of prices: the return from lookback months ago to skip months ago."""
    months = len(prices)
    if not (0 <= skip < lookback and float(lookback).is_integer() and float(skip).is_integer()):
        raise CellError(VALUE, f"lookback is {lookback:g} and skip {skip:g}: whole months, skip the smaller")
    if lookback >= months:
        raise CellError(
            NOT_AVAILABLE, f"prices has {months} rows: {lookback:g} months back needs {lookback + 1:g}"
        )
    if not (prices > 0.0).all():
        row, column = np.argwhere(prices <= 0.0)[0] + 1
        raise CellError(VALUE, f"prices, row {row}, column {column} is not above 0")
    last = months - 1
    return [(prices[last - int(skip)] / prices[last - int(lookback)] - 1.0).tolist()]


@spreadsheet_function(
    "DYNALLOC_STOCKS",
    returns="A weight for each stock, one column; they sum to 1",
    example="=DYNALLOC_STOCKS(D2:D60, C2:C60, 0.62)",
)
def dynalloc_stocks(
    scores: Annotated[Vector, "A score for each stock, larger is better"],
    sectors: Annotated[Texts | None, "The sector of each stock; with stress it tilts"] = None,
    stress: Annotated[Number | None, "Stress, a percentile from 0 to 1; default 0.5, no tilt"] = None,
    cap: Annotated[Number | None, "Greatest weight of one stock; default min(1, max(0.10, 1.5/n))"] = None,
) -> FloatArray:
    """Weights of the stocks by scaled score and sector tilt, none above the cap."""
    from pyalloc.macro import sector_tilts
    from pyalloc.stocks import scale_scores, stock_weights

    if stress is not None and sectors is None:
        raise CellError(VALUE, "sectors is missing: stress tilts sectors")
    if sectors is not None and len(sectors) != len(scores):
        raise CellError(VALUE, f"{len(scores)} scores and {len(sectors)} sectors: give one for each")
    tilts = None if sectors is None else sector_tilts(sectors, 0.5 if stress is None else stress)
    return stock_weights(scale_scores(scores), tilts, cap)


# --- risk and return ------------------------------------------------------------------------------------


@spreadsheet_function(
    "ADJ_RETURN", returns="A return a year, a fraction", example='=ADJ_RETURN(0.08, "high")'
)
def adj_return(
    r: Annotated[Number, "Efficient return a year, a fraction (0.08 is 8 %)"], risk: _Risk
) -> float:
    """Return target for a risk tolerance: r + alpha(risk), +0.02 for high, 0 for medium, -0.01 for low."""
    from pyalloc.frontier import adjusted_return

    return adjusted_return(r, risk)


@spreadsheet_function(
    "DYNALLOC_FRONTIER",
    returns="Volatility and return a year, then the weights, one row a portfolio",
    example="=DYNALLOC_FRONTIER(C2:C21, E2:X21, 21)",
)
def dynalloc_frontier(
    mu: _Mu,
    cov: _Covariance,
    points: Annotated[Number, "Portfolios, 2 to 1000, evenly spaced in return; default 21"] = 21.0,
    cap: _Cap = None,
) -> FloatArray:
    """Exact long-only efficient frontier, from least risk to greatest return, every portfolio certified."""
    from pyalloc.frontier import EfficientFrontier

    check_covariance(cov, len(mu))
    if not (2 <= points <= 1000 and float(points).is_integer()):
        raise CellError(VALUE, f"points is {points:g}: give a whole number from 2 to 1000")
    frontier = EfficientFrontier(mu, cov, 0.0, _upper(cap)).points(int(points))
    return np.array([[p.volatility, p.expected_return, *p.weights] for p in frontier])


@spreadsheet_function(
    "DYNALLOC_TARGET",
    returns="A weight for each stock, one column; they sum to 1",
    example="=DYNALLOC_TARGET(C2:C21, E2:X21, 0.1)",
)
def dynalloc_target(
    mu: _Mu,
    cov: _Covariance,
    r: Annotated[Number, "Return to attain, a year, a fraction"],
    anchor: _Anchor = None,
    cap: _Cap = None,
    floor: _Floor = 0.0,
) -> FloatArray:
    """Weights nearest the anchor, in tracking risk, that attain a return; clipped where out of reach."""
    return _target(mu, cov, r, anchor, cap, floor).weights


@spreadsheet_function(
    "DYNALLOC_TARGET_STATUS",
    returns="Attained return, status and shortfall, one row",
    example="=DYNALLOC_TARGET_STATUS(C2:C21, E2:X21, 0.1)",
)
def dynalloc_target_status(
    mu: _Mu,
    cov: _Covariance,
    r: Annotated[Number, "Return to attain, a year, a fraction"],
    anchor: _Anchor = None,
    cap: _Cap = None,
    floor: _Floor = 0.0,
) -> list[list[Any]]:
    """How DYNALLOC_TARGET met its return: attained, or clipped to the nearest attainable one."""
    target = _target(mu, cov, r, anchor, cap, floor)
    return [[target.attained, target.status, target.shortfall]]


@spreadsheet_function(
    "DYNALLOC_RISK",
    returns="A fraction of the variance for each stock, one column; they sum to 1",
    example="=DYNALLOC_RISK(D2:D21, E2:X21)",
)
def dynalloc_risk(weights: Annotated[Vector, "A weight for each stock"], cov: _Covariance) -> FloatArray:
    """Share of each stock in the variance of a portfolio, w (cov w) / (w' cov w)."""
    from pyalloc.frontier import risk_contributions

    check_covariance(cov, len(weights))
    return risk_contributions(weights, cov)


@spreadsheet_function(
    "DYNALLOC_STATS",
    returns="Name and value of each figure, one row a figure; rates are fractions",
    example="=DYNALLOC_STATS(C2:C254)",
)
def dynalloc_stats(
    values: Annotated[Vector, "Wealth or prices above 0, one a period, oldest first"],
    periods_per_year: Annotated[Number, "252 for trading days, 12 for months; default 252"] = 252.0,
) -> list[list[Any]]:
    """Figures of a series of wealth: growth, volatility, Sharpe and Sortino ratio against 0, falls, tail."""
    from pyalloc.evaluation import performance

    found = performance(values, periods_per_year=periods_per_year)
    figures = {
        "Growth a year": found.cagr,
        "Volatility a year": found.volatility,
        "Sharpe ratio": found.sharpe,
        "Sortino ratio": found.sortino,
        "Deepest fall": found.max_drawdown,
        "Calmar ratio": found.calmar,
        "Periods with a gain": found.hit_rate,
        "Tail loss": found.tail_loss,
    }
    # A ratio has no value where there is no risk to divide by; the other figures stand.
    return [[name, "not defined" if np.isnan(value) else value] for name, value in figures.items()]


# --- about ----------------------------------------------------------------------------------------------


@spreadsheet_function(
    "DYNALLOC_WHY",
    returns="A sentence",
    example='=DYNALLOC_WHY("DYNALLOC_STRESS", 2000, 0.02, 0.01)',
)
def dynalloc_why(
    names: Names | None,
    function: Annotated[Text, "Name of the function"],
    argument_1: Annotated[Anything, "First argument of the call"] = None,
    argument_2: Annotated[Anything, "Second argument"] = None,
    argument_3: Annotated[Anything, "Third argument"] = None,
    argument_4: Annotated[Anything, "Fourth argument"] = None,
    argument_5: Annotated[Anything, "Fifth argument"] = None,
    argument_6: Annotated[Anything, "Sixth argument"] = None,
) -> str:
    """Sentence behind an error: the same call, answered in words."""
    called = function.strip().upper()
    if called not in REGISTRY:
        return f"{VALUE}: function is {function[:40]!r}; there are {', '.join(REGISTRY)}"
    given = [argument_1, argument_2, argument_3, argument_4, argument_5, argument_6]
    while given and is_left_out(given[-1]):
        given.pop()
    try:
        answer(called, given, names)
    except CellError as error:
        return f"{error.code}: {error}"
    return "The call returns a value."


@spreadsheet_function("DYNALLOC_VERSION", returns="A text", example="=DYNALLOC_VERSION()")
def dynalloc_version() -> str:
    """Versions of pyalloc, Python and numpy."""
    import platform

    from pyalloc import __version__

    return f"pyalloc {__version__}, Python {platform.python_version()}, numpy {np.__version__}"


# --- shared steps ---------------------------------------------------------------------------------------


def _target(
    mu: FloatArray, cov: FloatArray, r: float, anchor: FloatArray | None, cap: float | None, floor: float
) -> TargetPortfolio:
    from pyalloc.frontier import target_weights

    check_covariance(cov, len(mu))
    start = np.full(len(mu), 1.0 / len(mu)) if anchor is None else anchor
    if len(start) != len(mu):
        raise CellError(VALUE, f"anchor has {len(start)} weights for {len(mu)} stocks: give one for each")
    if not 0.0 <= floor <= 1.0:
        raise CellError(VALUE, f"floor is {floor:g}: a fraction of the anchor weight, 0 to 1")
    return target_weights(mu, cov, r, start, floor * start, _upper(cap))


def _upper(cap: float | None) -> float:
    if cap is None:
        return 1.0
    if not 0.0 < cap <= 1.0:
        raise CellError(VALUE, f"cap is {cap:g}: a fraction above 0, at most 1 (0.1 is 10 %)")
    return cap
