"""A workbook of ours as someone left it: where everything stands, and what its inputs ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

import numpy as np

from pyalloc.allocation import Allocation, allocate
from pyalloc.errors import InputError
from pyalloc.marketdata import MarketData, MarketView
from pyalloc.view import View
from workbooks.reading.checksums import EditedBlock, edited_blocks
from workbooks.reading.content import Content
from workbooks.reading.imported import Imported, imported_of
from workbooks.reading.layout import Layout, layout_of
from workbooks.reading.restore import Shift, with_rows, with_titles
from workbooks.reading.settings import Inputs, settings_of
from workbooks.reading.values import same_value
from workbooks.reading.views import NarrowedView, WorkbookView
from workbooks.template.audit_sheet import register
from workbooks.template.author import Ref
from workbooks.template.facts import TEMPLATE_VERSION, Recipient
from workbooks.template.frame import AUDIT


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
