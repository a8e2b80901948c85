"""The whole chain on the demo market: weights sum to 1, and what was not met is said."""

from __future__ import annotations

import dataclasses
from datetime import date
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyalloc import InvestorProfile, MacroSnapshot, MarketData, Policy, allocate
from pyalloc.errors import InfeasibleError, InputError, SingularSystemError
from pyalloc.frontier import SleevePolicy, risk_contributions
from pyalloc.macro import MacroPolicy
from pyalloc.names import (
    ATTAINED,
    CATEGORIES,
    CLIPPED_HIGH,
    EXACT,
    MINIMUM_VARIANCE,
    NEAREST,
    SINGLE_POINT,
    TRACE,
    currency_digits,
)
from pyalloc.ranking.choice import FIGURES
from pyalloc.stocks import FEATURES, StockPolicy

RISKS = ["low", "medium", "high", *range(1, 11)]
DATES = ["2015-06-30", "2018-02-14", "2020-12-31", "2023-09-29", None]
BETAS = {"low": 0.875, "medium": 1.0, "high": 1.25}


@lru_cache
def view_at(market, day):
    return market.at(day)


def allocated(market, day=None, policy=None, macro=None, **profile):
    return allocate(view_at(market, day), macro, profile=InvestorProfile(**profile), policy=policy)


def assets_of(market, category):
    return [asset.asset for asset in market.in_category(category)]


def with_closes(market, change):
    """Return the market with its closes changed by a function of (closes, column numbers by asset)."""
    closes = market.closes.copy()
    change(closes, {asset.asset: market.column(asset.asset) for asset in market.assets})
    return dataclasses.replace(market, closes=closes)


@pytest.fixture(scope="module")
def falling_market(demo_market: MarketData) -> MarketData:
    """Return the demo market with every stock losing two thirds a year on top."""

    def fall(closes, column):
        stocks = [column[asset] for asset in assets_of(demo_market, "Stocks")]
        closes[:, stocks] *= np.exp(-1.2 / 261 * np.arange(len(closes)))[:, None]

    return with_closes(demo_market, fall)


# --- what every allocation keeps ------------------------------------------------------------------------


@pytest.mark.parametrize("day", DATES)
@pytest.mark.parametrize("risk", RISKS)
def test_every_allocation_is_whole(demo_market, day, risk):
    allocation = allocated(demo_market, day, risk=risk)
    trace = allocation.trace
    for name in ("holding_weight", "category_weights", "sleeve_weights", "stock_weight", "sector_sleeve"):
        assert trace[name].sum() == pytest.approx(1.0, abs=1e-12), name
        assert trace[name].min() >= 0.0, name
    w = trace["sleeve_weights"]
    assert (w >= trace["sleeve_lower"] - 1e-15).all()
    assert (w <= trace["sleeve_upper"] + 1e-15).all()
    assert (trace["stock_weight"] <= trace["stock_cap"] + 1e-15).all()
    assert trace["category_status"] == EXACT
    if trace["target_status"] == ATTAINED:
        assert trace["sleeve_return"] == pytest.approx(trace["r_adj"], abs=1e-12)
    said = any(f"was {trace['target_status']}: " in notice for notice in allocation.notices)
    assert said == (trace["target_status"] != ATTAINED)


@pytest.mark.parametrize("day", DATES)
@pytest.mark.parametrize(("risk", "beta"), BETAS.items())
def test_risk_levels_hold_the_betas_they_are_named_for_unless_clipped(demo_market, day, risk, beta):
    trace = allocated(demo_market, day, risk=risk).trace
    if trace["target_status"] == ATTAINED:
        assert trace["sleeve_beta"] == pytest.approx(beta, abs=1e-12)
    else:
        assert (day, risk) == ("2018-02-14", "high")
        assert trace["target_status"] == CLIPPED_HIGH
        assert 1.0 < trace["sleeve_beta"] < beta


def test_medium_risk_holds_the_anchor_itself(demo_market):
    trace = allocated(demo_market, risk="medium").trace
    assert trace["sleeve_weights"] == pytest.approx(trace["stock_weight"], abs=1e-12)
    assert trace["r_eff"] == pytest.approx(trace["risk_free"] + 0.08, abs=1e-14)


