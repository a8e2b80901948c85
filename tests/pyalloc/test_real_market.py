"""The constants of the stress score come out of the data, and the real market knows no future."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import MarketData
from pyalloc.macro import MacroSnapshot
from pyalloc.names import BONDS, CASH, COMMODITIES, SECTORS, STOCKS

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "examples" / "real_market.py"
spec = importlib.util.spec_from_file_location("real_market", SCRIPT)
assert spec is not None
assert spec.loader is not None
real_market = importlib.util.module_from_spec(spec)
sys.modules["real_market"] = real_market
spec.loader.exec_module(real_market)

MONTH_ENDS = pd.date_range("1999-12-31", "2016-12-31", freq="BME")


@pytest.fixture(scope="module")
def constants(shared_data):
    return real_market.stress_constants(shared_data)


@pytest.fixture(scope="module")
def history(shared_data):
    return real_market.read_macro(shared_data)


@pytest.fixture(scope="module")
def market(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("market")
    assert real_market.main([str(shared_data), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def prices(market):
    return pd.read_csv(market / "prices.csv.gz", index_col="date", parse_dates=True)


@pytest.fixture(scope="module")
def assets(market):
    return pd.read_csv(market / "assets.csv", index_col="asset")


@pytest.fixture(scope="module")
def macro(market):
    return pd.read_csv(market / "macro.csv", index_col="known_on", parse_dates=True)


def stress_on(macro, day):
    return MacroSnapshot(*macro.loc[day]).stress()


# --- the constants --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [field.name for field in fields(real_market.StressConstants)])
def test_a_published_constant_is_reproduced_to_its_last_digit(constants, name):
    published = getattr(real_market.StressConstants(), name)
    digits = len(str(published).partition(".")[2])
    assert round(getattr(constants, name), digits) == published


def test_each_month_has_one_regime(constants):
    shares = (constants.calm, constants.normal, constants.elevated, constants.high_stress)
    assert sum(shares) == pytest.approx(1.0, abs=1e-12)


def test_the_yield_spread_leads_recessions_and_stress_coincides_with_them(constants):
    assert constants.spread_auc < 0.5 < constants.spread_auc_ahead < constants.stress_auc


def test_auc_is_one_when_every_event_ranks_highest_and_half_when_nothing_differs():
    event = pd.Series([False, False, True, True])
    assert real_market.auc(pd.Series([1.0, 2.0, 3.0, 4.0]), event) == 1.0
    assert real_market.auc(pd.Series([1.0, 1.0, 1.0, 1.0]), event) == 0.5


def test_the_table_names_the_constant_that_differs(constants):
    verdicts = real_market.comparison(replace(constants, gdp_std=0.0194))["verdict"]
    assert verdicts[verdicts == "differs"].index.tolist() == ["GDP growth known at month end: std"]


def test_the_constants_step_prints_every_constant_and_succeeds(shared_data, capsys):
    assert real_market.main([str(shared_data), "--constants"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(" OK\n") == len(fields(real_market.StressConstants))
    assert "differs" not in printed


def test_a_call_without_a_step_says_what_to_ask_for(tmp_path, capsys):
    with pytest.raises(SystemExit) as refusal:
        real_market.main([str(tmp_path)])
    assert refusal.value.code == 2
    assert "give --out DIR, --constants or both" in capsys.readouterr().err


def test_the_three_month_constant_maturity_yield_is_bond_equivalent_already(shared_data):
    constant_maturity = real_market.read_table(shared_data / "macro" / "fred_DGS3MO_1981_2023.csv")["DGS3MO"]
    monthly = constant_maturity.resample("MS").mean()["1990":"2019"]
    discount = real_market.read_table(shared_data / "macro" / "TB3MS.csv")["TB3MS"]["1990":"2019"]
    bond_equivalent = 100 * 365 * (discount / 100) / (360 - 91 * discount / 100)
    assert (monthly - bond_equivalent).mean() == pytest.approx(0.0, abs=0.01)
    assert (monthly - discount).mean() > 0.05


# --- what was known when --------------------------------------------------------------------------------


def test_growth_in_november_2008_is_the_first_release_and_not_what_we_know_today(macro):
    assert macro.loc["2008-10-31", "gdp_growth"] == pytest.approx(0.01889)  # 2008Q2
    assert macro.loc["2008-11-28", "gdp_growth"] == pytest.approx(-0.00252)  # 2008Q3; by 2024 it is -0.02085


def test_of_two_quarters_published_on_one_day_the_later_is_known(history):
    assert history.gdp_growth.loc["1996-05-15"] == pytest.approx(0.02809)  # 1996Q1, not 1995Q4
    assert history.gdp_growth.index.is_unique


@pytest.mark.parametrize("day", ["2001-09-28", "2008-11-28", "2016-12-30"])
def test_a_snapshot_holds_the_last_21_closes_and_the_last_release_up_to_its_day(shared_data, macro, day):
    folder = shared_data / "macro"
    closes = pd.read_csv(folder / "vix-daily.csv.gz", index_col="DATE")["CLOSE"]
    releases = pd.read_csv(folder / "vintages" / "gdp_first_release_tidy.csv")
    known = releases[releases["known_by"] <= day].iloc[-1]
    assert macro.loc[day, "vix"] == pytest.approx(closes[closes.index <= day].tail(21).mean(), abs=1e-6)
    assert macro.loc[day, "gdp_growth"] == pytest.approx(known["growth_saar_first"] / 100, abs=1e-6)


@settings(max_examples=20)
@given(day=st.sampled_from(list(MONTH_ENDS)), later=st.floats(-0.05, 0.05))
def test_nothing_published_after_a_day_changes_its_snapshot(history, day, later):
    names = ("vix", "yield_spread", "spread_10y_3m", "gdp_growth")
    other_future = replace(
        history, **{name: getattr(history, name).where(lambda s: s.index <= day, later) for name in names}
    )
    days = pd.DatetimeIndex([day])
    pd.testing.assert_frame_equal(
        real_market.macro_rows(other_future, days), real_market.macro_rows(history, days), check_exact=True
    )


def test_november_2008_was_high_stress_and_june_2007_and_2012_were_not(macro):
    assert stress_on(macro, "2008-11-28") > 0.9
    assert stress_on(macro, "2007-06-29") < 0.8
    assert stress_on(macro, "2012-06-29") < 0.8


# --- the market directory -------------------------------------------------------------------------------


def test_the_market_holds_103_stocks_of_all_eleven_gics_sectors(assets):
    stocks = assets[assets["category"] == STOCKS]
    assert len(stocks) == 103
    assert set(stocks["sector"]) == set(SECTORS)
    assert assets.loc[assets["category"] != STOCKS, "sector"].isna().all()


def test_every_category_has_a_price_by_june_2007(prices, assets):
    counts = assets["category"].value_counts()
    assert dict(counts) == {STOCKS: 103, BONDS: 4, CASH: 1, COMMODITIES: 2}
    assert prices.columns.tolist() == assets.index.tolist()
    assert prices.loc["2007-06-29"].notna().all()


def test_prices_cover_the_stocks_trading_days_and_are_blank_only_before_listing(prices):
    assert (prices.index[0], prices.index[-1]) == (pd.Timestamp("1999-12-31"), pd.Timestamp("2016-12-30"))
    assert prices.index.is_monotonic_increasing
    assert prices.index.is_unique
    assert np.isnan(prices.loc["2003-09-26", "AGG"])
    assert not prices.ffill().isna().ne(prices.isna()).to_numpy().any()
    assert prices.min().min() > 0


def test_macro_has_one_complete_snapshot_per_month_at_its_last_close(prices, macro):
    last_closes = prices.index.to_series().groupby(prices.index.to_period("M")).max()
    assert macro.index.tolist() == last_closes.tolist()
    assert macro.notna().all(axis=None)


def test_the_same_data_gives_the_same_bytes(shared_data, market, tmp_path):
    real_market.build_market(shared_data, tmp_path)
    for name in ("prices.csv.gz", "assets.csv", "macro.csv"):
        assert (tmp_path / name).read_bytes() == (market / name).read_bytes()


@pytest.fixture(scope="module")
def decisions(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("real")
    real_market.build_market(shared_data, folder)
    return real_market.allocations(MarketData.from_path(folder)).set_index(["date", "risk"])


def test_the_crisis_is_high_stress_and_holds_fewer_stocks(decisions: pd.DataFrame) -> None:
    crisis, calm = decisions.loc[("2008-11-28", "medium")], decisions.loc[("2016-12-30", "medium")]
    assert float(crisis["stress"]) > 0.9
    assert crisis["regime"] == "high stress"
    assert float(crisis["Stocks"].rstrip(" %")) < float(calm["Stocks"].rstrip(" %"))


def test_the_beta_of_the_sleeve_is_what_the_risk_level_says(decisions: pd.DataFrame) -> None:
    assert (decisions["target"] == "attained").all()
    for risk, beta in (("low", "0.875"), ("medium", "1.000"), ("high", "1.250")):
        assert set(decisions.xs(risk, level="risk")["beta"]) == {beta}
