"""Build a market of real prices and macro data, and check the constants of the stress score against it.

    python docs/examples/real_market.py DATA --out market/
    python docs/examples/real_market.py DATA --constants

DATA is a folder of public series, which are not part of the project: ``prices/`` and ``category/`` hold
adjusted closes, ``macro/`` Treasury yields, VIX, NBER months and GDP as first released. The market is in US
dollars, 1999-12-31 to 2016-12-30. Its stocks were chosen among today's index members, so every one of them
survived: equal weights return 15.6 % a year where SPY returned 4.4 %. It shows how the chain behaves, never
what it earns.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Annotated, Final, get_type_hints

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu
from typing_extensions import Doc

from pyalloc import InvestorProfile, MarketData, allocate
from pyalloc.macro import MacroPolicy, MacroSnapshot, recession_probability, regime
from pyalloc.marketdata.macro_history import MacroHistory, macro_rows
from pyalloc.names import BONDS, CASH, COMMODITIES, RISK_LEVELS, STOCKS

FUNDS: Final = {
    "AGG": ("iShares Core U.S. Aggregate Bond", BONDS),
    "IEF": ("iShares 7-10 Year Treasury Bond", BONDS),
    "LQD": ("iShares iBoxx $ Investment Grade Corporate Bond", BONDS),
    "TIP": ("iShares TIPS Bond", BONDS),
    "SHY": ("iShares 1-3 Year Treasury Bond", CASH),
    "GLD": ("SPDR Gold Shares", COMMODITIES),
    "DBC": ("Invesco DB Commodity Index Tracking", COMMODITIES),
}
"""Everything but stocks; all seven are listed from 2006-02-06 on.

