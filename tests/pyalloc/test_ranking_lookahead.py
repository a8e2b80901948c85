"""No score knows the future: prices after a day change nothing at or before it, whatever the model."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsRegressor

from pyalloc.ranking import labels, ranker
from pyalloc.ranking.panel import feature_panel, month_rows
from pyalloc.stocks import StockRanker

MODELS = {
    "momentum": "momentum",
    "ridge": "ridge",
    "hist_gradient_boosting": "hist_gradient_boosting",
    "random_forest": "random_forest",
    "a regressor handed in": KNeighborsRegressor(20),
}
SETTINGS = {"minimum_months": 12, "refit_months": 6}
FULL = 10 if os.environ.get("PYALLOC_SOAK") == "1" else 1
"""How many times as many futures the soak size draws."""

seeds = st.integers(0, 2**32 - 1)


def price_history(seed, stocks=14, years=4):
    """Return trading days and prices that share a factor; some begin late and some have gaps."""
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64("2010-01-01"), np.datetime64(f"{2010 + years}-01-01"))
    days = days[np.is_busday(days)]
    common = rng.normal(0.0, 0.01, (len(days), 1)) * rng.uniform(0.5, 1.5, stocks)
    closes = 50.0 * np.exp(np.cumsum(common + rng.normal(0.0, 0.015, (len(days), stocks)), axis=0))
    closes[: len(days) // 4, 0] = np.nan
    closes[len(days) // 2 :, 1] = np.nan
    closes[len(days) // 3 : len(days) // 3 + 10, 2] = np.nan
    return days, closes


def nothing_left(days, closes, row, rng):  # noqa: ARG001
    return days[: row + 1], closes[: row + 1]


def noise(days, closes, row, rng):
    closes[row + 1 :] *= np.exp(rng.normal(0.0, 0.5, closes[row + 1 :].shape))
    return days, closes


def reversed_future(days, closes, row, rng):  # noqa: ARG001
    closes[row + 1 :] = closes[row + 1 :][::-1]
    return days, closes


def other_names(days, closes, row, rng):
    closes[row + 1 :] = closes[row + 1 :][:, rng.permutation(closes.shape[1])]
    return days, closes


def no_prices(days, closes, row, rng):
    closes[row + 1 :, rng.random(closes.shape[1]) < 0.5] = np.nan
    return days, closes


def a_crash(days, closes, row, rng):  # noqa: ARG001
    closes[row + 1 :] *= 1e-6
    return days, closes


def a_standstill(days, closes, row, rng):  # noqa: ARG001
    closes[row + 1 :] = closes[row]
    return days, closes


def tomorrow_only(days, closes, row, rng):
    closes[row + 1 : row + 2] *= rng.uniform(0.5, 2.0, closes.shape[1])
    return days, closes


SPOILS = (nothing_left, noise, reversed_future, other_names, no_prices, a_crash, a_standstill, tomorrow_only)


def changed_by_the_future(score, days, closes, row, spoil, seed=0):
    """Return whether scores at or before a row change when prices after it do: the suite's detector.

    `score` returns scores by month, shape (m, n), from days and closes.
    """
    other = spoil(days.copy(), closes.copy(), row, np.random.default_rng(seed))
    past = int((month_rows(days) <= row).sum())
    # The month that a cut leaves unfinished is scored at its last close, which is not the month's end.
    return not np.array_equal(score(days, closes)[:past], score(*other)[:past], equal_nan=True)


def scores_of(model, measure=feature_panel, **given_settings):
    def score(days, closes):
        return StockRanker(model=model, **{**SETTINGS, **given_settings}).fit(measure(days, closes)).scores_

    return score


# --- no model looks ahead -------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["momentum", "ridge"])
@settings(max_examples=60 * FULL)
@given(seeds, st.floats(0.65, 0.99), st.sampled_from(SPOILS))
def test_no_price_after_a_day_changes_a_score_up_to_it(model, seed, part, spoil):
    days, closes = price_history(seed)
    row = int(part * len(days))
    assert not changed_by_the_future(scores_of(MODELS[model]), days, closes, row, spoil, seed)


@pytest.mark.parametrize("model", [name for name in MODELS if name not in ("momentum", "ridge")])
@settings(max_examples=3 * FULL)
@given(seeds, st.floats(0.65, 0.99), st.sampled_from(SPOILS))
def test_no_price_after_a_day_changes_a_score_of_a_regressor_up_to_it(model, seed, part, spoil):
    days, closes = price_history(seed)
    row = int(part * len(days))
    assert not changed_by_the_future(scores_of(MODELS[model]), days, closes, row, spoil, seed)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_tells_stocks_apart_in_these_histories(model):
    scores = scores_of(MODELS[model])(*price_history(11))
    scored = np.isfinite(scores).any(axis=1)
    assert scored.sum() >= 20
    assert (np.nanmax(scores[scored], axis=1) > np.nanmin(scores[scored], axis=1)).all()


@settings(max_examples=40 * FULL)
@given(
    seeds,
    st.sampled_from(SPOILS),
    st.fixed_dictionaries(
        {
            "horizon": st.integers(1, 4),
            "embargo_months": st.integers(0, 3),
            "window": st.none() | st.integers(12, 20),
            "refit_months": st.integers(1, 7),
        }
    ),
)
def test_no_setting_lets_the_future_in(seed, spoil, chosen):
    days, closes = price_history(seed)
    row = int(month_rows(days)[40])
    assert not changed_by_the_future(scores_of("ridge", **chosen), days, closes, row, spoil, seed)


@settings(max_examples=15 * FULL)
@given(seeds, st.sampled_from(SPOILS))
def test_the_skill_known_on_a_day_is_that_of_outcomes_which_were_public(seed, spoil):
    days, closes = price_history(seed, years=6)
    row = int(month_rows(days)[60]) - 7
    other = spoil(days.copy(), closes.copy(), row, np.random.default_rng(seed))
    day = days[row].item()
    known, again = (
        StockRanker(**SETTINGS).fit(feature_panel(*given)).skill_in(day) for given in ((days, closes), other)
    )
    assert len(known.ic) > 20
    assert known.months[-1] < np.datetime64("2014-12")
    np.testing.assert_array_equal(known.months, again.months)
    np.testing.assert_array_equal(known.ic, again.ic)
    np.testing.assert_array_equal(known.spread, again.spread)
    np.testing.assert_array_equal(known.momentum.ic, again.momentum.ic)
    assert known.verdict == again.verdict


# --- and what does is caught ----------------------------------------------------------------------------


def next_month_known(days, closes):
    """Return a panel whose reversal feature is the return of the month to come."""
    panel = feature_panel(days, closes)
    features = panel.features.copy()
    features[:-1, :, panel.names.index("return_1")] = features[1:, :, panel.names.index("return_1")]
    return replace(panel, features=features)


def standardised_over_all_time(days, closes):
    """Return a panel whose volatility is measured against its mean over the whole history."""
    panel = feature_panel(days, closes)
    features = panel.features.copy()
    volatility = features[:, :, panel.names.index("volatility_252")]
    volatility -= np.nanmean(volatility, axis=0)
    return replace(panel, features=features)


@pytest.mark.parametrize("model", [name for name in MODELS if name != "momentum"])
@pytest.mark.parametrize("measure", [next_month_known, standardised_over_all_time])
def test_a_planted_feature_that_knows_the_future_is_caught(measure, model):
    days, closes = price_history(7)
    row = int(month_rows(days)[36])
    assert changed_by_the_future(scores_of(MODELS[model], measure), days, closes, row, noise)
    assert not changed_by_the_future(scores_of(MODELS[model]), days, closes, row, noise)


@pytest.mark.parametrize("months_early", [1, 2])
def test_a_label_that_is_used_before_it_is_public_is_caught(months_early, monkeypatch):
    days, closes = price_history(7)
    row = int(month_rows(days)[36])

    def too_many(month, horizon=1, embargo=0):
        return labels.labels_known(month, horizon, embargo) + months_early

    monkeypatch.setattr(ranker, "labels_known", too_many)
    assert changed_by_the_future(scores_of("ridge", refit_months=1), days, closes, row, noise)


def test_the_last_label_used_ends_on_the_first_day_of_the_month_of_the_decision():
    days, closes = price_history(3)
    panel = feature_panel(days, closes)
    month = 30
    last = labels.labels_known(month) - 1
    [day_after] = np.flatnonzero(days == panel.days[month - 1]) + 1
    returns = labels.forward_returns(panel)
    moved = closes.copy()
    moved[day_after] *= 1.01 ** np.arange(closes.shape[1])
    again = labels.forward_returns(feature_panel(days, moved))
    counted = np.isfinite(returns[last])
    assert (again[last] != returns[last])[counted][1:].all()
    assert days[day_after].astype("datetime64[M]") == panel.months[month]


@pytest.mark.parametrize("horizon", [1, 3])
def test_an_embargo_leaves_out_that_many_more_months(horizon):
    assert labels.labels_known(40, horizon, 5) == labels.labels_known(40, horizon) - 5
    assert labels.labels_known(2, horizon, 5) == 0
