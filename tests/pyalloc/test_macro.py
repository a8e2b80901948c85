"""Macro conditions become stress, a regime and sector tilts, or are refused with what was meant."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pyalloc import MacroSnapshot
from pyalloc.errors import InputError
from pyalloc.macro import (
    MACRO_LIMITS,
    MacroPolicy,
    normal_cdf,
    recession_probability,
    regime,
    sector_tilts,
)
from pyalloc.names import REGIMES, SECTOR_DEFENSIVENESS, SECTORS
from pyalloc.stocks import stock_weights

vixes = st.floats(*MACRO_LIMITS["vix"])
growths = st.floats(*MACRO_LIMITS["gdp_growth"])
spreads = st.floats(*MACRO_LIMITS["yield_spread"])
stresses = st.floats(0.0, 1.0)


# --- stress ---------------------------------------------------------------------------------------------


def test_stress_of_a_known_month():
    # By hand: z = (ln 20.4 − 2.8925)/0.3346 and so on; Φ(0.46549 / 0.612) from tables.
    reading = MacroSnapshot(vix=20.4, gdp_growth=0.016, yield_spread=0.0048).read()
    assert reading.z == pytest.approx([0.367707, 0.419689, 0.778661], abs=1e-6)
    assert reading.composite == pytest.approx(0.465493, abs=1e-6)
    assert reading.stress == pytest.approx(0.77655, abs=1e-5)
    assert reading.regime == "elevated"


def test_average_conditions_are_neutral():
    policy = MacroPolicy()
    average = MacroSnapshot(np.exp(policy.vix_mean), policy.gdp_mean, policy.spread_mean)
    assert average.stress() == pytest.approx(0.5, abs=1e-12)


def test_two_thousand_eight_is_high_stress_and_two_thousand_seventeen_calm():
    assert MacroSnapshot(vix=62.0, gdp_growth=-0.003, yield_spread=0.022).regime() == "high stress"
    assert MacroSnapshot(vix=11.0, gdp_growth=0.026, yield_spread=0.010).regime() == "calm"


@given(vixes, growths, spreads, st.floats(0.0, 0.05), st.floats(1.0, 1.5))
def test_stress_rises_with_vix_and_falls_with_growth_and_spread(vix, growth, spread, step, factor):
    here = MacroSnapshot(vix, growth, spread).stress()
    assert MacroSnapshot(min(vix * factor, 150.0), growth, spread).stress() >= here
    assert MacroSnapshot(vix, min(growth + step, 0.5), spread).stress() <= here
    assert MacroSnapshot(vix, growth, min(spread + step, 0.1)).stress() <= here


def test_each_indicator_moves_stress_within_its_usual_range():
    base = MacroSnapshot(18.0, 0.02, 0.01).stress()
    assert MacroSnapshot(19.0, 0.02, 0.01).stress() > base + 0.01
    assert MacroSnapshot(18.0, 0.01, 0.01).stress() > base + 0.01
    assert MacroSnapshot(18.0, 0.02, 0.00).stress() > base + 0.01


@given(vixes, growths, spreads)
def test_no_z_score_leaves_its_limits(vix, growth, spread):
    reading = MacroSnapshot(vix, growth, spread).read()
    assert np.abs(reading.z).max() <= 3.0
    assert 0.0 < reading.stress < 1.0


def test_beyond_three_standard_deviations_nothing_changes():
    assert MacroSnapshot(60.0, -0.05, 0.0).stress() == MacroSnapshot(150.0, -0.5, 0.0).stress()


def test_stress_is_a_percentile_of_the_policy_that_reads_it():
    snapshot = MacroSnapshot(30.0, 0.01, 0.005)
    vix_only = MacroPolicy(vix_weight=1.0, gdp_weight=0.0, spread_weight=0.0, composite_std=1.0)
    assert snapshot.stress(vix_only) == pytest.approx(normal_cdf((np.log(30.0) - 2.8925) / 0.3346))


@pytest.mark.parametrize(("x", "p"), [(0.0, 0.5), (1.0, 0.841344746068543), (-1.959963984540054, 0.025)])
def test_the_normal_distribution_function_has_its_known_values(x, p):
    assert normal_cdf(x) == pytest.approx(p, abs=1e-15)


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize("vix", [0.0, 0.2, 4.99, 150.1, 200.0, -20.0])
def test_a_vix_out_of_range_is_refused_in_points(vix):
    with pytest.raises(InputError, match=r"^vix is .*; it must be 5 to 150 index points$"):
        MacroSnapshot(vix, 0.02, 0.01)


@pytest.mark.parametrize("indicator", ["gdp_growth", "yield_spread", "spread_10y_3m"])
def test_percent_where_a_fraction_is_meant_is_asked_about(indicator):
    good = {"vix": 20.0, "gdp_growth": 0.02, "yield_spread": 0.01, "spread_10y_3m": 0.01}
    with pytest.raises(InputError, match=rf"^{indicator} is 1.6 .*was percent meant\? Write 0.016 for 1.6 %"):
        MacroSnapshot(**good | {indicator: 1.6})


@pytest.mark.parametrize("indicator", MACRO_LIMITS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, False, "0.02", "", [0.02]])
def test_what_is_no_finite_number_is_refused(indicator, value):
    good = {"vix": 20.0, "gdp_growth": 0.02, "yield_spread": 0.01, "spread_10y_3m": 0.01}
    with pytest.raises(InputError, match=f"^{indicator} is .*; it must be a finite number"):
        MacroSnapshot(**good | {indicator: value})


def test_only_the_recession_spread_may_be_missing():
    assert MacroSnapshot(20.0, 0.02, 0.01, None).stress() == MacroSnapshot(20.0, 0.02, 0.01, 0.03).stress()
    with pytest.raises(InputError, match="gdp_growth is None"):
        MacroSnapshot(20.0, None, 0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"vix_weight": 0.6},
        {"regime_from": (0.1, 0.4, 0.6, 0.8)},
        {"regime_from": (0.0, 0.6, 0.6, 0.8)},
        {"regime_from": (0.0, 0.4, 0.6, 1.0)},
    ],
)
def test_a_policy_that_cannot_be_read_is_refused(change):
    with pytest.raises(InputError, match=r"must sum to 1|must start at 0 and rise"):
        MacroPolicy(**change)


# --- regimes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stress", "name"),
    [
        (0.0, "calm"),
        (0.39999, "calm"),
        (0.40, "normal"),
        (0.59999, "normal"),
        (0.60, "elevated"),
        (0.79999, "elevated"),
        (0.80, "high stress"),
        (1.0, "high stress"),
    ],
)
def test_a_regime_starts_at_its_threshold(stress, name):
    assert regime(stress) == name


def test_a_policy_moves_the_thresholds():
    assert [regime(s, (0.0, 0.1, 0.2, 0.3)) for s in (0.05, 0.15, 0.25, 0.35)] == list(REGIMES)


@pytest.mark.parametrize("stress", [-0.01, 1.01, float("nan")])
def test_there_is_no_regime_nor_tilt_outside_zero_to_one(stress):
    for function in (regime, lambda s: sector_tilts(["Energy"], s)):
        with pytest.raises(InputError, match="it must be between 0 and 1"):
            function(stress)


# --- sector tilts ---------------------------------------------------------------------------------------


def test_at_neutral_stress_nothing_is_tilted():
    assert sector_tilts(SECTORS, 0.5).tolist() == [1.0] * len(SECTORS)


def test_tilts_of_known_sectors():
    tilts = sector_tilts(["Utilities", "Information Technology", "Real Estate", "Utilities"], 0.9)
    assert tilts == pytest.approx([np.exp(0.4), np.exp(-0.32), 1.0, np.exp(0.4)], rel=1e-15)


def test_strength_zero_switches_the_tilts_off():
    assert sector_tilts(SECTORS, 0.95, strength=0.0).tolist() == [1.0] * len(SECTORS)


def test_a_house_with_sectors_of_its_own():
    tilts = sector_tilts(["Old", "New"], 1.0, {"Old": 1.0, "New": -1.0}, strength=1.0)
    assert tilts == pytest.approx([np.e, 1.0 / np.e])


def test_an_unknown_sector_is_refused_with_the_list():
    with pytest.raises(InputError) as refused:
        sector_tilts(["Utilities", "Technology", "Gold"], 0.5)
    assert str(refused.value).startswith("no such sector: Gold, Technology; the sectors are Utilities, ")
    assert all(sector in str(refused.value) for sector in SECTORS)


@pytest.mark.parametrize("defensiveness", [1e6, -1e6, float("nan"), float("inf")])
def test_a_tilt_beyond_all_reason_is_refused_by_sector(defensiveness):
    with pytest.raises(InputError, match=r"strength × defensiveness of Energy is .*within ±10"):
        sector_tilts(["Energy"], 0.9, {"Energy": defensiveness})


@st.composite
def stocks_by_sector(draw):
    """Return sectors and scaled scores of a few stocks, some scores zero."""
    sectors = draw(st.lists(st.sampled_from(SECTORS), min_size=2, max_size=20))
    m = draw(st.lists(st.floats(0.0, 1.0), min_size=len(sectors), max_size=len(sectors)))
    assume(sum(m) > 1e-3)
    return sectors, np.array(m)


@settings(max_examples=150)
@given(stocks_by_sector(), stresses, stresses)
def test_odds_move_toward_the_more_defensive_of_two_sectors_as_stress_rises(stocks, one, other):
    sectors, m = stocks
    calm, tense = sorted((one, other))
    assume(tense - calm > 1e-6)
    before, after = (stock_weights(m, sector_tilts(sectors, stress), cap=1.0) for stress in (calm, tense))
    for i, j in pairwise(np.flatnonzero(m > 1e-6)):
        odds_change = np.log(after[i] / after[j]) - np.log(before[i] / before[j])
        lead = SECTOR_DEFENSIVENESS[sectors[i]] - SECTOR_DEFENSIVENESS[sectors[j]]
        assert odds_change == pytest.approx(0.5 * lead * 2.0 * (tense - calm), abs=1e-12)
        assert np.sign(odds_change if abs(odds_change) > 1e-12 else 0.0) == np.sign(lead)


@settings(max_examples=150)
@given(stocks_by_sector(), stresses, stresses)
def test_defensive_sectors_together_do_not_lose_share_as_stress_rises(stocks, one, other):
    sectors, m = stocks
    calm, tense = sorted((one, other))
    defensive = np.array([SECTOR_DEFENSIVENESS[sector] > 0.0 for sector in sectors])
    before, after = (stock_weights(m, sector_tilts(sectors, stress), cap=1.0) for stress in (calm, tense))
    assert after[defensive].sum() >= before[defensive].sum() - 1e-14


def test_one_defensive_sector_can_lose_to_a_more_defensive_one():
    # The false statement, which is not claimed: every defensive sector's own share rises.
    sectors, m = ["Utilities", "Health Care"], [0.5, 0.5]
    calm, tense = (stock_weights(m, sector_tilts(sectors, stress), cap=1.0) for stress in (0.1, 0.9))
    assert tense[1] < calm[1]


# --- recession probability ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spread", "probability"), [(0.01, 0.122), (0.0, 0.297), (-0.01, 0.540), (0.03, 0.0075)]
)
def test_the_yield_curve_probit_gives_the_published_probabilities(spread, probability):
    assert recession_probability(spread) == pytest.approx(probability, abs=6e-4)


def test_a_steep_curve_makes_a_recession_less_likely():
    curve = [recession_probability(spread) for spread in np.linspace(-0.1, 0.1, 41)]
    assert (np.diff(curve) < 0.0).all()


def test_the_probit_asks_about_percent_too():
    with pytest.raises(InputError, match="was percent meant"):
        recession_probability(1.0)
