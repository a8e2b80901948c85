"""Figures mean what their convention says, and luck is told from skill as the papers tell it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pyalloc.errors import InputError
from pyalloc.evaluation import (
    bootstrap_interval,
    by_regime,
    cscv_logits,
    deflated_sharpe_ratio,
    drawdowns,
    expected_maximum_sharpe,
    performance,
    probability_of_backtest_overfitting,
    rolling,
)

EMPYRICAL = np.array([1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0]) / 100
"""The mixed returns of empyrical's own tests, whose expected figures are below."""

EMPYRICAL_BENCHMARK = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]) / 100

returns_of = arrays(np.float64, st.integers(3, 60), elements=st.floats(-0.2, 0.2))


def grown(returns):
    return np.cumprod(np.append(1.0, 1.0 + returns))


# --- performance ----------------------------------------------------------------------------------------


def test_figures_are_those_that_empyrical_publishes():
    found = performance(grown(EMPYRICAL))
    assert found.sharpe == pytest.approx(1.7238613961706866, rel=1e-12)
    assert found.sortino == pytest.approx(2.605531251673693, rel=1e-12)
    assert found.volatility == pytest.approx(0.9136465399704637, rel=1e-12)
    assert found.max_drawdown == pytest.approx(-0.1, rel=1e-12)
    above = performance(grown(EMPYRICAL), grown(EMPYRICAL_BENCHMARK))
    assert above.sharpe == pytest.approx(0.34111411441060574, rel=1e-12)


def test_growth_is_measured_in_calendar_time_and_not_in_trading_days():
    wealth = np.geomspace(1.0, 1.21, 300)
    assert performance(wealth, years=2.0).cagr == pytest.approx(0.1, rel=1e-12)
    assert performance(wealth, periods_per_year=299.0).cagr == pytest.approx(0.21, rel=1e-12)


def test_a_drawdown_has_a_peak_a_trough_and_a_recovery():
    found = performance(np.array([1.0, 2.0, 1.5, 1.0, 1.8, 2.0, 3.0]))
    assert (found.max_drawdown, found.peak, found.trough, found.recovery) == (-0.5, 1, 3, 5)
    assert performance(np.array([1.0, 2.0, 1.5, 1.9])).recovery is None


def test_the_tail_loss_is_the_mean_of_the_worst_twentieth():
    returns = np.full(40, 0.01)
    returns[[3, 30]] = -0.10, -0.20
    assert performance(grown(returns)).tail_loss == pytest.approx(-0.15, rel=1e-12)


def test_the_tail_loss_counts_as_many_days_as_it_says_though_others_equal_the_last_of_them():
    returns = np.zeros(40)
    returns[7] = -0.2
    assert performance(grown(returns)).tail_loss == pytest.approx(-0.1, rel=1e-12)


@pytest.mark.parametrize("growth", [1.0, 1.0001, 1.01, 0.99])
def test_what_grows_evenly_has_no_risk_to_divide_by(growth):
    found = performance(100.0 * growth ** np.arange(250))
    assert np.isnan([found.sharpe, found.skew, found.kurtosis]).all()
    assert np.isnan(found.sortino) == np.isnan(found.calmar) == (growth >= 1.0)


@given(returns_of, st.floats(0.01, 1e6))
def test_figures_do_not_depend_on_the_unit_of_wealth(returns, unit):
    one, other = performance(grown(returns)), performance(unit * grown(returns))
    assert other.cagr == pytest.approx(one.cagr, rel=1e-9, abs=1e-12)
    assert other.max_drawdown == pytest.approx(one.max_drawdown, abs=1e-12)
    assert other.volatility == pytest.approx(one.volatility, rel=1e-9, abs=1e-12)


@given(returns_of)
def test_no_fall_is_deeper_than_the_deepest_and_none_lies_above_its_peak(returns):
    wealth = grown(returns)
    found = performance(wealth)
    depth = drawdowns(wealth)
    assert (depth <= 0.0).all()
    assert found.max_drawdown == depth.min()
    assert wealth[found.trough] / wealth[found.peak] - 1.0 == pytest.approx(found.max_drawdown, abs=1e-12)
    assert found.tail_loss <= returns.mean() + 1e-12


