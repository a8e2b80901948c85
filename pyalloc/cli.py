"""The front door: the ``pyalloc`` command, its own ``allocate``, and the commands of the other rooms.

The only module in pyalloc that looks outward. Heavy imports wait until a command runs, so help is immediate.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from io import TextIOWrapper
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import addin.commands
import workbooks.audit_commands
import workbooks.backtest_commands
import workbooks.commands
from pyalloc import __version__, cli_data
from pyalloc.errors import PyallocError
from workbooks.processes import ONE_THREAD

if TYPE_CHECKING:
    from rich.table import Table

    from pyalloc.allocation import Allocation
    from pyalloc.macro import MacroSnapshot

UNUSABLE: Final = 2
"""Exit code where the command line or what it names cannot be used."""

LARGEST: Final = 10
"""Positions that ``allocate`` lists."""

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
        print(f"{error.filename} cannot be used ({error.strerror}): name another", file=sys.stderr)
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
    from workbooks.clients import risk_from_text
    from workbooks.commands import read_policy

    profile = pyalloc.InvestorProfile(
        risk=risk_from_text(risk), budget=budget, currency=currency.upper(), exclude=tuple(exclude or ())
    )
    view = pyalloc.MarketData.from_path(market).at(day)
    macro = _overridden(view.macro, vix=vix, gdp_growth=gdp_growth, yield_spread=yield_spread)
    allocation = pyalloc.allocate(view, macro, profile=profile, policy=read_policy(policy))
    if as_json:
        print(_as_json(allocation))
    else:
        _print_chain(allocation)
        for sentence in _ages(allocation, date.today() if day is None else None):
            print(sentence)


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
    from pyalloc.ranking.report import skill_lines
    from workbooks.commands import read_policy

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


# --- what allocate prints -------------------------------------------------------------------------------


def _as_json(allocation: Allocation) -> str:
    document = {
        "trace": allocation.trace,
        "excluded": allocation.excluded,
        "notices": allocation.notices,
        "market_notice": allocation.view.market.notice,
    }
    return json.dumps(_plain(document), indent=1, allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return arrays as lists, dates as ISO text, and what is not a finite number as null."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not isfinite(value) else value


def _ages(allocation: Allocation, today: date | None) -> Iterator[str]:
    """Say how old the macro row is and, where the latest close was asked for, the prices."""
    view, known_on = allocation.view, allocation.trace["known_on"]
    if known_on is not None:
        yield f"The macro row is {_days((view.as_of - known_on).days)} older than the last close used."
    if today is not None:
        age, allowed = (today - view.as_of).days, allocation.policy.max_price_age_days
        late = f": more than the {_days(allowed)} that the policy allows" if age > allowed else ""
        yield f"Prices end {_days(age)} before today{late}."


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _print_chain(allocation: Allocation) -> None:
    from rich.console import Console

    # Wide enough that no figure is ever cut; a terminal wraps what it cannot show.
    console = Console(markup=False, highlight=False, width=200)
    trace = allocation.trace
    if allocation.view.market.notice:
        console.print(allocation.view.market.notice)
    invested = f"{_amount(trace, trace['budget'])} {trace['currency']}"
    console.print(f"{invested}, risk {trace['risk_tolerance']}, as of {trace['as_of']}")
    known = f"known on {trace['known_on']}" if trace["known_on"] else "as given"
    sections = {
        f"Macro conditions, {known}": _macro_table(trace),
        "Shares, from risk and macro conditions": _share_table(trace),
        f"Categories, {trace['category_status']}": _category_table(trace),
        "Stock sleeve": _sleeve_table(trace),
        f"Largest of {len(allocation.holdings)} positions": _position_table(allocation),
    }
    for title, table in sections.items():
        console.print(f"\n{title}")
        console.print(table)
    console.print()
    for notice in allocation.notices:
        console.print(notice)
    for asset, reason in allocation.excluded.items():
        console.print(f"{asset} is left out: {reason}.")


def _table(*columns: str) -> Table:
    """Return a table whose first column is text and whose others are figures."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(columns))
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", no_wrap=True)
    return table


def _macro_table(trace: Mapping[str, Any]) -> Table:
    z = trace["macro_z"]
    table = _table("", "value", "z toward stress")
    table.add_row("VIX, 21-day average", f"{trace['vix']:.2f} points", f"{z[0]:+.2f}")
    table.add_row("GDP growth, real", f"{_percent(trace['gdp_growth'])} a year", f"{z[1]:+.2f}")
    table.add_row("Yield spread 10y - 2y", f"{_percent(trace['yield_spread'])} a year", f"{z[2]:+.2f}")
    table.add_row("Stress, percentile", f"{trace['stress']:.3f}")
    table.add_row("Regime", trace["regime"])
    if trace["recession_probability"] is not None:
        table.add_row("Recession within 12 months", _percent(trace["recession_probability"]))
    return table


def _share_table(trace: Mapping[str, Any]) -> Table:
    table = _table("", "")
    table.add_row("e, stocks in the whole", _percent(trace["equity_share"]))
    table.add_row("c, cash in bonds and cash", _percent(trace["cash_share"]))
    table.add_row("k, commodities in the whole", _percent(trace["commodity_share"]))
    return table


def _category_table(trace: Mapping[str, Any]) -> Table:
    table = _table("", "weight", trace["currency"])
    for category, weight in zip(trace["category_names"], trace["category_weights"], strict=True):
        lines = zip(trace["holding_category"], trace["holding_amount"], strict=True)
        amount = sum(amount for line, amount in lines if line == category)
        table.add_row(category, _percent(weight), _amount(trace, amount))
    return table


def _sleeve_table(trace: Mapping[str, Any]) -> Table:
    table = _table("", "")
    table.add_row("Return of the maximum-Sharpe portfolio, r_eff", f"{_percent(trace['r_eff'])} a year")
    table.add_row("Shift for risk tolerance, α", f"{_percent(trace['alpha'])} a year")
    table.add_row("Return target", f"{_percent(trace['r_target'])} a year")
    table.add_row("Status", trace["target_status"])
    table.add_row("Volatility", f"{_percent(trace['sleeve_volatility'])} a year")
    table.add_row("Beta to the anchor", f"{trace['sleeve_beta']:.3f}")
    return table


def _position_table(allocation: Allocation) -> Table:
    trace = allocation.trace
    order = sorted(range(len(allocation.holdings)), key=lambda i: -trace["holding_weight"][i])[:LARGEST]
    table = _table("", "weight", trace["currency"])
    for i in order:
        asset = allocation.holdings[i]
        table.add_row(
            f"{asset.asset}  {asset.name}",
            _percent(trace["holding_weight"][i]),
            _amount(trace, trace["holding_amount"][i]),
        )
    return table


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _amount(trace: Mapping[str, Any], amount: float) -> str:
    return f"{amount:,.{trace['currency_digits']}f}"


# --- what the rooms hand to each other ------------------------------------------------------------------


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
