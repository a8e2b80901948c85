"""The command that walks the policy through time: its progress, what it found in words, and the report."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pyalloc.errors import InputError
from workbooks.commands import Cluster, Market, PolicyFile
from workbooks.console import workers_of

if TYPE_CHECKING:
    from pyalloc.backtest import BacktestResult

_LARGEST_FILE: Final = 1_000_000
"""Bytes of a policy or sweep file; either is a page of text."""

_TRIALS_PER_PROCESS: Final = 4  # fewer are walked before another process has started


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    example = "pyalloc backtest --market demo/market --risk high --out report.xlsx"
    app.command(epilog=f"Example:\n\n{example}")(backtest)


def backtest(
    market: Market,
    out: Annotated[Path, typer.Option(help="Report to write, as report.xlsx.")],
    policy: PolicyFile = None,
    sweep: Annotated[
        Path | None, typer.Option(help="Settings to try (TOML): policy keys, each with a list of values.")
    ] = None,
    risk: Annotated[str, typer.Option(help="low, medium, high or 1 to 10.")] = "medium",
    start: Annotated[
        str | None, typer.Option("--from", help="First day to decide on; default: as soon as possible.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day; default: the market's last.")] = None,
    fee: Annotated[
        float, typer.Option(help="Cost of trading, a fraction: 0.001 is 10 basis points.")
    ] = 0.001,
    band: Annotated[
        float, typer.Option(help="Turnover, one way, that is not traded, a fraction of wealth.")
    ] = 0.03,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; default: one, or one per processor for a sweep."),
    ] = None,
    cluster: Cluster = None,
) -> None:
    """Walk the policy through time and write a report: decisions at month ends, executed at the next close.

    A sweep file has the policy's keys, each with a list of values; every
    combination is tried and reported.
    """
    from pyalloc.backtest import Mandate, sweep_of, sweep_policies, walk_forward_all
    from pyalloc.marketdata import MarketData
    from pyalloc.policy import Policy
    from pyalloc.profile import InvestorProfile
    from workbooks.clients import risk_from_text
    from workbooks.processes import local_workers, worthwhile_jobs
    from workbooks.reports.backtest import write_backtest_report

    base = _document(policy)
    profile = InvestorProfile(risk=risk_from_text(risk))
    mandates = [Mandate(profile, Policy.from_document(base, policy.name if policy else "policy"))]
    settings: tuple[Mapping[str, Any], ...] = ()
    if sweep is not None:
        settings, policies = sweep_policies(base, _document(sweep))
        mandates += [Mandate(profile, tried) for tried in policies]
    period = {"start": _day(start, "--from"), "end": _day(end, "--to")}
    data = MarketData.from_path(market)
    processes = worthwhile_jobs(jobs, len(mandates), _TRIALS_PER_PROCESS)
    workers = workers_of(cluster, jobs) or local_workers(processes)
    with _progress() as advance:
        result, *trials = walk_forward_all(
            data, mandates, **period, fee=fee, band=band, workers=workers, on_progress=advance
        )
    tried_all = sweep_of(settings, tuple(trials)) if trials else None
    write_backtest_report(result, out, tried_all)
    _print_result(result)
    if tried_all is not None:
        print(f"\n{tried_all.verdict}")
    print(f"\nThe report is {out}.")


def _document(path: Path | None) -> dict[str, Any]:
    """Return a TOML file as parsed, nothing where there is none."""
    if path is None:
        return {}
    try:
        content = path.read_bytes()
        if len(content) > _LARGEST_FILE:
            raise InputError(f"{path.name}: {len(content):,} bytes; at most {_LARGEST_FILE:,} are read")
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path.name}: is not valid TOML: {error}") from error


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} is {text!r}; write a date as 2016-12-30") from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on standard error while dates are decided, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Month ends", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print_result(result: BacktestResult) -> None:
    from workbooks.reports.backtest.facts import STRATEGY, told

    if result.market.notice:
        print(result.market.notice)
    print(f"{result.days[0]} to {result.days[-1]}, risk {result.mandate.profile.risk}, after costs\n")
    print(f"{'':<20}{'CAGR':>9}{'volatility':>12}{'Sharpe':>9}{'deepest fall':>14}{'turnover':>10}")
    for name, trading in {STRATEGY: result.trading, **result.benchmarks}.items():
        figures = result.performance_of(trading)
        print(
            f"{name:<20}{100 * figures.cagr:>7.2f} %{100 * figures.volatility:>10.2f} %{figures.sharpe:>9.2f}"
            f"{100 * figures.max_drawdown:>12.1f} %{100 * trading.turnover.sum() / result.years:>8.0f} %"
        )
    print()
    for sentence in told(result):
        print(sentence)
