"""A backtest told by month and category gives its wealth again, and is what it was at any earlier day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import InvestorProfile, MarketData
from pyalloc.backtest import BacktestResult, walk_forward
from pyalloc.backtest.months import by_month
from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.policy import Policy

START = date(2024, 1, 1)
PROFILE = InvestorProfile(risk=4)


def assert_months_give_wealth(result: BacktestResult) -> None:
    months = by_month(result)
    gross = (months.weights * months.returns).sum(axis=1)
    net = (1.0 + months.first_day) * (1.0 - result.fee * months.traded) * (1.0 + gross)
    assert np.cumprod(net) == pytest.approx(result.wealth[result.month_ends[1:]], rel=1e-12)
    assert months.weights.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert len(months.stress) == len(result.decisions) == len(months.days) - 1


@pytest.fixture(scope="module")
def whole(demo_market: MarketData) -> BacktestResult:
    return walk_forward(demo_market, PROFILE, start=START)


def test_months_give_the_wealth_of_the_backtest(whole: BacktestResult) -> None:
    assert_months_give_wealth(whole)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_months_give_the_wealth_where_assets_end_and_costs_are_high(
    data: st.DataObject, demo_market: MarketData
) -> None:
    """An asset may end on any day: a month end, the day of an execution, or one between."""
    closes = demo_market.closes.copy()
    first = int(np.searchsorted(demo_market.days, np.datetime64("2025-07-01")))
    for column in data.draw(st.sets(st.integers(0, closes.shape[1] - 8), max_size=6)):
        closes[data.draw(st.integers(first, len(closes) - 1)) :, column] = np.nan
    market = replace(demo_market, closes=closes)
    fee, band = data.draw(st.sampled_from([(0.0, 0.0), (0.02, 0.03), (0.1, 0.3)]))
    result = walk_forward(market, PROFILE, start=date(2025, 6, 1), fee=fee, band=band)
    assert_months_give_wealth(result)


@settings(max_examples=6, deadline=None)
@given(back=st.integers(0, 500))
def test_a_backtest_cut_at_a_day_is_the_backtest_that_ends_there(
    back: int, whole: BacktestResult, demo_market: MarketData
) -> None:
    day = demo_market.days[len(demo_market.days) - 1 - back].item()
    cut, walked = whole.until(day), walk_forward(demo_market, PROFILE, start=START, end=day)
    assert cut.wealth == pytest.approx(walked.wealth, rel=1e-12)
    assert [d.row for d in cut.decisions] == [d.row for d in walked.decisions]
    assert cut.cash == pytest.approx(walked.cash)
    assert cut.trading.total_cost == pytest.approx(walked.trading.total_cost)
    for name, benchmark in walked.benchmarks.items():
        assert cut.benchmarks[name].wealth == pytest.approx(benchmark.wealth, rel=1e-12)
        assert cut.attributions[name].effects == pytest.approx(walked.attributions[name].effects, abs=1e-12)
    assert_months_give_wealth(cut)


def test_a_day_before_anything_was_executed_has_no_backtest(whole: BacktestResult) -> None:
    with pytest.raises(MissingHistoryError, match=r"first decision was made on 2024-01-31, too late"):
        whole.until(date(2024, 2, 1))


def test_cash_outside_assets_needs_a_category_for_it(whole: BacktestResult) -> None:
    traces = [{**d.trace, "category_names": ("Stocks", "Bonds", "Gold", "Land")} for d in whole.decisions]
    decisions = tuple(replace(d, trace=t) for d, t in zip(whole.decisions, traces, strict=True))
    trading = replace(whole.trading, account=np.full(len(decisions), 0.1))
    with pytest.raises(InputError, match="no category of the policy is Cash"):
        by_month(replace(whole, decisions=decisions, trading=trading))


def test_a_policy_walks_the_same_months_whatever_its_risk(whole: BacktestResult) -> None:
    other = walk_forward(whole.market, InvestorProfile(risk="high"), Policy(), start=START)
    assert by_month(other).stress == pytest.approx(by_month(whole).stress)
    assert (by_month(other).weights[:, 0] > by_month(whole).weights[:, 0]).all()