Bonds are the aggregate and its government, corporate and inflation-linked sides: TLT would make equal
weights a bet on long rates, and HYG moves with stocks. Bill funds start only in 2007, so SHY is cash; DBC
is older and less of an oil fund than GSG.
"""

DECISION_DATES: Final = ("2007-06-29", "2008-11-28", "2012-06-29", "2016-12-30")
"""Before the crisis, in it, in a slow recovery, and the last day of the data."""

REFERENCE_MONTHS: Final = pd.period_range("1990-01", "2019-12", freq="M")


@dataclass(frozen=True)
class ReferenceHistory(MacroHistory):
    """The macro series, and what they are judged by.

    Attributes
    ----------
    recession : Series of bool
        NBER recessions by month, known only long afterwards: to judge with, never to decide with.
    """

    recession: pd.Series


@dataclass(frozen=True)
class StressConstants:
    """What the stress score rests on, 1990-2019; the defaults are the constants as published."""

    vix_mean: Annotated[float, Doc("ln of month's mean VIX: mean")] = MacroPolicy.vix_mean
    vix_std: Annotated[float, Doc("ln of month's mean VIX: std")] = MacroPolicy.vix_std
    gdp_mean: Annotated[float, Doc("GDP growth known at month end: mean")] = MacroPolicy.gdp_mean
    gdp_std: Annotated[float, Doc("GDP growth known at month end: std")] = MacroPolicy.gdp_std
    spread_mean: Annotated[float, Doc("month's mean 10y - 2y: mean")] = MacroPolicy.spread_mean
    spread_std: Annotated[float, Doc("month's mean 10y - 2y: std")] = MacroPolicy.spread_std
    composite_std: Annotated[float, Doc("unclipped composite: std")] = MacroPolicy.composite_std
    calm: Annotated[float, Doc("share of months: calm")] = 0.45
    normal: Annotated[float, Doc("share of months: normal")] = 0.21
    elevated: Annotated[float, Doc("share of months: elevated")] = 0.13
    high_stress: Annotated[float, Doc("share of months: high stress")] = 0.21
    stress_auc: Annotated[float, Doc("AUC for NBER months: stress")] = 0.92
    spread_auc: Annotated[float, Doc("AUC for NBER months: inverted 10y - 2y")] = 0.38
    spread_auc_ahead: Annotated[float, Doc("AUC for NBER months: same, a year ahead")] = 0.81
    recall: Annotated[float, Doc("recession months in high stress")] = 0.79
    precision: Annotated[float, Doc("high-stress months in recession")] = 0.36
    recession_probit: Annotated[float, Doc("recession probability at 10y - 3m of 0.01")] = 0.122


def read_table(path: Path) -> pd.DataFrame:
    """Return a csv by the date in its first column; "." is blank, as FRED writes it."""
    return pd.read_csv(path, index_col=0, parse_dates=True, na_values=".")


def read_macro(data: Path) -> ReferenceHistory:
    """Return the macro series in the folder `data`, percent turned into decimal fractions."""

    def series(name: str) -> pd.Series:
        return read_table(data / "macro" / name).iloc[:, -1].dropna()

    ten_less_three = series("fred_DGS10_1962_2023.csv") - series("fred_DGS3MO_1981_2023.csv")
    releases = pd.read_csv(data / "macro/vintages/gdp_first_release_tidy.csv", parse_dates=["known_by"])
    # After the shutdown of 1995-96 two quarters became known on one day: the later one is the news.
    latest = releases.drop_duplicates("known_by", keep="last").set_index("known_by")
    recession = series("fred/USREC.csv").eq(1.0)
    return ReferenceHistory(
        vix=series("vix-daily.csv.gz"),
        yield_spread=series("fred/T10Y2Y.csv") / 100,
        spread_10y_3m=ten_less_three.dropna() / 100,
        gdp_growth=latest["growth_saar_first"] / 100,
        recession=recession.set_axis(_months(recession)),
    )


def reference_months(history: ReferenceHistory) -> pd.DataFrame:
    """Return (vix, gdp_growth, yield_spread) of 1990-2019 by month: monthly means, growth as then known."""

    def mean(daily: pd.Series) -> pd.Series:
        return daily.groupby(_months(daily)).mean()

    growth = history.gdp_growth.reindex(REFERENCE_MONTHS.end_time, method="ffill").set_axis(REFERENCE_MONTHS)
    columns = {"vix": mean(history.vix), "gdp_growth": growth, "yield_spread": mean(history.yield_spread)}
    return pd.DataFrame(columns, index=REFERENCE_MONTHS)


def _months(series: pd.Series) -> pd.PeriodIndex:
    return pd.DatetimeIndex(series.index).to_period("M")


def auc(signal: pd.Series, event: pd.Series) -> float:
    """Return the probability that `signal` is higher in a month with the event than in one without it."""
    inside, outside = signal[event], signal[~event]
    return float(mannwhitneyu(inside, outside).statistic) / (len(inside) * len(outside))


def stress_constants(data: Path) -> StressConstants:
    """Return the constants recomputed from the folder `data`."""
    history = read_macro(data)
    months = reference_months(history)
    snapshots = [MacroSnapshot(*values) for values in months.to_numpy()]
    unclipped = [snapshot.read(MacroPolicy(z_limit=inf)).composite for snapshot in snapshots]
    stress = pd.Series([snapshot.stress() for snapshot in snapshots], index=months.index)
    regimes = stress.map(regime)
    high = regimes.eq("high stress")
    recession = history.recession[months.index]
    a_year_later = history.recession[months.index + 12].set_axis(months.index)
    transformed = months.assign(vix=np.log(months["vix"]))
    mean, std, share = transformed.mean(), transformed.std(), regimes.value_counts(normalize=True)
    return StressConstants(
        vix_mean=mean["vix"],
        vix_std=std["vix"],
        gdp_mean=mean["gdp_growth"],
        gdp_std=std["gdp_growth"],
        spread_mean=mean["yield_spread"],
        spread_std=std["yield_spread"],
        composite_std=float(np.std(unclipped, ddof=1)),
        calm=share["calm"],
        normal=share["normal"],
        elevated=share["elevated"],
        high_stress=share["high stress"],
        stress_auc=auc(stress, recession),
        spread_auc=auc(-months["yield_spread"], recession),
        spread_auc_ahead=auc(-months["yield_spread"], a_year_later),
        recall=float(high[recession].mean()),
        precision=float(recession[high].mean()),
        recession_probit=recession_probability(0.01),
    )


def comparison(recomputed: StressConstants) -> pd.DataFrame:
    """Return each constant as published, as recomputed, and whether they agree to the digits published."""
    hints = get_type_hints(StressConstants, include_extras=True)
    rows = {}
    for field in fields(StressConstants):
        value = getattr(recomputed, field.name)
        digits = len(str(field.default).partition(".")[2])
        agrees = abs(value - field.default) <= 0.5 * 10.0**-digits
        label = hints[field.name].__metadata__[0].documentation
        rows[label] = (str(field.default), f"{value:.{digits + 2}f}", "OK" if agrees else "differs")
    return pd.DataFrame.from_dict(rows, orient="index", columns=["published", "recomputed", "verdict"])


def build_market(data: Path, out: Path) -> None:
    """Write prices.csv.gz, assets.csv and macro.csv, with a row at each month's last close, into `out`."""
    stocks = read_table(data / "prices/us_stocks_sectors_1999_2016.csv.gz")
    companies = pd.read_csv(data / "prices/us_stocks_sectors_1999_2016_meta.csv", index_col=0)
    prices = stocks.join(read_table(data / "category/etf_adjclose_1993_2016.csv.gz")[list(FUNDS)])
    named = companies.loc[stocks.columns, ["Security", "GICS Sector"]].itertuples()
    assets = [(ticker, company, STOCKS, sector) for ticker, company, sector in named]
    assets += [(ticker, fund, category, None) for ticker, (fund, category) in FUNDS.items()]
    days = pd.DatetimeIndex(prices.index)
    month_ends = days[~days.to_period("M").duplicated(keep="last")]

    out.mkdir(parents=True, exist_ok=True)
    prices.to_csv(out / "prices.csv.gz", index_label="date", compression={"method": "gzip", "mtime": 0})
    columns = ["asset", "name", "category", "sector"]
    pd.DataFrame(assets, columns=columns).to_csv(out / "assets.csv", index=False)
    macro_rows(read_macro(data), month_ends).to_csv(out / "macro.csv")