def test_more_risk_is_more_equity_and_more_beta(demo_market):
    traces = [allocated(demo_market, risk=risk).trace for risk in range(1, 11)]
    equity = [trace["category_weights"][0] for trace in traces]
    beta = [trace["sleeve_beta"] for trace in traces]
    assert (np.diff(equity) > 0.0).all()
    assert (np.diff(beta) >= -1e-12).all()


def test_more_stress_is_less_equity_and_a_more_defensive_anchor(demo_market):
    calm, tense = (
        allocated(demo_market, macro=MacroSnapshot(vix, growth, 0.01)).trace
        for vix, growth in ((12.0, 0.03), (45.0, -0.03))
    )
    assert calm["stress"] < 0.25 < 0.75 < tense["stress"]
    assert tense["category_weights"][0] < calm["category_weights"][0]
    sectors = calm["sector_names"]
    odds = [
        trace["sector_tilted"][sectors.index("Utilities")]
        / trace["sector_tilted"][sectors.index("Information Technology")]
        for trace in (calm, tense)
    ]
    assert odds[1] > odds[0]


@settings(max_examples=60)
@given(
    risk=st.sampled_from(RISKS),
    cents=st.integers(100, 10**13),
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_amounts_sum_to_the_budget_in_minor_units(demo_market, risk, cents, currency):
    budget = cents / 10 ** currency_digits(currency)
    allocation = allocated(demo_market, risk=risk, budget=budget, currency=currency)
    units = allocation.trace["holding_amount"] * 10 ** currency_digits(currency)
    assert np.abs(units - np.rint(units)).max() <= 1e-3
    assert int(np.rint(units).sum()) == cents
    exact = allocation.trace["holding_weight"] * cents
    assert np.abs(units - exact).max() <= 1.0 + 1e-12 * cents


# --- the trace ------------------------------------------------------------------------------------------


def test_the_trace_is_the_vocabulary_in_its_order(demo_market):
    assert list(allocated(demo_market).trace) == list(TRACE)


def test_every_traced_quantity_has_the_shape_it_is_said_to_have(demo_market):
    trace = allocated(demo_market).trace
    sizes = {
        "n": len(trace["stock_ticker"]),
        "F": len(FEATURES),
        "8": len(FIGURES),
        "T": len(trace["month_ends"]) - 1,
        "S": len(trace["sector_names"]),
        "K": Policy().sleeve.frontier_points,
        "k": len(CATEGORIES),
        "H": len(trace["holding_ticker"]),
        "T+1": len(trace["month_ends"]),
        "3": 3,
    }
    assert len(set(sizes.values())) == len(sizes)
    for name, quantity in TRACE.items():
        shape = tuple(sizes[size.strip()] for size in quantity.shape.strip("()").split(",") if size)
        assert np.shape(trace[name]) == shape, name


def test_the_steps_of_the_chain_follow_from_each_other(demo_market):
    trace = allocated(demo_market, risk="high").trace
    w, anchor, cov, mu = (trace[name] for name in ("sleeve_weights", "stock_weight", "covariance", "mu"))
    assert trace["stock_mt"] == pytest.approx(trace["stock_m"] * trace["stock_tilt"])
    assert anchor == pytest.approx(np.minimum(trace["stock_cap"], trace["stock_scale"] * trace["stock_mt"]))
    assert mu == pytest.approx(trace["risk_free"] + 0.08 * cov @ anchor / (anchor @ cov @ anchor))
    assert trace["r_adj"] == pytest.approx(trace["r_eff"] + 0.02)
    assert trace["sleeve_return"] == pytest.approx(mu @ w)
    assert trace["sleeve_volatility"] == pytest.approx(np.sqrt(w @ cov @ w))
    assert trace["constraint_A"] @ trace["category_weights"] == pytest.approx([1, 0, 0, 0], abs=1e-15)
    assert trace["holding_running"] == pytest.approx(np.cumsum(trace["holding_weight"]))


def test_lines_are_by_category_and_then_by_weight(demo_market):
    table = allocated(demo_market).weights
    assert list(table.columns) == ["asset", "category", "sector", "weight", "amount"]
    assert list(dict.fromkeys(table["category"])) == list(CATEGORIES)
    for _, lines in table.groupby("category"):
        assert lines["weight"].is_monotonic_decreasing
    assert table["amount"].sum() == pytest.approx(100_000.0)


def test_the_trace_cannot_be_changed(demo_market):
    trace = allocated(demo_market).trace
    with pytest.raises(TypeError):
        trace["stress"] = 0.0
    for name, value in trace.items():
        if isinstance(value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0
            assert not value.flags.writeable, name


def test_the_same_inputs_give_the_same_bits(demo_market_path):
    one, other = (
        allocated(MarketData.from_path(demo_market_path), risk="high", budget=12_345.67).trace
        for _ in range(2)
    )
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name


def test_the_views_own_macro_row_is_used_unless_another_is_given(demo_market):
    view = demo_market.at()
    own = allocate(view, profile=InvestorProfile())
    given_macro = MacroSnapshot(30.0, 0.0, 0.0)
    assert own.macro is view.macro
    assert own.trace["known_on"] == view.macro.known_on
    what_if = allocate(view, given_macro, profile=InvestorProfile())
    assert what_if.trace["stress"] == given_macro.stress()
    assert what_if.trace["recession_probability"] is None


# --- bounds, exclusions, overrides ----------------------------------------------------------------------


def test_bounds_hold_and_are_said_to_bind(demo_market):
    free = allocated(demo_market, risk="high")
    assert free.trace["category_weights"][0] > 0.5
    bound = allocated(demo_market, risk="high", bounds={"Stocks": (0.0, 0.5), "Cash": (0.10, 1.0)})
    weights = dict(zip(CATEGORIES, bound.trace["category_weights"], strict=True))
    assert weights["Stocks"] == 0.5
    assert weights["Cash"] >= 0.10
    assert bound.trace["category_status"] == NEAREST
    assert bound.trace["category_distance"] > 0.0
    assert bound.trace["category_exact"] == pytest.approx(free.trace["category_weights"], abs=1e-15)
    (notice,) = (notice for notice in bound.notices if "Bounds bind" in notice)
    assert "Stocks at upper bound 50.00 %" in notice


def test_bounds_that_do_not_bind_change_nothing(demo_market):
    wide = allocated(demo_market, bounds={"Stocks": (0.1, 0.9)})
    assert wide.trace["category_status"] == EXACT
    assert wide.notices == ()


def test_bounds_that_contradict_each_other_are_refused_in_words(demo_market):
    with pytest.raises(InfeasibleError, match=r"Stocks ≥ 60\.00 %, Bonds ≥ 50\.00 %"):
        allocated(demo_market, bounds={"Stocks": (0.6, 1.0), "Bonds": (0.5, 1.0)})


def test_bounds_of_an_unknown_category_are_refused_with_the_list(demo_market):
    with pytest.raises(InputError, match="for Gold; the categories are Stocks, Bonds, Cash, Commodities"):
        allocated(demo_market, bounds={"Gold": (0.0, 0.1)})


def test_excluded_assets_are_not_held_and_the_reason_is_kept(demo_market):
    free = allocated(demo_market)
    stock, bond = free.trace["holding_ticker"][0], assets_of(demo_market, "Bonds")[0]
    assert bond in free.trace["holding_ticker"]
    without = allocated(demo_market, exclude=(stock, bond))
    assert {stock, bond}.isdisjoint(without.trace["holding_ticker"])
    assert without.excluded[stock] == without.excluded[bond] == "excluded by the client"
    assert without.trace["holding_weight"].sum() == pytest.approx(1.0, abs=1e-12)


def test_an_unknown_excluded_asset_is_refused(demo_market):
    with pytest.raises(InputError, match=r"excluded asset NOPE is not in assets\.csv; check the spelling"):
        allocated(demo_market, exclude=("NOPE",))


def test_a_young_stock_is_left_out_with_the_reason(demo_market):
    (young,) = allocated(demo_market).excluded
    assert allocated(demo_market).excluded[young] == "20 monthly returns, 36 needed"


def test_overrides_replace_entries_of_the_system(demo_market):
    plain = allocated(demo_market).trace
    trace = allocated(demo_market, overrides={(3, 2): -0.5, (3, 3): 0.5, (4, 5): 2_500.0}).trace
    A = plain["constraint_A"].copy()
    A[2, 1], A[2, 2] = -0.5, 0.5
    np.testing.assert_array_equal(trace["constraint_A"], A)
    assert trace["constraint_b"].tolist() == [100_000.0, 0.0, 0.0, 2_500.0]
    _, bonds, cash, commodities = trace["category_weights"]
    assert cash == pytest.approx(bonds)
    assert commodities == pytest.approx(plain["category_weights"][3] + 0.025)


@pytest.mark.parametrize("place", [(0, 1), (1, 1), (1, 5), (5, 1), (2, 6), (2, 0)])
def test_an_override_outside_the_rows_below_the_budget_is_refused(demo_market, place):
    with pytest.raises(
        InputError, match=r"rows run from 2 to 4 \(row 1 invests the budget\), columns from 1 to"
    ):
        allocated(demo_market, overrides={place: 0.5})


def test_an_override_that_leaves_no_single_solution_is_refused_by_row(demo_market):
    zero_rows = {(2, column): 1.0 for column in range(1, 5)}
    with pytest.raises(SingularSystemError, match=r"row 2 \(equity\) = 1 × row 1 \(budget\)"):
        allocated(demo_market, overrides=zero_rows)


# --- the sleeve -----------------------------------------------------------------------------------------


def test_one_stock_is_a_single_point(demo_market):
    only, *others = assets_of(demo_market, "Stocks")
    allocation = allocated(demo_market, risk="high", exclude=tuple(others))
    assert allocation.trace["stock_ticker"] == (only,)
    assert allocation.trace["sleeve_weights"].tolist() == [1.0]
    assert allocation.trace["target_status"] == SINGLE_POINT
    assert allocation.notices == ()


def test_a_target_out_of_reach_is_clipped_and_said_so(demo_market):
    allocation = allocated(demo_market, risk="high", policy=Policy(sleeve=SleevePolicy(floor=0.95)))
    trace = allocation.trace
    assert trace["sleeve_return"] == pytest.approx(trace["r_max"], abs=1e-12)
    assert trace["r_target"] == trace["r_max"] < trace["r_adj"]
    assert trace["shortfall"] == pytest.approx(trace["r_adj"] - trace["r_max"])
    assert trace["sleeve_beta"] < 1.25
    (notice,) = allocation.notices
    assert "was clipped to the highest attainable return: " in notice


def test_negative_momentum_everywhere_is_said(falling_market):
    allocation = allocated(falling_market)
    assert allocation.trace["stock_score"].max() < 0.0
    assert any("Momentum is negative for every stock" in notice for notice in allocation.notices)
    assert allocation.trace["sleeve_weights"].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("model", ["bayes_stein", "historical"])
@pytest.mark.parametrize("risk", ["low", "high"])
def test_other_return_models_have_their_own_maximum_sharpe_portfolio(demo_market, model, risk):
    allocation = allocated(demo_market, risk=risk, policy=Policy(sleeve=SleevePolicy(return_model=model)))
    trace = allocation.trace
    best = trace["maxsharpe_weights"]
    assert trace["r_eff"] == pytest.approx(trace["mu"] @ best)
    assert best.max() <= trace["stock_cap"] + 1e-12

    def ratio(w):
        return (trace["mu"] @ w - trace["risk_free"]) / np.sqrt(w @ trace["covariance"] @ w)

    assert ratio(best) >= max(ratio(w) for w in trace["frontier_weights"].T) - 1e-12
    assert ratio(best) > ratio(trace["stock_weight"])
    assert any("unsafe" in notice for notice in allocation.notices) == (model == "historical")


def test_where_no_return_is_above_the_risk_free_rate_variance_is_least(falling_market):
    policy = Policy(sleeve=SleevePolicy(return_model="historical"))
    allocation = allocated(falling_market, policy=policy)
    trace = allocation.trace
    assert trace["mu"].max() < trace["risk_free"]
    assert trace["target_status"] == MINIMUM_VARIANCE
    assert any("the stock sleeve is the least volatile" in notice for notice in allocation.notices)
    # Moving weight from any name above its floor to any below its cap raises the variance.
    w = trace["sleeve_weights"]
    marginal = trace["covariance"] @ w
    can_give, can_take = w > trace["sleeve_lower"] + 1e-12, w < trace["sleeve_upper"] - 1e-12
    assert marginal[can_give].max() <= marginal[can_take].min() + 1e-12


@pytest.mark.parametrize("scaling", ["rank", "softmax"])
def test_other_scalings_hold_the_same_betas(demo_market, scaling):
    policy = Policy(stocks=StockPolicy(scaling=scaling, top=25))
    trace = allocated(demo_market, risk="low", policy=policy).trace
    assert trace["sleeve_beta"] == pytest.approx(0.875, abs=1e-12)
    assert (trace["sleeve_weights"] > 0.0).sum() == 25


def test_a_short_history_is_said(demo_market):
    (notice,) = allocated(demo_market, "2016-03-31").notices
    assert notice == (
        "The covariance rests on 57 months, the youngest stock's history; the policy asks for 60."
    )


# --- the other sleeves ----------------------------------------------------------------------------------


def test_other_categories_are_held_in_equal_parts(demo_market):
    table = allocated(demo_market).weights.groupby("category")["weight"]
    for category in CATEGORIES[1:]:
        assert np.ptp(table.get_group(category)) <= 1e-16
        assert len(table.get_group(category)) == len(assets_of(demo_market, category))


def test_inverse_volatility_gives_calm_instruments_more(demo_market):
    table = allocated(demo_market, policy=Policy(other_sleeves="inverse_volatility")).weights
    for category in CATEGORIES[1:]:
        weight = table[table["category"] == category].set_index("asset")["weight"]
        risk = [
            weight[a.asset] * view_at(demo_market, None).volatility(a)
            for a in demo_market.in_category(category)
        ]
        assert risk == pytest.approx([risk[0]] * len(risk))


def test_equal_risk_gives_every_instrument_of_a_category_the_same_share_of_its_variance(demo_market):
    table = allocated(demo_market, policy=Policy(other_sleeves="equal_risk")).weights
    for category in CATEGORIES[1:]:
        assets = demo_market.in_category(category)
        weight = table[table["category"] == category].set_index("asset")["weight"]
        covariance = view_at(demo_market, None).covariance(assets)
        volatility = [view_at(demo_market, None).volatility(asset) for asset in assets]
        assert np.sqrt(covariance.diagonal()) == pytest.approx(volatility)
        shares = risk_contributions([weight[asset.asset] for asset in assets], covariance)
        assert shares == pytest.approx([1.0 / len(assets)] * len(assets))


@pytest.mark.parametrize("sleeves", ["inverse_volatility", "equal_risk"])
def test_an_instrument_that_never_moves_cannot_be_weighed_by_its_volatility(demo_market, sleeves):
    deposit = assets_of(demo_market, "Cash")[1]

    def freeze(closes, column):
        closes[:, column[deposit]] = 100.0

    frozen = with_closes(demo_market, freeze)
    assert deposit in allocated(frozen).trace["holding_ticker"]
    with pytest.raises(
        InputError, match=f"{deposit} has not moved in a year, so {sleeves.replace('_', ' ')}"
    ):
        allocated(frozen, policy=Policy(other_sleeves=sleeves))


def test_a_category_without_an_instrument_is_refused_by_name(demo_market):
    gone = tuple(assets_of(demo_market, "Commodities"))
    with pytest.raises(InputError, match=r"Commodities is to hold .* %.*or bound Commodities to 0"):
        allocated(demo_market, exclude=gone)
    without = allocated(demo_market, exclude=gone, bounds={"Commodities": (0.0, 0.0)})
    assert "Commodities" not in without.trace["holding_category"]
    assert without.trace["holding_weight"].sum() == pytest.approx(1.0, abs=1e-12)


def test_a_sector_that_the_policy_does_not_know_is_refused(demo_market):
    odd = tuple(
        dataclasses.replace(asset, sector="Technology") if asset.sector == "Energy" else asset
        for asset in demo_market.assets
    )
    with pytest.raises(InputError, match="no such sector: Technology; the sectors are Utilities"):
        allocated(dataclasses.replace(demo_market, assets=odd))


# --- how old the macro row is ---------------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "said"), [(21, False), (20, True)])
def test_a_macro_row_older_than_the_policy_allows_is_told(demo_market, allowed, said):
    policy = Policy(macro=MacroPolicy(max_age_days=allowed))
    allocation = allocated(demo_market, "2025-06-20", policy=policy)
    assert allocation.trace["known_on"] == date(2025, 5, 30)
    sentence = (
        "The macro row, known on 2025-05-30, is 21 days older than the as-of date; the policy allows 20."
    )
    assert (sentence in allocation.notices) is said
