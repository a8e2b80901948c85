"""The whole workbook: its sheets authored for one shape, and the facts that fill it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pyalloc.allocation import Allocation
from pyalloc.category import CategoryPolicy
from pyalloc.frontier.target import ReturnModel
from pyalloc.stocks import ScaleMethod
from workbooks.template.audit_sheet import author_audit
from workbooks.template.author import Book, Sheet
from workbooks.template.constraints_sheet import author_constraints
from workbooks.template.facts import Recipient, gather
from workbooks.template.frame import AUDIT, NOTES
from workbooks.template.frontier_sheet import author_frontier
from workbooks.template.holdings_sheet import author_holdings
from workbooks.template.inputs import validate_inputs
from workbooks.template.judgement import judge
from workbooks.template.macro_sheet import author_macro
from workbooks.template.notes_sheet import author_notes
from workbooks.template.risk_sheets import NATIVE_LIMIT, author_covariance, author_prices
from workbooks.template.scenarios_sheet import author_scenarios
from workbooks.template.stocks_sheet import author_stocks
from workbooks.template.summary_sheet import author_summary


@dataclass(frozen=True)
class Shape:
    """What decides which cells a workbook has; workbooks of one shape share their authored sheets."""

    stocks: int
    months: int
    lines: tuple[str, ...]
    category: CategoryPolicy
    sectors: tuple[str, ...]
    regime_from: tuple[float, ...]
    scaling: ScaleMethod
    return_model: ReturnModel
    frontier_points: int
    equal_sleeves: bool
    synthetic: bool
    notices: int
    excluded: int

    @property
    def native(self) -> bool:
        """Whether month closes and covariance are in the file as inputs and formulas."""
        return self.stocks <= NATIVE_LIMIT


def shape_of(allocation: Allocation) -> Shape:
    """Return the shape of an allocation's workbook."""
    policy = allocation.policy
    return Shape(
        stocks=len(allocation.universe.assets),
        months=allocation.universe.covariance.months,
        lines=allocation.trace["holding_category"],
        category=policy.category,
        sectors=allocation.trace["sector_names"],
        regime_from=policy.macro.regime_from,
        scaling=policy.stocks.scaling,
        return_model=policy.sleeve.return_model,
        frontier_points=policy.sleeve.frontier_points,
        equal_sleeves=policy.other_sleeves == "equal",
        synthetic=bool(allocation.view.market.notice),
        notices=len(allocation.notices),
        excluded=len(allocation.excluded),
    )


@lru_cache(maxsize=16)
def author_book(shape: Shape) -> Book:
    """Return every sheet of a workbook of this shape, in order."""
    judged: list[Sheet] = [
        author_summary(
            shape.category.names, shape.sectors, shape.regime_from, shape.synthetic, shape.return_model
        ),
        author_macro(len(shape.sectors), len(shape.regime_from)),
        author_constraints(shape.category),
        author_scenarios(shape.category, len(shape.sectors)),
        author_stocks(shape.stocks, shape.months, shape.scaling, shape.native),
        author_holdings(shape.category.names, shape.lines, equal=shape.equal_sleeves),
        author_frontier(shape.stocks, shape.months, shape.frontier_points, shape.return_model, shape.native),
    ]
    appendix = [author_covariance(shape.stocks, shape.native)]
    if shape.native:
        appendix.insert(0, author_prices(shape.stocks, shape.months))
    for sheet in judged:
        validate_inputs(sheet)
    audit = author_audit([*judged, *appendix])
    return Book((*judged, audit, author_notes(shape.return_model, shape.notices, shape.excluded), *appendix))


def fill(allocation: Allocation, recipient: Recipient) -> tuple[Book, dict[str, Any]]:
    """Return the authored workbook for an allocation, and every fact its cells refer to."""
    book = author_book(shape_of(allocation))
    facts = gather(allocation, recipient)
    judged = [sheet for sheet in book.sheets if sheet.title not in (AUDIT, NOTES)]
    audit = next(sheet for sheet in book.sheets if sheet.title == AUDIT)
    return book, facts | judge(facts, judged, audit)