def allocations(market: MarketData) -> pd.DataFrame:
    """Return stress, regime, category weights and sleeve beta on four dates, for each risk level."""
    rows = []
    for day in DECISION_DATES:
        view = market.at(day)
        for risk in RISK_LEVELS:
            trace = allocate(view, profile=InvestorProfile(risk=risk)).trace
            weights = zip(trace["category_names"], trace["category_weights"], strict=True)
            rows.append(
                {
                    "date": day,
                    "stress": f"{trace['stress']:.2f}",
                    "regime": trace["regime"],
                    "risk": risk,
                    **{category: f"{100 * weight:.1f} %" for category, weight in weights},
                    "beta": f"{trace['sleeve_beta']:.3f}",
                    "target": trace["target_status"],
                }
            )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps asked for; return 0, or 1 when a recomputed constant differs from the published one."""
    parser = ArgumentParser(description="Build a market of real data, or check the constants of stress.")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of reference data")
    parser.add_argument("--constants", action="store_true", help="recompute and compare the constants")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the market here and allocate it")
    asked = parser.parse_args(arguments)
    if not asked.data.is_dir():
        parser.error(f"{asked.data} is not a folder: give the folder of reference data")
    if not (asked.constants or asked.out):
        parser.error("nothing to do: give --out DIR, --constants or both")

    exit_code = 0
    if asked.constants:
        table = comparison(stress_constants(asked.data))
        print(table.to_string())
        exit_code = int(table["verdict"].eq("differs").any())
    if asked.out:
        build_market(asked.data, asked.out)
        print(f"Market written to {asked.out}. Its stocks are survivors: read no performance from it.\n")
        print(allocations(MarketData.from_path(asked.out)).to_string(index=False))
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
