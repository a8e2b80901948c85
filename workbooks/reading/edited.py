"""A workbook of ours as someone left it: where everything stands, and what its inputs ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from pyalloc.allocation import Allocation, allocate
from pyalloc.errors import InputError
from pyalloc.frontier import SleevePolicy
from pyalloc.marketdata import MarketData, MarketView
from pyalloc.names import risk_tolerance
from pyalloc.policy import Policy
from pyalloc.view import View
from workbooks.history import History, history_at, no_history
from workbooks.reading.checksums import EditedBlock, edited_blocks
from workbooks.reading.content import Content
from workbooks.reading.imported import Imported, imported_of
from workbooks.reading.layout import Layout, layout_of
from workbooks.reading.past import history_in
from workbooks.reading.restore import Shift, with_rows, with_titles
from workbooks.reading.settings import Inputs, settings_of
from workbooks.reading.values import same_value
from workbooks.reading.views import NarrowedView, WorkbookView
from workbooks.template.audit_sheet import register
from workbooks.template.author import Ref
from workbooks.template.facts import TEMPLATE_VERSION, Recipient
from workbooks.template.frame import AUDIT

_OTHER_INPUTS: Final = (
    "There is no history to show: inputs that it was walked for were edited. Recompute with the market, or "
    "generate again."
)


@dataclass(frozen=True)
class EditedWorkbook:
    """A file whose layout is known.

    Attributes
    ----------
    content : Content
        With sheets and rows where they were authored.
    layout : Layout
    renamed : mapping of str to str
        Titles of sheets, and what they are called in the file.
    shifts : tuple of Shift
        Where rows were inserted or removed.
    """

    content: Content
    layout: Layout
    renamed: Mapping[str, str]
    shifts: tuple[Shift, ...]

    @classmethod
    def of(cls, content: Content) -> EditedWorkbook:
        """Find the layout of a file.

        Raises
        ------
        InputError
            Where it cannot be told, in a sentence.
        """
        version = content.named("template_version")
        if version not in (None, TEMPLATE_VERSION):
            raise InputError(
                f"{content.source} is of template {version}, this pyalloc writes {TEMPLATE_VERSION}"
            )
        titled, renamed = with_titles(content)
        layout = layout_of(titled)
        restored, shifts = with_rows(titled, layout.book)
        return cls(restored, layout, renamed, tuple(shifts))

    @cached_property
    def places(self) -> dict[Ref, tuple[str, str]]:
        """Sheet and address of every input of the register."""
        return {ref: (sheet, at) for sheet, at, ref in register(self.layout.book.sheets)}

    @cached_property
    def registered(self) -> dict[Ref, tuple[str, str]]:
        """Sheet and address at which the register keeps each input as generated."""
        return {
            cell.value: (sheet, at)
            for sheet, at, cell in self.layout.book.cells("solved")
            if sheet == AUDIT and cell.value in self.places
        }

    @cached_property
    def inputs(self) -> Inputs:
        """Every input of the register, as it stands; as generated, where its sheet is gone."""
        return {
            ref: self.content.cell(sheet, at).value if sheet in self.content.sheets else generated
            for ref, generated in self.layout.generated.items()
            for sheet, at in [self.places[ref]]
        }

    @cached_property
    def edits(self) -> list[Ref]:
        """The inputs that are not what the register keeps of them as generated."""
        generated = self.layout.generated
        return [ref for ref, value in self.inputs.items() if not same_value(value, generated.get(ref))]

    @cached_property
    def imported(self) -> Imported:
        """What the workbook holds of the market."""
        return imported_of(self.content, self.layout)

    @cached_property
    def edited_blocks(self) -> dict[str, EditedBlock]:
        """The blocks that were edited since their checksums were taken, by name."""
        return {block.name: block for block in edited_blocks(self.content, self.layout.book)}

    def allocation(self, inputs: Inputs, market: MarketData | None = None) -> tuple[Allocation, Recipient]:
        """Return the allocation that inputs ask for, and whom it is for.

        Parameters
        ----------
        inputs : mapping of Ref to value
        market : MarketData, optional
            Where prices are from; default: the workbook itself.

        Raises
        ------
        PyallocError
            In the core's own words.
        """
        asked = settings_of(inputs, self.layout.structure)
        view: View
        if market is None:
            view = WorkbookView(self.imported, asked.as_of, asked.macro, asked.risk_free)
        else:
            whole = view_of(market, asked.as_of)
            view = NarrowedView(self.imported, whole, asked.macro, asked.risk_free)
        try:
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                allocation = allocate(view, asked.macro, profile=asked.profile, policy=asked.policy)
        except ArithmeticError as error:
            raise InputError("the inputs lead to numbers too large or too small to compute with") from error
        return allocation, asked.recipient

    def history(self, inputs: Inputs, market: MarketData | None = None) -> History:
        """Return the history that the workbook was made with, as that of the risk which inputs ask for.

        Parameters
        ----------
        inputs : mapping of Ref to value
        market : MarketData, optional
            Where it is walked again, as the inputs were generated; default: as it stands in the workbook.

        Raises
        ------
        PyallocError
            For a cell of it that is of another type.
        """
        made_for = settings_of(self.layout.generated, self.layout.structure)
        tolerance = risk_tolerance(settings_of(inputs, self.layout.structure).profile.risk)
        standing = history_in(self.content, self.layout, made_for.as_of, tolerance)
        if market is None or not standing.walked:
            return standing
        policy = with_least_months(made_for.policy, standing.least_months)
        walked = history_at(market, policy, made_for.profile.risk, made_for.as_of)
        return replace(walked, tolerance=tolerance) if walked.walked else walked

    def history_anew(self, market: MarketData | None = None) -> History:
        """Return the history that the inputs ask for now; without a market only what stands can be kept.

        Raises
        ------
        PyallocError
            For a cell of it that is of another type.
        """
        asked = settings_of(self.inputs, self.layout.structure)
        made_for = settings_of(self.layout.generated, self.layout.structure)
        standing = self.history(self.inputs)
        if market is not None:
            policy = with_least_months(asked.policy, standing.least_months)
            return history_at(market, policy, asked.profile.risk, asked.as_of)
        rests_on = [
            (one.policy.model_copy(update={"firm": ""}), one.as_of, risk_tolerance(one.profile.risk))
            for one in (asked, made_for)
        ]
        if rests_on[0] == rests_on[1]:
            return standing
        return no_history(asked.as_of, self.layout.structure.categories, _OTHER_INPUTS)


def with_least_months(policy: Policy, months: int) -> Policy:
    """Return a policy with the months of returns that a stock needs, where a history tells them."""
    sleeve = replace(policy.sleeve, minimum_months=months or SleevePolicy.minimum_months)
    return policy.model_copy(update={"sleeve": sleeve})


@lru_cache(maxsize=2)
def view_of(market: MarketData, day: date) -> MarketView:
    """Return the market at the close of a day, which many workbooks share.

    Raises
    ------
    InputError
        Where that day has no close.
    """
    view = market.at(day)
    if view.as_of != day:
        raise InputError(f"as_of is {day}, no trading day of this market; the last before it is {view.as_of}")
    return view
