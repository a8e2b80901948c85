"""The commands that make workbooks: demo, template, generate and status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyalloc.errors import InputError
from workbooks.console import SOME_FAILED, BatchInputs, complain, run_and_tell, workers_of
from workbooks.engines import EngineName, Flavour

if TYPE_CHECKING:
    from pyalloc.policy import Policy

Market = Annotated[Path, typer.Option(help="Folder with prices.csv, assets.csv and macro.csv.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Policy file (TOML); default: the house policy.")
]
Out = Annotated[
    str,
    typer.Option(metavar="DIR|ADDRESS", help="Folder for the workbooks, or s3://bucket/run/ of a store."),
]
_FLAVOUR = "client: to read anywhere; live: to work in, with pyalloc's functions; default: client."
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes; default: one per processor.")]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers compute, as tcp://10.0.0.5:8786."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    examples: dict[Callable[..., None], str] = {
        demo: "pyalloc demo",
        template: "pyalloc template --out template.xlsx --write-policy policy.toml",
        generate: "pyalloc generate --market demo/market --clients demo/clients.csv --out out",
        status: "pyalloc status out",
    }
    for command, example in examples.items():
        app.command(epilog=f"Example:\n\n{example}")(command)


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the market, the client list and the workbooks.")
    ] = Path("demo"),
    jobs: Jobs = None,
) -> None:
    """Make a synthetic market and finished workbooks for 25 invented clients."""
    from importlib.resources import files

    from pyalloc.marketdata import MarketData
    from pyalloc.marketdata.demo import write_demo_market
    from pyalloc.policy import Policy
    from workbooks.clients import SUMMARY_FILE, read_clients
    from workbooks.destination import destination_of
    from workbooks.folder import replacing

    market = write_demo_market(out / "market")
    listed = out / "clients.csv"
    with replacing(listed) as part:
        part.write_bytes(files("workbooks.examples").joinpath("clients.csv").read_bytes())
    workbooks = out / "clients"
    inputs = BatchInputs(read_clients(listed), Policy())
    code = run_and_tell(
        MarketData.from_path(market), inputs, destination_of(workbooks), jobs=jobs, options={"market": market}
    )
    print(f"\nOpen {workbooks / SUMMARY_FILE} first: it links to every workbook.")
    print(f"Then change a row of {listed} and run")
    print(f"  pyalloc generate --market {market} --clients {listed} --out {workbooks}")
    raise typer.Exit(code)


def template(
    out: Annotated[Path | None, typer.Option(help="Workbook to write, as template.xlsx.")] = None,
    policy: PolicyFile = None,
    market: Annotated[Path | None, typer.Option(help="Market folder; default: the demo market.")] = None,
    flavour: Annotated[Flavour, typer.Option(help=_FLAVOUR)] = "client",
    write_policy: Annotated[
        Path | None, typer.Option(help="Also write the house policy, every knob explained, to a new file.")
    ] = None,
) -> None:
    """Write the workbook of a sample client, or the house policy to start from."""
    from pyalloc.policy import read_policy

    if out is None and write_policy is None:
        raise InputError("nothing to write: give --out FILE, --write-policy FILE or both")
    if write_policy is not None:
        _write_policy(write_policy)
        print(f"The house policy is in {write_policy}.")
    if out is not None:
        _write_template(out, read_policy(policy), market, flavour)
        print(f"The workbook of a sample client is {out}.")


def generate(
    context: typer.Context,
    market: Market,
    out: Out,
    clients: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|ADDRESS", help="Client list: csv, parquet or xlsx, or a database's address."
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="What to select from the database.")
    ] = None,
    policy: PolicyFile = None,
    engine: Annotated[
        EngineName | None, typer.Option(help="What renders a workbook; default: compiled.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option(help="Workbook of your firm to fill in place of ours; compiled engine.")
    ] = None,
    flavour: Annotated[Flavour | None, typer.Option(help=_FLAVOUR)] = None,
    from_ledger: Annotated[
        Path | None, typer.Option(help="Ledger of an earlier run, in place of list, policy and template.")
    ] = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this client; repeatable.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of an xlsx list; default: the first.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep what an earlier run finished.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compute everything, write nothing.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.")] = False,
) -> None:
    """Make the workbook of every client in a list, and a summary that links to them.

    The list has the columns client_id, name, budget and risk (low, medium,
    high or 1 to 10); optionally currency, exclude, as_of, and bounds as
    fractions (stocks_min, stocks_max and so on).

    A database is given by its address, with --query for the same columns:

    --clients postgresql+psycopg://user@host/bank --query "select ..."

    or --clients sqlite:///file.db (extra sql). A password is best left to
    PGPASSWORD or ~/.pgpass.
    """
    from pyalloc.marketdata import MarketData
    from workbooks.destination import destination_of

    destination = destination_of(out)
    if from_ledger is None:
        inputs = _inputs_of_files(clients, sheet, query, policy, engine, template, flavour)
    else:
        held = {
            "--clients": clients,
            "--query": query,
            "--sheet": sheet,
            "--policy": policy,
            "--engine": engine,
            "--template": template,
            "--flavour": flavour,
        }
        inputs = _inputs_of_ledger(from_ledger, [option for option, given in held.items() if given])
    if only:
        inputs = replace(inputs, clients=inputs.clients.only(only))
    listed = inputs.clients
    for column in listed.ignored_columns:
        complain(f'{listed.source}: the column "{column}" means nothing here and is ignored')
    code = run_and_tell(
        MarketData.from_path(market),
        inputs,
        destination,
        jobs=jobs,
        workers=workers_of(cluster, jobs),
        resume=resume,
        fail_fast=fail_fast,
        dry_run=dry_run,
        options=_told(context.params, listed.source, str(destination)),
    )
    raise typer.Exit(code)


def status(
    folder: Annotated[
        str, typer.Argument(metavar="DIR|ADDRESS", help="Folder or object store that a run wrote to.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Also compare every workbook with its SHA-256.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything, for a program.")] = False,
) -> None:
    """Show how the last run in a folder stands, also while it goes."""
    from workbooks.status import run_status

    found = run_status(folder, verify=verify)
    print(found.as_json() if as_json else "\n".join(found.lines()))
    raise typer.Exit(0 if found.is_well else SOME_FAILED)


# --- steps ----------------------------------------------------------------------------------------------


def _inputs_of_files(
    clients: str | None,
    sheet: str | None,
    query: str | None,
    policy: Path | None,
    engine: EngineName | None,
    template: Path | None,
    flavour: Flavour | None,
) -> BatchInputs:
    from pyalloc.policy import read_policy
    from workbooks.clients import stream_clients

    if clients is None:
        raise InputError("no clients: give --clients FILE, or --from-ledger FILE of an earlier run")
    house = read_policy(policy)
    listed = stream_clients(clients, sheet=sheet, query=query, categories=house.category.names)
    if template is not None and flavour is not None:
        raise InputError("--flavour was given with --template: the template has a flavour, leave it out")
    file = _read_file(template) if template else None
    return BatchInputs(listed, house, engine or "compiled", file, flavour or "client")


def _told(options: Mapping[str, Any], source: str, out: str) -> dict[str, Any]:
    """Return the options that were given, for the ledger: addresses without user and password."""
    from pyalloc.tables.files import is_address

    told = {name: given for name, given in options.items() if given}
    if is_address(told.get("clients", "")):
        told["clients"] = source
    if is_address(told["out"]):
        told["out"] = out
    return told


def _inputs_of_ledger(path: Path, held: Sequence[str]) -> BatchInputs:
    from workbooks.ledger import held_ledger

    if held:
        raise InputError(f"--from-ledger was given with {', '.join(held)}: leave out what the ledger holds")
    record = held_ledger(path)
    if record is None:
        raise InputError(f"{path} is no ledger: name the run.sqlite that a run left beside its workbooks")
    run = record.run
    return BatchInputs(record.clients, record.policy(), run.engine, run.template, run.flavour, record)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name the template") from error


def _write_policy(path: Path) -> None:
    from pyalloc.policy import Policy

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(Policy().to_toml())
    except FileExistsError:
        raise InputError(f"{path} exists: name a new file, or remove it first") from None


def _write_template(out: Path, policy: Policy, market: Path | None, flavour: Flavour) -> None:
    from tempfile import TemporaryDirectory

    from pyalloc.allocation import allocate
    from pyalloc.marketdata import MarketData
    from pyalloc.marketdata.demo import write_demo_market
    from pyalloc.profile import InvestorProfile
    from workbooks.engines import make_engine
    from workbooks.folder import replacing
    from workbooks.history import history_at
    from workbooks.template.facts import Recipient

    with TemporaryDirectory() as folder:
        data = MarketData.from_path(market or write_demo_market(Path(folder)))
    sample = InvestorProfile(risk="medium", budget=1_000_000.0, currency="USD")
    allocation = allocate(data.at(), profile=sample, policy=policy)
    history = history_at(data, policy, sample.risk, allocation.view.as_of)
    content, _ = make_engine("compiled", flavour=flavour)(
        allocation, Recipient("SAMPLE-CLIENT", "Sample Client"), history
    )
    with replacing(out) as part:
        part.write_bytes(content)