def test_cash_has_no_excess_to_be_rewarded_for():
    cash = np.geomspace(1.0, 1.05, 100)
    assert np.isnan(performance(cash, cash).sharpe)


def test_rolling_figures_end_with_those_of_the_last_window():
    wealth = grown(np.random.default_rng(1).normal(0.0, 0.02, 60))
    growth, volatility = rolling(wealth, 12, 12)
    last = performance(wealth[-13:], periods_per_year=12)
    assert len(growth) == len(volatility) == 49
    assert growth[-1] == pytest.approx(last.cagr, rel=1e-12)
    assert volatility[-1] == pytest.approx(last.volatility, rel=1e-12)


@pytest.mark.parametrize(
    ("wealth", "says"),
    [
        ([1.0, 2.0], "2 values"),
        ([1.0, 0.0, 2.0], "entry 2 is 0"),
        ([1.0, np.nan, 2.0], "entry 2 is nan"),
        ([1.0, 2.0, -1.0], "entry 3 is -1"),
    ],
)
def test_wealth_that_is_none_is_refused_by_its_place(wealth, says):
    with pytest.raises(InputError, match=says):
        performance(np.array(wealth))


@pytest.mark.parametrize("years", [0.0, -1.0, np.nan])
def test_a_length_of_time_that_is_none_is_refused(years):
    with pytest.raises(InputError, match=f"years is {years:g}"):
        performance(np.array([1.0, 2.0, 3.0]), years=years)


# --- luck -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "probability"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_the_deflated_sharpe_ratio_is_that_of_the_paper(trials, skew, kurtosis, probability):
    found = deflated_sharpe_ratio(2.5 / 250**0.5, 1250, trials, 0.5 / 250, skew, kurtosis)
    assert found == pytest.approx(probability, abs=5e-5)


def test_a_hundred_trials_without_skill_show_the_sharpe_ratio_of_the_paper():
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


def test_the_best_of_many_lucky_trials_is_as_good_as_expected():
    rng = np.random.default_rng(3)
    best = rng.normal(0.0, 0.1, (4_000, 50)).max(axis=1)
    assert best.mean() == pytest.approx(expected_maximum_sharpe(50, 0.01), rel=0.02)


@given(st.floats(1.0, 500.0), st.floats(0.0, 100.0))
def test_more_trials_deflate_more(trials, more):
    few, many = (deflated_sharpe_ratio(0.15, 500, n, 0.001) for n in (trials, trials + more))
    assert many <= few


def test_one_trial_is_not_deflated():
    assert deflated_sharpe_ratio(0.0, 100, 1, 0.0) == 0.5


@pytest.mark.parametrize(
    ("given_values", "says"),
    [
        ((0.1, 1, 10, 0.01), "1 observations"),
        ((0.1, 100, 0, 0.01), "0 trials"),
        ((3.0, 100, 10, 0.01, 9.0, 3.0), "no series has"),
    ],
)
def test_what_no_trial_can_show_is_refused(given_values, says):
    with pytest.raises(InputError, match=says):
        deflated_sharpe_ratio(*given_values)


