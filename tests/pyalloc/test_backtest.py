"""The chain walked through time knows no future, accounts for every unit, and explains every difference."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import InvestorProfile, MacroSnapshot, MarketData, Policy, allocate
from pyalloc.backtest import (
    EQUAL_WEIGHT,
    NEUTRAL,
    SIXTY_FORTY,
    Mandate,
    run_sweep,
    sweep_policies,
    walk_forward,
    walk_forward_all,
)
from pyalloc.backtest.decisions import LEFT_OUT, decision_rows, neutral_conditions
from pyalloc.backtest.sweep import judge
from pyalloc.backtest.trading import positions
from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.execution import lent
from pyalloc.macro import MacroPolicy
from pyalloc.marketdata import Asset
from pyalloc.names import REGIMES, SECTORS
from pyalloc.stocks import StockPolicy

FULL = 10 if os.environ.get("PYALLOC_SOAK") == "1" else 1
"""How many times as many futures the soak size draws."""

ASSETS = (
    *(Asset(f"S{i}", f"Stock {i}", "Stocks", SECTORS[i % 11]) for i in range(12)),
    Asset("BOND", "Bond fund", "Bonds"),
    Asset("CORP", "Corporate bond fund", "Bonds"),
    Asset("BILL", "Money market", "Cash"),
    Asset("GOLD", "Gold", "Commodities"),
)
COLUMN = {asset.asset: i for i, asset in enumerate(ASSETS)}
DAYS = pd.bdate_range("2011-01-03", "2016-03-31").to_numpy().astype("datetime64[D]")
START = date(2015, 7, 1)
POLICIES = {
    "momentum": Policy(),
    "ridge": Policy(stocks=StockPolicy(ranker="ridge", training_minimum=12)),
}


def market():
    """Return five years of a market whose macro conditions swing through every regime."""
    rng = np.random.default_rng(42)
    shocks = rng.normal(0.0003, 0.012, (len(DAYS), len(ASSETS)))
    shocks[:, COLUMN["BOND"] : COLUMN["GOLD"]] /= 4.0
    shocks[:, COLUMN["BILL"]] = 0.01 / 261
    months = pd.bdate_range("2011-01-03", "2016-03-31", freq="BME")
    swing = np.sin(np.arange(len(months)) / 2.0)
    macro = tuple(
        MacroSnapshot(20.0 * np.exp(0.6 * s), 0.02 - 0.02 * s, 0.01, known_on=day.date())
        for s, day in zip(swing, months, strict=True)
    )
    return MarketData(DAYS, 50.0 * np.exp(np.cumsum(shocks, axis=0)), ASSETS, macro)


@pytest.fixture(scope="module")
def walked():
    return walk_forward(market(), InvestorProfile(risk="high"), start=START)


# --- no look-ahead --------------------------------------------------------------------------------------


def noise(closes, row, rng):
    closes[row + 1 :] *= np.exp(rng.normal(0.0, 0.3, closes[row + 1 :].shape))


def reversed_future(closes, row, rng):  # noqa: ARG001
    closes[row + 1 :] = closes[row + 1 :][::-1]


def a_crash(closes, row, rng):  # noqa: ARG001
    closes[row + 1 :] *= 0.1


def tomorrow_only(closes, row, rng):
    closes[row + 1] *= rng.uniform(0.5, 2.0, closes.shape[1])


def delistings(closes, row, rng):
    closes[row + 1 :, rng.choice(12, 4, replace=False)] = np.nan


SPOILS = (noise, reversed_future, a_crash, tomorrow_only, delistings)


def spoiled(known, row, spoil, rng):
    """Return the market with other prices and other macro rows after a row."""
    closes = known.closes.copy()
    spoil(closes, row, rng)
    day = known.days[row].item()
    macro = tuple(
        snapshot
        if snapshot.known_on <= day
        else replace(snapshot, vix=float(rng.uniform(10.0, 80.0)), gdp_growth=float(rng.uniform(-0.1, 0.1)))
        for snapshot in known.macro
    )
    return replace(known, closes=closes, macro=macro)


def decided(found, row):
    """Return everything that was decided up to a row, as one flat list."""
    parts = []
    for decision in found.decisions:
        if decision.row <= row:
            parts += [decision.weights, decision.neutral_weights, decision.notices, decision.excluded]
            parts += [*decision.trace.values(), *decision.neutral_trace.values()]
    return parts


def same(one, other):
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


@pytest.mark.parametrize("ranker", POLICIES)
@settings(max_examples=8 * FULL)
@given(st.integers(0, 2**32 - 1), st.sampled_from(SPOILS))
def test_nothing_known_after_a_day_changes_a_decision_up_to_it(ranker, seed, spoil):
    rng = np.random.default_rng(seed)
    known = market()
    rows = decision_rows(known, START)
    row = int(rng.integers(rows[1], rows[-2]))
    mandate = [Mandate(InvestorProfile(risk="high"), POLICIES[ranker])]
    [one], [other] = (
        walk_forward_all(data, mandate, start=START, end=date(2016, 1, 15), fee=0.001)
        for data in (known, spoiled(known, row, spoil, rng))
    )
    before, after = decided(one, row), decided(other, row)
    assert len(before) == len(after) > 0
    assert all(map(same, before, after))
    until = row - one.trading.first + 1
    np.testing.assert_allclose(one.wealth[:until], other.wealth[:until], rtol=1e-12)
    for name, benchmark in one.benchmarks.items():
        np.testing.assert_allclose(
            benchmark.wealth[:until], other.benchmarks[name].wealth[:until], rtol=1e-12
        )


def test_the_future_does_change_what_comes_after(walked):
    known = market()
    row = walked.decisions[2].row
    other = walk_forward(
        spoiled(known, row, noise, np.random.default_rng(1)), InvestorProfile(risk="high"), start=START
    )
    assert not np.allclose(walked.decisions[4].weights, other.decisions[4].weights)
    assert walked.wealth[-1] != pytest.approx(other.wealth[-1])


@pytest.mark.parametrize("days_early", [1, 5])
def test_a_view_that_peeks_is_caught(days_early, monkeypatch):
    known, at = market(), MarketData.at

    def peeking(self, day=None):
        row = int(np.searchsorted(self.days, np.datetime64(day, "D")))
        return at(self, self.days[min(row + days_early, len(self.days) - 1)].item())

    monkeypatch.setattr(MarketData, "at", peeking)
    mandate = [Mandate(InvestorProfile(risk="high"), Policy())]
    row = int(decision_rows(known, START)[2])
    one, other = (
        walk_forward_all(data, mandate, start=START, end=date(2015, 11, 15))[0]
        for data in (known, spoiled(known, row, noise, np.random.default_rng(3)))
    )
    assert not all(map(same, decided(one, row), decided(other, row)))


def test_a_decision_is_what_allocate_says_on_that_day_and_is_executed_at_the_next_close(walked):
    for decision, row in zip(walked.decisions[:3], walked.trading.rows, strict=False):
        assert row == decision.row + 1
        allocation = allocate(walked.market.at(decision.day), profile=InvestorProfile(risk="high"))
        expected = dict(zip(allocation.weights["asset"], allocation.weights["weight"], strict=True))
        held = {asset.asset: w for asset, w in zip(ASSETS, decision.weights, strict=True) if w > 0.0}
        assert held == pytest.approx(expected, abs=1e-15)
        assert set(allocation.trace) == set(decision.trace) | LEFT_OUT


def test_decisions_are_made_at_month_ends_that_a_close_follows(walked):
    days = pd.DatetimeIndex([decision.day for decision in walked.decisions])
    expected = pd.bdate_range("2015-07-01", "2016-03-30", freq="BME")
    assert list(days) == list(expected)
    assert walked.days[0] == np.datetime64(days[0], "D")


# --- accounting -----------------------------------------------------------------------------------------


def test_wealth_is_positions_and_cash_and_every_cost_is_the_fee_on_what_was_traded(walked):
    cash = np.ones(len(DAYS))
    cash[walked.trading.first :] = walked.cash
    for trading in (walked.trading, *walked.benchmarks.values()):
        for row in range(trading.first, len(DAYS)):
            held, spare = positions(trading, walked.market.closes, cash, row)
            assert held.sum() + spare == pytest.approx(trading.wealth[row - trading.first], rel=1e-10)
        np.testing.assert_allclose(trading.costs, walked.fee * trading.traded, rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("risk", ["low", "medium", "high"])
def test_attribution_adds_up_to_the_whole_difference(risk):
    found = walk_forward(market(), InvestorProfile(risk=risk), start=START)
    for name, attribution in found.attributions.items():
        np.testing.assert_allclose(attribution.effects.sum(axis=1), attribution.total, rtol=0.0, atol=1e-12)
        ratio = found.wealth[-1] / found.benchmarks[name].wealth[-1]
        assert attribution.a_year(found.years).sum() * found.years == pytest.approx(np.log(ratio), abs=1e-10)
        assert attribution.steps[-1] == "Costs"
        assert len(attribution.t_values(found.month_of_day)) == len(attribution.steps) + 1


def test_under_neutral_conditions_the_dynamics_have_no_effect():
    known = market()
    neutral = tuple(
        replace(neutral_conditions(MacroPolicy()), known_on=snapshot.known_on) for snapshot in known.macro
    )
    found = walk_forward(replace(known, macro=neutral), InvestorProfile(risk="high"), start=START)
    assert np.abs(found.attributions[NEUTRAL].effects).max() <= 1e-12
    np.testing.assert_allclose(found.wealth, found.benchmarks[NEUTRAL].wealth, rtol=1e-12)
    steps = found.attributions[SIXTY_FORTY].steps
    effects = found.attributions[SIXTY_FORTY].effects.sum(axis=0)
    assert np.isnan(found.attributions[NEUTRAL].t_values(found.month_of_day)).all()
    assert abs(effects[steps.index("Sector tilts")]) <= 1e-12
    assert abs(effects[steps.index("Categories through time")]) <= 1e-12


def test_at_medium_risk_the_return_target_moves_nothing():
    found = walk_forward(market(), InvestorProfile(risk="medium"), start=START)
    attribution = found.attributions[EQUAL_WEIGHT]
    assert abs(attribution.effects[:, attribution.steps.index("Return target")].sum()) < 1e-3


def test_without_costs_costs_explain_nothing():
    found = walk_forward(market(), InvestorProfile(), start=START, fee=0.0, band=0.0)
    assert np.abs(found.attributions[NEUTRAL].effects[:, -1]).max() <= 1e-12
    assert found.trading.total_cost == 0.0


def test_costs_only_ever_cost(walked):
    free = walk_forward(market(), InvestorProfile(risk="high"), start=START, fee=0.0)
    assert (walked.wealth[2:] < free.wealth[2:]).all()


# --- benchmarks, regimes, listings ----------------------------------------------------------------------


def test_sixty_forty_is_that_and_equal_weight_holds_everything_alike(walked):
    first = walked.decisions[0].row + 1
    cash = np.ones(len(DAYS))
    for name, expected in (
        (SIXTY_FORTY, [*[0.6 / 12] * 12, 0.2, 0.2, 0.0, 0.0]),
        (EQUAL_WEIGHT, [1 / 16] * 16),
    ):
        trading = walked.benchmarks[name]
        held, _ = positions(trading, walked.market.closes, cash, first)
        np.testing.assert_allclose(held / held.sum(), expected, rtol=1e-12)


def test_the_regime_in_force_is_that_of_the_last_executed_decision(walked):
    second = walked.trading.rows[1] - walked.trading.first
    regimes = [REGIMES.index(decision.trace["regime"]) for decision in walked.decisions]
    assert len(set(regimes)) > 1
    assert walked.regime_of_day[second - 1] == regimes[0]
    assert walked.regime_of_day[second] == regimes[1]


def test_months_are_calendar_months_and_their_returns_compound_to_the_whole(walked):
    monthly = walked.monthly_returns(walked.wealth)
    assert len(monthly) == 8
    assert np.prod(1.0 + monthly) == pytest.approx(walked.wealth[-1], rel=1e-12)
    assert walked.month_of_day[[0, -1]].tolist() == [0, 7]


def test_a_stock_that_ends_is_sold_at_its_last_price_and_not_held_again():
    known = market()
    closes = known.closes.copy()
    last = int(np.searchsorted(DAYS, np.datetime64("2015-11-11")))
    closes[last + 1 :, 3] = np.nan
    found = walk_forward(replace(known, closes=closes), InvestorProfile(risk="high"), start=START)
    [sale] = found.trading.sales
    assert (sale.row, sale.column) == (last + 1, 3)
    held, _ = positions(found.trading, closes, np.ones(len(DAYS)), last)
    assert sale.value == pytest.approx(held[3], rel=1e-12)
    later = [decision for decision in found.decisions if decision.row > last]
    assert later
    assert all(decision.weights[3] == 0.0 and "S3" in decision.excluded for decision in later)


def test_the_walk_begins_with_the_first_month_end_that_has_history_enough():
    found = walk_forward(market(), InvestorProfile(), end=date(2014, 4, 1))
    assert found.decisions[0].day == date(2014, 1, 31)
    with pytest.raises(MissingHistoryError, match="2013-01-31"):
        walk_forward(market(), InvestorProfile(), start=date(2013, 1, 1), end=date(2014, 4, 1))


@pytest.mark.parametrize(
    ("start", "end"),
    [(date(2017, 1, 1), None), (None, date(2010, 1, 1)), (date(2016, 1, 1), date(2015, 1, 1))],
)
def test_a_period_that_the_market_does_not_have_is_refused(start, end):
    with pytest.raises(InputError, match="no period of the market, 2011-01-03 to 2016-03-31"):
        walk_forward(market(), InvestorProfile(), start=start, end=end)


@pytest.mark.parametrize("end", [date(2015, 10, 30), date(2015, 10, 31), date(2015, 11, 1)])
def test_a_walk_that_ends_before_the_next_close_leaves_the_last_month_end_undecided(end):
    found = walk_forward(market(), InvestorProfile(), start=START, end=end)
    assert found.decisions[-1].day == date(2015, 9, 30)
    assert found.days[-1] == np.datetime64("2015-10-30")


def test_history_that_is_too_short_for_one_decision_is_refused():
    with pytest.raises(MissingHistoryError, match="nothing can be decided at any of 12 month ends"):
        walk_forward(market(), InvestorProfile(), end=date(2012, 1, 15))


def test_progress_is_told_date_by_date():
    told = []
    walk_forward(market(), InvestorProfile(), start=START, on_progress=lambda *done: told.append(done))
    assert told == [(i, 8) for i in range(1, 9)]


@pytest.mark.parametrize("costs", [{"fee": 0.5}, {"band": -0.1}])
def test_impossible_costs_are_refused_before_anything_is_walked(costs):
    told = []
    with pytest.raises(InputError, match="it must be a fraction"):
        walk_forward(market(), InvestorProfile(), on_progress=lambda *done: told.append(done), **costs)
    assert told == []


# --- sweeps ---------------------------------------------------------------------------------------------


def test_a_sweep_runs_every_combination_and_reports_each():
    settings_, policies = sweep_policies(
        {"macro": {"tilt_strength": 0.1}},
        {"macro": {"tilt_strength": [0.0, 1.0]}, "stocks": {"top": [6, 12]}},
    )
    assert [tuple(setting.values()) for setting in settings_] == [(0.0, 6), (0.0, 12), (1.0, 6), (1.0, 12)]
    sweep = run_sweep(market(), InvestorProfile(risk="high"), settings_, policies, start=date(2014, 2, 1))
    assert len(sweep.results) == 4
    assert sweep.monthly.shape[1] == 4
    assert sweep.sharpe[sweep.best] == sweep.sharpe.max()
    assert "cannot be told from luck" in sweep.verdict
    alone = walk_forward(market(), InvestorProfile(risk="high"), policies[2], start=date(2014, 2, 1))
    np.testing.assert_allclose(sweep.results[2].wealth, alone.wealth, rtol=1e-12)


def test_a_sweep_finds_the_same_whoever_decides_and_in_whatever_order():
    settings_, policies = sweep_policies({}, {"macro": {"tilt_strength": [0.0, 1.0]}})
    how = {"start": date(2014, 2, 1)}
    here = run_sweep(market(), InvestorProfile(), settings_, policies, **how)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        apart = run_sweep(market(), InvestorProfile(), settings_, policies, **how, workers=lent(pool, 2))
    assert apart.verdict == here.verdict
    np.testing.assert_array_equal(apart.monthly, here.monthly)
    for ours, theirs in zip(here.results, apart.results, strict=True):
        for decision, other in zip(ours.decisions, theirs.decisions, strict=True):
            np.testing.assert_array_equal(decision.weights, other.weights)
            assert decision.trace.keys() == other.trace.keys()
            assert decision.excluded == other.excluded


def test_a_planted_winner_can_be_told_from_luck_and_noise_cannot():
    monthly = np.random.default_rng(2).normal(0.0, 0.03, (240, 20))
    labels = tuple({"trial": i} for i in range(20))
    assert not judge(labels, (), monthly).distinguishable
    monthly[:, 4] += 0.02
    found = judge(labels, (), monthly)
    assert found.distinguishable
    assert found.best == 4
    assert "trial = 4, can be told from luck" in found.verdict


def test_a_figure_just_short_of_what_is_asked_for_does_not_read_as_if_it_had_passed():
    monthly = np.random.default_rng(2).normal(0.0, 0.03, (240, 20))
    found = replace(
        judge(tuple({"trial": i} for i in range(20)), (), monthly),
        deflated_sharpe=0.94999,
        overfitting=13 / 252,
    )
    assert not found.distinguishable
    assert "95.0 % (deflated Sharpe ratio; 95 % asked for: not reached)" in found.verdict
    assert "5.2 % of splits (probability of overfitting; at most 5 % asked for: exceeded)" in found.verdict


def test_a_trial_that_stays_in_cash_counts_as_one_without_reward():
    monthly = np.random.default_rng(2).normal(-0.02, 0.03, (120, 4))
    monthly[:, 2] = 0.0
    found = judge(tuple({"trial": i} for i in range(4)), (), monthly)
    assert (found.best, found.sharpe[2]) == (2, 0.0)
    assert 0.0 < found.deflated_sharpe < 0.5


def test_settings_that_change_nothing_cannot_be_told_from_luck():
    good = np.random.default_rng(2).normal(0.05, 0.03, (120, 1))
    found = judge(tuple({"trial": i} for i in range(4)), (), np.repeat(good, 4, axis=1))
    assert found.deflated_sharpe > 0.99
    assert not found.distinguishable


def test_a_sweep_too_short_to_judge_is_refused_before_it_is_walked():
    told = []
    with pytest.raises(MissingHistoryError, match="a sweep over 8 months cannot tell skill from luck"):
        run_sweep(
            market(),
            InvestorProfile(),
            *sweep_policies({}, {"macro": {"tilt_strength": [0.0, 1.0]}}),
            start=START,
            on_progress=lambda *done: told.append(done),
        )
    assert told == []


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        ({"macro": {"tilt_strength": 0.5}}, "macro.tilt_strength is 0.5; give a list"),
        ({"macro": {"tilt_strength": [0.5]}}, "1 combinations"),
        ({"macro": {"tilt_strength": [0.5, 1.0, 0.5]}}, "macro.tilt_strength has 0.5 twice"),
        ({"macro": {"tilt_strenght": [0.1, 0.2]}}, "did you mean"),
        ({"stocks": {"top": list(range(1, 600))}}, "599 combinations"),
    ],
)
def test_a_sweep_that_is_none_is_refused(grid, says):
    with pytest.raises(InputError, match=says):
        sweep_policies({}, grid)
