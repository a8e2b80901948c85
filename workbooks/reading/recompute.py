"""The allocation that the inputs of an edited workbook ask for, where nothing in it stands in the way."""

from __future__ import annotations

from typing import Final

from pyalloc.allocation import Allocation
from pyalloc.errors import InputError
from pyalloc.marketdata import MarketData
from workbooks.reading.content import Content
from workbooks.reading.edited import EditedWorkbook
from workbooks.reading.imported import is_imported
from workbooks.reading.settings import misfit
from workbooks.reading.values import expected_value, same_value
from workbooks.template.book import facts_of
from workbooks.template.facts import Recipient

_DRAWN: Final = ("regime_from",)
"""Inputs for which labels and colours were laid out, so that new values alone would leave them behind."""


def recomputed(content: Content, market: MarketData | None = None) -> tuple[Allocation, Recipient]:
    """Return the allocation that a workbook's inputs ask for now, and whom it is for.

    Parameters
    ----------
    content : Content
        What :func:`read_content` found in the file.
    market : MarketData, optional
        Where prices are from; default: the workbook itself.

    Raises
    ------
    InputError
        Where an input cannot be followed, or data of the market were edited in the workbook; the sentence
        names the cell.
    PyallocError
        What :func:`pyalloc.allocate` raises.
    """
    workbook = EditedWorkbook.of(content)
    for ref, (sheet, at) in workbook.places.items():
        if wanted := misfit(ref, workbook.inputs[ref]):
            raise InputError(f"{sheet}!{at}, {ref.name}, is {workbook.inputs[ref]!r}; {wanted}")
        if ref.name in _DRAWN and ref in workbook.edits:
            raise InputError(
                f"{sheet}!{at}, {ref.name}, was edited, and the strip on Summary is drawn for "
                f"{workbook.layout.generated[ref]!r}: write that there, or generate with a policy of your own"
            )
    if market is None:
        for block in workbook.edited_blocks.values():
            if is_imported(block.name):
                raise InputError(
                    f"{block.sheet}!{block.area}, {block.name}, was edited since it was generated, as its "
                    "checksum tells: restore it, or give the market that it is from"
                )
    allocation, recipient = workbook.allocation(workbook.inputs, market)
    facts = facts_of(allocation, recipient, workbook.history(workbook.inputs))
    for ref, (sheet, at) in workbook.places.items():
        if not same_value(workbook.inputs[ref], kept := expected_value(ref, facts)):
            raise InputError(
                f"{sheet}!{at}, {ref.name}, is {workbook.inputs[ref]!r}, and no setting of pyalloc: "
                f"write {kept!r} there"
            )
    return allocation, recipient
