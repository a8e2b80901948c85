"""The front door: the ``pyalloc`` command, its own ``allocate``, and the commands of the other rooms.

The only module in pyalloc that looks outward. Heavy imports wait until a command runs, so help is immediate.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Final

import typer

import addin.commands
import workbooks.audit_commands
import workbooks.backtest_commands
import workbooks.commands
from pyalloc import __version__, cli_data
from pyalloc.cli_chain import chain_as_json, print_chain
from pyalloc.errors import PyallocError
from workbooks.processes import ONE_THREAD

if TYPE_CHECKING:
    from pyalloc.macro import MacroSnapshot

UNUSABLE: Final = 2
"""Exit code where the command line or what it names cannot be used."""

app = typer.Typer(
    help="Dynamic asset allocation for Excel: market and macro data in, traceable workbooks out.",
    epilog="Start with:\n\npyalloc demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 well, 1 some failed, 2 unusable, 130 interrupted."""
    os.environ.update(ONE_THREAD)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A console that lacks a letter shows a question mark instead of failing.
            stream.reconfigure(errors="replace")
    try:
        app(args=arguments, prog_name="pyalloc")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except PyallocError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        # What a disk says while it is written to, as that it is full, names no file.
        print(
            f"{error.filename or 'a disk'} cannot be used ({error.strerror}): name another", file=sys.stderr
        )
    return UNUSABLE


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pyalloc {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log each client of a batch to standard error.")
    ] = False,
) -> None:
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")


@app.command(epilog="Example:\n\npyalloc allocate --market demo/market --risk high --budget 250000 --vix 45")
def allocate(
    market: workbooks.commands.Market,
    risk: Annotated[str, typer.Option(help="low, medium, high or 1 to 10.")],
    budget: Annotated[float, typer.Option(help="Amount to invest, in the currency.")],
    currency: Annotated[str, typer.Option(help="ISO code; a label, nothing is converted.")] = "USD",
    day: Annotated[str | None, typer.Option("--date", help="As-of date; default: the market's last.")] = None,
    policy: workbooks.commands.PolicyFile = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="ASSET", help="Asset not to hold; repeatable.")
    ] = None,
    vix: Annotated[float | None, typer.Option(help="VIX instead of the market's, index points.")] = None,
    gdp_growth: Annotated[
        float | None, typer.Option(help="Growth instead of the market's, a fraction: 0.02 is 2 %.")
    ] = None,
    yield_spread: Annotated[
        float | None, typer.Option(help="10y - 2y spread instead of the market's, a fraction.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every intermediate, for a program.")] = False,
) -> None:
    """Allocate one budget and show the whole chain, from macro conditions to positions."""
    import pyalloc
    from pyalloc.policy import read_policy
    from workbooks.clients import risk_from_text

    profile = pyalloc.InvestorProfile(
        risk=risk_from_text(risk), budget=budget, currency=currency.upper(), exclude=tuple(exclude or ())
    )
    view = pyalloc.MarketData.from_path(market).at(day)
    macro = _overridden(view.macro, vix=vix, gdp_growth=gdp_growth, yield_spread=yield_spread)
    allocation = pyalloc.allocate(view, macro, profile=profile, policy=read_policy(policy))
    if as_json:
        print(chain_as_json(allocation))
    else:
        print_chain(allocation, date.today() if day is None else None)


@app.command(epilog="Example:\n\npyalloc rank --market demo/market --model ridge")
def rank(
    market: workbooks.commands.Market,
    model: Annotated[
        str, typer.Option(help="momentum, ridge, hist_gradient_boosting or random_forest.")
    ] = "ridge",
    policy: workbooks.commands.PolicyFile = None,
    day: Annotated[
        str | None, typer.Option("--date", help="What was known on this date; default: the market's last.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the fitted ridge in the market folder, to be loaded there.")
    ] = False,
) -> None:
    """Walk a ranker forward, and say what it was worth out of sample and what it rests on."""
    from pyalloc.marketdata import MarketData
    from pyalloc.marketdata.saved import SAVED_RANKER, write_ranker
    from pyalloc.policy import read_policy
    from pyalloc.ranking.report import skill_lines

    data = MarketData.from_path(market)
    fitted = data.ranker(read_policy(policy).stocks, model)
    for line in skill_lines(fitted, data.at(day).as_of, data.notice):
        print(line)
    if save:
        write_ranker(market / SAVED_RANKER, fitted, data.fingerprint)
        print(f"\nSaved {market / SAVED_RANKER}: as long as prices and policy stay, nothing is fitted again.")


def _overridden(macro: MacroSnapshot, **values: float | None) -> MacroSnapshot:
    """Return the snapshot with the values given in place of its own; a made-up one was never known."""
    given = {name: value for name, value in values.items() if value is not None}
    return replace(macro, known_on=None, **given) if given else macro


def _live_template() -> bytes:
    """Return a workbook over the demo market with pyalloc's functions beside the native cells."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import pyalloc
    from pyalloc.marketdata.demo import write_demo_market
    from workbooks.engines import make_engine
    from workbooks.template.facts import Recipient

    with TemporaryDirectory() as folder:
        view = pyalloc.MarketData.from_path(write_demo_market(Path(folder))).at()
    allocation = pyalloc.allocate(view, profile=pyalloc.InvestorProfile(risk="medium"))
    return make_engine("compiled", flavour="live")(allocation, Recipient("SAMPLE", "Sample Client"))[0]


workbooks.commands.register(app)
workbooks.audit_commands.register(app)
workbooks.backtest_commands.register(app)
addin.commands.register(app, _live_template)
cli_data.register(app)
