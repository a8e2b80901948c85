"""What an audit can find, how grave it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal, NamedTuple

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple

from workbooks.reading.cells import Value

Severity = Literal["fault", "note", "information"]
Verdict = Literal["as made", "departs", "unreadable"]


class _Said(NamedTuple):
    words: str
    severity: Severity
    remedy: str


_RESTORE = "restore it, or generate the workbook again"
_RECOMPUTE = "recompute the workbook, or generate it again"


class Kind(Enum):
    """A kind of finding.

    A fault means that a number, formula, name or sheet is not what inputs and template make it. A note is
    allowed and must be known. Information says something about the file that changes no number.
    """

    # the file
    NOT_JUDGED = _Said("not judged", "fault", "mend what the sentence names, then audit again")
    TEMPLATE = _Said("other template", "fault", "audit it with the pyalloc that made it")
    VERSION = _Said("other pyalloc", "information", "its numbers were recomputed with this one")
    ADDITIONS = _Said("macros or links", "note", "no workbook of pyalloc has them: ask who added them")
    NO_VALUES = _Said("no cached values", "note", "open it in a spreadsheet program and save it")
    # sheets and names
    SHEET_MISSING = _Said("sheet missing", "fault", _RESTORE)
    SHEET_RENAMED = _Said("sheet renamed", "fault", "give it its title back")
    SHEET_HIDDEN = _Said("sheet hidden", "note", "unhide it")
    SHEET_ADDED = _Said("sheet added", "information", "it is not judged")
    HIDDEN = _Said("rows or columns hidden", "note", "unhide them")
    ROWS = _Said("rows inserted or removed", "fault", "undo it, or generate the workbook again")
    NAME_MISSING = _Said("defined name missing", "fault", _RESTORE)
    NAME_MOVED = _Said("defined name points elsewhere", "fault", _RESTORE)
    NAME_SHADOWED = _Said("defined name shadowed", "fault", "delete the name that holds on the sheet only")
    # inputs
    INPUT = _Said("input edited", "note", "a what-if, until the workbook is recomputed")
    OVERRIDE = _Said("coefficient overridden", "note", "intended? then recompute; otherwise clear the cell")
    REFUSED = _Said("input refused", "fault", "correct the input")
    TYPE = _Said("text where a number belongs", "fault", "type a number")
    NUMBER_AS_TEXT = _Said("number stored as text", "fault", "format the cell as a number and type it again")
    NO_SETTING = _Said(
        "no setting of pyalloc edited", "fault", "restore it: nothing can be recomputed with it"
    )
    REGISTER = _Said("register edited", "fault", "solved values follow from the input, not from the register")
    # formulas
    OVERWRITTEN = _Said("formula overwritten", "fault", _RESTORE)
    CHANGED = _Said("formula changed", "fault", _RESTORE)
    COEFFICIENT = _Said(
        "matrix entry edited", "fault", "use section 5 of Constraints to override a coefficient"
    )
    ERROR = _Said("error in a cell", "fault", "find what it reads")
    VALUE = _Said(
        "cached value departs", "fault", "calculate the file again; if it still departs, regenerate it"
    )
    CONSEQUENCE = _Said("follows from what it reads", "note", "mend what else is listed")
    # what no formula gives
    STALE = _Said("solved value does not follow", "fault", _RECOMPUTE)
    SOLVED = _Said("solved value edited", "fault", _RECOMPUTE)
    IMPORTED = _Said(
        "imported data edited", "fault", "generate it again from the market, or audit with --market"
    )
    MARKET = _Said("departs from the market", "fault", "generate it again from the market")
    CHECKSUM = _Said("checksum edited", "fault", _RECOMPUTE)
    # texts
    LABEL_READ = _Said("label that a formula reads", "fault", "restore the text")
    LABEL = _Said("label edited", "information", "restore the text, unless it is your firm's own")
    CELL_ADDED = _Said("cell added", "information", "nothing reads it")

    @property
    def words(self) -> str:
        """Its name, as people and programs read it."""
        return self.value.words

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return self.value.severity

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.value.remedy


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was made.

    Attributes
    ----------
    kind : Kind
    sheet : str
        Empty for the file as a whole.
    at : str
        A cell, a range, or empty for the sheet as a whole.
    fact : str
        What the cell shows, by the names of the trace and of the template.
    found, expected : float, str, bool or None
        What stands there, and what should.
    says : str
        More than kind, found and expected tell.
    """

    kind: Kind
    sheet: str = ""
    at: str = ""
    fact: str = ""
    found: Value = None
    expected: Value = None
    says: str = ""


@dataclass(frozen=True)
class Line:
    """Findings of one kind and block, as one line of a report; it shows the first of them."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that stands for all."""
        return self.findings[0]

    @property
    def where(self) -> str:
        """Sheet and range, as a reader finds it."""
        if len(self.findings) == 1:
            return f"{self.first.sheet}!{self.first.at}" if self.first.at else self.first.sheet
        sheets = {finding.sheet for finding in self.findings}
        area = f"{len(sheets)} sheets"
        if len(sheets) == 1:
            area = f"{self.first.sheet}!{_around([finding.at for finding in self.findings])}"
        return f"{area} ({len(self.findings):,} cells)"


def lines_of(findings: Iterable[Finding]) -> list[Line]:
    """Return one line for all cells of one kind and block, and one for all that follow from others."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        key: tuple[object, ...] = (finding.kind, finding.sheet, finding.fact)
        if finding.kind is Kind.CONSEQUENCE:
            key = (finding.kind,)
        elif finding.says or ":" in finding.at or not finding.at:
            key = (len(groups),)
        groups.setdefault(key, []).append(finding)
    return [Line(tuple(group)) for group in groups.values()]


def _around(places: Sequence[str]) -> str:
    """Return the smallest range with all these cells in it."""
    rows, columns = zip(*map(coordinate_to_tuple, places), strict=True)
    return f"{get_column_letter(min(columns))}{min(rows)}:{get_column_letter(max(columns))}{max(rows)}"


@dataclass(frozen=True)
class AuditResult:
    """What was found in one file.

    Attributes
    ----------
    source : str
        Name of the file.
    findings : tuple of Finding
        One a cell, causes before what follows from them.
    client_id : str
    as_of : date or None
        As the file itself says.
    error : str
        Why the file could not be read; empty if it could.
    """

    source: str
    findings: tuple[Finding, ...] = ()
    client_id: str = ""
    as_of: date | None = None
    error: str = ""

    @property
    def verdict(self) -> Verdict:
        """``unreadable``; ``departs`` where there is more than information; or ``as made``."""
        if self.error:
            return "unreadable"
        grave = any(finding.kind.severity != "information" for finding in self.findings)
        return "departs" if grave else "as made"

    def count(self, severity: Severity) -> int:
        """Return how many findings are of a severity, what only follows from others apart."""
        return sum(
            finding.kind.severity == severity and finding.kind is not Kind.CONSEQUENCE
            for finding in self.findings
        )

    @property
    def consequences(self) -> int:
        """How many cells depart only because of what they read."""
        return sum(finding.kind is Kind.CONSEQUENCE for finding in self.findings)

    @property
    def lines(self) -> list[Line]:
        """The findings, cells of one kind and block in one line."""
        return lines_of(self.findings)
