"""What is remembered of a run: what its workbooks are made from, and what became of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from workbooks.engines import EngineName, Flavour
from workbooks.fingerprint import client_of, inputs_of, market_sha256, sha256, versions
from workbooks.results import PENDING, ClientResult, Figures

if TYPE_CHECKING:
    from workbooks.clients import Client
    from workbooks.destination import Destination
    from workbooks.maker import Maker


@dataclass(frozen=True)
class Run:
    """What all workbooks of a run have in common, and when it went.

    Attributes
    ----------
    started, finished : str
        Local times, ISO 8601 with offset; `finished` is empty until the summary is written.
    problem : str
        Why there is no summary; empty if there is.
    options : str
        How the run was asked for, as JSON.
    source, clients_sha256 : str
        The client list's name, and the SHA-256 of all clients' inputs.
    market_sha256, as_of : str
        Of the market: SHA-256 and last date.
    policy, policy_sha256 : str
        The policy as TOML.
    template, template_sha256
        A firm's own workbook as bytes, or None.
    engine, flavour : str
    versions : str
        Of all that computes and renders, as JSON.
    """

    started: str
    finished: str
    problem: str
    options: str
    source: str
    clients_sha256: str
    market_sha256: str
    as_of: str
    policy: str
    policy_sha256: str
    template: bytes | None
    template_sha256: str
    engine: EngineName
    flavour: Flavour
    versions: str

    @property
    def made_from(self) -> dict[str, str]:
        """What decides the bytes of every workbook, beside the client's own inputs."""
        return {
            "market": self.market_sha256,
            "policy": self.policy_sha256,
            "template": self.template_sha256,
            "engine": self.engine,
            "flavour": self.flavour,
            "versions": self.versions,
        }


@dataclass(frozen=True)
class Entry:
    """What is remembered of one client.

    Attributes
    ----------
    position : int
        Among the usable rows of the client list, from 0.
    client_id, file_name : str
    as_of : str
        The date to allocate at, ISO 8601; the market's last where the client has none of its own.
    inputs : str
        The client's own inputs, as JSON.
    input_sha256 : str
        Of everything that decides the workbook's bytes.
    status : {"pending", "done", "failed"}
    error : str
        Why there is no workbook.
    sha256, size, seconds
        Of the workbook: SHA-256, bytes, and how long it took.
    figures : str
        What the batch summary shows of it, as JSON.
    kept : bool
        Whether it is of an earlier run, which this one resumed.
    """

    position: int
    client_id: str
    file_name: str
    as_of: str
    inputs: str
    input_sha256: str
    status: str = PENDING
    error: str = ""
    sha256: str = ""
    size: int = 0
    seconds: float = 0.0
    figures: str = ""
    kept: bool = False


@dataclass(frozen=True)
class Counts:
    """How many clients of a run there are of each status, and how many rows of the list were refused.

    Those kept of an earlier run are among those done.
    """

    done: int
    kept: int
    failed: int
    pending: int
    refused: int

    @property
    def clients(self) -> int:
        """All clients, refused rows left out."""
        return self.done + self.failed + self.pending


def new_run(maker: Maker, options: Mapping[str, Any], source: str) -> Run:
    """Return the run that begins now, of a client list by name whose content has not been read yet.

    Parameters
    ----------
    maker : Maker
    options : mapping
        How the run was asked for.
    source : str
    """
    policy = maker.policy.to_toml()
    return Run(
        started=now(),
        finished="",
        problem="",
        options=json.dumps(dict(options), default=str, ensure_ascii=False),
        source=source,
        clients_sha256="",
        market_sha256=market_sha256(maker.market),
        as_of=maker.last_day.isoformat(),
        policy=policy,
        policy_sha256=sha256(policy),
        template=maker.template,
        template_sha256=sha256(maker.template) if maker.template is not None else "",
        engine=maker.engine,
        flavour=maker.flavour,
        versions=json.dumps(versions()),
    )


def new_entry(position: int, client: Client, last_day: date, made_from: str) -> Entry:
    """Return the entry of a client whose turn has not come.

    Parameters
    ----------
    position : int
    client : Client
    last_day : date
        Of the market.
    made_from : str
        What decides the bytes of every workbook of the run.
    """
    inputs = inputs_of(client, last_day)
    as_of = (client.as_of or last_day).isoformat()
    input_sha256 = sha256(f"{made_from}\n{inputs}")
    return Entry(position, client.client_id, client.file_name, as_of, inputs, input_sha256)


def result_of(entry: Entry, out: Destination) -> ClientResult:
    """Return the result that an entry remembers of a run into a destination."""
    figures = figures_of(entry.figures) if entry.figures else None
    return ClientResult(
        client_of(entry.inputs),
        out.path(entry.file_name),
        figures,
        entry.sha256,
        entry.size,
        entry.seconds,
        entry.error,
        kept=entry.kept,
    )


def figures_text(figures: Figures | None) -> str:
    """Return figures as JSON; none are an empty text."""
    return json.dumps(asdict(figures), default=date.isoformat, ensure_ascii=False) if figures else ""


def figures_of(text: str) -> Figures:
    """Return the figures that :func:`figures_text` wrote."""
    given = json.loads(text)
    tuples = {name: tuple(given[name]) for name in ("weights", "amounts")}
    return Figures(**given | tuples | {"as_of": date.fromisoformat(given["as_of"])})


def now() -> str:
    """Return the time: local, ISO 8601 with offset."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
