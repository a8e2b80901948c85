"""Which workbooks of an earlier run still stand, and why the others must be made."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbooks.results import DONE

if TYPE_CHECKING:
    from workbooks.ledger import Ledger
    from workbooks.record import Entry
    from workbooks.recorded import RunRecord


def resume_from(begun: Ledger, earlier: RunRecord, out: Path) -> str:
    """Let a run begin with what it keeps of an earlier one, and return a sentence about it.

    A workbook is kept where the earlier run made it from the same inputs and the file still has the bytes
    that were written.

    Parameters
    ----------
    begun : Ledger
        Of the run that begins, every client pending.
    earlier : RunRecord
    out : Path
        The folder of both runs.
    """
    common = earlier.run.made_from
    changed = [name for name, value in begun.run.made_from.items() if common[name] != value]
    kept, reasons = 0, Counter[str]()
    for entry in begun.entries():
        before = earlier.entry_of(entry.client_id)
        reason = _why_made(entry, before, changed, out)
        if before is None or reason:
            reasons[reason] += 1
        else:
            kept += 1
            begun.keep(replace(before, position=entry.position))
    made = reasons.total()
    why = f" ({', '.join(f'{count} {reason}' for reason, count in reasons.most_common())})" if made else ""
    return f"{kept} kept, {made} to make{why}"


def _why_made(entry: Entry, before: Entry | None, changed: list[str], out: Path) -> str:
    """Return why a workbook must be made; nothing where the one that is there stands."""
    if before is None:
        return "new in the list"
    if before.status != DONE:
        return f"{before.status} before"
    if before.input_sha256 != entry.input_sha256:
        return f"{' and '.join(changed) or 'row of the list'} changed"
    found = file_sha256(out / entry.file_name)
    if found is None:
        return "file missing"
    return "" if found == before.sha256 else "file changed"


def file_sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file, in hexadecimal; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
