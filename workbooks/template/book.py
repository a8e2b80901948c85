"""The whole workbook: its sheets authored for a design and its sizes, and the facts that fill it."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pyalloc.allocation import Allocation
from pyalloc.category import CategoryPolicy
from pyalloc.frontier.target import ReturnModel
from pyalloc.policy import Policy
from pyalloc.stocks import ScaleMethod
from workbooks.history import History, no_history
from workbooks.template.audit_sheet import author_audit
from workbooks.template.author import Book, Sheet
from workbooks.template.backtest_sheet import author_backtest
from workbooks.template.constraints_sheet import author_constraints
from workbooks.template.facts import Conditions, Recipient, personal_facts, shared_facts
from workbooks.template.frame import AUDIT, NOTES
from workbooks.template.frontier_sheet import author_frontier
from workbooks.template.functions_sheet import author_functions, calls_under
from workbooks.template.history_facts import history_facts
from workbooks.template.holdings_sheet import author_holdings
from workbooks.template.inputs import validate_inputs
from workbooks.template.judgement import Judged, judge, shared_checksums
from workbooks.template.macro_sheet import author_macro
from workbooks.template.notes_sheet import author_notes
from workbooks.template.risk_sheets import NATIVE_LIMIT, author_covariance, author_prices
from workbooks.template.scenarios_sheet import author_scenarios
from workbooks.template.stocks_sheet import author_stocks
from workbooks.template.summary_sheet import author_summary

_FORMULA_RANKERS: Final = frozenset(("momentum", "ridge", "auto"))
"""Rankers whose score is a sum of features or their ranks."""


@dataclass(frozen=True)
class Design:
    """What decides which cells a workbook has, but for how often its patterns repeat.

    Attributes
    ----------
    score_native : bool
        Whether the score is a formula: momentum's, or a linear model's.
    native : bool
        Whether month closes and covariance are in the file as inputs and formulas.
    calls : tuple of str
        pyalloc's functions that return what the native cells show.
    live : bool
        Whether those stand beside the native cells, for a workbook that is worked in: its sheets are not
        protected.
    """

    category: CategoryPolicy
    sectors: tuple[str, ...]
    regime_from: tuple[float, ...]
    scaling: ScaleMethod
    score_native: bool
    return_model: ReturnModel
    frontier_points: int
    history_months: int
    calls: tuple[str, ...]
    other_sleeves: str
    native: bool
    live: bool = False

    @classmethod
    def of(cls, policy: Policy, *, native: bool, live: bool = False) -> Design:
        """Return the design that a policy asks for."""
        return cls(
            category=policy.category,
            sectors=tuple(policy.macro.defensiveness),
            regime_from=policy.macro.regime_from,
            scaling=policy.stocks.scaling,
            score_native=policy.stocks.ranker in _FORMULA_RANKERS,
            return_model=policy.sleeve.return_model,
            frontier_points=policy.sleeve.frontier_points,
            history_months=policy.sleeve.history_months,
            calls=calls_under(policy),
            other_sleeves=policy.other_sleeves,
            native=native,
            live=live,
        )


class Sizes(NamedTuple):
    """How often the patterns of a workbook repeat; :class:`workbooks.template.author.Growth` says where."""

    stocks: int
    months: int
    lines: int
    notices: int
    left_out: int
    history: int = 1

    @property
    def native(self) -> bool:
        """Whether the stocks are few enough for month closes and covariance to be inputs and formulas."""
        return self.stocks <= NATIVE_LIMIT


PATTERN: Sizes = Sizes(stocks=3, months=14, lines=3, notices=3, left_out=3, history=3)
"""The smallest sizes that show every pattern: a first, an inner and a last row; a year of month closes."""


def sizes_of(allocation: Allocation, history: History | None = None) -> Sizes:
    """Return the sizes of an allocation's workbook with this history."""
    return Sizes(
        stocks=len(allocation.universe.assets),
        months=allocation.universe.covariance.months,
        lines=len(allocation.holdings),
        notices=max(1, len(allocation.notices)),
        left_out=max(1, len(allocation.excluded)),
        history=len(history.months.stress) if history else 1,
    )


