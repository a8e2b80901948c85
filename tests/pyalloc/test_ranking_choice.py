"""The policy chooses the ranker: allocate scores by it as it stood at the close, and says its worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import InvestorProfile, MarketData, Policy, allocate
from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.ranking.attribution import COEFFICIENT, IMPORTANCE, attribution
from pyalloc.ranking.choice import FIGURES, ranking_at, skill_figures
from pyalloc.ranking.panel import feature_ranks
from pyalloc.ranking.report import HINDSIGHT, skill_lines
from pyalloc.stocks import FEATURES, StockPolicy, StockRanker

TRAINED = ("ridge", "hist_gradient_boosting")
SHORT = {"training_minimum": 24, "refit_months": 6}


@pytest.fixture(scope="module")
def small_market(tmp_path_factory):
    """Return a demo market of fifteen stocks."""
    return MarketData.from_path(write_demo_market(tmp_path_factory.mktemp("market") / "small", stocks=15))


def allocated(market, ranker="ridge", day=None, exclude=(), **knobs):
    policy = Policy(stocks=StockPolicy(ranker=ranker, **knobs))
    return allocate(market.at(day), profile=InvestorProfile(exclude=exclude), policy=policy)


def ranks_of(allocation):
    return feature_ranks(np.column_stack([allocation.universe.features[name] for name in FEATURES]))


# --- what allocate does ---------------------------------------------------------------------------------


def test_a_ridge_score_is_its_coefficients_times_the_ranks_of_the_stocks_held(demo_market):
    trace = allocated(demo_market).trace
    expected = trace["model_intercept"] + ranks_of(allocated(demo_market)) @ trace["model_coefficients"]
    np.testing.assert_allclose(trace["stock_score"], expected, rtol=1e-12)
    assert trace["model_name"] == "ridge"
    assert trace["model_coefficients"].any()


@pytest.mark.parametrize("model", TRAINED)
def test_at_a_month_end_allocate_scores_as_the_walk_forward_does(model, small_market):
    market = small_market
    ranker = market.ranker(StockPolicy(ranker=model), model)
    month = len(ranker.days_) - 20
    allocation = allocated(market, model, str(ranker.days_[month]))
    stocks = [asset.asset for asset in market.in_category("Stocks")]
    places = [stocks.index(name) for name in allocation.trace["stock_ticker"]]
    if len(places) == ranker.panel_.complete[month].sum():
        np.testing.assert_allclose(allocation.trace["stock_score"], ranker.scores_[month][places], rtol=1e-12)
    else:
        pytest.fail("the view holds other stocks than the panel ranks: choose another month")


def test_excluding_a_stock_ranks_the_others_anew_and_fits_nothing(demo_market, monkeypatch):
    allocated(demo_market)
    monkeypatch.delattr(StockRanker, "fit")
    out = demo_market.in_category("Stocks")[3].asset
    allocation = allocated(demo_market, exclude=(out,))
    assert out not in allocation.trace["stock_ticker"]
    trace = allocation.trace
    expected = trace["model_intercept"] + ranks_of(allocation) @ trace["model_coefficients"]
    np.testing.assert_allclose(trace["stock_score"], expected, rtol=1e-12)


def test_momentum_scores_as_ever_and_carries_its_record(demo_market):
    trace = allocated(demo_market, "momentum").trace
    np.testing.assert_array_equal(
        trace["stock_score"], allocated(demo_market, "momentum").universe.features["momentum_12_1"]
    )
    assert trace["skill_model"][FIGURES.index("months")] > 100
    np.testing.assert_array_equal(trace["skill_model"], trace["skill_momentum"])
    assert trace["model_trained"] == "not trained"


SPOILS = {
    "noise": lambda future, rng: future * np.exp(rng.normal(0.0, 0.5, future.shape)),
    "another order": lambda future, rng: future[:, rng.permutation(future.shape[1])],
    "no prices": lambda future, rng: np.where(rng.random(future.shape[1]) < 0.5, np.nan, future),
    "a crash": lambda future, rng: future * 1e-4,  # noqa: ARG005
}


@pytest.mark.parametrize("ranker", ["momentum", "ridge", "auto", "hist_gradient_boosting"])
@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1), st.integers(2600, 3700), st.sampled_from(sorted(SPOILS)))
def test_no_price_after_a_close_changes_an_allocation_at_it(small_market, ranker, seed, row, spoil):
    closes = small_market.closes.copy()
    closes[row + 1 :] = SPOILS[spoil](closes[row + 1 :], np.random.default_rng(seed))
    other = replace(small_market, closes=closes)
    day = small_market.days[row].item()
    knobs = SHORT | {"refit_months": 24 if ranker == "hist_gradient_boosting" else 6}
    ours, theirs = (allocated(market, ranker, day, **knobs) for market in (small_market, other))
    for name in ("stock_score", "skill_model", "skill_momentum", "holding_weight", "model_coefficients"):
        np.testing.assert_array_equal(ours.trace[name], theirs.trace[name], err_msg=name)
    assert ours.trace["skill_verdict"] == theirs.trace["skill_verdict"]


def test_a_market_that_ends_at_the_close_gives_the_same_allocation(small_market):
    row = 3201
    day = small_market.days[row].item()
    known = replace(small_market, days=small_market.days[: row + 1], closes=small_market.closes[: row + 1])
    ours, theirs = (allocated(market, "ridge", day, **SHORT) for market in (small_market, known))
    np.testing.assert_array_equal(ours.trace["stock_score"], theirs.trace["stock_score"])
    np.testing.assert_array_equal(ours.trace["skill_model"], theirs.trace["skill_model"])


# --- what auto does, and what is said -------------------------------------------------------------------


class Fitted:
    """A ranker that was fitted, with the record that a test gives it."""

    def __init__(self, market, model, difference):
        self._ranker = market.ranker(StockPolicy(), model)
        report = self._ranker.skill_
        if model == "ridge":
            report = replace(report, ic=report.momentum.ic + difference)
        self.report = report

    def __getattr__(self, name):
        return getattr(self._ranker, name)

    def skill_in(self, day):  # noqa: ARG002
        return self.report


@pytest.mark.parametrize(
    ("difference", "model", "says"),
    [
        (0.05, "ridge", "Ridge is used. Beats momentum out of sample"),
        (-0.05, "momentum", "Momentum is used: ridge does not beat momentum out of sample"),
    ],
)
def test_auto_uses_ridge_only_where_it_beat_momentum(difference, model, says, demo_market):
    wobble = (
        difference + np.tile([0.01, -0.01], 100)[: len(demo_market.ranker(StockPolicy(), "ridge").skill_.ic)]
    )
    day = demo_market.days[-1].item()
    ranking = ranking_at(day, StockPolicy(ranker="auto"), lambda name: Fitted(demo_market, name, wobble))
    assert ranking.model == model
    assert ranking.judged == "ridge"
    assert ranking.verdict.startswith(says)
    assert ranking.warns == (model == "momentum")


def test_a_model_that_does_not_beat_momentum_is_used_as_asked_and_the_reader_is_told(demo_market):
    allocation = allocated(demo_market)
    [notice] = [notice for notice in allocation.notices if notice.startswith("Ranker ridge: ")]
    assert "Does not beat momentum" in notice
    assert allocation.trace["skill_verdict"] in notice


def test_too_young_a_market_is_refused_by_a_trained_model_and_left_to_momentum_by_auto(small_market):
    day = small_market.days[900].item()
    with pytest.raises(MissingHistoryError, match=r"ridge is trained from .* or use momentum"):
        allocated(small_market, "ridge", day)
    allocation = allocated(small_market, "auto", day)
    assert allocation.trace["model_name"] == "momentum"
    assert "Momentum is used: ridge is trained from" in allocation.trace["skill_verdict"]


def test_one_stock_is_everything_whatever_its_score(demo_market):
    others = tuple(asset.asset for asset in demo_market.in_category("Stocks")[1:])
    trace = allocated(demo_market, exclude=others).trace
    assert trace["stock_weight"].tolist() == [1.0]
    assert trace["stock_score"].tolist() == [trace["model_intercept"]]


def test_where_every_stock_is_filtered_out_the_reasons_are_given(demo_market):
    with pytest.raises(MissingHistoryError, match=r"no stock can be held .* at most 1 % allowed"):
        allocated(demo_market, max_volatility=0.01)


def test_too_few_stocks_to_rank_are_refused_by_a_trained_model_and_left_to_momentum_by_auto(demo_market):
    few = tuple(asset for asset in demo_market.assets if asset.category != "Stocks")
    few = (*demo_market.in_category("Stocks")[:5], *few)
    columns = [demo_market.column(asset.asset) for asset in few]
    market = MarketData(demo_market.days, demo_market.closes[:, columns], few, demo_market.macro)
    with pytest.raises(MissingHistoryError, match=r"ridge needs 36 months .* of at least 10 stocks"):
        allocated(market)
    assert allocated(market, "auto").trace["model_name"] == "momentum"
    assert allocated(market, "momentum").trace["skill_verdict"].startswith("0 months out of sample")


def test_figures_are_those_of_the_report_and_0_where_there_is_none(demo_market):
    report = demo_market.ranker(StockPolicy(), "ridge").skill_
    figures = dict(zip(FIGURES, skill_figures(report), strict=True))
    assert figures["mean rank IC"] == report.mean_ic
    assert (figures["rank IC from"], figures["rank IC to"]) == report.interval
    assert not skill_figures(report.until(0)).any()


# --- what it rests on -----------------------------------------------------------------------------------


def test_a_ridge_is_attributed_by_its_coefficients_date_by_date(demo_market):
    ranker = demo_market.ranker(StockPolicy(), "ridge")
    found = attribution(ranker)
    assert found.measure == COEFFICIENT
    assert found.values.shape == (len(ranker.fits_), len(FEATURES))
    np.testing.assert_array_equal(found.values[2], ranker.fits_[2].ranker.coefficients)
    earlier = attribution(ranker, ranker.days_[ranker.fits_[3].month].item())
    assert len(earlier.values) == 4


class OneFeature:
    """A regressor that predicts its fourth feature, whatever it is fitted to."""

    def fit(self, X, y):  # noqa: ARG002
        return self

    def predict(self, X):
        return X[:, 3]


def test_only_shuffling_a_feature_that_is_used_costs_skill(small_market):
    panel = small_market.ranker(StockPolicy(), "momentum").panel_
    ranker = StockRanker(model=OneFeature()).fit(panel)
    found = attribution(ranker, repeats=50)
    assert found.measure == IMPORTANCE
    known = found.values[np.isfinite(found.values).all(axis=1)]
    assert len(known) >= len(found.values) - 1
    others = np.delete(known, 3, axis=1)
    np.testing.assert_array_equal(others, np.zeros_like(others))
    # Shuffled within its month, the feature foretells nothing: what is lost is its whole rank IC.
    months = [ranker.skill_.ic[i : i + 12].mean() for i in range(0, 12 * len(known), 12)]
    np.testing.assert_allclose(known[:, 3], months, atol=0.05)
    np.testing.assert_array_equal(found.values, attribution(ranker, repeats=50).values)


def test_momentum_has_nothing_to_attribute(demo_market):
    with pytest.raises(InputError, match="momentum is one feature"):
        attribution(demo_market.ranker(StockPolicy(), "momentum"))


@pytest.mark.parametrize("model", ["momentum", "ridge", "hist_gradient_boosting"])
def test_the_record_is_printed_with_its_verdict_and_where_its_stocks_come_from(model, small_market):
    ranker = small_market.ranker(StockPolicy(), model)
    lines = list(skill_lines(ranker, small_market.days[-1].item(), small_market.notice))
    assert lines[0] == small_market.notice
    assert ranker.skill_in(small_market.days[-1].item()).verdict in lines
    assert HINDSIGHT in lines
    assert sum(line.startswith(tuple(FEATURES)) for line in lines) == (0 if model == "momentum" else 9)
