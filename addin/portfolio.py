"""A whole portfolio from the ranges of a worksheet: the chain behind ``DYNALLOC_WEIGHTS``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from addin.cells import NOT_AVAILABLE, VALUE, CellError, argument
from addin.spec import Argument, Kind
from pyalloc.names import CATEGORIES, STOCKS

if TYPE_CHECKING:
    from pyalloc.macro import MacroSnapshot

FloatArray = NDArray[np.float64]

Names = Callable[[str], Any]
"""Returns the raw cells of a defined name of the calling workbook; KeyError where it has none."""

_COLUMNS: Final = ("asset", "category", "sector", "score")


@dataclass(frozen=True)
class Portfolio:
    """What a portfolio is made from.

    Attributes
    ----------
    assets, of : tuple of str
        Every instrument, and its category.
    categories : tuple of str, length k
        In the order of the columns of `A`.
    scores, tilts : ndarray
        Of the instruments that are stocks, in their order.
    A, b : ndarray, shape (k, k) and (k,)
        The first entry of b is the budget.
    covariance : ndarray, optional
        Annualised, of the stocks; with it the sleeve moves to the return target.
    alpha : float
        Shift of the return target, a year.
    cap, floor : float, optional
        Greatest weight of a stock, and the least as a fraction of its anchor weight; default the policy's.
    lower, upper : ndarray, optional
        Bounds of the categories, fractions of the whole.
    digits : int, optional
        Decimals of the currency: amounts are then whole minor units that sum to the budget.
    """

    assets: tuple[str, ...]
    of: tuple[str, ...]
    categories: tuple[str, ...]
    scores: FloatArray
    tilts: FloatArray
    A: FloatArray
    b: FloatArray
    covariance: FloatArray | None = None
    alpha: float = 0.0
    cap: float | None = None
    floor: float | None = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    digits: int | None = None

    def rows(self) -> list[list[Any]]:
        """Return asset, category, weight (fraction of the whole), amount (unit of b): a row an instrument."""
        from pyalloc.category import solve

        solution = solve(self.A, self.b, self.lower, self.upper, column_names=self.categories)
        of = np.array(self.of)
        within = np.zeros(len(of))
        for category in self.categories:
            members = of == category
            within[members] = self._stocks() if category == STOCKS else 1.0 / max(1, members.sum())
        share = dict(zip(self.categories, solution.weights, strict=True))
        empty = [name for name in self.categories if name not in self.of and share[name] > 1e-14]
        if empty:
            raise CellError(
                VALUE, f"{empty[0]} is to hold a share of the whole, but universe lists nothing of it"
            )
        weights = within * np.array([share[name] for name in self.of])
        return [list(row) for row in zip(self.assets, self.of, weights, self._amounts(weights), strict=True)]

    def _stocks(self) -> FloatArray:
        """Return the weights of the stocks in their sleeve."""
        from pyalloc.frontier import SleevePolicy, implied_returns, target_weights
        from pyalloc.stocks import StockPolicy, scale_scores, stock_weights

        anchor = stock_weights(scale_scores(self.scores), self.tilts, self.cap)
        if self.covariance is None:
            return anchor
        house = SleevePolicy()
        cap = StockPolicy().cap(len(anchor)) if self.cap is None else self.cap
        floor = house.floor if self.floor is None else self.floor
        # The risk-free rate moves every return and the target alike, and so no weight.
        mu = implied_returns(self.covariance, anchor, 0.0, house.equity_premium)
        target = house.equity_premium + self.alpha
        return target_weights(mu, self.covariance, target, anchor, floor * anchor, cap).weights

    def _amounts(self, weights: FloatArray) -> Sequence[float]:
        from pyalloc.profile import minor_units

        if self.digits is None:
            return [float(amount) for amount in weights * self.b[0]]
        units = minor_units(np.cumsum(weights), float(self.b[0]), self.digits)
        return [unit / 10.0**self.digits for unit in units]


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
    """
    from pyalloc.frontier import alpha
    from pyalloc.macro import sector_tilts

    if any(len(row) != len(_COLUMNS) for row in universe):
        raise CellError(VALUE, f"universe has {len(universe[0])} columns: give {', '.join(_COLUMNS)}")
    if covariance is not None and risk is None:
        raise CellError(VALUE, "risk is missing: with cov the return target needs it")
    assets, of, sectors = (tuple(_texts(universe, column)) for column in range(3))
    stocks = [i for i, category in enumerate(of) if category == STOCKS]
    scores = np.array([_score(universe, i) for i in stocks])
    stress = snapshot(macro).stress()
    further = dict.fromkeys(category for category in of if category not in CATEGORIES)
    return Portfolio(
        assets=assets,
        of=of,
        categories=(*CATEGORIES, *further),
        scores=scores,
        tilts=sector_tilts([sectors[i] for i in stocks], stress),
        A=A,
        b=b,
        covariance=covariance,
        alpha=0.0 if risk is None else alpha(risk),
    )


def _texts(universe: Sequence[Sequence[Any]], column: int) -> list[str]:
    texts = []
    for number, row in enumerate(universe, start=1):
        text = row[column]
        needed = _COLUMNS[column] != "sector" or row[1] == STOCKS
        if (needed and not text) or not isinstance(text, str | None):
            raise CellError(
                VALUE, f"universe, row {number}: {_COLUMNS[column]} is {text!r}, a text is needed"
            )
        texts.append(text or "")
    return texts


def _score(universe: Sequence[Sequence[Any]], i: int) -> float:
    score = universe[i][3]
    if not isinstance(score, float):
        raise CellError(
            VALUE, f"universe, row {i + 1}: the score of a stock is {score!r}, a number is needed"
        )
    return score


def portfolio_of_names(names: Names | None) -> Portfolio:
    """Return the portfolio of a client workbook, from its defined names.

    Raises
    ------
    CellError
        ``#N/A`` where the workbook lacks one: it is none of pyalloc's.
    """
    from pyalloc.macro import sector_tilts

    def read(name: str, kind: Kind) -> Any:
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

    stocks, lines = read("stock_ticker", Kind.TEXTS), read("holding_category", Kind.TEXTS)
    tickers = read("holding_ticker", Kind.TEXTS)
    others = [(ticker, of) for ticker, of in zip(tickers, lines, strict=True) if of != STOCKS]
    defensiveness = dict(
        zip(read("sector_names", Kind.TEXTS), read("sector_defensiveness", Kind.VECTOR), strict=True)
    )
    return Portfolio(
        assets=(*stocks, *(ticker for ticker, _ in others)),
        of=(*[STOCKS] * len(stocks), *(of for _, of in others)),
        categories=read("category_names", Kind.TEXTS),
        scores=read("stock_score", Kind.VECTOR),
        tilts=sector_tilts(
            read("stock_sector", Kind.TEXTS),
            read("stress", Kind.NUMBER),
            defensiveness,
            read("tilt_strength", Kind.NUMBER),
        ),
        A=read("constraint_A", Kind.MATRIX),
        b=read("constraint_b", Kind.VECTOR),
        covariance=read("covariance", Kind.MATRIX),
        alpha=read("alpha", Kind.NUMBER),
        cap=read("stock_cap", Kind.NUMBER),
        floor=read("sleeve_floor", Kind.NUMBER),
        lower=read("category_lower", Kind.VECTOR),
        upper=read("category_upper", Kind.VECTOR),
        digits=int(read("currency_digits", Kind.NUMBER)),
    )