@lru_cache(maxsize=16)
def author_book(design: Design, sizes: Sizes = PATTERN) -> Book:
    """Return every sheet of a workbook, in order."""
    judged = _judged(design, sizes)
    appendix = [author_covariance(sizes.stocks, design.native)]
    if design.native:
        appendix.insert(0, author_prices(sizes.stocks, sizes.months, design.history_months))
    for sheet in judged:
        validate_inputs(sheet)
    audit = author_audit([*judged, *appendix])
    notes = author_notes(design.return_model, sizes.notices, sizes.left_out)
    functions = [_functions(design, sizes)] if design.live else []
    return Book((*judged, audit, notes, *functions, *appendix), protected=not design.live)


def _functions(design: Design, sizes: Sizes) -> Sheet:
    return author_functions(
        design.calls, len(design.sectors), design.category.names, sizes.stocks, sizes.lines
    )


def _judged(design: Design, sizes: Sizes) -> list[Sheet]:
    sectors, regimes = len(design.sectors), len(design.regime_from)
    return [
        author_summary(design.category.names, design.sectors, design.regime_from, design.return_model),
        author_macro(sectors, regimes),
        author_constraints(design.category),
        author_scenarios(design.category, sectors),
        author_stocks(
            sizes.stocks, sizes.months, design.scaling, design.native, score_native=design.score_native
        ),
        author_holdings(design.category.names, sizes.lines, other_sleeves=design.other_sleeves),
        author_frontier(
            sizes.stocks, sizes.months, design.frontier_points, design.return_model, design.native
        ),
        author_backtest(design.category.names, sizes.history),
    ]


def facts_of(
    allocation: Allocation, recipient: Recipient, history: History | None = None
) -> ChainMap[str, Any]:
    """Return every fact that the cells of a client's workbook refer to.

    The second map holds those of the history, which clients of one level of risk share, and the third those
    that all clients of one market view and policy do: each is one object for all who share it, so what is
    made of it can be kept.
    """
    conditions = Conditions.of(allocation)
    design = Design.of(allocation.policy, native=sizes_of(allocation).native)
    history = history or no_history(allocation.view.as_of, allocation.policy.category.names)
    past = history_facts(history, allocation.policy.macro.regime_from)
    shared = shared_facts(conditions)
    facts = ChainMap({}, past, shared)
    facts.update(personal_facts(facts.parents, allocation, recipient))
    known = _checksums(conditions, design) | _history_checksums(history, design)
    facts.update(judge(facts, _judging(design), known))
    return facts


@lru_cache(maxsize=16)
def _judging(design: Design) -> Judged:
    book = author_book(design)
    sheets = [sheet for sheet in book.sheets if sheet.title not in (AUDIT, NOTES)]
    return Judged.of(sheets, next(sheet for sheet in book.sheets if sheet.title == AUDIT))


@lru_cache(maxsize=16)
def _checksums(conditions: Conditions, design: Design) -> dict[str, float]:
    return shared_checksums(shared_facts(conditions), _judging(design))


@lru_cache(maxsize=64)
def _history_checksums(history: History, design: Design) -> dict[str, float]:
    return shared_checksums(history_facts(history, design.regime_from), _judging(design))


def fill(
    allocation: Allocation, recipient: Recipient, history: History | None = None, *, live: bool = False
) -> tuple[Book, ChainMap[str, Any]]:
    """Return the authored workbook for an allocation, and every fact its cells refer to."""
    sizes = sizes_of(allocation, history)
    book = author_book(Design.of(allocation.policy, native=sizes.native, live=live), sizes)
    return book, facts_of(allocation, recipient, history)
