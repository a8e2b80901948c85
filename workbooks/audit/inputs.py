"""The inputs of a file: what was edited, what the core refuses, and the facts that follow from the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pyalloc.errors import PyallocError
from pyalloc.marketdata import MarketData
from workbooks.audit.findings import Finding, Kind
from workbooks.reading.cells import FoundCell, Value
from workbooks.reading.edited import EditedWorkbook, view_of
from workbooks.reading.settings import Inputs, day, misfit
from workbooks.reading.values import Facts, expected_value, same_value, shown
from workbooks.template.author import Ref
from workbooks.template.book import facts_of
from workbooks.template.frame import AUDIT

_OVERRIDES: Final = ("override_A", "override_b")


@dataclass(frozen=True)
class Followed:
    """What follows from the inputs of a file.

    Attributes
    ----------
    facts : mapping or None
        From the inputs as they stand; one that is refused counts as generated. None where nothing can be
        computed.
    as_generated : mapping or None
        From the inputs as generated; None where they cannot be used.
    findings : tuple of Finding
        On the inputs.
    """

    facts: Facts | None
    as_generated: Facts | None
    findings: tuple[Finding, ...]


def follow(workbook: EditedWorkbook, market: MarketData | None) -> Followed:
    """Judge the inputs, and compute what follows from them."""
    refused = {ref: finding for ref in workbook.edits if (finding := _misfit(workbook, ref))}
    try:
        facts = _settled(workbook, market, refused)
    except PyallocError as refusal:
        return Followed(None, None, (*refused.values(), Finding(Kind.NOT_JUDGED, says=str(refusal))))
    generated = workbook.layout.generated
    as_generated = _facts(workbook, generated, market) if workbook.edits else facts
    findings = refused | _edited_in_the_register(workbook, market, refused, facts, as_generated)
    for ref in workbook.inputs:
        if ref not in findings and (kind := _kind(workbook, ref, facts)):
            expected = expected_value(ref, facts) if kind is Kind.NO_SETTING else generated[ref]
            findings[ref] = _finding(workbook, kind, ref, expected)
    in_order = (findings[ref] for ref in workbook.inputs if ref in findings)
    return Followed(facts, as_generated, (*in_order, *_rate(workbook, market, facts)))


def _settled(workbook: EditedWorkbook, market: MarketData | None, refused: dict[Ref, Finding]) -> Facts:
    """Return what follows from the inputs; one that the core refuses joins `refused` and is set aside.

    Raises
    ------
    PyallocError
        Where the core refuses, and no single edited input is why.
    """
    generated = workbook.layout.generated
    while True:
        now = _in_force(workbook, refused)
        try:
            return facts_of(*workbook.allocation(now, market), workbook.history(now, market))
        except PyallocError as refusal:
            culprit = _culprit(workbook, market, now, str(refusal))
            if culprit is None:
                raise
            refused[culprit] = _finding(workbook, Kind.REFUSED, culprit, generated[culprit], str(refusal))


def _in_force(workbook: EditedWorkbook, set_aside: Iterable[Ref]) -> Inputs:
    """Return the inputs as they stand, but for those set aside, which count as generated."""
    return {**workbook.inputs, **{ref: workbook.layout.generated[ref] for ref in set_aside}}


def _edited_in_the_register(
    workbook: EditedWorkbook,
    market: MarketData | None,
    refused: Mapping[Ref, Finding],
    facts: Facts,
    as_generated: Facts | None,
) -> dict[Ref, Finding]:
    """Return the findings on inputs that solved cells were made for, other than the register says."""
    if as_generated is None or not _solved_for(workbook, facts, as_generated):
        return {}
    suspects = [ref for ref in workbook.edits if ref not in refused]
    without = {ref: _facts(workbook, _in_force(workbook, [*refused, ref]), market) for ref in suspects}
    return {
        ref: _register_finding(workbook, ref)
        for ref, others in without.items()
        if others and _solved_for(workbook, facts, others)
    }


def _rate(workbook: EditedWorkbook, market: MarketData | None, facts: Facts) -> Iterator[Finding]:
    """Yield the finding on a risk-free rate that is not the market's; what follows is computed from it."""
    if market is None:
        return
    ref = Ref("risk_free")
    try:
        rate = view_of(market, day(float(facts["as_of"]), "as_of")).risk_free
    except PyallocError as refusal:
        yield _finding(workbook, Kind.MARKET, ref, None, str(refusal))
        return
    if not same_value(workbook.inputs[ref], rate):
        yield _finding(workbook, Kind.MARKET, ref, rate)


def _misfit(workbook: EditedWorkbook, ref: Ref) -> Finding | None:
    """Return the finding on an input that is not of its type."""
    cell = workbook.content.cell(*workbook.places[ref])
    wanted = misfit(ref, cell.value)
    return (
        _finding(workbook, misplaced(cell), ref, workbook.layout.generated[ref], wanted) if wanted else None
    )


def misplaced(cell: FoundCell) -> Kind:
    """Return what is wrong with a cell that holds no number where one belongs."""
    if cell.is_error:
        return Kind.ERROR
    if not isinstance(cell.value, str):
        return Kind.REFUSED
    try:
        float(cell.value.replace(",", "."))
    except ValueError:
        return Kind.TYPE
    return Kind.NUMBER_AS_TEXT


def _culprit(workbook: EditedWorkbook, market: MarketData | None, now: Inputs, refusal: str) -> Ref | None:
    """Return the edited input without which the refusal would be another one, or none."""
    generated = workbook.layout.generated
    for ref in workbook.edits:
        if now[ref] == generated[ref]:
            continue  # set aside already
        try:
            workbook.allocation({**now, ref: generated[ref]}, market)
        except PyallocError as error:
            if str(error) == refusal:
                continue
        return ref
    return None


def _facts(workbook: EditedWorkbook, inputs: Inputs, market: MarketData | None) -> Facts | None:
    try:
        return facts_of(*workbook.allocation(inputs, market), workbook.history(inputs, market))
    except PyallocError:
        return None


def _solved_for(workbook: EditedWorkbook, facts: Facts, others: Facts) -> bool:
    """Return whether the solved cells are those of `facts` wherever they differ from those of `others`."""
    told_apart = [
        (workbook.content.cell(sheet, at).value, expected)
        for sheet, at, cell in workbook.layout.book.cells("solved")
        if cell.value
        and sheet != AUDIT
        and not same_value(expected := expected_value(cell.value, facts), expected_value(cell.value, others))
    ]
    return bool(told_apart) and all(same_value(found, expected) for found, expected in told_apart)


def _kind(workbook: EditedWorkbook, ref: Ref, facts: Facts) -> Kind | None:
    """Return what is to be said of an input that the core accepts, if anything."""
    cell = workbook.content.cell(*workbook.places[ref])
    if not same_value(workbook.inputs[ref], expected_value(ref, facts)):
        return Kind.NO_SETTING
    if ref not in workbook.edits:
        return Kind.INPUT if cell.formula else None
    return Kind.OVERRIDE if ref.name in _OVERRIDES else Kind.INPUT


def _finding(workbook: EditedWorkbook, kind: Kind, ref: Ref, expected: Value, says: str = "") -> Finding:
    sheet, at = workbook.places[ref]
    return Finding(kind, sheet, at, ref.name, shown(workbook.content.cell(sheet, at)), expected, says)


def _register_finding(workbook: EditedWorkbook, ref: Ref) -> Finding:
    sheet, at = workbook.registered[ref]
    return Finding(Kind.REGISTER, sheet, at, ref.name, workbook.layout.generated[ref], workbook.inputs[ref])
