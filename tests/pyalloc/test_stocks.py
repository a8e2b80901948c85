"""Prices become features, features scores, and scores weights that sum to 1 under a cap."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pyalloc.errors import InfeasibleError, InputError
from pyalloc.macro import sector_tilts
from pyalloc.names import SECTORS
from pyalloc.stocks import (
    FEATURES,
    MomentumRanker,
    StockPolicy,
    adjust_scores,
    cap_scales,
    held_names,
    scale_scores,
    stock_features,
    stock_weights,
    tilted_scores,
)

seeds = st.integers(0, 2**32 - 1)
scores = st.lists(st.floats(-2.0, 5.0), min_size=1, max_size=30).map(np.array)
scaled = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30).map(np.array)


# --- features -------------------------------------------------------------------------------------------


def random_closes(seed, n=4, days=300):
    """Return (month closes, daily closes) of n stocks as the market gives them, and the daily frame."""
    rng = np.random.default_rng(seed)
    index = pd.bdate_range("2015-03-02", periods=days)
    frame = pd.DataFrame(50.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (days, n)), axis=0)), index)
    ends = frame.groupby(index.to_period("M")).last().iloc[-13:]
    return ends.to_numpy().T, frame.iloc[-253:].to_numpy().T, frame


@settings(max_examples=10)
@given(seeds)
def test_features_are_what_a_plain_reading_of_their_names_gives(seed):
    months, days, frame = random_closes(seed)
    found = stock_features(months, days)
    returns = frame.pct_change().iloc[-252:]
    last_year = frame.iloc[-252:]
    by_month = pd.DataFrame(months.T)
    expected = {
        "momentum_12_1": by_month.iloc[-2] / by_month.iloc[0] - 1,
        "momentum_6_1": by_month.iloc[-2] / by_month.iloc[6] - 1,
        "momentum_3_1": by_month.iloc[-2] / by_month.iloc[9] - 1,
        "return_1": by_month.iloc[-1] / by_month.iloc[-2] - 1,
        "volatility_63": returns.iloc[-63:].std() * 252**0.5,
        "volatility_252": returns.std() * 252**0.5,
        "downside_volatility": ((returns.clip(upper=0) ** 2).mean() * 252) ** 0.5,
        "maximum_drawdown": (frame.iloc[-253:] / frame.iloc[-253:].cummax()).min() - 1,
        "below_high": last_year.iloc[-1] / last_year.max() - 1,
    }
    assert list(found) == list(FEATURES) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-14, err_msg=name)


def test_a_drawdown_is_the_worst_of_all_pairs_of_days():
    _, days, _ = random_closes(7, n=1)
    deepest = min(days[0, j] / days[0, i] - 1 for i in range(253) for j in range(i, 253))
    found = stock_features(np.ones((1, 13)), days)["maximum_drawdown"]
    assert found == pytest.approx([deepest], abs=1e-15)


def test_momentum_skips_the_last_month():
    months = np.array([[100.0] * 12 + [500.0]])
    found = stock_features(months, np.ones((1, 253)))
    assert found["momentum_12_1"] == [0.0]
    assert found["return_1"] == [4.0]


def test_the_momentum_ranker_scores_by_one_feature_and_learns_nothing():
    features = np.arange(18.0).reshape(2, 9)
    assert MomentumRanker().fit(features, np.zeros(2)).predict(features).tolist() == [0.0, 9.0]
    assert MomentumRanker("momentum_3_1").predict(features).tolist() == [2.0, 11.0]


# --- scaling --------------------------------------------------------------------------------------------


def test_scores_are_winsorised_then_stretched_to_zero_and_one():
    # Of 0, 1, …, 20 the 5th and 95th percentiles are 1 and 19; m is then (x − 1)/18.
    outlier = np.arange(21.0)
    outlier[20] = 1000.0
    found = scale_scores(outlier)
    assert found == pytest.approx(np.clip((np.arange(21.0) - 1.0) / 18.0, 0.0, 1.0), abs=1e-15)
    assert adjust_scores(outlier)[[0, 1, 19, 20]].tolist() == [1.0, 1.0, 19.0, 19.0]


def test_percentiles_of_few_scores_are_interpolated():
    # 5th percentile of (0, 10, 20) at position 0.1: 1; 95th at 1.9: 19; middle (10 − 1)/18.
    assert scale_scores([0.0, 10.0, 20.0]) == pytest.approx([0.0, 0.5, 1.0])
    assert adjust_scores([0.0, 10.0, 20.0]) == pytest.approx([1.0, 10.0, 19.0])


def test_ranks_of_equal_scores_are_averaged():
    assert adjust_scores([3.0, 1.0, 3.0, 2.0], "rank").tolist() == [3.5, 1.0, 3.5, 2.0]
    assert scale_scores([3.0, 1.0, 3.0, 2.0], "rank") == pytest.approx([1.0, 0.0, 1.0, 0.4])


def test_softmax_weighs_by_the_normal_score_of_the_rank():
    # Of four: Φ⁻¹(1/8), Φ⁻¹(3/8) and their mirror images.
    normal = np.array([-1.1503493803760083, -0.31863936396437514, 0.31863936396437514, 1.1503493803760083])
    assert scale_scores([0.1, 0.2, 0.3, 99.0], "softmax") == pytest.approx(np.exp(normal - normal[-1]))


@pytest.mark.parametrize("method", ["minmax", "rank", "softmax"])
@pytest.mark.parametrize("equal", [[0.3], [-0.2] * 5, [0.0, 0.0]])
def test_where_nothing_tells_scores_apart_all_are_one(method, equal):
    assert scale_scores(equal, method).tolist() == [1.0] * len(equal)


@given(scores, st.sampled_from(["minmax", "rank", "softmax"]))
def test_scaled_scores_lie_between_zero_and_one_and_keep_the_order(values, method):
    m = scale_scores(values, method)
    assert m.min() >= 0.0
    assert m.max() == 1.0
    assert (np.diff(m[np.argsort(values, kind="stable")]) >= -1e-15).all()


@given(scores, st.floats(1e-3, 1e3), st.floats(-1.0, 1.0))
def test_the_unit_of_a_score_does_not_matter(values, factor, shift):
    assume(len(values) < 2 or np.ptp(values) > 1e-3)
    np.testing.assert_allclose(scale_scores(factor * values + shift), scale_scores(values), atol=1e-9)


@pytest.mark.parametrize("bad", [[], [[1.0, 2.0]], [1.0, float("nan")], [float("inf")]])
def test_scores_that_are_no_list_of_numbers_are_refused(bad):
    with pytest.raises(InputError, match="scores: "):
        scale_scores(bad)


def test_an_unknown_scaling_is_refused():
    with pytest.raises(InputError, match="'zscore'; it must be minmax, rank or softmax"):
        scale_scores([1.0, 2.0], "zscore")


# --- weights --------------------------------------------------------------------------------------------


def capped_by_turns(x, cap):
    """Reference: share out in proportion to x, cut at the cap, share out what was cut, until nothing is."""
    x, cap = [Fraction(value) for value in x], Fraction(cap)
    weights, capped = [Fraction(0)] * len(x), set()
    while True:
        open_names = [i for i in range(len(x)) if i not in capped and x[i] > 0]
        left = 1 - cap * len(capped)
        if not open_names:
            break
        total = sum(x[i] for i in open_names)
        for i in open_names:
            weights[i] = left * x[i] / total
        over = [i for i in open_names if weights[i] > cap]
        if not over:
            return np.array(weights, dtype=float)
        for i in over:
            weights[i] = cap
            capped.add(i)
    zero = [i for i in range(len(x)) if x[i] == 0]
    for i in zero:
        weights[i] = left / len(zero)
    return np.array(weights, dtype=float)


@st.composite
def capped_scores(draw):
    """Return scaled scores, some zero and some equal, and a cap that n names can meet."""
    x = draw(st.lists(st.sampled_from([0.0, 0.25, 1.0]) | st.floats(1e-6, 1.0), min_size=1, max_size=25))
    return np.array(x), draw(st.floats(1.0 / len(x), 1.0))


@settings(max_examples=300)
@given(capped_scores())
def test_the_excess_over_a_cap_goes_to_the_others_as_if_by_turns(case):
    x, cap = case
    weights = stock_weights(x, cap=cap)
    np.testing.assert_allclose(weights, capped_by_turns(x, cap), rtol=0, atol=1e-13)
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)
    assert weights.min() >= 0.0
    assert weights.max() <= cap + 1e-15


def best_of_all_subsets(x, cap):
    """Reference by brute force: of every set of capped names, the weights nearest to x in relative entropy.

    With the set S at the cap, what is left goes pro rata to the others: the stationary point of
    Σ w ln(w/x) on that face. The problem is convex, so the best feasible one of all faces is the answer.
    """
    best, nearest = None, np.inf
    for size in range(len(x)):
        for capped in combinations(range(len(x)), size):
            rest = np.setdiff1d(np.arange(len(x)), capped)
            weights = np.full(len(x), cap)
            weights[rest] = (1.0 - cap * size) * x[rest] / x[rest].sum()
            distance = float((weights * np.log(np.maximum(weights, 1e-300) / x)).sum())
            if weights.min() >= 0.0 and weights.max() <= cap + 1e-12 and distance < nearest - 1e-15:
                best, nearest = weights, distance
    return best


@settings(max_examples=100)
@given(st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=8), st.floats(0.0, 1.0))
def test_no_weights_within_the_cap_are_nearer_to_the_scores(x, tightness):
    x = np.array(x)
    cap = 1.0 - tightness * (1.0 - 1.0 / len(x)) * 0.999
    np.testing.assert_allclose(stock_weights(x, cap=cap), best_of_all_subsets(x, cap), rtol=0, atol=1e-7)


@given(scaled, seeds)
def test_a_greater_tilt_never_takes_weight_from_its_own_names(m, seed):
    tilts = np.exp(np.random.default_rng(seed).normal(0.0, 0.3, len(m)))
    raised = tilts.copy()
    raised[0] *= 1.5
    assert stock_weights(m, raised)[0] >= stock_weights(m, tilts)[0] - 1e-12


@given(scaled, seeds, st.floats(0.1, 10.0))
def test_only_the_ratios_of_tilts_matter(m, seed, factor):
    tilts = np.exp(np.random.default_rng(seed).normal(0.0, 0.3, len(m)))
    np.testing.assert_allclose(stock_weights(m, factor * tilts), stock_weights(m, tilts), rtol=0, atol=1e-12)


@given(scores, st.sampled_from(["minmax", "rank", "softmax"]))
def test_equal_scores_are_equal_weights(values, method):
    values = np.append(values, values[:1])
    weights = stock_weights(scale_scores(values, method))
    assert weights[-1] == pytest.approx(weights[0], abs=1e-14)


@given(scaled)
def test_the_house_cap_is_the_greater_of_a_tenth_and_half_more_than_equal_weight(m):
    weights = stock_weights(m)
    cap = min(1.0, max(0.1, 1.5 / len(m)))
    assert StockPolicy().cap(len(m)) == cap
    assert weights.max() <= cap + 1e-15
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)


@given(scaled, seeds)
def test_the_order_of_names_does_not_matter(m, seed):
    order = np.random.default_rng(seed).permutation(len(m))
    np.testing.assert_allclose(stock_weights(m[order]), stock_weights(m)[order], rtol=0, atol=1e-14)


@given(scaled, st.floats(1e-3, 1e3))
def test_the_size_of_all_scores_together_does_not_matter(m, factor):
    np.testing.assert_allclose(stock_weights(factor * m), stock_weights(m), rtol=0, atol=1e-13)


@given(scaled, st.lists(st.sampled_from(SECTORS), min_size=30, max_size=30))
def test_at_neutral_stress_weights_are_normalised_momentum(m, sectors):
    assume(m.sum() > 1e-9)
    found = stock_weights(m, sector_tilts(sectors[: len(m)], 0.5), cap=1.0)
    assert found == pytest.approx(m / m.sum(), abs=1e-15)


def test_the_tilt_multiplies_the_score():
    assert stock_weights([0.5, 0.5, 1.0], [2.0, 1.0, 1.0], cap=1.0) == pytest.approx([0.4, 0.2, 0.4])


def test_excess_goes_pro_rata_where_that_is_enough():
    # 0.6, 0.3, 0.1 under a cap of 0.4: 0.2 is shared 3 to 1, which lifts the second above the cap in turn.
    assert stock_weights([0.6, 0.3, 0.1], cap=0.4) == pytest.approx([0.4, 0.4, 0.2], abs=1e-15)
    assert stock_weights([0.6, 0.3, 0.1], cap=0.5) == pytest.approx([0.5, 0.375, 0.125], abs=1e-15)


def test_zero_score_names_share_the_rest_once_every_other_is_at_the_cap():
    assert stock_weights([1.0, 0.2, 0.0, 0.0], cap=0.4).tolist() == pytest.approx([0.4, 0.4, 0.1, 0.1])


def test_all_zero_scores_are_equal_weights():
    assert stock_weights([0.0] * 4).tolist() == [0.25] * 4


def test_one_name_is_everything():
    assert stock_weights([0.0]).tolist() == stock_weights([0.7]).tolist() == [1.0]


def test_the_scale_is_the_one_number_behind_all_weights():
    x = np.array([1.0, 0.6, 0.3, 0.1, 0.0])
    scale = cap_scales(x, 0.35).max()
    assert np.minimum(0.35, scale * x) == pytest.approx(stock_weights(x, cap=0.35), abs=1e-15)


def test_a_score_of_almost_nothing_counts_as_nothing():
    assert stock_weights([1.0, 1e-310, 5e-311], cap=0.5).tolist() == [0.5, 0.25, 0.25]
    assert stock_weights([2e-310, 1e-310], cap=0.6) == pytest.approx([0.6, 0.4])


# --- top k ----------------------------------------------------------------------------------------------


def test_only_the_best_names_are_held_and_the_cap_is_theirs():
    weights = stock_weights([0.1, 0.9, 0.5, 1.0, 0.0], top=2)
    assert (weights > 0.0).tolist() == [False, True, False, True, False]
    assert weights == pytest.approx([0.0, 0.9 / 1.9, 0.0, 1.0 / 1.9, 0.0])


def test_of_equal_names_the_earlier_is_held():
    assert held_names(np.array([0.5, 0.5, 0.5]), 2).tolist() == [True, True, False]
    assert held_names(np.array([0.5, 0.5]), None).tolist() == held_names(np.ones(2), 9).tolist() == [True] * 2


def test_the_tilt_decides_who_is_among_the_best():
    assert stock_weights([0.6, 0.5], [1.0, 2.0], top=1).tolist() == [0.0, 1.0]


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "cap", "top"), [(4, 0.2, None), (9, 0.1, None), (10, 0.3, 3)])
def test_too_few_names_for_the_cap_are_refused(n, cap, top):
    with pytest.raises(InfeasibleError, match=r"names of at most .* raise the cap to at least .* %"):
        stock_weights(np.linspace(0, 1, n), cap=cap, top=top)


def test_a_cap_that_names_fill_exactly_is_allowed():
    assert stock_weights([0.0, 0.5, 1.0], cap=1 / 3) == pytest.approx([1 / 3] * 3, abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([0.5, -0.1],), "scaled score 2 is below 0"),
        (([0.5, float("nan")],), "scaled scores: number 2 is missing"),
        (([0.5, 0.1], [1.0]), "2 scaled scores and 1 tilts"),
        (([0.5, 0.1], [1.0, 0.0]), "tilt 2 is not above 0"),
        (([0.5, 0.1], None, 0.0), "cap is 0; it must be above 0 and at most 1"),
        (([0.5, 0.1], None, 1.1), "cap is 1.1"),
        (([0.5, 0.1], None, float("nan")), "cap is nan"),
    ],
)
def test_unusable_input_is_refused_by_position(arguments, says):
    with pytest.raises(InputError, match=says):
        stock_weights(*arguments)


def test_tilted_scores_are_the_product():
    assert tilted_scores([0.2, 1.0], [3.0, 0.5]) == pytest.approx([0.6, 0.5])
