"""Which workbooks of an earlier run still stand, and why the others must be made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from workbooks.recorded import PAGE
from workbooks.results import DONE

if TYPE_CHECKING:
    from workbooks.destination import Destination
    from workbooks.ledger import Ledger
    from workbooks.record import Entry
    from workbooks.recorded import RunRecord


def resume_from(begun: Ledger, earlier: RunRecord, out: Destination) -> str:
    """Let a run begin with what it keeps of an earlier one, and return a sentence about it.

    A workbook is kept where the earlier run made it from the same inputs and the file still has the bytes
    that were written.

    Parameters
    ----------
    begun : Ledger
        Of the run that begins, every client pending.
    earlier : RunRecord
    out : Destination
        Of both runs.
    """
    common = earlier.run.made_from
    changed = [name for name, value in begun.run.made_from.items() if common[name] != value]
    kept, reasons = 0, Counter[str]()
    for entry, before in _with_files(begun, earlier, changed, out):
        if isinstance(before, str):
            reasons[before] += 1
        else:
            kept += 1
            begun.keep(replace(before, position=entry.position))
    made = reasons.total()
    why = f" ({', '.join(f'{count} {reason}' for reason, count in reasons.most_common())})" if made else ""
    return f"{kept} kept, {made} to make{why}"


def _with_files(
    begun: Ledger, earlier: RunRecord, changed: list[str], out: Destination
) -> Iterator[tuple[Entry, Entry | str]]:
    """Yield each client with the earlier entry that stands, or why its workbook must be made.

    The files are asked for a page at a time, since an object store answers many at once.
    """
    entries = begun.entries()
    while page := list(islice(entries, PAGE)):
        judged = [(entry, _judged(entry, earlier.entry_of(entry.client_id), changed)) for entry in page]
        found = out.sha256s(
            [entry.file_name for entry, before in judged if not isinstance(before, str)], reread=False
        )
        for entry, before in judged:
            if isinstance(before, str):
                yield entry, before
                continue
            sha256 = next(found)
            if sha256 is None:
                yield entry, "file missing"
            else:
                yield entry, before if sha256 == before.sha256 else "file changed"


def _judged(entry: Entry, before: Entry | None, changed: list[str]) -> Entry | str:
    """Return the earlier entry if it was made from the same, or why the workbook must be made."""
    if before is None:
        return "new in the list"
    if before.status != DONE:
        return f"{before.status} before"
    if before.input_sha256 != entry.input_sha256:
        return f"{' and '.join(changed) or 'row of the list'} changed"
    return before
