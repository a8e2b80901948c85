"""How a run stands: what its ledger says, and whether the folder agrees with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyalloc.errors import InputError
from workbooks.beside import MOST_NAMED, files_beside
from workbooks.destination import Destination, destination_of
from workbooks.ledger import LEDGER_FILE, read_ledger
from workbooks.record import now
from workbooks.results import FAILED

if TYPE_CHECKING:
    from workbooks.recorded import RunRecord

RUNNING: Final = "running"
FINISHED: Final = "finished"
INTERRUPTED: Final = "interrupted"


@dataclass(frozen=True)
class RunStatus:
    """How a run stands.

    Attributes
    ----------
    state : {"running", "finished", "interrupted"}
    started, finished : str
        ISO 8601; `finished` is empty while it has not.
    source, as_of, engine : str
        The client list's name, the market's last date, what rendered the workbooks.
    options : mapping
        How the run was asked for.
    versions : mapping
        Of all that computed and rendered.
    sha256 : mapping
        Of market, policy and template.
    done, kept, failed, pending, refused : int
        Clients; those kept of an earlier run are among those done; `refused` counts rows.
    seconds : float or None
        That the run has gone, or took; None where it was interrupted.
    problems : tuple of str
        A sentence for each failure and refusal, of very many the first thousand, and for a missing summary.
    missing, changed : tuple of str
        Files that should be there; files that are not as they were written, if that was verified. Of these
        and of those below, at most a thousand each.
    unrecorded : tuple of str
        Workbooks of clients that are not done: of an earlier run, or made just before a kill.
    strangers : tuple of str
        Workbooks that the ledger does not know.
    """

    state: str
    started: str
    finished: str
    source: str
    as_of: str
    engine: str
    options: Mapping[str, Any]
    versions: Mapping[str, str]
    sha256: Mapping[str, str]
    done: int
    kept: int
    failed: int
    pending: int
    refused: int
    seconds: float | None
    problems: tuple[str, ...]
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unrecorded: tuple[str, ...]
    strangers: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Whether the run is finished and every row of the list has its workbook."""
        return self.state == FINISHED and not (self.pending or self.problems or self.missing or self.changed)

    @property
    def rate(self) -> float | None:
        """Clients a second, kept ones left out; None where that cannot be said."""
        made = self.done - self.kept + self.failed
        return made / self.seconds if made and self.seconds else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the run has made what is pending, if it goes on as it went."""
        return self.pending / self.rate if self.state == RUNNING and self.rate else None

    def as_json(self) -> str:
        """Return all of it for another program."""
        derived = {"is_well": self.is_well, "rate": self.rate, "seconds_left": self.seconds_left}
        return json.dumps(asdict(self) | derived, indent=1, ensure_ascii=False)

    def lines(self) -> Iterator[str]:
        """Yield it as a person reads it."""
        ended = f", {self.state} {_moment(self.finished)}" if self.finished else f", {self.state}"
        yield _line("run", f"started {_moment(self.started)}{ended}")
        market = f"market {self.options.get('market', '')}".rstrip()
        yield _line("made from", f"{self.source}, {market} as of {self.as_of}")
        yield _line("made by", f"pyalloc {self.versions['pyalloc']}, engine {self.engine}")
        yield _line("done", f"{self.done}, of which {self.kept} kept" if self.kept else self.done)
        yield _line("failed", self.failed)
        yield _line("pending", self.pending)
        yield _line("rows refused", self.refused)
        if self.rate is not None:
            left = f", {self.seconds_left:.0f} s left" if self.seconds_left is not None else ""
            yield _line("rate", f"{self.rate:.1f} a second{left}")
        yield from self.problems
        if len(self.problems) >= MOST_NAMED:
            yield f"Of what failed and was refused, the first {MOST_NAMED:,} are named; the ledger has all."
        for files, finding in (
            (self.missing, "is missing"),
            (self.changed, "is not as it was written"),
            (self.unrecorded, "is not of this run, or was made just before it was killed"),
            (self.strangers, "is not in the ledger"),
        ):
            yield from (f"{file} {finding}" for file in files)
            if len(files) == MOST_NAMED:
                yield f"Of what {finding}, the first {MOST_NAMED:,} are named."
        if not self.is_well and self.state != RUNNING:
            yield "To go on, run it again with --resume."


def run_status(out: str | Path | Destination, *, verify: bool = False) -> RunStatus:
    """Return how the last run in a folder or object store stands, also while it goes.

    Parameters
    ----------
    out : path-like, str or Destination
        That the run was to write to. An object store knows of a run that goes what was put there last.
    verify : bool
        Also read every workbook and compare its SHA-256 with the ledger's.

    Raises
    ------
    InputError
        Where there is no ledger, or none that can be read.
    """
    place = destination_of(out)
    running = place.is_running()  # asked first, so that a run that ends meanwhile is not called interrupted
    with place.recorded() as path:
        record = read_ledger(path)
        if record is None:
            raise InputError(f"{place} has no ledger {LEDGER_FILE}: name where pyalloc generate wrote to")
        return _status(place, record, running=running, verify=verify)


def _status(place: Destination, record: RunRecord, *, running: bool, verify: bool) -> RunStatus:
    run, counts = record.run, record.counts()
    state = FINISHED if run.finished else RUNNING if running else INTERRUPTED
    files = files_beside(record, place, summary=bool(run.finished and not run.problem), verify=verify)
    failures = (f"{entry.client_id}: {entry.error}" for entry in record.entries(FAILED))
    named = islice(chain(failures, map(str, record.refused())), MOST_NAMED)
    return RunStatus(
        state=state,
        started=run.started,
        finished=run.finished,
        source=run.source,
        as_of=run.as_of,
        engine=run.engine,
        options=json.loads(run.options),
        versions=json.loads(run.versions),
        sha256={"market": run.market_sha256, "policy": run.policy_sha256, "template": run.template_sha256},
        done=counts.done,
        kept=counts.kept,
        failed=counts.failed,
        pending=counts.pending,
        refused=counts.refused,
        seconds=_seconds(run.started, run.finished or now()) if state != INTERRUPTED else None,
        problems=(*named, *filter(None, [run.problem])),
        missing=files.missing,
        changed=files.changed,
        unrecorded=files.unrecorded if state != RUNNING else (),
        strangers=files.strangers,
    )


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _moment(time: str) -> str:
    """Return an ISO time as people write it, without the offset from universal time."""
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M:%S}"


def _line(label: str, value: object) -> str:
    return f"{label:<14}{value}"
