"""A whole portfolio from the cells of a worksheet: the chain behind ``DYNALLOC_WEIGHTS``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from addin.cells import NOT_AVAILABLE, VALUE, CellError, argument
from addin.spec import Argument, Kind
from pyalloc.names import CATEGORIES, HELD, STOCKS

if TYPE_CHECKING:
    from pyalloc.macro import MacroSnapshot

FloatArray = NDArray[np.float64]

Names = Callable[[str], Any]
"""Returns the raw cells of a defined name of the calling workbook; KeyError where it has none."""

_COLUMNS: Final = ("asset", "category", "sector", "score")


@dataclass(frozen=True)
class Portfolio:
    """Instruments weighted within their categories, and the system that weighs the categories.

    Attributes
    ----------
    assets, of : tuple of str
        Every instrument, and its category.
    within : ndarray, one entry an instrument
        Its weight in its category, a fraction.
    categories : tuple of str, length k
        In the order of the columns of `A`.
    A, b : ndarray, shape (m, k) and (m,)
        The first entry of b is the budget.
    lower, upper : ndarray, shape (k,), optional
        Bounds of the categories, fractions of the whole.
    digits : int, optional
        Decimals of the currency: amounts are then whole minor units that sum to the budget.
    """

    assets: tuple[str, ...]
    of: tuple[str, ...]
    within: FloatArray
    categories: tuple[str, ...]
    A: FloatArray
    b: FloatArray
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    digits: int | None = None

    def rows(self) -> list[list[Any]]:
        """Return asset, category, weight (fraction of the whole), amount (unit of b): a row an instrument."""
        from pyalloc.category import solve

        solution = solve(self.A, self.b, self.lower, self.upper, column_names=self.categories)
        share = dict(zip(self.categories, solution.weights.tolist(), strict=True))
        for category, weight in share.items():
            if abs(weight) > HELD and category not in self.of:
                raise CellError(
                    VALUE, f"{category} is to hold {100 * weight:.2f} %, but no instrument of it is listed"
                )
        weights = self.within * np.array([share[category] for category in self.of])
        return [list(row) for row in zip(self.assets, self.of, weights, self._amounts(weights), strict=True)]

    def _amounts(self, weights: FloatArray) -> Sequence[float]:
        from pyalloc.profile import minor_units

        if self.digits is None:
            return [float(amount) for amount in weights * self.b[0]]
        units = minor_units(np.cumsum(weights), float(self.b[0]), self.digits)
        return [unit / 10.0**self.digits for unit in units]


# --- from ranges ----------------------------------------------------------------------------------------


def check_covariance(covariance: FloatArray, stocks: int) -> None:
    """Refuse a covariance of other than so many stocks."""
    rows, columns = covariance.shape
    if not rows == columns == stocks:
        raise CellError(VALUE, f"cov is {rows} × {columns} for {stocks} stocks: give a row and a column each")


def snapshot(macro: FloatArray) -> MacroSnapshot:
    """Return macro conditions from VIX (points), GDP growth and yield spread (fractions), shape (3,)."""
    from pyalloc.macro import MacroSnapshot

    if len(macro) != 3:
        raise CellError(VALUE, f"macro has {len(macro)} numbers: give VIX, GDP growth and the yield spread")
    return MacroSnapshot(*macro.tolist())


def portfolio_of_ranges(
    universe: Sequence[Sequence[Any]],
    macro: FloatArray,
    A: FloatArray,
    b: FloatArray,
    risk: str | float | None,
    covariance: FloatArray | None,
) -> Portfolio:
    """Return the portfolio of a universe of asset, category, sector and score, under the house policy.

    The columns of `A` are stocks, bonds, cash and commodities, then further categories as they first appear.
    Stocks follow score, tilt and cap, and with a covariance the return target; the others weigh the same.
    """
    from pyalloc.frontier import alpha
    from pyalloc.macro import sector_tilts

    if any(len(row) != len(_COLUMNS) for row in universe):
        raise CellError(VALUE, f"universe has {len(universe[0])} columns: give {', '.join(_COLUMNS)}")
    if covariance is not None and risk is None:
        raise CellError(VALUE, "risk is missing: with cov the return target needs it")
    if b[0] <= 0.0:
        raise CellError(VALUE, f"b begins with {b[0]:g}: its first entry is the budget, an amount above 0")
    assets, of, sectors = (tuple(_texts(universe, column)) for column in range(3))
    categories = tuple(dict.fromkeys((*CATEGORIES, *of)))
    if A.shape[1] != len(categories):
        raise CellError(
            VALUE, f"A has {A.shape[1]} columns: give one to each category, {', '.join(categories)}"
        )
    shift = 0.0 if risk is None else alpha(risk)
    stress = snapshot(macro).stress()
    within = np.array([1.0 / of.count(category) for category in of])
    stocks = [i for i, category in enumerate(of) if category == STOCKS]
    if stocks:
        scores = np.array([_score(universe, i) for i in stocks])
        within[stocks] = _sleeve(
            scores, sector_tilts([sectors[i] for i in stocks], stress), covariance, shift
        )
    return Portfolio(assets, of, within, categories, A, b)


def _texts(universe: Sequence[Sequence[Any]], column: int) -> list[str]:
    texts = []
    for number, row in enumerate(universe, start=1):
        text = row[column]
        needed = _COLUMNS[column] != "sector" or row[1] == STOCKS
        if (needed and not text) or not isinstance(text, str | None):
            raise _not_in_universe(number, _COLUMNS[column], text, "a text")
        texts.append(text or "")
    return texts


def _score(universe: Sequence[Sequence[Any]], i: int) -> float:
    score = universe[i][3]
    if not isinstance(score, float):
        raise _not_in_universe(i + 1, "score", score, "a number")
    return score


def _not_in_universe(row: int, column: str, found: object, needed: str) -> CellError:
    shown = "empty" if found is None else repr(found)
    return CellError(VALUE, f"universe, row {row}: {column} is {shown}, {needed} is needed")


def _sleeve(scores: FloatArray, tilts: FloatArray, covariance: FloatArray | None, shift: float) -> FloatArray:
    """Return the weights of the stocks in their sleeve; `shift` is α, of the return target."""
    from pyalloc.frontier import SleevePolicy, implied_returns, target_weights
    from pyalloc.stocks import StockPolicy, scale_scores, stock_weights

    anchor = stock_weights(scale_scores(scores), tilts)
    if covariance is None:
        return anchor
    check_covariance(covariance, len(anchor))
    house = SleevePolicy()
    # The risk-free rate moves every return and the target alike, and so no weight.
    mu = implied_returns(covariance, anchor, 0.0, house.equity_premium)
    target = house.equity_premium + shift
    return target_weights(
        mu, covariance, target, anchor, house.floor * anchor, StockPolicy().cap(len(anchor))
    ).weights


# --- from the defined names of a client workbook --------------------------------------------------------


def portfolio_of_names(names: Names | None) -> Portfolio:
    """Return the portfolio of a client workbook, whatever policy made it, line by line as its Holdings.

    Native cells follow an edited input by themselves; made anew is what they cannot solve: the stock sleeve,
    and category weights within bounds.

    Raises
    ------
    CellError
        ``#N/A`` where the workbook lacks a name: it is none of pyalloc's.
    """
    read = partial(_read, names)
    categories: tuple[str, ...] = read("category_names", Kind.TEXTS)
    stocks = [
        (asset, STOCKS, share)
        for asset, share in zip(read("stock_ticker", Kind.TEXTS), _sleeve_of_names(read), strict=True)
    ]
    lines = zip(
        read("holding_ticker", Kind.TEXTS),
        read("holding_category", Kind.TEXTS),
        read("holding_share", Kind.VECTOR),
        strict=True,
    )
    held = [line for line in stocks if line[2] > HELD] + [line for line in lines if line[1] != STOCKS]
    for _, category, _ in held:
        if category not in categories:
            raise CellError(VALUE, f"category_names lacks {category}, of which the workbook holds something")
    # As in Holdings, because how an amount is rounded depends on those above it.
    held.sort(key=lambda line: (categories.index(line[1]), -line[2]))
    assets, of, within = zip(*held, strict=True)
    return Portfolio(
        assets=assets,
        of=of,
        within=np.array(within),
        categories=categories,
        A=read("constraint_A", Kind.MATRIX),
        b=read("constraint_b", Kind.VECTOR),
        lower=read("category_lower", Kind.VECTOR),
        upper=read("category_upper", Kind.VECTOR),
        digits=int(read("currency_digits", Kind.NUMBER)),
    )


def _sleeve_of_names(read: Callable[[str, Kind], Any]) -> FloatArray:
    from pyalloc.frontier import minimum_variance_weights, target_weights

    mu, covariance = read("mu", Kind.VECTOR), read("covariance", Kind.MATRIX)
    r_adj = read("r_adj", Kind.NUMBER)
    bounds = read("sleeve_lower", Kind.VECTOR), read("sleeve_upper", Kind.VECTOR)
    if not read("anchor_counts", Kind.NUMBER):
        return minimum_variance_weights(mu, covariance, r_adj, *bounds).weights
    return target_weights(mu, covariance, r_adj, read("stock_weight", Kind.VECTOR), *bounds).weights


def _read(names: Names | None, name: str, kind: Kind) -> Any:
    try:
        raw = names(name) if names else None
    except KeyError:
        raw = None
    if raw is None:
        raise CellError(
            NOT_AVAILABLE,
            f"this workbook has no name {name}: give the arguments, or call it in a client workbook",
        )
    return argument(Argument(name, kind, "", optional=False, default=None), raw)
