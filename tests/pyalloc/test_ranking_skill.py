"""The skill report is honest: planted skill is found where it is, and noise is called noise."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from pyalloc.ranking.labels import forward_returns
from pyalloc.ranking.measures import newey_west_error, newey_west_lag, rank_ics, tenths
from pyalloc.ranking.panel import feature_panel
from pyalloc.ranking.skill import LEAST_MONTHS, SkillReport, skill_report
from pyalloc.stocks import StockRanker

SOAK = os.environ.get("PYALLOC_SOAK") == "1"
PLANTED = 200 if SOAK else 100
"""Seeds of the planted signal."""

NOISE = 300 if SOAK else 60
"""Seeds of markets without any signal."""

seeds = st.integers(0, 2**32 - 1)


def months_of(count):
    return (np.datetime64("2000-01") + np.arange(count)).astype("datetime64[D]") + 27


def report_of(scores, returns, **given_settings):
    return skill_report("planted", months_of(len(scores)), scores, returns, returns, **given_settings)


# --- measures -------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(seeds)
def test_a_rank_ic_is_spearmans_correlation_of_the_stocks_that_have_both(seed):
    rng = np.random.default_rng(seed)
    scores, returns = rng.integers(0, 9, (4, 30)).astype(float), rng.normal(size=(4, 30))
    scores[rng.random(scores.shape) < 0.2] = np.nan
    returns[rng.random(scores.shape) < 0.2] = np.nan
    for found, s, r in zip(rank_ics(scores, returns), scores, returns, strict=True):
        both = np.isfinite(s) & np.isfinite(r)
        assert found == pytest.approx(spearmanr(s[both], r[both]).statistic, abs=1e-12)


def test_scores_that_rank_nothing_have_no_rank_ic():
    assert rank_ics(np.full((1, 12), 0.3), np.arange(12.0)[None, :]).tolist() == [0.0]


@settings(max_examples=25)
@given(seeds, st.integers(0, 6))
def test_the_error_is_bartletts_weighted_sum_over_all_pairs_of_months(seed, lag):
    values = np.random.default_rng(seed).normal(size=40).cumsum()
    centred = values - values.mean()
    apart = np.abs(np.arange(40)[:, None] - np.arange(40))
    variance = (np.maximum(0.0, 1.0 - apart / (lag + 1.0)) * np.outer(centred, centred)).sum() / 40
    assert newey_west_error(values, lag) == pytest.approx(np.sqrt(variance / 39), rel=1e-9)


def test_without_lags_it_is_the_ordinary_standard_error():
    values = np.random.default_rng(0).normal(size=50)
    assert newey_west_error(values, 0) == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    assert np.isnan(newey_west_error(values[:1], 0))


@pytest.mark.parametrize(("months", "horizon", "lag"), [(100, 1, 4), (200, 1, 4), (360, 1, 5), (60, 6, 5)])
def test_the_lag_grows_with_the_months_and_covers_outcomes_that_overlap(months, horizon, lag):
    assert newey_west_lag(months, horizon) == lag


def test_a_tenth_of_twenty_names_is_the_two_best_less_the_two_worst():
    scores, returns = np.arange(20.0)[None, :], np.linspace(-0.10, 0.09, 20)[None, :]
    spread, turnover = tenths(scores, returns, 0.0)
    assert spread == pytest.approx([0.085 + 0.095])
    assert turnover == pytest.approx([1.0])


def test_equal_scores_share_a_tenth():
    scores = np.zeros((2, 20))
    spread, turnover = tenths(scores, np.full((2, 20), 0.02), 0.001)
    assert spread == pytest.approx([-0.004, 0.0])
    assert turnover == pytest.approx([1.0, 0.0])


def test_what_is_replaced_is_paid_for_four_times():
    # The same two names at both ends, then two others: each tenth sells all and buys all.
    scores = np.vstack([np.arange(20.0), np.arange(20.0), np.roll(np.arange(20.0), 2)])
    spread, turnover = tenths(scores, np.zeros((3, 20)), 0.001)
    assert turnover == pytest.approx([1.0, 0.0, 1.0])
    assert spread == pytest.approx([-0.004, 0.0, -0.004])


def test_names_drift_before_they_are_traded():
    scores = np.tile(np.arange(20.0), (2, 1))
    returns = np.zeros((2, 20))
    returns[0, 19] = 0.5  # one of the two best grows to 0.6 of the tenth
    _, turnover = tenths(scores, returns, 0.0)
    assert turnover[1] == pytest.approx(0.1 / 2)


@settings(max_examples=25)
@given(seeds)
def test_reversed_scores_earn_the_opposite(seed):
    rng = np.random.default_rng(seed)
    scores, returns = rng.normal(size=(5, 23)), rng.normal(0.0, 0.1, (5, 23))
    scores[rng.random(scores.shape) < 0.2] = np.nan
    there, back = tenths(scores, returns, 0.0), tenths(-scores, returns, 0.0)
    np.testing.assert_allclose(there[0], -back[0], atol=1e-12)
    np.testing.assert_allclose(there[1], back[1], atol=1e-12)


# --- planted skill and noise ----------------------------------------------------------------------------


def expected_rank_ic(correlation, n):
    """Return the mean of Spearman's correlation in samples of n from a bivariate normal (Moran 1948)."""
    return 6.0 / (np.pi * (n + 1.0)) * (np.arcsin(correlation) + (n - 2.0) * np.arcsin(correlation / 2.0))


