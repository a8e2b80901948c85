"""Features by month, labels, ridges in closed form: each equals what a plain reading gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.linear_model import LinearRegression, Ridge

from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.ranking.labels import forward_ranks, forward_returns, labels_known
from pyalloc.ranking.models import MODELS, LinearRanker
from pyalloc.ranking.panel import feature_panel, feature_ranks, month_rows
from pyalloc.ranking.ranks import average_ranks, tied_places, unit_ranks
from pyalloc.ranking.ridge import ridge_path
from pyalloc.stocks import FEATURES, StockRanker, stock_features

seeds = st.integers(0, 2**32 - 1)
values = st.lists(st.none() | st.integers(-3, 3), min_size=1, max_size=12).map(
    lambda row: np.array([np.nan if value is None else float(value) for value in row])
)


def price_history(seed, stocks=15, years=6, gaps=True):
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64("2010-01-01"), np.datetime64(f"{2010 + years}-01-01"))
    days = days[np.is_busday(days)]
    closes = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (len(days), stocks)), axis=0))
    if gaps:
        closes[:400, 0] = np.nan
        closes[700:, 1] = np.nan
        closes[rng.integers(300, 900), 2] = np.nan
    return days, closes


def frame_of(days, closes):
    return pd.DataFrame(closes, pd.DatetimeIndex(days))


# --- ranks ----------------------------------------------------------------------------------------------


@given(values)
def test_ranks_leave_out_what_is_missing_and_average_ties(row):
    there = np.isfinite(row)
    found = average_ranks(row)
    assert np.array_equal(np.isfinite(found), there)
    np.testing.assert_array_equal(found[there], rankdata(row[there]))


@given(values)
def test_a_place_is_how_many_are_lower_and_how_many_the_same(row):
    below, equal = tied_places(np.vstack([row, row]))
    for i in np.flatnonzero(np.isfinite(row)):
        assert below[0, i] == below[1, i] == (row < row[i]).sum()
        assert equal[0, i] == equal[1, i] == (row == row[i]).sum()


@given(values)
def test_unit_ranks_have_mean_one_half_on_every_date_of_two_stocks_or_more(row):
    there = np.isfinite(row)
    found = unit_ranks(row)[there]
    if there.sum() >= 2:
        assert found.mean() == pytest.approx(0.5)
        assert (found >= 0.0).all()
        assert (found <= 1.0).all()
    else:
        assert (found == 0.0).all()


# --- features -------------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(seeds)
def test_the_features_of_every_month_are_those_of_its_last_close(seed):
    days, closes = price_history(seed)
    panel = feature_panel(days, closes)
    rows = month_rows(days)
    assert panel.names == tuple(FEATURES)
    for month in range(12, len(rows)):
        row = rows[month]
        if row < 252:
            continue
        plain = stock_features(closes[rows[month - 12 : month + 1]].T, closes[row - 252 : row + 1].T)
        expected = np.column_stack([plain[name] for name in FEATURES])
        np.testing.assert_allclose(panel.features[month], expected, rtol=1e-9, atol=1e-12)


def test_a_stock_without_the_history_has_no_rank_and_counts_for_none():
    days, closes = price_history(1)
    panel = feature_panel(days, closes)
    rows = month_rows(days)
    listed_a_year = rows >= 400 + 252
    assert not panel.complete[~listed_a_year, 0].any()
    assert panel.complete[listed_a_year, 0].all()
    assert not panel.complete[rows >= 700, 1].any()
    late = np.flatnonzero(listed_a_year)[0] - 1
    others = panel.complete[late]
    np.testing.assert_array_equal(panel.ranks[late][others], feature_ranks(panel.features[late][others]))
    assert np.isnan(panel.ranks[late][~others]).all()


def test_a_gap_matters_for_a_year_and_no_longer():
    days, closes = price_history(5, gaps=False)
    closes[605, 3] = np.nan
    complete = feature_panel(days, closes).complete[:, 3]
    rows = month_rows(days)
    assert complete[(rows >= 290) & (rows < 605)].all()
    assert not complete[(rows >= 605) & (rows <= 605 + 252)].any()
    assert complete[rows > 605 + 252].all()


@pytest.mark.parametrize("flat", [1.0, 123.456])
def test_a_price_that_never_moves_has_no_volatility_and_no_fall(flat):
    days, closes = price_history(2, gaps=False)
    closes[:, 4] = flat
    features = feature_panel(days, closes).features[20, 4]
    assert features.tolist() == [0.0] * 9


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda closes: np.where(closes == closes[3, 3], 0.0, closes), "a price is 0, negative"),
        (lambda closes: np.where(closes == closes[3, 3], np.inf, closes), "or infinite"),
        (lambda closes: closes[1:], "one row of prices a day"),
    ],
)
def test_prices_that_cannot_be_are_refused(spoil, says):
    days, closes = price_history(2)
    with pytest.raises(InputError, match=says):
        feature_panel(days, spoil(closes))


def test_less_than_a_year_of_prices_is_refused():
    days, closes = price_history(2)
    with pytest.raises(MissingHistoryError, match="252 days of prices; a ranking needs 253"):
        feature_panel(days[:252], closes[:252])


# --- labels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [1, 3])
def test_an_outcome_runs_from_the_close_after_the_decision_to_that_of_months_later(horizon):
    days, closes = price_history(4)
    panel = feature_panel(days, closes)
    rows = month_rows(days)
    found = forward_returns(panel, horizon)
    for month in range(13, len(rows) - 1 - horizon):
        expected = closes[rows[month + horizon] + 1] / closes[rows[month] + 1] - 1.0
        counted = panel.complete[month]
        np.testing.assert_allclose(found[month][counted], expected[counted], rtol=1e-12)
        assert np.isnan(found[month][~counted]).all()
    assert np.isnan(found[-1 - horizon :]).all()


def test_labels_are_ranks_among_the_stocks_that_have_an_outcome():
    days, closes = price_history(4)
    panel = feature_panel(days, closes)
    labels, returns = forward_ranks(panel), forward_returns(panel)
    there = np.isfinite(returns[30])
    expected = (rankdata(returns[30][there]) - 1.0) / (there.sum() - 1.0)
    np.testing.assert_allclose(labels[30][there], expected)


# --- ridge ----------------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(seeds, st.none() | st.integers(13, 24), st.floats(0.01, 10.0))
def test_every_ridge_in_closed_form_is_the_one_that_scikit_learn_fits(seed, window, penalty):
    panel = feature_panel(*price_history(seed))
    labels = forward_ranks(panel)
    months = np.arange(28, len(labels), 5)
    path = ridge_path(panel.ranks, labels, months, window, penalty)
    for found, intercept, month in zip(*path, months, strict=True):
        start = 0 if window is None else month - window
        counted = np.isfinite(labels[start:month])
        x, y = panel.ranks[start:month][counted], labels[start:month][counted]
        centred = x - x.mean(axis=0)
        rival = Ridge(alpha=penalty * np.trace(centred.T @ centred) / x.shape[1], solver="cholesky").fit(x, y)
        np.testing.assert_allclose(found, rival.coef_, rtol=0.0, atol=1e-12)
        assert intercept == pytest.approx(rival.intercept_, abs=1e-12)


def test_where_there_is_nothing_to_learn_from_a_ridge_is_silent():
    panel = feature_panel(*price_history(3))
    nothing = np.full(panel.complete.shape, np.nan)
    coefficients, intercepts = ridge_path(panel.ranks, nothing, np.array([0, 20]))
    assert not coefficients.any()
    assert intercepts.tolist() == [0.5, 0.5]


# --- the ranker -----------------------------------------------------------------------------------------


def test_scores_are_those_of_the_fit_in_force_and_none_come_before_the_first():
    days, closes = price_history(9)
    ranker = StockRanker(model="ridge", minimum_months=20, refit_months=5).fit(frame_of(days, closes))
    panel, first = ranker.panel_, ranker.fits_[0]
    assert [fit.month for fit in ranker.fits_] == list(range(first.month, len(panel.days), 5))
    assert np.isnan(ranker.scores_[: first.month]).all()
    labels = forward_ranks(panel)
    assert np.isfinite(labels[: first.known]).any(axis=1).sum() == 20
    for month in (first.month, first.month + 4, first.month + 5):
        fit = ranker.fit_in(panel.days[month].item())
        assert fit.month <= month < fit.month + 5
        counted = panel.complete[month]
        np.testing.assert_array_equal(
            ranker.scores_[month][counted], fit.ranker.predict(panel.features[month][counted])
        )


@pytest.mark.parametrize("window", [None, 24])
def test_a_window_forgets_what_an_expanding_one_keeps(window):
    days, closes = price_history(9)
    settings = {"minimum_months": 20, "refit_months": 1, "window": window}
    ranker = StockRanker(**settings).fit(frame_of(days, closes))
    moved = closes.copy()
    moved[:320] = moved[:320][:, ::-1]  # other stocks' prices in the first year and a quarter
    again = StockRanker(**settings).fit(frame_of(days, moved))
    same = (ranker.fits_[-1].ranker.coefficients == again.fits_[-1].ranker.coefficients).all()
    near = np.allclose(ranker.fits_[-1].ranker.coefficients, again.fits_[-1].ranker.coefficients, atol=1e-10)
    assert near if window else not (near or same)


def test_a_regressor_handed_in_is_copied_for_every_fit_and_learns_the_same():
    days, closes = price_history(9)
    given_one = LinearRegression()
    ranker = StockRanker(model=given_one, minimum_months=20).fit(frame_of(days, closes))
    assert not hasattr(given_one, "coef_")
    assert len({id(fit.ranker.regressor) for fit in ranker.fits_}) == len(ranker.fits_)
    assert ranker.name == "LinearRegression"
    almost_none = StockRanker(model="ridge", minimum_months=20, penalty=1e-13).fit(frame_of(days, closes))
    np.testing.assert_allclose(ranker.scores_, almost_none.scores_, atol=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_prices_give_the_same_scores(model):
    prices = frame_of(*price_history(6, years=4))
    first, second = (
        StockRanker(model=model, minimum_months=12, refit_months=12).fit(prices).scores_ for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_predicting_the_last_close_gives_the_last_row_of_scores():
    prices = frame_of(*price_history(6))
    ranker = StockRanker(minimum_months=20).fit(prices)
    np.testing.assert_array_equal(ranker.predict(prices), ranker.scores_[-1])
    earlier = prices.iloc[: month_rows(prices.index.to_numpy().astype("datetime64[D]"))[-4] + 1]
    np.testing.assert_array_equal(ranker.predict(earlier), ranker.scores_[-4])


def test_the_order_of_stocks_does_not_matter():
    days, closes = price_history(6)
    order = np.random.default_rng(0).permutation(closes.shape[1])
    scores = StockRanker(minimum_months=20).fit(frame_of(days, closes)).scores_
    moved = StockRanker(minimum_months=20).fit(frame_of(days, closes[:, order])).scores_
    np.testing.assert_allclose(moved, scores[:, order], atol=1e-12)


def test_it_can_be_set_up_and_copied_as_scikit_learn_does():
    from sklearn.base import clone

    ranker = StockRanker(window=60, seed=3)
    assert clone(ranker) == ranker
    assert ranker.set_params(horizon=2).get_params()["horizon"] == 2
    with pytest.raises(InputError, match="horizons is no setting of a StockRanker"):
        ranker.set_params(horizons=2)


@pytest.mark.parametrize(
    ("given_settings", "says"),
    [
        ({"horizon": 0}, "horizon is 0 months; it must be at least 1"),
        ({"embargo_months": -1}, "embargo_months is -1 months; it must be at least 0"),
        ({"window": 12}, "window is 12 months, less than the 36 that a first fit needs"),
        ({"penalty": 0.0}, "penalty is 0; it must be above 0"),
        ({"cost": -0.1}, "cost is -0.1"),
        ({"model": "lasso"}, "model is 'lasso'; it must be momentum, ridge"),
        ({"model": 3}, "a int is no regressor"),
    ],
)
def test_unusable_settings_are_refused(given_settings, says):
    with pytest.raises(InputError, match=says):
        StockRanker(**given_settings).fit(frame_of(*price_history(6)))


def test_too_short_a_history_is_refused_with_what_it_lacks():
    with pytest.raises(MissingHistoryError, match=r"ridge needs 36 months of outcomes .* there are 22"):
        StockRanker().fit(frame_of(*price_history(6, years=3)))
    few = frame_of(*price_history(6, stocks=9))
    with pytest.raises(MissingHistoryError, match=r"of at least 10 stocks .* there are 0"):
        StockRanker().fit(few)
    ranker = StockRanker(minimum_months=20).fit(frame_of(*price_history(6)))
    with pytest.raises(
        MissingHistoryError, match=r"ridge is trained from 2012-1. on, .* ask for a later date"
    ):
        ranker.fit_in(ranker.panel_.days[20].item())


def test_days_out_of_order_are_refused():
    prices = frame_of(*price_history(6))
    with pytest.raises(InputError, match="must ascend, each once"):
        StockRanker().fit(prices.iloc[::-1])


def test_a_linear_score_is_its_intercept_and_coefficients_times_ranks():
    ranker = LinearRanker(np.array([0.2, -0.1]), 0.45)
    assert ranker.predict(np.array([[1.0, 5.0], [2.0, 4.0], [3.0, 3.0]])) == pytest.approx([0.35, 0.5, 0.65])


def test_months_whose_outcomes_are_not_public_are_counted():
    assert [labels_known(month) for month in range(4)] == [0, 0, 1, 2]