def test_the_best_of_noise_is_overfitted_every_other_time():
    rng = np.random.default_rng(5)
    found = [probability_of_backtest_overfitting(rng.normal(0.0, 0.01, (320, 20)), 8) for _ in range(200)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


def test_a_planted_winner_is_not_overfitted():
    returns = np.random.default_rng(6).normal(0.0, 0.01, (480, 30))
    returns[:, 7] += 0.005
    assert probability_of_backtest_overfitting(returns) < 0.001


def test_every_half_of_the_blocks_is_held_against_the_other():
    returns = np.random.default_rng(7).normal(0.0, 0.01, (100, 5))
    logits = cscv_logits(returns, 6)
    assert logits.shape == (20,)
    blocks = np.split(returns[4:], 6)
    inside = np.concatenate([blocks[i] for i in (0, 1, 2)])
    outside = np.concatenate([blocks[i] for i in (3, 4, 5)])
    best = (inside.mean(axis=0) / inside.std(axis=0)).argmax()
    sharpe = outside.mean(axis=0) / outside.std(axis=0)
    rank = 1 + (sharpe < sharpe[best]).sum()
    assert logits[0] == pytest.approx(np.log(rank / 6 / (1 - rank / 6)), rel=1e-12)


def test_equal_trials_are_ranked_in_the_middle():
    returns = np.repeat(np.random.default_rng(8).normal(0.0, 0.01, (64, 1)), 4, axis=1)
    assert (cscv_logits(returns, 4) == 0.0).all()


@pytest.mark.parametrize("still", [0.0, 0.001, 1.0 / 3.0])
def test_a_trial_that_never_moves_is_never_better_than_one_that_earns(still):
    returns = np.random.default_rng(13).normal(0.0, 0.03, (120, 5))
    returns[:, 1] += 0.05
    returns[:, 2] = still
    assert probability_of_backtest_overfitting(returns, 10) == 0.0


@pytest.mark.parametrize(("shape", "blocks"), [((100, 1), 4), ((100, 3), 5), ((100, 3), 22), ((6, 3), 4)])
def test_a_cross_validation_that_cannot_be_is_refused(shape, blocks):
    with pytest.raises(InputError):
        cscv_logits(np.zeros(shape), blocks)


# --- bootstrap ------------------------------------------------------------------------------------------


def mean_of(draws):
    return draws.mean(axis=-1)


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(9)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(mean_of, rng.normal(0.3, 1.0, 120), block=2.0, draws=300)
        covered += low <= 0.3 <= high
    assert covered / 200 == pytest.approx(0.95, abs=0.05)


def test_blocks_widen_the_interval_of_a_series_that_trends():
    shocks = np.random.default_rng(10).normal(0.0, 1.0, 600)
    trending = np.convolve(shocks, np.ones(6), "valid")
    single, blocks = (bootstrap_interval(mean_of, trending, block=length) for length in (1.0, 12.0))
    assert blocks[1] - blocks[0] > 1.5 * (single[1] - single[0])


def test_series_are_drawn_together():
    series = np.random.default_rng(11).normal(0.0, 1.0, 100)
    low, high = bootstrap_interval(lambda x, y: (x - y).mean(axis=-1), series + 0.25, series)
    assert (low, high) == pytest.approx((0.25, 0.25), abs=1e-12)


def test_the_same_series_has_the_same_interval():
    series = np.random.default_rng(12).normal(0.0, 1.0, 100)
    assert bootstrap_interval(mean_of, series) == bootstrap_interval(mean_of, series)


# --- by regime ------------------------------------------------------------------------------------------


@given(st.data())
def test_a_mean_is_that_of_its_regimes_weighted_by_their_shares(data):
    returns = np.column_stack([data.draw(returns_of)] * 2) * [1.0, -2.0]
    regimes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(returns), max_size=len(returns))))
    found = by_regime(returns, regimes, 4, periods_per_year=12)
    assert found.share.sum() == pytest.approx(1.0)
    weighted = np.where(found.share[:, None] > 0.0, found.share[:, None] * found.mean, 0.0)
    assert weighted.sum(axis=0) == pytest.approx(12 * returns.mean(axis=0), abs=1e-12)
    assert found.share[3] == 0.0
    assert np.isnan(found.mean[3]).all()


def test_regimes_keep_the_means_and_spreads_that_were_planted():
    regimes = np.arange(30_000) % 2
    calm, storm = np.random.default_rng(13).normal([[0.0004], [-0.0010]], [[0.005], [0.02]], (2, 30_000))
    found = by_regime(np.where(regimes == 0, calm, storm)[:, None], regimes, 2)
    assert found.mean[:, 0] == pytest.approx([0.1008, -0.252], abs=0.12)
    assert found.volatility[:, 0] == pytest.approx([0.0794, 0.3175], rel=0.03)
    assert found.share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("returns", "regimes", "says"),
    [
        (np.zeros(3), np.zeros(3, dtype=int), "give a row of returns and a regime for each"),
        (np.zeros((3, 1)), np.zeros(2, dtype=int), "give a row of returns and a regime for each"),
        (np.zeros((0, 1)), np.zeros(0, dtype=int), "1 or more periods"),
        (np.zeros((2, 1)), np.array([0, 2]), "regimes run from 0 to 2; there are 2"),
    ],
)
def test_regimes_that_do_not_fit_their_returns_are_refused(returns, regimes, says):
    with pytest.raises(InputError, match=says):
        by_regime(returns, regimes, 2)
