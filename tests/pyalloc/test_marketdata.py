"""A market is read whole or refused problem by problem, and no view of it knows what came later."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import InvestorProfile, MacroSnapshot, MarketData, allocate
from pyalloc.errors import InputError, MissingHistoryError, TableError
from pyalloc.frontier import SleevePolicy
from pyalloc.marketdata import Asset
from pyalloc.names import SECTORS
from pyalloc.stocks import MONTH_CLOSES, StockPolicy, stock_features

ASSETS = (
    *(Asset(f"S{letter}", f"Stock {letter}", "Stocks", SECTORS[i]) for i, letter in enumerate("ABCDEF")),
    Asset("BOND", "Bond fund", "Bonds"),
    Asset("BILL", "Money market", "Cash"),
    Asset("SAVE", "Savings account", "Cash"),
    Asset("GOLD", "Gold", "Commodities"),
)
STOCKS = tuple(asset.asset for asset in ASSETS if asset.category == "Stocks")
DAYS = pd.bdate_range("2012-01-02", "2016-12-30")
COLUMN = {asset.asset: i for i, asset in enumerate(ASSETS)}


def closes():
    """Return five years of closes: stocks at random, cash growing by 1 and 3 % a year."""
    rng = np.random.default_rng(42)
    days = len(DAYS)
    prices = 50.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.012, (days, len(ASSETS))), axis=0))
    for name, growth in {"BILL": 0.01, "SAVE": 0.03}.items():
        prices[:, COLUMN[name]] = 100.0 * (1.0 + growth) ** (np.arange(days) / 261.0)
    return prices


def market(prices=None, macro=None, assets=ASSETS):
    """Return a market in memory."""
    rows = (
        MacroSnapshot(14.0, 0.025, 0.020, known_on=date(2012, 1, 2)),
        MacroSnapshot(20.4, 0.016, 0.0048, known_on=date(2015, 6, 30)),
        MacroSnapshot(12.0, 0.030, 0.015, known_on=date(2016, 11, 30)),
    )
    return MarketData(
        days=DAYS.to_numpy().astype("datetime64[D]"),
        closes=closes() if prices is None else prices,
        assets=assets,
        macro=rows if macro is None else macro,
    )


# --- on disk --------------------------------------------------------------------------------------------


def write(folder, **changes):
    """Write a small good market, each file changed by the function or replaced by the text of its name."""
    frame = pd.DataFrame(closes(), DAYS, [asset.asset for asset in ASSETS]).round(4).rename_axis("date")
    texts = {
        "prices.csv": frame.to_csv(date_format="%Y-%m-%d"),
        "assets.csv": pd.DataFrame(ASSETS).to_csv(index=False),
        "macro.csv": (
            "known_on,vix,gdp_growth,yield_spread,spread_10y_3m\n"
            "2015-06-30,20.4,0.016,0.0048,0.01\n"
            "2012-01-02,14,0.025,0.020,\n"
        ),
    }
    for key, change in changes.items():
        name = key.replace("_csv", ".csv")
        texts[name] = change(texts[name]) if callable(change) else change
    for name, text in texts.items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_market_directory_is_read_as_it_stands(tmp_path):
    found = MarketData.from_path(str(write(tmp_path)))
    assert found.days[[0, -1]].tolist() == [date(2012, 1, 2), date(2016, 12, 30)]
    assert found.assets == ASSETS
    np.testing.assert_array_equal(found.closes, closes().round(4))
    # By date, whatever their order in the file; a blank recession spread is none.
    assert [(row.known_on.year, row.vix, row.spread_10y_3m) for row in found.macro] == [
        (2012, 14.0, None),
        (2015, 20.4, 0.01),
    ]
    assert "SA" in found
    assert "SZ" not in found
    assert found.column("BOND") == 6
    assert [asset.asset for asset in found.in_category("Cash")] == ["BILL", "SAVE"]
    assert found.in_category("Art") == ()
    assert found.notice == ""


def test_prices_may_be_compressed_but_not_there_twice(tmp_path):
    folder = write(tmp_path)
    packed = folder / "prices.csv.gz"
    packed.write_bytes(gzip.compress((folder / "prices.csv").read_bytes()))
    with pytest.raises(TableError, match="both exist: keep the one that counts"):
        MarketData.from_path(folder)
    (folder / "prices.csv").unlink()
    np.testing.assert_array_equal(MarketData.from_path(folder).closes, closes().round(4))


def test_columns_are_matched_by_name_not_by_place(tmp_path):
    def reversed_rows(text):
        head, *rows = text.splitlines()
        return "\n".join([head, *reversed(rows)]) + "\n"

    found = MarketData.from_path(write(tmp_path, assets_csv=reversed_rows))
    assert found.assets == ASSETS


def test_standard_categories_are_recognised_in_any_case(tmp_path):
    text = pd.DataFrame(ASSETS).to_csv(index=False).replace("Stocks", "stocks").replace(",Cash", ", CASH ")
    assert MarketData.from_path(write(tmp_path, assets_csv=text)).assets == ASSETS


def test_a_notice_is_one_line_that_results_must_show(tmp_path):
    assert MarketData.from_path(write(tmp_path, NOTICE="Made up:\nno real prices\n")).notice == (
        "Made up: no real prices"
    )
    with pytest.raises(TableError, match=r"NOTICE: .* has 300 characters: at most 255"):
        MarketData.from_path(write(tmp_path, NOTICE="x" * 300))


LAST_PRICES = "2016-12-30," + ",".join(["10"] * len(ASSETS)) + "\n"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"prices_csv": lambda t: t + LAST_PRICES},
            "prices.csv has more than one row of 2016-12-30: keep one",
        ),
        (
            {"prices_csv": lambda t: t + LAST_PRICES.replace("2016-12-30,10", "2017-01-02,-3")},
            "prices.csv gives SA the price -3 on 2017-01-02: a price is positive and finite",
        ),
        (
            {"prices_csv": lambda t: t + LAST_PRICES.replace("2016-12-30,10", "2017-01-02,0")},
            "prices.csv gives SA the price 0 on 2017-01-02",
        ),
        (
            {"assets_csv": lambda t: t + "SA,Again,Stocks,Energy\n"},
            "assets.csv row 12, column asset: SA is listed already in row 2: keep one",
        ),
        (
            {"assets_csv": lambda t: t.replace("Bond fund,Bonds", "Bond fund,")},
            "assets.csv row 8, column category: the cell is blank: fill it in",
        ),
        (
            {"assets_csv": lambda t: t.replace("Stocks,Health Care", "Stocks,")},
            "assets.csv row 4, column sector: SC is a stock and has no sector: write one of Utilities, ",
        ),
        (
            {"assets_csv": lambda t: t.replace("SB,", "SX,")},
            (
                "prices has columns that assets.csv does not list: SB\n"
                "assets.csv lists assets that prices has no column for: SX"
            ),
        ),
        (
            {"assets_csv": lambda t: t.replace("category", "class")},
            'assets.csv has no column "category"',
        ),
        (
            {"macro_csv": lambda t: t.replace("0.016", "1.6")},
            (
                "macro.csv row 2, column gdp_growth: gdp_growth is 1.6 (160 %), outside -50 % to 50 %: "
                "was percent meant? Write 0.016 for 1.6 %"
            ),
        ),
        (
            {"macro_csv": lambda t: t.replace(",0.01\n", ",1\n")},
            "macro.csv row 2, column spread_10y_3m: spread_10y_3m is 1 (100 %)",
        ),
        (
            {"macro_csv": lambda t: t.replace("20.4", "0")},
            "macro.csv row 2, column vix: vix is 0; it must be 5 to 150 index points",
        ),
        (
            {"macro_csv": lambda t: t.replace("20.4", "NaN")},
            'macro.csv row 2, column vix: "NaN" is not a number',
        ),
        (
            {"macro_csv": lambda t: t.replace("20.4", "")},
            "macro.csv row 2, column vix: the cell is blank",
        ),
        (
            {"macro_csv": lambda t: t + "2015-06-30,21,0.01,0.01,\n"},
            "macro.csv row 4, column known_on: 2015-06-30 has a row already: keep one complete row a day",
        ),
        (
            {"macro_csv": lambda t: t.replace("2012-01-02", "02/01/2012")},
            "macro.csv row 3, column known_on: ",
        ),
        ({"prices_csv": None}, "prices.csv does not exist: check its name and folder"),
        ({"assets_csv": None}, "assets.csv does not exist"),
        ({"macro_csv": None}, "macro.csv does not exist"),
        ({"macro_csv": ""}, "macro.csv is empty"),
    ],
)
def test_a_spoiled_market_is_refused_in_a_sentence_a_problem(tmp_path, changes, says):
    with pytest.raises(TableError) as refused:
        MarketData.from_path(write(tmp_path, **changes))
    assert str(refused.value).startswith(says)


def test_the_problems_of_all_three_files_are_told_at_once(tmp_path):
    spoiled = {
        "prices_csv": lambda text: text.replace("date,SA", "date,SZ") + LAST_PRICES,
        "assets_csv": lambda text: text + "SA,Again,Stocks,\n",
        "macro_csv": lambda text: text.replace("20.4", "200").replace("0.020", "2.0"),
    }
    with pytest.raises(TableError) as refused:
        MarketData.from_path(write(tmp_path, **spoiled))
    sources = [problem.split()[0] for problem in refused.value.problems]
    assert sources == ["prices.csv", "assets.csv", "assets.csv", "macro.csv", "macro.csv"]


@pytest.mark.parametrize("name", ["nowhere", "prices.csv"])
def test_what_is_no_folder_is_no_market(tmp_path, name):
    with pytest.raises(TableError, match=rf"^{name} is not a market directory: it needs prices"):
        MarketData.from_path(write(tmp_path) / name)


def test_a_missing_close_is_carried_forward_for_five_days_and_no_more(tmp_path):
    holes = pd.DataFrame(closes().round(4), DAYS, [asset.asset for asset in ASSETS]).rename_axis("date")
    holes.iloc[:40, 0] = np.nan  # not yet listed
    holes.iloc[100:105, 1] = np.nan
    holes.iloc[200:206, 1] = np.nan
    holes.iloc[-9:, 2] = np.nan  # delisted
    found = MarketData.from_path(write(tmp_path, prices_csv=holes.to_csv(date_format="%Y-%m-%d"))).closes
    assert np.isnan(found[:40, 0]).all()
    assert found[100:105, 1].tolist() == [found[99, 1]] * 5
    assert found[200:205, 1].tolist() == [found[199, 1]] * 5
    assert np.isnan(found[205, 1])
    assert found[206, 1] == holes.iloc[206, 1]
    assert np.isnan(found[-9:, 2]).tolist() == [False] * 5 + [True] * 4


# --- at a date ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "as_of"),
    [
        (None, date(2016, 12, 30)),
        ("2016-12-30", date(2016, 12, 30)),
        ("2016-12-25", date(2016, 12, 23)),
        (date(2014, 6, 1), date(2014, 5, 30)),
        (pd.Timestamp("2014-06-01 12:00"), date(2014, 5, 30)),
        (datetime(2012, 1, 2, 23, 59), date(2012, 1, 2)),
    ],
)
def test_a_view_is_at_the_last_close_on_or_before_the_day(day, as_of):
    assert market().at(day).as_of == as_of


@pytest.mark.parametrize("day", ["2011-12-30", "2016-12-31", date(2030, 1, 1)])
def test_a_day_outside_the_market_is_refused_with_its_dates(day):
    with pytest.raises(MissingHistoryError, match="outside the market's dates, 2012-01-02 to 2016-12-30"):
        market().at(day)


@pytest.mark.parametrize("day", ["30.12.2016", "2016-13-01", "yesterday", ""])
def test_a_text_that_is_no_date_is_refused(day):
    with pytest.raises(InputError, match="is not a date; write it as 2016-12-30"):
        market().at(day)


def test_the_macro_row_in_force_is_the_last_that_was_known():
    whole = market()
    assert whole.at("2015-06-29").macro.vix == 14.0
    assert whole.at("2015-06-30").macro.vix == 20.4
    assert whole.at().macro.vix == 12.0


def test_without_a_macro_row_the_view_says_so():
    late = market(macro=(MacroSnapshot(20.0, 0.02, 0.01, known_on=date(2016, 1, 4)),))
    with pytest.raises(MissingHistoryError, match=r"macro\.csv has no row known on or before 2015-12-31"):
        _ = late.at("2015-12-31").macro


# --- the stocks that can be held ------------------------------------------------------------------------


def test_month_closes_are_month_ends_and_the_as_of_close_last():
    found = market().at("2016-11-15").universe()
    by_month = pd.DataFrame(closes(), DAYS).loc[:"2016-11-15"]
    ends = by_month.groupby(by_month.index.to_period("M")).tail(1)
    months = found.closes.shape[1]
    assert found.month_ends == tuple(ends.index[-months:].date)
    assert found.month_ends[-2:] == (date(2016, 10, 31), date(2016, 11, 15))
    np.testing.assert_array_equal(found.closes, ends.iloc[-months:, : len(STOCKS)].to_numpy().T)
    np.testing.assert_allclose(
        found.returns, ends.pct_change().iloc[-months + 1 :, : len(STOCKS)].to_numpy().T, atol=1e-14
    )


def test_features_scores_and_covariance_are_of_the_same_closes():
    found = market().at().universe()
    daily = closes()[-253:, : len(STOCKS)].T
    expected = stock_features(found.closes[:, -MONTH_CLOSES:], daily)
    for name, values in expected.items():
        np.testing.assert_allclose(found.features[name], values, rtol=1e-12, err_msg=name)
    np.testing.assert_array_equal(found.scores, found.features["momentum_12_1"])
    assert found.covariance.months == found.returns.shape[1] == 59
    assert (found.scaled.min(), found.scaled.max()) == (0.0, 1.0)


def test_the_covariance_rests_on_the_youngest_stocks_history_up_to_the_policys():
    prices = closes()
    prices[:300, COLUMN["SC"]] = np.nan  # from 2013-02-25: the first month close is that of February
    view = market(prices).at()
    assert view.universe().covariance.months == 46
    assert view.universe(sleeve=SleevePolicy(history_months=40)).covariance.months == 40


def test_a_name_without_history_is_left_out_with_the_reason():
    prices = closes()
    prices[:900, COLUMN["SA"]] = np.nan  # from 2015-06-15
    prices[-1, COLUMN["SB"]] = np.nan
    prices[-100, COLUMN["SC"]] = np.nan
    view = market(prices).at()
    found = view.universe(exclude=("SD",))
    assert [asset.asset for asset in found.assets] == ["SE", "SF"]
    assert found.excluded == {
        "SA": "18 monthly returns, 36 needed",
        "SB": "no price on 2016-12-30",
        "SC": "a gap in the last 252 daily returns",
        "SD": "excluded by the client",
    }


def test_a_gap_at_a_month_end_starts_the_history_again():
    prices = closes()
    prices[DAYS.get_loc(pd.Timestamp("2014-10-31")), COLUMN["SA"]] = np.nan
    assert market(prices).at().universe().excluded == {"SA": "25 monthly returns, 36 needed"}


def test_volatile_names_are_left_out_where_the_policy_says_so():
    prices = closes()
    prices[-2::-2, COLUMN["SE"]] *= 1.1
    view = market(prices).at()
    assert view.universe().excluded == {}
    found = view.universe(StockPolicy(max_volatility=0.5))
    assert set(found.excluded) == {"SE"}
    assert found.excluded["SE"].endswith("% a year, at most 50 % allowed")
    returns = pd.Series(prices[-253:, COLUMN["SE"]]).pct_change().dropna()
    assert view.volatility(ASSETS[4]) == pytest.approx(returns.std() * 252**0.5)


def test_without_any_stock_the_reasons_are_told():
    with pytest.raises(MissingHistoryError) as refused:
        market().at("2014-06-30").universe()
    assert str(refused.value) == (
        "no stock can be held on 2014-06-30: "
        + "; ".join(f"S{letter}: 29 monthly returns, 36 needed" for letter in "ABCDE")
        + "; and 1 more"
    )
    bare = replace(market(), assets=tuple(replace(asset, category="Bonds") for asset in ASSETS))
    with pytest.raises(MissingHistoryError, match=r"no stock can be held .*: assets\.csv lists none"):
        bare.at().universe()


def test_what_is_measured_once_is_shared_by_all_who_exclude_the_same():
    view = market().at()
    assert view.universe(exclude=("SA", "SB")) is view.universe(exclude=("SB", "SA"))
    assert view.universe() is not view.universe(exclude=("SA",))


# --- other instruments ----------------------------------------------------------------------------------


def test_instruments_without_a_price_are_left_out_with_the_reason():
    prices = closes()
    prices[-1, COLUMN["SAVE"]] = np.nan
    kept, left_out = market(prices).at().instruments("Cash", ("BILL",))
    assert kept == ()
    assert left_out == {"BILL": "excluded by the client", "SAVE": "no price on 2016-12-30"}


def test_the_risk_free_rate_is_the_mean_years_return_of_cash():
    view = market().at()
    prices = pd.DataFrame(closes(), DAYS)[[COLUMN["BILL"], COLUMN["SAVE"]]]
    expected = (prices.loc["2016-12-30"] / prices.loc["2015-12-30"] - 1.0).mean()
    assert view.risk_free == pytest.approx(expected, abs=1e-15)
    assert view.risk_free == pytest.approx(0.02, abs=2e-4)


def test_a_cash_instrument_younger_than_a_year_has_no_say():
    prices = closes()
    prices[:-200, COLUMN["SAVE"]] = np.nan
    assert market(prices).at().risk_free == pytest.approx(0.01, abs=1e-4)
    prices[:-200, COLUMN["BILL"]] = np.nan
    with pytest.raises(MissingHistoryError, match="no cash instrument has a year of prices"):
        _ = market(prices).at().risk_free


def test_a_market_without_cash_has_no_risk_free_rate():
    without = tuple(replace(asset, category=asset.category.replace("Cash", "Bonds")) for asset in ASSETS)
    with pytest.raises(InputError, match="no instrument of category Cash; list one"):
        _ = market(assets=without).at().risk_free


def test_a_volatility_needs_a_year_of_prices():
    with pytest.raises(
        MissingHistoryError, match="GOLD has no complete year of daily prices up to 2012-06-29"
    ):
        market().at("2012-06-30").volatility(ASSETS[-1])


# --- point in time --------------------------------------------------------------------------------------


def decision(whole, day):
    """Return everything that is decided at a date, in a form that can be compared."""
    allocation = allocate(whole.at(day), profile=InvestorProfile("high"))
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in allocation.trace.items()
    } | {"excluded": dict(allocation.excluded), "notices": allocation.notices}


@st.composite
def futures(draw):
    """Return a day, and a market whose prices and macro rows after it were changed in some way."""
    row = draw(st.integers(DAYS.get_loc(pd.Timestamp("2015-06-30")), len(DAYS) - 2))
    prices = closes()
    later = prices[row + 1 :]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    match draw(st.sampled_from(["redrawn", "gone", "crash", "one name", "holes"])):
        case "redrawn":
            later[:] = rng.lognormal(3.0, 1.0, later.shape)
        case "gone":
            later[:] = np.nan
        case "crash":
            later *= 0.01
        case "one name":
            later[:, rng.integers(len(ASSETS))] *= rng.lognormal(0.0, 2.0)
        case "holes":
            later[rng.random(later.shape) < 0.3] = np.nan
    day = DAYS[row].date()
    known = tuple(snapshot for snapshot in market().macro if snapshot.known_on <= day)
    unknown = MacroSnapshot(80.0, -0.1, -0.02, known_on=DAYS[row + 1].date())
    macro = (*known, unknown) if draw(st.booleans()) else known
    return day, market(prices, macro)


@settings(max_examples=25)
@given(futures())
def test_no_decision_depends_on_what_came_later(future):
    day, changed = future
    assert decision(changed, day) == decision(market(), day)


def test_a_market_file_cut_at_a_date_gives_the_same_decision(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
        write(folder)
    lines = (cut / "prices.csv").read_text().splitlines()
    kept = [line for line in lines if line[:10] <= "2016-06-30" or line.startswith("date")]
    (cut / "prices.csv").write_text("\n".join(kept) + "\n")
    assert decision(MarketData.from_path(whole), "2016-06-30") == decision(MarketData.from_path(cut), None)
