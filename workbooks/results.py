"""What became of a batch of clients, as the summary lists it and the command line prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyalloc.policy import Policy
    from workbooks.clients import Client
    from workbooks.destination import Destination
    from workbooks.record import Counts
    from workbooks.recorded import RunRecord

PENDING: Final = "pending"
"""A client whose turn has not come: the run still goes, or it ended before."""

DONE: Final = "done"
FAILED: Final = "failed"
REFUSED: Final = "refused"
"""A row of the client list that could not be used, so that no client came of it."""


@dataclass(frozen=True)
class Figures:
    """What the batch summary shows of one workbook.

    Attributes
    ----------
    as_of : date
    regime : str
    stress : float
        Percentile in [0, 1].
    weights : tuple of float
        Of the policy's categories, fractions of the whole.
    amounts : tuple of float
        Of the same, in the client's currency.
    target_status : str
        How the return target was met.
    checks : str
        The roll-up of the workbook's own checks.
    notices : int
        Sentences that its reader must see.
    """

    as_of: date
    regime: str
    stress: float
    weights: tuple[float, ...]
    amounts: tuple[float, ...]
    target_status: str
    checks: str
    notices: int


@dataclass(frozen=True)
class ClientResult:
    """What became of one client: a workbook and its figures, or a sentence that says why there is none.

    Attributes
    ----------
    client : Client
    path : PurePath
        Of the workbook: a Path in a folder, a name alone in an object store.
    figures : Figures or None
    sha256 : str
        Of the workbook's bytes, in hexadecimal; empty without one.
    size : int
        Of the workbook, in bytes.
    seconds : float
        That it took.
    error : str
        Why there is no workbook; empty if there is.
    details : str
        The traceback of an error that is pyalloc's own.
    kept : bool
        Whether the workbook is one of an earlier run, which this one resumed.
    """

    client: Client
    path: PurePath
    figures: Figures | None = None
    sha256: str = ""
    size: int = 0
    seconds: float = 0.0
    error: str = ""
    details: str = field(default="", repr=False)
    kept: bool = False

    @property
    def status(self) -> str:
        """``done`` or ``failed``."""
        return FAILED if self.error else DONE


@dataclass(frozen=True)
class BatchResult:
    """What became of a client list: counts, and the ledger for everything of single clients.

    Attributes
    ----------
    out : Destination
        Of the workbooks.
    policy : Policy
    notice : str
        The market's notice, as that it is synthetic; may be empty.
    record : RunRecord
        What the ledger says; that of a dry run is in no file.
    counts : Counts
    seconds : float
    resumed : str
        What was kept of an earlier run and why the rest was made; empty unless the run was to resume one.
    problem : str
        Why there is no summary; empty if there is.
    """

    out: Destination
    policy: Policy
    notice: str
    record: RunRecord
    counts: Counts
    seconds: float
    resumed: str = ""
    problem: str = ""

    def results(self, status: str | None = None) -> Iterator[ClientResult]:
        """Yield what became of each client, or of those of one status, in the order of the list."""
        from workbooks.record import result_of

        return (result_of(entry, self.out) for entry in self.record.entries(status))
