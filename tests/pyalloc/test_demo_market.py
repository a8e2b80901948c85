"""The demo market: reproducible, marked as synthetic, and behaving as its macro rows say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pyalloc import names
from pyalloc.errors import InputError
from pyalloc.macro import MacroSnapshot
from pyalloc.marketdata.demo import NOTICE, DemoMarket, demo_market, write_demo_market

DAYS_PER_YEAR = 261


@pytest.fixture(scope="module")
def market() -> DemoMarket:
    return demo_market()


@pytest.fixture(scope="module")
def readings(market: DemoMarket) -> pd.DataFrame:
    """Return stress and regime by month end, as pyalloc reads them off the macro rows."""
    rows = [MacroSnapshot(*row).read() for row in market.macro.drop(columns="known_on").to_numpy()]
    read = {"stress": [row.stress for row in rows], "regime": [row.regime for row in rows]}
    return pd.DataFrame(read, pd.DatetimeIndex(market.macro["known_on"]))


@pytest.fixture(scope="module")
def monthly(market: DemoMarket, readings: pd.DataFrame) -> pd.DataFrame:
    return market.prices.loc[readings.index].pct_change()


def members(market: DemoMarket, category: str) -> pd.DataFrame:
    return market.assets[market.assets["category"] == category].set_index("asset")


def stock_returns(market: DemoMarket) -> pd.DataFrame:
    return market.prices[members(market, names.STOCKS).index].pct_change()


# --- on disk --------------------------------------------------------------------------------------------


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    folders = [write_demo_market(tmp_path / name, years=4) for name in ("first", "second")]
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == second


def test_another_seed_is_another_market() -> None:
    one, other = (demo_market(seed, years=1) for seed in (1, 2))
    assert (one.prices != other.prices).all(axis=None)
    assert (one.macro["vix"] != other.macro["vix"]).any()


def test_the_folder_is_a_market_that_says_it_is_synthetic(tmp_path: Path) -> None:
    folder = write_demo_market(tmp_path / "new" / "market", years=2)
    files = {path.name for path in folder.iterdir()}
    assert files == {"prices.csv", "assets.csv", "macro.csv", "README.txt", "NOTICE"}
    assert (folder / "NOTICE").read_text() == f"{NOTICE}\n"
    assert NOTICE in (folder / "README.txt").read_text()
    heads = {name: (folder / name).read_text("utf-8").split("\n")[0] for name in files if name[-3:] == "csv"}
    assert heads["prices.csv"].startswith("date,ZX")
    assert heads["assets.csv"] == "asset,name,category,sector"
    assert heads["macro.csv"] == "known_on,vix,gdp_growth,yield_spread,spread_10y_3m"


def test_what_is_written_is_what_is_returned(market: DemoMarket, tmp_path: Path) -> None:
    folder = write_demo_market(tmp_path / "market")
    prices = pd.read_csv(folder / "prices.csv", index_col="date", parse_dates=True)
    macro = pd.read_csv(folder / "macro.csv", parse_dates=["known_on"])
    assert np.array_equal(prices, market.prices, equal_nan=True)
    assert (prices.index == market.prices.index).all()
    assert (macro == market.macro).all(axis=None)
    assert (pd.read_csv(folder / "assets.csv") == market.assets).all(axis=None)


def test_numbers_are_written_without_an_exponent(tmp_path: Path) -> None:
    folder = write_demo_market(tmp_path / "market", years=3)
    lines = (folder / "prices.csv").read_text().splitlines() + (folder / "macro.csv").read_text().splitlines()
    numbers = ",".join(line.partition(",")[2] for line in lines if line[0].isdigit())
    assert set(numbers) <= set("0123456789.,-")


def test_an_earlier_demo_market_is_replaced(tmp_path: Path) -> None:
    write_demo_market(tmp_path, years=2)
    write_demo_market(tmp_path, years=1)
    assert len(pd.read_csv(tmp_path / "macro.csv")) == len(demo_market(years=1).macro)


def test_another_market_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("date,OURS\n2026-06-30,1\n")
    with pytest.raises(InputError, match=r"holds a prices\.csv that is not of a demo market"):
        write_demo_market(tmp_path, years=1)
    assert [path.name for path in tmp_path.iterdir()] == ["prices.csv"]


@pytest.mark.parametrize("size", [{"stocks": 10}, {"stocks": 287}, {"years": 0}, {"years": 51}])
def test_a_size_out_of_range_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(InputError, match="of a demo market is"):
        demo_market(**size)


# --- instruments and history ----------------------------------------------------------------------------


def test_stocks_cover_every_sector_and_funds_every_other_category(market: DemoMarket) -> None:
    per_sector = members(market, names.STOCKS)["sector"].value_counts()
    assert set(per_sector.index) == set(names.SECTORS)
    assert per_sector.between(4, 7).all()
    counts = market.assets["category"].value_counts()
    assert dict(counts) == {"Stocks": 60, "Bonds": 4, "Commodities": 3, "Cash": 2}
    assert "Gold" in set(members(market, names.COMMODITIES)["sector"])


@pytest.mark.parametrize("stocks", [11, 60, 286])
def test_tickers_and_names_are_unique_and_no_cell_addresses(stocks: int) -> None:
    assets = demo_market(years=1, stocks=stocks).assets
    assert assets["asset"].is_unique
    assert assets["name"].is_unique
    assert assets["asset"].str.fullmatch("ZX[A-Z]{2}").all()


def test_a_weekend_ends_on_the_friday_before() -> None:
    sunday = demo_market(years=1, last=date(2026, 6, 28))
    assert sunday.prices.index[-1] == sunday.macro["known_on"].iloc[-1] == pd.Timestamp(2026, 6, 26)


def test_prices_are_positive_on_every_business_day_since_the_listing(market: DemoMarket) -> None:
    prices = market.prices
    business_days = pd.bdate_range("2011-06-30", "2026-06-30")
    assert (prices.index == business_days).all()
    assert prices.iloc[-1].notna().all()
    assert prices.bfill().equals(prices.interpolate(limit_area="inside").bfill())
    assert not (prices.isna() & prices.shift().notna()).any(axis=None)
    assert prices.min(axis=None) > 0


def test_one_of_two_late_listings_is_too_young_for_a_covariance(market: DemoMarket) -> None:
    late = market.prices.columns[market.prices.iloc[0].isna()]
    months = market.prices[late].groupby(pd.Grouper(freq="ME")).last().notna().sum()
    assert sorted(months) == [21, 73]


# --- macro ----------------------------------------------------------------------------------------------


def test_macro_rows_are_complete_month_end_snapshots(market: DemoMarket) -> None:
    macro = market.macro
    assert macro.notna().all(axis=None)
    month_ends = market.prices.index.to_series().groupby(market.prices.index.to_period("M")).max()
    assert list(macro["known_on"]) == list(month_ends)


def test_macro_values_are_plausible(market: DemoMarket) -> None:
    limits = {"vix": (9, 80), "gdp_growth": (-0.10, 0.08), "yield_spread": (-0.02, 0.035)}
    for indicator, (low, high) in limits.items():
        assert market.macro[indicator].between(low, high).all(), indicator
    assert market.macro["spread_10y_3m"].between(-0.02, 0.035).all()


def test_a_gdp_figure_appears_a_month_after_its_quarter(market: DemoMarket) -> None:
    growth = market.macro.set_index("known_on")["gdp_growth"]
    changes = growth.index[growth.diff().fillna(0.0) != 0.0]
    assert len(changes) > 40
    # The 30th of January, April, July or October; a month later where that month's last close came before.
    assert set(changes.month) <= {1, 4, 7, 10} | {2, 5, 8, 11}
    assert np.isin(changes.month, [1, 4, 7, 10]).mean() > 0.7


def test_every_regime_is_visited(readings: pd.DataFrame) -> None:
    shares = readings["regime"].value_counts(normalize=True)[list(names.REGIMES)]
    assert (shares >= 0.08).all()
    assert shares.idxmax() == "calm"


def test_stress_read_off_the_macro_rows_follows_the_hidden_state(
    market: DemoMarket, readings: pd.DataFrame
) -> None:
    hidden = market.latent_stress.loc[readings.index]
    assert readings["stress"].corr(hidden) > 0.8


def test_the_last_day_has_stress_to_show(readings: pd.DataFrame) -> None:
    assert 0.5 < readings["stress"].iloc[-1] < 0.75


# --- returns --------------------------------------------------------------------------------------------


def test_stocks_are_as_volatile_and_as_correlated_as_stocks_are(market: DemoMarket) -> None:
    returns = stock_returns(market)
    assert (returns.std() * np.sqrt(DAYS_PER_YEAR)).between(0.18, 0.45).all()
    assert returns.abs().max(axis=None) < 0.25
    correlation = returns.corr().to_numpy()
    assert 0.2 < correlation[np.triu_indices_from(correlation, 1)].mean() < 0.4


@pytest.mark.parametrize("seed", [20260803, 1, 2, 3])
def test_the_stock_market_earns_a_premium_at_a_usual_volatility(seed: int) -> None:
    average = stock_returns(demo_market(seed)).mean(axis=1)
    assert 0.06 < average.mean() * DAYS_PER_YEAR < 0.11
    assert 0.15 < average.std() * np.sqrt(DAYS_PER_YEAR) < 0.18


def test_stocks_earn_less_and_swing_more_in_high_stress(market: DemoMarket, readings: pd.DataFrame) -> None:
    daily = stock_returns(market).mean(axis=1)
    regime = readings["regime"].reindex(daily.index, method="bfill")
    calm, high = daily[regime == "calm"], daily[regime == "high stress"]
    assert high.mean() < 0 < calm.mean()
    assert high.std() > 1.5 * calm.std()


def test_defensive_sectors_lose_less_in_high_stress(
    market: DemoMarket, monthly: pd.DataFrame, readings: pd.DataFrame
) -> None:
    defensiveness = members(market, names.STOCKS)["sector"].map(names.SECTOR_DEFENSIVENESS)
    high = monthly.loc[readings["regime"] == "high stress"]
    defensive = high[defensiveness.index[defensiveness > 0]].mean(axis=1)
    cyclical = high[defensiveness.index[defensiveness < 0]].mean(axis=1)
    assert cyclical.mean() < 0
    assert cyclical.mean() < defensive.mean() - 0.003


def test_the_more_defensive_a_sector_the_better_it_stands_a_rise_in_stress(market: DemoMarket) -> None:
    sectors = members(market, names.STOCKS)["sector"]
    returns = stock_returns(market)
    excess = returns.sub(returns.mean(axis=1), axis=0).T.groupby(sectors).mean().T
    response = excess.corrwith(market.latent_stress.diff())
    assert response.corr(pd.Series(names.SECTOR_DEFENSIVENESS)) > 0.8


def test_government_bonds_hedge_and_credit_does_not(
    market: DemoMarket, monthly: pd.DataFrame, readings: pd.DataFrame
) -> None:
    stocks = monthly[members(market, names.STOCKS).index].mean(axis=1)
    kind = members(market, names.BONDS)["sector"]
    government = monthly[kind.index[kind == "Government"]].mean(axis=1)
    high_yield = monthly[kind.index[kind == "High yield"]].mean(axis=1)
    high = readings["regime"] == "high stress"
    assert government[high].corr(stocks[high]) < 0
    assert high_yield.corr(stocks) > 0.2
    rising = readings["stress"].diff() > 0.1
    assert high_yield[rising].mean() < 0 < government[rising].mean()


def test_cash_never_loses(market: DemoMarket) -> None:
    cash = market.prices[members(market, names.CASH).index]
    assert (cash.diff().iloc[1:] >= 0).all(axis=None)


def test_past_winners_win_a_little_more_often_than_not(market: DemoMarket, monthly: pd.DataFrame) -> None:
    stocks = members(market, names.STOCKS).index
    closes = market.prices.loc[monthly.index, stocks]
    momentum = closes.shift(1) / closes.shift(12) - 1
    following = monthly[stocks].shift(-1)
    rank_correlation = momentum.corrwith(following, axis=1, method="spearman").dropna().mean()
    assert 0.01 < rank_correlation < 0.08
