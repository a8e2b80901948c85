"""Walk every ranker through the market of real prices, and print what each was worth out of sample.

    python docs/examples/ranking.py DATA

DATA is the folder that ``real_market.py`` reads. The stocks were chosen among index members of 2026, so all
of them survived: what fell and came back is in the prices, what fell and went under is not. The last rows
leave a stock out until the day that it joined the index, which takes away a part of that hindsight.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from real_market import build_market

from pyalloc import MarketData
from pyalloc.names import STOCKS
from pyalloc.ranking.panel import Panel, feature_panel
from pyalloc.ranking.skill import SkillReport
from pyalloc.stocks import StockRanker

MODELS = ("momentum", "ridge", "hist_gradient_boosting", "random_forest")
VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ridge, fitted every month", {"refit_months": 1}),
    ("ridge, last 60 months", {"window": 60}),
    ("ridge, a tenth of the penalty", {"penalty": 0.1}),
    ("ridge, ten times the penalty", {"penalty": 10.0}),
    ("ridge, embargo of 3 months", {"embargo_months": 3}),
)
HALF = np.datetime64("2010-01-01")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = ArgumentParser(description="What each ranker was worth on real prices, out of sample.")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of reference data")
    data: Path = parser.parse_args(arguments).data
    with TemporaryDirectory() as folder:
        build_market(data, Path(folder))
        market = MarketData.from_path(folder)
    print(pd.DataFrame(rows(data, market)).to_string(index=False))
    print("\nThe stocks are survivors: read no performance from this, and no skill beyond what is said.")
    return 0


def rows(data: Path, market: MarketData) -> Iterator[dict[str, object]]:
    """Yield a row of the table for every model and variant."""
    stocks = [asset.asset for asset in market.in_category(STOCKS)]
    closes = market.closes[:, [market.column(stock) for stock in stocks]]
    whole = feature_panel(market.days, closes)
    for model in MODELS:
        yield row(model, walked(whole, model=model))
        if model == "ridge":
            yield row("momentum, ridge's months", walked(whole, model=model).momentum)
    for name, settings in VARIANTS:
        yield row(name, walked(whole, model="ridge", **settings))
    joined = feature_panel(market.days, members_only(data, market.days, stocks, closes))
    for model in ("ridge", "hist_gradient_boosting"):
        report = walked(joined, model=model)
        yield row(f"{model}, members", report)
    yield row("momentum, members, same months", report.momentum)


def walked(panel: Panel, **settings: Any) -> SkillReport:
    """Return the out-of-sample record of a model."""
    return StockRanker(**settings).fit(panel).skill_


def members_only(data: Path, days: np.ndarray, stocks: list[str], closes: np.ndarray) -> np.ndarray:
    """Return the prices without those of before a stock joined the index."""
    listed = pd.read_csv(data / "prices" / "us_stocks_sectors_1999_2016_meta.csv", index_col=0)
    joined = pd.to_datetime(listed["Date added"]).reindex(stocks).to_numpy()
    return np.where(days[:, None] < joined, np.nan, closes)


def row(name: str, report: SkillReport | None) -> dict[str, object]:
    """Return the figures of a report as the table shows them."""
    if report is None:
        raise ValueError(f"{name} has no record")
    low, high = report.interval
    early = report.months < HALF
    difference = "" if report.momentum is None else f"{report.t_difference:.1f}"
    return {
        "": name,
        "months": len(report.ic),
        "stocks": f"{report.stocks.mean():.0f}",
        "rank IC": f"{report.mean_ic:.3f}",
        "95 %": f"{low:.3f} to {high:.3f}",
        "t": f"{report.t_value:.1f}",
        "hits": f"{100 * report.hit_rate:.0f} %",
        "to 2009, after": ", ".join(
            f"{round(float(half.mean()), 3) + 0.0:.3f}" for half in (report.ic[early], report.ic[~early])
        ),
        "tenths": f"{100 * report.mean_spread:.2f} %",
        "traded": f"{100 * report.mean_turnover:.0f} %",
        "t against momentum": difference,
    }


if __name__ == "__main__":
    sys.exit(main())
