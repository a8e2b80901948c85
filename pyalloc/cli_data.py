"""The ``pyalloc data`` commands: bring a market up to date, and say what is wrong with one."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pyalloc.errors import InputError

if TYPE_CHECKING:
    from pyalloc.marketdata.report import MarketReport
    from pyalloc.marketdata.vendors.fetch import Fetched

SOMETHING: Final = 1
"""Exit code where something is stale, missing or at fault."""

data = typer.Typer(help="Market data: fetch what is new from the vendors, check what is there.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(data, name="data", no_args_is_help=True)


@data.command(epilog="Example:\n\npyalloc data fetch --out market --assets assets.csv")
def fetch(
    out: Annotated[Path, typer.Option(help="Market folder; made if need be.")],
    assets: Annotated[
        Path | None, typer.Option(help="List of assets; default: assets.csv in the folder.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First day of a new market; default 1990-01-02."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask and check, write nothing.")] = False,
    fred_key: Annotated[
        str, typer.Option(envvar="FRED_API_KEY", help="Key of the FRED API, for growth as first released.")
    ] = "",
    fred_url: Annotated[
        str | None, typer.Option(envvar="PYALLOC_FRED_URL", help="Mirror of FRED's csv.")
    ] = None,
    alfred_url: Annotated[
        str | None, typer.Option(envvar="PYALLOC_ALFRED_URL", help="Mirror of the FRED API.")
    ] = None,
    yahoo_url: Annotated[
        str | None, typer.Option(envvar="PYALLOC_YAHOO_URL", help="Mirror of Yahoo's prices.")
    ] = None,
) -> None:
    """Add today's VIX, yields, growth and prices to a market folder; the first time, all since DATE.

    Prices come from Yahoo through yfinance, macro series from FRED. Nothing is
    written unless all of it arrived and reads as a market.
    """
    from pyalloc.marketdata.vendors import fred
    from pyalloc.marketdata.vendors.fetch import SINCE, fetch_market
    from pyalloc.marketdata.vendors.transport import checked_base
    from pyalloc.marketdata.vendors.yahoo import YAHOO_URL, Yahoo

    vendor = fred.Fred(
        checked_base("--fred-url", fred_url or fred.FRED_URL),
        checked_base("--alfred-url", alfred_url or fred.ALFRED_URL),
        fred_key,
    )
    fetched = fetch_market(
        out,
        vendor,
        Yahoo(checked_base("--yahoo-url", yahoo_url or YAHOO_URL)),
        now=datetime.now(UTC),
        assets=assets,
        since=SINCE if since is None else _day(since),
        dry_run=dry_run,
    )
    _print_fetched(fetched, out, dry_run)
    if not fetched.well:
        raise typer.Exit(SOMETHING)


@data.command(epilog="Example:\n\npyalloc data check demo/market")
def check(
    market: Annotated[
        Path, typer.Argument(help="Market folder, workbook (.xlsx) or prices (.parquet).", show_default=False)
    ],
    against: Annotated[
        Path | None, typer.Option(help="Second source of the same prices: another market, or prices alone.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Policy file (TOML) with the age allowed; default: the house policy."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for a program.")] = False,
) -> None:
    """Report gaps, jumps, stale prices, doubtful dividends and old macro rows of a market.

    With a second source also every asset whose daily returns are not the same
    there: wrong dividends, splits and spin-offs, and symbols that changed hands.
    """
    from pyalloc.marketdata.report import check_market
    from pyalloc.policy import read_policy

    report = check_market(market, against, max_age_days=read_policy(policy).macro.max_age_days)
    if as_json:
        document = asdict(report) | {"well": report.well}
        print(json.dumps(document, indent=1, default=str, ensure_ascii=False))
    else:
        _print_report(report)
    if not report.well:
        raise typer.Exit(SOMETHING)


def _print_report(report: MarketReport) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False, width=200)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "first close", "last close", "closes", "blank"):
        table.add_column(column, justify="right" if column in ("closes", "blank") else "left", no_wrap=True)
    for row in report.coverage:
        table.add_row(row.asset, f"{row.first}", f"{row.last}", f"{row.closes:,}", f"{100 * row.blank:.1f} %")
    if report.coverage:
        console.print(table)
        console.print(f"\n{report.macro_rows:,} macro rows, the last known on {report.macro_last}.")
    for title, wanted in (("To look at", True), ("To know", False)):
        found = [finding.says for finding in report.findings if finding.is_fault is wanted]
        if found:
            console.print(f"\n{title}")
            for sentence in found:
                console.print(f"  {sentence}", soft_wrap=True)
    console.print("\nNot visible in the market alone: compare with a second source for")
    for what in report.unseen:
        console.print(f"  {what}")


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise InputError(f"{written!r} is not a date; write it as 2016-12-30") from None


def _print_fetched(fetched: Fetched, out: Path, dry_run: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False, width=200)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "new", "last", "state", ""):
        table.add_column(column, justify="right" if column == "new" else "left", no_wrap=True)
    for arrival in fetched.arrivals:
        table.add_row(arrival.name, f"{arrival.new:,}", f"{arrival.last}", arrival.state, arrival.note)
    console.print(table)
    for note in fetched.notes:
        console.print(f"\n{note}")
    asked = "Nothing was written, as --dry-run was given."
    console.print(f"\n{asked if dry_run else f'{out} holds what the vendors have.'}")
