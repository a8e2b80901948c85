"""The chain of one allocation as the command line shows it: tables to read, or JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.table import Table

    from pyalloc.allocation import Allocation

LARGEST: Final = 10
"""Positions that are listed."""


def chain_as_json(allocation: Allocation) -> str:
    """Return every intermediate of the chain for another program."""
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


def print_chain(allocation: Allocation, today: date | None) -> None:
    """Print the chain from macro conditions to the largest positions, and how old its data are.

    Parameters
    ----------
    allocation : Allocation
    today : date or None
        The day that prices are aged to, where the latest were asked for.
    """
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
    for sentence in _ages(allocation, today):
        console.print(sentence)


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
