"""The market report finds what is wrong in the numbers, leaves sound series alone, and names its limits."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import MacroSnapshot
from pyalloc.cli import main
from pyalloc.marketdata.comparison import disagreement
from pyalloc.marketdata.faults import asset_findings, macro_findings, phantom_dividends
from pyalloc.marketdata.report import UNSEEN, check_market
from pyalloc.marketdata.sources import read_prices_of

DAYS = pd.bdate_range("2010-01-04", periods=1600)


def closes(seed=1, volatility=0.015):
    rng = np.random.default_rng(seed)
    return 50.0 * np.exp(rng.normal(0.0003, volatility, len(DAYS)).cumsum())


def kinds(prices, category="Stocks"):
    return [finding.kind for finding in asset_findings("AAA", DAYS, prices, category)]


def says(prices):
    return [finding.says for finding in asset_findings("AAA", DAYS, prices)]


# --- prices ---------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), volatility=st.floats(0.003, 0.03))
def test_a_sound_series_has_nothing_to_look_at(seed, volatility):
    assert kinds(closes(seed, volatility)) == []


def test_a_gap_is_found_where_it_is_longer_than_what_is_carried_forward():
    prices = closes()
    prices[100:105] = np.nan
    assert kinds(prices) == []
    prices[105] = np.nan
    assert says(prices) == [
        f"AAA has no close on 6 trading days after {DAYS[99]:%Y-%m-%d}; 5 are carried forward."
    ]


@pytest.mark.parametrize(("factor", "found"), [(1 / 3, "-6"), (2.0, "+")])
def test_a_split_that_was_not_adjusted_for_is_a_jump(factor, found):
    prices = closes(volatility=0.002)
    prices[700:] *= factor
    (sentence,) = says(prices)
    assert f"AAA moves {found}" in sentence
    assert f"on {DAYS[700]:%Y-%m-%d}" in sentence


def test_a_price_that_stands_still_is_stale_unless_it_is_cash():
    prices = closes()
    prices[200:211] = prices[200]
    prices[400:430] = prices[400]
    assert says(prices) == [
        f"AAA stands at {prices[400]:g} for 29 days from {DAYS[400]:%Y-%m-%d}; and 1 more such runs."
    ]
    assert kinds(prices, "Cash") == []


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), leap=st.floats(0.08, 0.3))
def test_dividends_that_later_splits_make_too_large_are_found(seed, leap):
    returns = np.diff(closes(seed)) / closes(seed)[:-1]
    assert phantom_dividends(returns) is None
    rng = np.random.default_rng(seed)
    ex_days = 30 + np.cumsum(rng.integers(60, 67, 22))
    returns[ex_days] = (1 + returns[ex_days]) * (1 + leap) - 1
    assert phantom_dividends(returns) is not None
    assert phantom_dividends(-returns) is None


def test_what_has_ended_or_is_young_is_to_know_and_no_fault():
    ended, young = closes(), closes()
    ended[-6:] = np.nan
    young[:-200] = np.nan
    assert (kinds(ended), kinds(young)) == (["ended"], ["young"])
    assert says(young) == ["AAA has 199 daily returns, 252 needed."]


# --- a second source ------------------------------------------------------------------------------------


def named(prices, days=DAYS):
    return pd.Series(prices, days, name="AAA")


@given(seed=st.integers(0, 10**6), decimals=st.integers(2, 6), factor=st.floats(0.01, 2.0))
def test_rounding_and_another_adjustment_are_no_disagreement(seed, decimals, factor):
    prices = closes(seed)
    assert disagreement(named(prices), named(np.round(factor * prices, decimals))) is None


@given(
    seed=st.integers(0, 10**6),
    day=st.integers(1, len(DAYS) - 1),
    wrong=st.floats(-0.5, 0.5).filter(lambda x: abs(x) > 0.002),
)
def test_one_wrong_return_is_found_with_its_day_and_what_it_does_to_growth(seed, day, wrong):
    sound, prices = closes(seed), closes(seed)
    prices[day:] *= 1.0 + wrong
    found = disagreement(named(prices), named(sound))
    assert (found.differing, found.compared, found.worst) == (1, len(DAYS) - 1, DAYS[day].date())
    assert found.growth_ratio == pytest.approx(1.0 + wrong)


def test_a_price_that_never_changes_is_not_taken_for_a_rounded_one():
    prices = np.linspace(1.0, 1.5, len(DAYS)) * np.where(np.arange(len(DAYS)) % 2, 1.0, 1.01)
    found = disagreement(named(np.ones(len(DAYS))), named(prices))
    assert found.differing == found.compared == len(DAYS) - 1


def test_days_that_only_one_source_has_are_left_out():
    prices = closes()
    gaps = prices.copy()
    gaps[100:140] = np.nan
    assert disagreement(named(prices), named(gaps).dropna()) is None
    assert disagreement(named(prices), named(prices, DAYS + pd.Timedelta(days=9999))) is None


# --- macro rows -----------------------------------------------------------------------------------------


def rows(count=6, **same):
    varying = [{"vix": 15.0 + i, "gdp_growth": 0.02, "yield_spread": 0.01} | same for i in range(count)]
    return [
        MacroSnapshot(**values, known_on=date(2016, 1, 29) + timedelta(days=30 * i))
        for i, values in enumerate(varying)
    ]


def test_good_macro_rows_have_nothing_to_look_at():
    assert list(macro_findings(rows(), date(2016, 7, 1), 100)) == []


@pytest.mark.parametrize(
    ("macro", "last_close", "found"),
    [
        (rows(), date(2017, 6, 30), "is 368 days older than the last close; 100 are allowed"),
        (rows(), date(2015, 12, 31), "No macro row was known by the last close, 2015-12-31"),
        (rows(vix=20.0), date(2016, 7, 1), "vix is 20 in 6 macro rows from 2016-01-29 on"),
        (rows(gdp_growth=0.0), date(2016, 7, 1), "gdp_growth is 0 in 6 macro rows"),
        ([rows()[0], rows()[5]], date(2016, 7, 1), "No macro row for more than 100 days: 2016-01-29 to"),
    ],
)
def test_old_filled_and_missing_macro_rows_are_found(macro, last_close, found):
    assert any(found in finding.says for finding in macro_findings(macro, last_close, 100))


# --- a whole market -------------------------------------------------------------------------------------


def write(folder, prices, assets=None):
    folder.mkdir(exist_ok=True)
    prices.to_csv(folder / "prices.csv", index_label="date")
    listed = [f"{symbol},{symbol},Stocks,Energy" for symbol in assets or prices.columns]
    (folder / "assets.csv").write_text("\n".join(["asset,name,category,sector", *listed, ""]))
    last = pd.Timestamp(prices.index[-1])
    (folder / "macro.csv").write_text(
        f"known_on,vix,gdp_growth,yield_spread\n{last:%Y-%m-%d},20,0.02,0.01\n", encoding="utf-8"
    )
    return folder


def test_a_market_that_cannot_be_read_is_reported_with_every_problem(tmp_path, capsys):
    prices = pd.DataFrame({"AAA": closes(), "BBB": closes(2)}, DAYS)
    prices.iloc[5, 1] = 0.0
    assert main(["data", "check", str(write(tmp_path / "market", prices)), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["well"]
    assert [finding["kind"] for finding in report["findings"]] == ["unreadable"]
    assert "gives BBB the price 0 on 2010-01-11" in report["findings"][0]["says"]


def test_the_report_says_survivors_and_what_it_cannot_see(tmp_path, capsys):
    prices = pd.DataFrame({"AAA": closes(), "BBB": closes(2)}, DAYS)
    folder = str(write(tmp_path / "market", prices))
    assert main(["data", "check", folder]) == 0
    said = capsys.readouterr().out
    assert "All 2 stocks are still priced on the last of 1,600 days" in said
    assert all(what in said for what in UNSEEN)
    assert "1,600" in said
    assert main(["data", "check", folder, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["coverage"][1] == {
        "asset": "BBB", "first": "2010-01-04", "last": "2016-02-19", "closes": 1600, "blank": 0.0,
    }  # fmt: skip


def test_a_second_source_shows_who_disagrees_and_who_is_not_in_it(tmp_path, capsys):
    prices = pd.DataFrame({"AAA": closes(), "BBB": closes(2), "CCC": closes(3)}, DAYS)
    market = str(write(tmp_path / "market", prices))
    second = prices[["BBB", "AAA"]].copy()
    second.loc[DAYS[900] :, "AAA"] *= 1.076
    second.to_csv(tmp_path / "vendor.csv", index_label="date")
    assert main(["data", "check", market, "--against", str(tmp_path / "vendor.csv")]) == 1
    said = capsys.readouterr().out
    assert "AAA has 1 of 1,599 daily returns that are not those of vendor.csv to 0.1 %" in said
    assert f"furthest apart on {DAYS[900]:%Y-%m-%d}" in said
    assert "it grows 0.929 times as much as there" in said
    assert "vendor.csv has no prices of CCC: compared with nothing." in said
    assert "BBB has" not in said
    assert main(["data", "check", market, "--against", market]) == 0


@pytest.mark.parametrize("common", [0, 1])
def test_a_second_source_of_other_days_is_said_to_compare_with_nothing(tmp_path, capsys, common):
    prices = pd.DataFrame({"AAA": closes(), "BBB": closes(2)}, DAYS)
    market = str(write(tmp_path / "market", prices))
    later = prices.set_axis(DAYS + (DAYS[-1] - DAYS[0]) + pd.Timedelta(days=1 - common))
    later.to_csv(tmp_path / "vendor.csv", index_label="date")
    assert main(["data", "check", market, "--against", str(tmp_path / "vendor.csv")]) == 0
    said = capsys.readouterr().out
    assert "vendor.csv has fewer than two days in common with AAA, BBB: compared with nothing." in said


@pytest.mark.parametrize("second", ["nothing.csv", "nothing"])
def test_a_second_source_that_is_not_there_is_said(tmp_path, demo_market_path, second, capsys):
    assert main(["data", "check", str(demo_market_path), "--against", str(tmp_path / second)]) == 2
    assert second in capsys.readouterr().err


def test_an_asset_that_trades_at_weekends_is_said_to_bring_days_of_its_own(tmp_path, capsys):
    prices = pd.DataFrame({"AAA": closes(), "BBB": closes(2), "BTC-USD": closes(3)}, DAYS)
    every_day = prices.reindex(pd.date_range(DAYS[0], DAYS[-1]))
    every_day["BTC-USD"] = every_day["BTC-USD"].ffill() * np.linspace(1.0, 2.0, len(every_day))
    assert main(["data", "check", str(write(tmp_path / "market", every_day))]) == 1
    said = capsys.readouterr().out
    assert "fewer than half of the assets have a close: BTC-USD has days of its own" in said
    prices.loc[DAYS[::30], ["AAA", "BBB"]] = np.nan  # holidays of one country
    assert main(["data", "check", str(write(tmp_path / "few", prices))]) == 0


def test_macro_rows_are_aged_by_the_policy_that_is_given(tmp_path, demo_market_path, capsys):
    policy = tmp_path / "policy.toml"
    policy.write_text("[macro]\nmax_age_days = 20\n", encoding="utf-8")
    assert main(["data", "check", str(demo_market_path), "--policy", str(policy)]) == 1
    assert "No macro row for more than 20 days" in capsys.readouterr().out


def test_the_demo_market_is_well(demo_market_path):
    assert check_market(demo_market_path).well


# --- the faults of the reference data -------------------------------------------------------------------


AGAINST = {
    "pypfopt_stock_prices": "skfolio_sp500_dataset",
    "sp500_55stocks_1999_2016": "us_stocks_sectors_1999_2016",
}
"""The second source of a file."""


@pytest.fixture(scope="module")
def found(shared_data, tmp_path_factory):
    """Return what finds, by kind, the assets at fault in a file of reference prices."""

    @cache
    def found(name):
        prices = pd.read_csv(shared_data / "prices" / f"{name}.csv.gz", index_col=0)
        second = AGAINST.get(name)
        against = None if second is None else shared_data / "prices" / f"{second}.csv.gz"
        report = check_market(write(tmp_path_factory.mktemp("market") / name, prices), against)
        return {
            kind: {finding.about for finding in report.findings if finding.kind == kind}
            for kind in {finding.kind for finding in report.findings}
        }

    return found


def test_phantom_dividends_are_found_and_no_sound_series_has_any(found):
    assert found("pypfopt_stock_prices")["dividends"] == {"GE", "PFE", "XOM"}
    for sound in ("us_stocks_sectors_1999_2016", "skfolio_sp500_dataset", "sp500_55stocks_1999_2016"):
        assert "dividends" not in found(sound)


def test_an_adjustment_error_between_flat_runs_is_found(found):
    faults = found("skfolio_sp500_dataset")
    assert "RRC" in faults["jump"] & faults["stale"]
    assert faults["stale"] == {"RRC"}


def test_the_eleven_moves_that_were_read_are_shown(found):
    assert len(found("us_stocks_sectors_1999_2016")["jump"]) == 9  # AES and AKAM twice


def test_an_unadjusted_spin_off_of_ordinary_size_is_not_seen_and_said_to_be_unseen(found):
    alone = {
        kind: about for kind, about in found("sp500_55stocks_1999_2016").items() if kind != "disagreement"
    }
    assert "ABT" not in set().union(*alone.values())
    assert "spin-off" in UNSEEN[0]


def test_a_second_source_shows_every_phantom_dividend_and_the_spin_off(found):
    phantoms = found("pypfopt_stock_prices")["disagreement"]
    assert phantoms >= {"AAPL", "GE", "PFE", "XOM", "WMT", "BAC", "JPM"}
    assert "AMD" not in phantoms
    spun_off = found("sp500_55stocks_1999_2016")["disagreement"]
    assert "ABT" in spun_off
    assert not spun_off & {"ADI", "AEE", "AES", "AKAM", "AMGN", "AMT"}


def test_the_days_that_differ_are_those_that_were_counted(shared_data):
    """AAPL 32, PFE 39, GE 41, BAC 58 days apart by more than 0.001; growth 9, 12 and 7 times too great."""
    file = shared_data / "prices" / "pypfopt_stock_prices.csv.gz"
    own, other = read_prices_of(file), read_prices_of(file.with_name("skfolio_sp500_dataset.csv.gz"))
    found = {asset: disagreement(own[asset], other[asset]) for asset in ("AAPL", "PFE", "GE", "BAC")}
    assert [difference.differing for difference in found.values()] == [32, 39, 41, 58]
    assert [round(difference.growth_ratio) for difference in found.values()] == [9, 12, 7, 3]
    assert found["PFE"].worst == date(1990, 5, 14)


def test_repeated_values_and_sentinel_zeros_are_found(shared_data, tmp_path):
    gold = pd.read_csv(shared_data / "macro" / "gold_monthly.csv", index_col=0).set_axis(["GOLD"], axis=1)
    gold.index = pd.to_datetime(gold.index)
    report = check_market(write(tmp_path / "gold", gold.set_axis(gold.index.strftime("%Y-%m-%d"))))
    assert "stale" in {finding.kind for finding in report.findings}
    shiller = pd.read_csv(shared_data / "macro" / "shiller_sp500_monthly.csv", index_col=0)[["PE10"]]
    shiller.index = pd.to_datetime(shiller.index).strftime("%Y-%m-%d")
    report = check_market(write(tmp_path / "shiller", shiller))
    assert {finding.kind for finding in report.findings} == {"unreadable"}
    assert "the price 0 on" in report.findings[0].says