@pytest.mark.parametrize("correlation", [0.0, 0.04, 0.2])
def test_the_interval_covers_a_planted_rank_ic_as_often_as_it_says(correlation):
    stocks, months = 60, 150
    truth = expected_rank_ic(correlation, stocks)
    covered = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng((seed, int(100 * correlation)))
        scores, noise = rng.normal(size=(2, months, stocks))
        report = report_of(scores, correlation * scores + np.sqrt(1.0 - correlation**2) * noise)
        low, high = report.interval
        covered += low <= truth <= high
    assert 0.90 <= covered / PLANTED <= 0.98


def noise_market(seed, stocks=25, years=14):
    """Return days and prices whose returns nothing foretells; volatilities differ and move together."""
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64("2000-01-01"), np.datetime64(f"{2000 + years}-01-01"))
    days = days[np.is_busday(days)]
    market = rng.normal(0.0, 0.01, (len(days), 1)) * rng.uniform(0.5, 1.5, stocks)
    own = rng.normal(0.0, 1.0, (len(days), stocks)) * rng.uniform(0.01, 0.03, stocks)
    return days, 50.0 * np.exp(np.cumsum(market + own, axis=0))


@pytest.mark.parametrize("model", ["momentum", "ridge"])
def test_on_noise_a_model_seldom_seems_to_have_skill(model):
    t_values = np.array(
        [
            StockRanker(model=model).fit(feature_panel(*noise_market(seed))).skill_.t_value
            for seed in range(NOISE)
        ]
    )
    assert (np.abs(t_values) <= 2.0).mean() >= 0.93


def test_a_signal_that_momentum_misses_is_learned_and_said_to_beat_it():
    # Last month's losers gain: return_1 foretells with the wrong sign, 12-1 momentum not at all.
    days, closes = noise_market(3, stocks=40)
    months = days.astype("datetime64[M]").astype(int)
    steps = np.diff(np.log(closes), axis=0)
    for month in range(months[0] + 1, months[-1] + 1):
        inside, before = months[1:] == month, months[1:] == month - 1
        past = steps[before].sum(axis=0)
        steps[inside] -= 0.25 * (past - past.mean()) / inside.sum()
    closes[1:] = closes[0] * np.exp(np.cumsum(steps, axis=0))
    ranker = StockRanker(model="ridge").fit(feature_panel(days, closes))
    skill = ranker.skill_
    assert skill.beats_momentum
    assert skill.verdict.startswith("Beats momentum out of sample: rank IC 0.")
    assert max(ranker.fits_[-1].ranker.coefficients, key=abs) < 0.0
    assert np.abs(ranker.fits_[-1].ranker.coefficients).argmax() == ranker.panel_.names.index("return_1")


# --- what it says ---------------------------------------------------------------------------------------


def report_with(ic, momentum_ic=None):
    def of(values, beside=None):
        months = len(values)
        return SkillReport(
            "ridge",
            months_of(months),
            np.array(values),
            np.zeros(months),
            np.zeros(months),
            np.full(months, 50),
            1,
            0.001,
            beside,
        )

    return of(ic, None if momentum_ic is None else of(momentum_ic))


STEADY = np.tile([0.05, 0.04], 30)
SHAKY = 0.025 + np.roll(np.linspace(-0.5, 0.5, 60)[np.random.default_rng(0).permutation(60)], 1)


@pytest.mark.parametrize(
    ("ic", "momentum", "says", "beats"),
    [
        (STEADY, np.tile([0.01, -0.01], 30), "Beats momentum out of sample: rank IC 0.045", True),
        (SHAKY, np.zeros(60), "Does not beat momentum by more than chance (t 0.", False),
        (STEADY, STEADY + 0.01, "Does not beat momentum out of sample", False),
        (STEADY, STEADY, "Does not beat momentum out of sample", False),
        (-STEADY, -2 * STEADY, "Does not beat momentum out of sample: rank IC -0.045", False),
        (STEADY[:20], -STEADY[:20], "20 months out of sample; 24 are needed", False),
        ([], [], "0 months out of sample", False),
        (SHAKY, None, "Momentum has no skill beyond chance", False),
        (STEADY, None, "Momentum has skill beyond chance", False),
    ],
)
def test_the_verdict_is_said_in_words(ic, momentum, says, beats):
    report = report_with(ic, momentum)
    assert says in report.verdict
    assert report.beats_momentum is beats


def test_a_model_is_judged_in_the_same_months_as_momentum():
    report = StockRanker(model="ridge").fit(feature_panel(*noise_market(1))).skill_
    np.testing.assert_array_equal(report.months, report.momentum.months)
    alone = StockRanker(model="momentum").fit(feature_panel(*noise_market(1))).skill_
    assert len(alone.ic) > len(report.ic)
    np.testing.assert_array_equal(alone.ic[-len(report.ic) :], report.momentum.ic)


def test_the_report_of_the_first_months_is_the_report_as_it_read_then():
    panel = feature_panel(*noise_market(1))
    report = StockRanker(model="momentum").fit(panel).skill_
    then = report.until(LEAST_MONTHS)
    assert then.months[-1] == report.months[LEAST_MONTHS - 1]
    assert then.hit_rate == (report.ic[:LEAST_MONTHS] > 0.0).mean()
    returns = forward_returns(panel)
    [row] = np.flatnonzero(panel.days == then.months[-1])
    momentum = panel.features[row, :, panel.names.index("momentum_12_1")]
    assert then.ic[-1] == pytest.approx(spearmanr(momentum, returns[row]).statistic)
