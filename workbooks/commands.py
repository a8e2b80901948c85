"""The commands that make workbooks: demo, template and generate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyalloc.errors import InputError

if TYPE_CHECKING:
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from workbooks.clients import ClientList
    from workbooks.results import BatchResult, ClientResult

SOME_FAILED = 1
"""Exit code of a run that left clients without a workbook."""

Market = Annotated[Path, typer.Option(help="Folder with prices.csv, assets.csv and macro.csv.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Policy file (TOML); default: the house policy.")
]
Out = Annotated[Path, typer.Option(help="Folder for the workbooks; made if need be.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes; default: one per processor.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    examples: dict[Callable[..., None], str] = {
        demo: "pyalloc demo",
        template: "pyalloc template --out template.xlsx --write-policy policy.toml",
        generate: "pyalloc generate --market demo/market --clients demo/clients.csv --out out",
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
    from workbooks.batch import replacing
    from workbooks.clients import SUMMARY_FILE, read_clients

    market = write_demo_market(out / "market")
    listed = out / "clients.csv"
    with replacing(listed) as part:
        part.write_bytes(files("workbooks.examples").joinpath("clients.csv").read_bytes())
    workbooks = out / "clients"
    code = _run(MarketData.from_path(market), read_clients(listed), workbooks, Policy(), jobs=jobs)
    print(f"\nOpen {workbooks / SUMMARY_FILE} first: it links to every workbook.")
    print(f"Then change a row of {listed} and run")
    print(f"  pyalloc generate --market {market} --clients {listed} --out {workbooks}")
    raise typer.Exit(code)


def template(
    out: Annotated[Path | None, typer.Option(help="Workbook to write, as template.xlsx.")] = None,
    policy: PolicyFile = None,
    market: Annotated[Path | None, typer.Option(help="Market folder; default: the demo market.")] = None,
    write_policy: Annotated[
        Path | None, typer.Option(help="Also write the house policy, every knob explained, to a new file.")
    ] = None,
) -> None:
    """Write the workbook of a sample client, or the house policy to start from."""
    if out is None and write_policy is None:
        raise InputError("nothing to write: give --out FILE, --write-policy FILE or both")
    if write_policy is not None:
        _write_policy(write_policy)
        print(f"The house policy is in {write_policy}.")
    if out is not None:
        _write_template(out, read_policy(policy), market)
        print(f"The workbook of a sample client is {out}.")


def generate(
    market: Market,
    clients: Annotated[Path, typer.Option(help="Client list, csv or xlsx.")],
    out: Out,
    policy: PolicyFile = None,
    jobs: Jobs = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this client; repeatable.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of an xlsx list; default: the first.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compute everything, write nothing.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.")] = False,
) -> None:
    """Make the workbook of every client in a list, and a summary that links to them.

    The list has the columns client_id, name, budget and risk (low, medium,
    high or 1 to 10); optionally currency, exclude, as_of, and bounds as
    fractions (stocks_min, stocks_max and so on).
    """
    from pyalloc.marketdata import MarketData
    from workbooks.clients import read_clients

    house = read_policy(policy)
    listed = read_clients(clients, sheet=sheet, categories=house.category.names)
    listed = listed.only(only) if only else listed
    for column in listed.ignored_columns:
        _complain(f'{listed.source}: the column "{column}" means nothing here and is ignored')
    if fail_fast and listed.problems:
        _complain(*map(str, listed.problems), "nothing was written, as --fail-fast was given")
        raise typer.Exit(SOME_FAILED)
    data = MarketData.from_path(market)
    raise typer.Exit(_run(data, listed, out, house, jobs=jobs, fail_fast=fail_fast, dry_run=dry_run))


# --- steps ----------------------------------------------------------------------------------------------


def read_policy(path: Path | None) -> Policy:
    """Return the policy of a file, or the house policy."""
    from pyalloc.policy import Policy

    return Policy() if path is None else Policy.from_toml(path)


def _write_policy(path: Path) -> None:
    from pyalloc.policy import Policy

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(Policy().to_toml())
    except FileExistsError:
        raise InputError(f"{path} exists: name a new file, or remove it first") from None


def _write_template(out: Path, policy: Policy, market: Path | None) -> None:
    from tempfile import TemporaryDirectory

    from pyalloc.allocation import allocate
    from pyalloc.marketdata import MarketData
    from pyalloc.marketdata.demo import write_demo_market
    from pyalloc.profile import InvestorProfile
    from workbooks.batch import replacing
    from workbooks.template.book import fill
    from workbooks.template.facts import Recipient
    from workbooks.template.writer import write_workbook

    with TemporaryDirectory() as folder:
        data = MarketData.from_path(market or write_demo_market(Path(folder)))
    sample = InvestorProfile(risk="medium", budget=1_000_000.0, currency="USD")
    allocation = allocate(data.at(), profile=sample, policy=policy)
    book, facts = fill(allocation, Recipient("SAMPLE", "Sample Client"))
    with replacing(out) as part:
        write_workbook(book, facts, part)


def _run(
    market: MarketData,
    clients: ClientList,
    out: Path,
    policy: Policy,
    *,
    jobs: int | None = None,
    fail_fast: bool = False,
    dry_run: bool = False,
) -> int:
    """Run the batch, write its summary, say what became of it, and return the exit code."""
    from workbooks.batch import run_batch
    from workbooks.clients import SUMMARY_FILE
    from workbooks.reports.batch_summary import write_batch_summary

    try:
        with _progress(len(clients.clients)) as advance:
            result = run_batch(
                market,
                clients,
                out,
                policy=policy,
                jobs=jobs,
                fail_fast=fail_fast,
                dry_run=dry_run,
                on_progress=advance,
            )
    except KeyboardInterrupt:
        _complain("interrupted" if dry_run else f"interrupted: the workbooks finished so far are in {out}")
        raise
    _complain(
        *(f"{item.client.client_id}: {item.error}" for item in result.failed), *map(str, clients.problems)
    )
    summary = result.out / SUMMARY_FILE
    if not dry_run:
        try:
            write_batch_summary(result, summary)
        except OSError as error:
            _complain(f"{summary} cannot be written ({error.strerror}): close it in Excel and run again")
            return SOME_FAILED
    _print_closing(result, summary, dry_run=dry_run)
    return SOME_FAILED if result.failed or result.refused else 0


@contextmanager
def _progress(total: int) -> Iterator[Callable[[ClientResult], None] | None]:
    """Show a bar on standard error while clients are made, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Workbooks", total=total)
        yield lambda _: progress.advance(task)


def _print_closing(result: BatchResult, summary: Path, *, dry_run: bool) -> None:
    if result.notice:
        print(result.notice)
    print(f"{'would be done' if dry_run else 'done':<14}{len(result.done)}")
    print(f"{'would fail' if dry_run else 'failed':<14}{len(result.failed)}")
    print(f"{'rows refused':<14}{len(result.refused)}")
    print(f"{'seconds':<14}{result.seconds:.1f}")
    if dry_run:
        print("nothing was written")
    else:
        print(f"{'workbooks':<14}{result.out}")
        print(f"{'summary':<14}{summary}")


def _complain(*sentences: str) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr)
