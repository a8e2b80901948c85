"""What each departure of a cell is, and what it is only a consequence of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from workbooks.audit.departures import Departure, added_cells, departures
from workbooks.audit.findings import Finding, Kind
from workbooks.audit.inputs import Followed, misplaced
from workbooks.audit.precedents import Marks
from workbooks.reading.edited import EditedWorkbook
from workbooks.reading.imported import OF_THE_MARKET, is_imported
from workbooks.reading.values import expected_value, same_value, shown
from workbooks.template.frame import AUDIT, NOTES

_MATRIX: Final = frozenset(("policy_A", "policy_b", "constraint_A", "constraint_b"))
_BROKEN_NAMES: Final = (Kind.NAME_MISSING, Kind.NAME_MOVED, Kind.NAME_SHADOWED)
_LAST: Final = (Kind.STALE, Kind.CONSEQUENCE)
"""Kinds that follow from others, after which they are told."""


def cell_findings(
    workbook: EditedWorkbook, followed: Followed, structure: Sequence[Finding], *, market: bool
) -> list[Finding]:
    """Return a finding for every cell that departs, inputs apart; causes before what follows from them.

    Parameters
    ----------
    workbook : EditedWorkbook
    followed : Followed
    structure : sequence of Finding
        What was found of sheets, rows and names.
    market : bool
        Whether the facts are those of a market.
    """
    departing = tuple(departures(workbook, followed.facts))
    judge = _Judge(workbook, followed, departing, tuple(structure), market)
    findings = [*judge.cells(), *judge.blocks(), *_added(workbook)]
    return sorted(findings, key=lambda finding: _LAST.index(finding.kind) + 1 if finding.kind in _LAST else 0)


def _added(workbook: EditedWorkbook) -> Iterator[Finding]:
    for sheet, at, found in added_cells(workbook.content, workbook.layout.book):
        yield Finding(Kind.CELL_ADDED, sheet, at, found=shown(found))


@dataclass(frozen=True)
class _Judge:
    """What is known of a file when its departures are told apart."""

    workbook: EditedWorkbook
    followed: Followed
    departures: tuple[Departure, ...]
    structure: tuple[Finding, ...]
    market: bool

    def cells(self) -> Iterator[Finding]:
        """Yield the finding on each departure that no other finding tells of."""
        for departure in self.departures:
            if kind := self._kind(departure):
                found, expected = shown(departure.found), departure.expected
                if departure.rewritten:
                    expected = departure.formula
                elif departure.cell.kind == "formula":
                    found = departure.found.value
                yield Finding(kind, departure.sheet, departure.at, departure.fact, found, expected)

    def blocks(self) -> Iterator[Finding]:
        """Yield a finding for every edited block whose cells do not tell of it.

        What was recomputed stands as it should, so the checksum was edited. Of what was read from the file,
        nothing but the checksum tells.
        """
        told = {departure.fact for departure in self.departures if departure.cell.kind != "formula"}
        for name, block in self.workbook.edited_blocks.items():
            if name in told or block.sheet in self._scrambled:
                continue
            if is_imported(name) and not (self.market and name in OF_THE_MARKET):
                where = block.sheet, block.area, name
                yield Finding(Kind.IMPORTED, *where, block.now, block.kept, "told by its checksum on Audit")
            else:
                yield Finding(Kind.CHECKSUM, AUDIT, block.at, name, block.kept, block.now)

    def _kind(self, departure: Departure) -> Kind | None:
        match departure.cell.kind:
            case "label":
                return self._label(departure)
            case "formula":
                return self._formula(departure)
            case "input" if departure.cell.value in self.workbook.places:
                return None  # judged as an input
            case "input" if departure.sheet == AUDIT:
                return Kind.NO_SETTING
            case _:
                return self._given(departure)

    def _label(self, departure: Departure) -> Kind:
        sheet = next(sheet for sheet in self.workbook.layout.book.sheets if sheet.title == departure.sheet)
        # A number in the place of a text may be read by a formula in which the text did not count.
        read = departure.at in sheet.read or not isinstance(departure.found.value, str | None)
        return Kind.LABEL_READ if read else Kind.LABEL

    def _formula(self, departure: Departure) -> Kind:
        if departure.rewritten:
            if self._was_moved(departure):
                return Kind.CONSEQUENCE
            if departure.fact in _MATRIX:
                return Kind.COEFFICIENT
            return Kind.CHANGED if departure.found.formula else Kind.OVERWRITTEN
        if self._causes.read_by(departure.sheet, departure.formula):
            return Kind.CONSEQUENCE
        return Kind.ERROR if departure.found.is_error else Kind.VALUE

    def _was_moved(self, departure: Departure) -> bool:
        """Return whether a formula reads otherwise only because rows moved or sheets went."""
        if not departure.found.formula:
            return departure.sheet in self._scrambled
        return departure.sheet in self._moved or self._elsewhere.read_by(departure.sheet, departure.formula)

    def _given(self, departure: Departure) -> Kind | None:
        """Return what a solved or imported cell is that departs."""
        if departure.sheet == AUDIT or departure.fact == "pyalloc_version":
            return None  # the register and the checksums keep what was generated
        if departure.sheet in self._scrambled:
            return Kind.CONSEQUENCE
        if departure.misplaced and not departure.found.formula:
            return misplaced(departure.found)
        if departure.fact in OF_THE_MARKET:
            return Kind.MARKET if self.market else Kind.IMPORTED
        return Kind.STALE if self._as_generated(departure) else Kind.SOLVED

    def _as_generated(self, departure: Departure) -> bool:
        """Return whether a solved value is the one that was generated, for what was known then."""
        before, ref = self.followed.as_generated, departure.cell.value
        if before and ref and same_value(departure.found.value, expected_value(ref, before)):
            return True
        if departure.sheet == NOTES:  # which no checksum holds
            return bool(self.workbook.edits or self.workbook.edited_blocks)
        return departure.fact not in self.workbook.edited_blocks and not departure.found.formula

    # --- where causes may lie ---------------------------------------------------------------------------

    @cached_property
    def _moved(self) -> frozenset[str]:
        """The sheets of which rows were inserted or removed."""
        return frozenset(finding.sheet for finding in self.structure if finding.kind is Kind.ROWS)

    @cached_property
    def _scrambled(self) -> frozenset[str]:
        """Those of which rows are lost, so that what is left stands where something else was."""
        return self._moved - {shift.sheet for shift in self.workbook.shifts if shift.by > 0}

    @cached_property
    def _gone(self) -> frozenset[str]:
        """The sheets that are missing, or whose rows moved."""
        titles = {sheet.title for sheet in self.workbook.layout.book.sheets}
        return self._moved | (titles - self.workbook.content.sheets.keys())

    @cached_property
    def _elsewhere(self) -> Marks:
        """The cells to which references may have changed."""
        return Marks(self.workbook.layout.book, whole=self._gone)

    @cached_property
    def _causes(self) -> Marks:
        """The cells that depart, and all that may make others depart."""
        places = [(departure.sheet, departure.at) for departure in self.departures]
        broken = [finding.fact for finding in self.structure if finding.kind in _BROKEN_NAMES]
        return Marks(self.workbook.layout.book, places, self._gone, broken)
