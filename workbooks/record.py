"""What is remembered of a run: what its workbooks are made from, and what became of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbooks.engines import EngineName, Flavour
from workbooks.fingerprint import client_of, inputs_of, market_sha256, sha256, versions
from workbooks.results import PENDING, ClientResult, Figures

if TYPE_CHECKING:
    from pyalloc.policy import Policy
    from pyalloc.tables import Problem
    from workbooks.clients import Client, ClientList
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
class RunRecord:
    """All that a ledger says."""

    run: Run
    entries: tuple[Entry, ...]
    refused: tuple[Problem, ...]

    def policy(self) -> Policy:
        """Return the policy of the run.

        Raises
        ------
        InputError
            Where this version of pyalloc knows no such policy.
        """
        from tempfile import TemporaryDirectory

        from pyalloc.policy import Policy

        with TemporaryDirectory() as folder:
            path = Path(folder) / "policy.toml"
            path.write_text(self.run.policy, encoding="utf-8")
            return Policy.from_toml(path)

    def clients(self) -> ClientList:
        """Return the client list of the run, each client with the as-of date that held for it."""
        from workbooks.clients import ClientList

        clients = tuple(client_of(entry.inputs) for entry in self.entries)
        return ClientList(clients, self.refused, source=self.run.source)

    def departing(self, results: Iterable[ClientResult]) -> tuple[str, ...]:
        """Return the ids of clients whose workbook does not have the bytes that were recorded."""
        recorded = {entry.client_id: entry.sha256 for entry in self.entries}
        return tuple(
            result.client.client_id
            for result in results
            if result.sha256 != recorded.get(result.client.client_id)
        )


def new_record(maker: Maker, clients: ClientList, options: Mapping[str, Any]) -> RunRecord:
    """Return the record of a run that begins, every client pending."""
    last_day: date = maker.market.days[-1].item()
    inputs = [inputs_of(client, last_day) for client in clients.clients]
    policy = maker.policy.to_toml()
    run = Run(
        started=now(),
        finished="",
        problem="",
        options=json.dumps(dict(options), default=str, ensure_ascii=False),
        source=clients.source,
        clients_sha256=sha256("\n".join(inputs)),
        market_sha256=market_sha256(maker.market),
        as_of=last_day.isoformat(),
        policy=policy,
        policy_sha256=sha256(policy),
        template=maker.template,
        template_sha256=sha256(maker.template) if maker.template is not None else "",
        engine=maker.engine,
        flavour=maker.flavour,
        versions=json.dumps(versions()),
    )
    common = json.dumps(run.made_from)
    entries = (
        Entry(i, client.client_id, client.file_name, own, sha256(f"{common}\n{own}"))
        for i, (client, own) in enumerate(zip(clients.clients, inputs, strict=True))
    )
    return RunRecord(run, tuple(entries), tuple(clients.problems))


def kept_result(entry: Entry, client: Client, out: Path) -> ClientResult:
    """Return the result of a client whose workbook an earlier run made."""
    path = out / entry.file_name
    figures = figures_of(entry.figures)
    return ClientResult(client, path, figures, entry.sha256, entry.size, entry.seconds, kept=True)


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
