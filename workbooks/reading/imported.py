"""What a workbook holds of a market: stocks, instruments and their data, read from its blocks."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError
from pyalloc.frontier import Covariance
from pyalloc.marketdata import Asset
from pyalloc.names import STOCKS
from pyalloc.ranking.choice import Ranking
from pyalloc.ranking.models import LinearRanker
from pyalloc.stocks import FEATURES, MomentumRanker
from pyalloc.tables.cells import shown
from workbooks.reading.cells import Value
from workbooks.reading.content import Content
from workbooks.reading.layout import Layout
from workbooks.reading.settings import day
from workbooks.template.author import Book
from workbooks.template.frame import AUDIT

FloatArray = NDArray[np.float64]

OF_THE_MARKET: Final = frozenset(
    (
        *("stock_ticker", "stock_name", "stock_sector", "month_ends", "closes", "covariance", "lw_shrinkage"),
        *("lw_T", "notice", "stock_score", "model_name", "model_trained", "model_coefficients"),
        *("model_intercept", "skill_of", "skill_model", "skill_momentum", "skill_verdict"),
        *FEATURES,
        *("backtest_said", "backtest_start", "backtest_dates", "backtest_stress", "backtest_weights"),
        *("backtest_returns", "backtest_first_day", "backtest_traded", "wealth_engine", "wealth_cash"),
        *("wealth_static", "wealth_6040", "wealth_equal", "cost_rate", "backtest_least"),
    )
)
"""Blocks that a workbook has from its market and from nothing else."""

_PRICES: Final = (1e-9, 1e15)

_MADE_FOR: Final = frozenset(("ranker", "scaling", "return_model"))
"""Texts that say which policy the sheets were authored for."""


def is_imported(block: str) -> bool:
    """Return whether a block is read from the file: what it holds of the market, its lines, its models."""
    return block in OF_THE_MARKET or block in _MADE_FOR or block.startswith("holding_")


@dataclass(frozen=True, eq=False)
class Imported:
    """What a workbook holds of a market: the stocks, the instruments of its lines, and their data.

    Attributes
    ----------
    stocks : tuple of Asset, length n
    instruments : mapping of Asset to float
        Those of the other categories, with the share of its category that each holds.
    month_ends : tuple of date, length months + 1
    closes : ndarray, shape (n, months + 1)
        Month closes; not a number where the workbook holds only what was computed from them.
    features : mapping of str to ndarray, shape (n,)
        All of them, or only the daily ones where the others follow from the month closes.
    ranking : Ranking
        What scored the stocks, and its record.
    scores : ndarray, shape (n,), or None
        None where they follow from the features.
    covariance : Covariance or None
        None where it follows from the month closes.
    excluded : mapping of str to str
        Assets left out, with the reason, as the workbook's notes record them.
    notice : str
        What the market must have shown with every result.
    """

    stocks: tuple[Asset, ...]
    instruments: Mapping[Asset, float]
    month_ends: tuple[date, ...]
    closes: FloatArray
    features: Mapping[str, FloatArray]
    ranking: Ranking
    scores: FloatArray | None
    covariance: Covariance | None
    excluded: Mapping[str, str]
    notice: str

    @property
    def assets(self) -> tuple[Asset, ...]:
        """Stocks and instruments."""
        return (*self.stocks, *self.instruments)


def imported_of(content: Content, layout: Layout) -> Imported:
    """Return what the workbook holds of the market.

    Raises
    ------
    InputError
        For a cell that holds no number or text where one belongs.
    """
    blocks = Blocks.of(content, layout.book)
    stocks = tuple(
        Asset(ticker, title, STOCKS, sector)
        for ticker, title, sector in zip(
            blocks.texts("stock_ticker"),
            blocks.texts("stock_name"),
            blocks.texts("stock_sector"),
            strict=True,
        )
    )
    months = layout.sizes.months
    native = layout.native
    return Imported(
        stocks=stocks,
        instruments=_instruments(blocks, {stock.asset for stock in stocks}),
        month_ends=tuple(day(number, "month_ends") for number in blocks.numbers("month_ends").tolist())
        if native
        else (),
        closes=blocks.prices("closes") if native else np.full((len(stocks), months + 1), np.nan),
        features={name: blocks.numbers(name) for name in FEATURES if name in blocks.places},
        ranking=_ranking(blocks),
        scores=blocks.numbers("stock_score") if "stock_score" in blocks.places else None,
        covariance=None
        if native
        else Covariance(blocks.numbers("covariance"), blocks.number("lw_shrinkage"), months),
        excluded=dict(line.split(": ", 1) for line in blocks.texts("left_out") if ": " in line),
        notice=blocks.text("notice"),
    )


def _ranking(blocks: Blocks) -> Ranking:
    """Return the ranking as the workbook records it; of a model that is not linear, no more than that."""
    model, verdict = blocks.text("model_name"), blocks.text("skill_verdict")
    linear = LinearRanker(blocks.numbers("model_coefficients"), blocks.number("model_intercept"))
    return Ranking(
        model=model,
        ranker=MomentumRanker() if model == "momentum" else linear,
        trained=blocks.text("model_trained"),
        judged=blocks.text("skill_of"),
        skill=blocks.numbers("skill_model"),
        momentum=blocks.numbers("skill_momentum"),
        verdict=verdict,
        warns=any(verdict in notice for notice in blocks.texts("notices")),
    )


def _instruments(blocks: Blocks, stocks: Container[str]) -> dict[Asset, float]:
    """Return the lines that are no stocks, each with its share of its category."""
    lines = zip(
        *(blocks.texts(f"holding_{what}") for what in ("ticker", "name", "category", "sector")), strict=True
    )
    solved = "holding_solved" in blocks.places
    return {
        Asset(*line): blocks.number("holding_solved", i) if solved else 1.0
        for i, line in enumerate(lines)
        if line[0] not in stocks
    }


@dataclass(frozen=True)
class Blocks:
    """The cells that no formula fills, by the fact that they show and its place."""

    content: Content
    places: Mapping[str, Mapping[tuple[int, ...], tuple[str, str]]]

    @classmethod
    def of(cls, content: Content, book: Book) -> Blocks:
        """Return those of a file that was authored as `book`."""
        places: dict[str, dict[tuple[int, ...], tuple[str, str]]] = {}
        for sheet, at, cell in book.cells():
            if cell.kind in ("input", "solved") and cell.value and sheet != AUDIT:
                places.setdefault(cell.value.name, {}).setdefault(cell.value.place, (sheet, at))
        return cls(content, places)

    def number(self, fact: str, *place: int) -> float:
        """Return one number of a fact."""
        sheet, at = self.places[fact][place]
        value = self.content.cell(sheet, at).value
        if not isinstance(value, float):
            raise InputError(f"{sheet}!{at} is {_shown(value)}; a number belongs there")
        return value

    def numbers(self, fact: str) -> FloatArray:
        """Return the numbers of a fact: a table, a list or a single one, as its places are."""
        places = self.places[fact]
        table = np.empty([largest + 1 for largest in map(max, zip(*places, strict=True))])
        for place in places:
            table[place] = self.number(fact, *place)
        return table

    def numbers_or_none(self, fact: str) -> FloatArray:
        """Return the numbers of a list; not a number where a cell is empty."""
        found = [
            np.nan if self.content.cell(sheet, at).value is None else self.number(fact, *place)
            for place, (sheet, at) in self.places[fact].items()
        ]
        return np.array(found)

    def prices(self, fact: str) -> FloatArray:
        """Return numbers that may be prices, so that returns can be computed from them."""
        table, (low, high) = self.numbers(fact), _PRICES
        for place in np.argwhere((table < low) | (table > high)).tolist():
            sheet, at = self.places[fact][tuple(place)]
            raise InputError(f"{sheet}!{at} is {table[tuple(place)]:g}; a price is from {low:g} to {high:g}")
        return table

    def text(self, fact: str) -> str:
        """Return one text of a fact."""
        return self.texts(fact)[0]

    def texts(self, fact: str) -> list[str]:
        """Return the texts of a fact; an empty cell is an empty text."""
        found = []
        for sheet, at in self.places[fact].values():
            value = self.content.cell(sheet, at).value
            if not isinstance(value, str | None):
                raise InputError(f"{sheet}!{at} is {_shown(value)}; a text belongs there")
            found.append(value or "")
        return found


def _shown(value: Value) -> str:
    return "empty" if value is None else shown(value)
