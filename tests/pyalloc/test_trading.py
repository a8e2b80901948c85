"""Every unit of wealth is somewhere: positions, the cash account or costs, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyalloc.backtest.trading import cash_growth, positions, rebalanced, trade
from pyalloc.errors import InputError

seeds = st.integers(0, 2**32 - 1)
fees = st.sampled_from([0.0, 0.001, 0.02])
bands = st.sampled_from([0.0, 0.03, 0.2])


def history(seed, assets=6, days=160, every=13):
    """Return prices with late starts, ends and gaps, execution rows, weights that miss some, and cash."""
    rng = np.random.default_rng(seed)
    closes = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (days, assets)), axis=0))
    closes[:40, 0] = np.nan
    closes[rng.integers(30, days) :, 1] = np.nan
    gap = int(rng.integers(30, days - 20))
    closes[gap : gap + 9, 2] = np.nan
    rows = np.arange(5, days, every)
    weights = rng.dirichlet(np.ones(assets), len(rows)) * rng.choice([1.0, 0.9], (len(rows), 1))
    cash = np.cumprod(1.0 + rng.uniform(0.0, 3e-4, days))
    return closes, rows, weights, cash


@given(seeds, fees, bands)
def test_wealth_is_the_sum_of_positions_and_cash(seed, fee, band):
    closes, rows, weights, cash = history(seed)
    found = trade(closes, rows, weights, first=2, cash=cash, fee=fee, band=band)
    for row in range(2, len(closes)):
        held, spare = positions(found, closes, cash, row)
        assert held.sum() + spare == pytest.approx(found.wealth[row - 2], rel=1e-10)
        assert spare >= -1e-12


@given(seeds, fees, bands)
def test_a_cost_is_the_fee_times_what_is_traded(seed, fee, band):
    closes, rows, weights, cash = history(seed)
    found = trade(closes, rows, weights, first=2, cash=cash, fee=fee, band=band)
    np.testing.assert_allclose(found.costs, fee * found.traded, rtol=0.0, atol=1e-10)
    np.testing.assert_allclose(found.wealth[rows - 2] + found.costs, found.before, rtol=1e-10)
    for sale in found.sales:
        assert sale.cost == pytest.approx(fee * sale.value, abs=1e-10)


@given(seeds, fees)
def test_after_a_trade_the_weights_are_the_target_of_what_has_a_price(seed, fee):
    closes, rows, weights, cash = history(seed)
    found = trade(closes, rows, weights, first=2, cash=cash, fee=fee)
    for k, row in enumerate(rows):
        held, _ = positions(found, closes, cash, int(row))
        wanted = np.where(np.isfinite(closes[row]), weights[k], 0.0)
        np.testing.assert_allclose(held / found.wealth[row - 2], wanted, rtol=0.0, atol=1e-12)


@given(seeds)
def test_nothing_within_the_band_is_traded_and_all_beyond_it_is(seed):
    closes, rows, weights, cash = history(seed)
    found = trade(closes, rows, weights, first=2, cash=cash, fee=0.001, band=0.2)
    for k, row in enumerate(rows[1:].tolist(), start=1):
        before, spare = positions(found, closes, cash, row - 1)
        priced = np.isfinite(closes[row])
        values = np.zeros(len(before))
        np.multiply(before, closes[row] / closes[row - 1], out=values, where=priced & (before > 0.0))
        ended = float(before[~priced].sum()) * (1.0 - 0.001)
        wealth = values.sum() + spare * cash[row] / cash[row - 1] + ended
        change = np.where(priced, weights[k], 0.0) - values / wealth
        turnover = 0.5 * (np.abs(change).sum() + abs(change.sum()))
        assert (found.traded[k] > 0.0) == (turnover > 0.2)


@given(seeds)
def test_no_price_of_a_later_day_changes_wealth(seed):
    closes, rows, weights, cash = history(seed)
    rng = np.random.default_rng(seed)
    row = int(rng.integers(20, len(closes) - 1))
    later = closes.copy()
    later[row + 1 :] *= np.exp(rng.normal(0.0, 0.5, later[row + 1 :].shape))
    later[row + 1 :, 3] = np.nan
    one, other = (trade(c, rows, weights, first=2, cash=cash, fee=0.001) for c in (closes, later))
    np.testing.assert_allclose(one.wealth[: row - 1], other.wealth[: row - 1], rtol=1e-13)


@given(seeds, st.floats(0.0, 0.2))
def test_wealth_after_costs_solves_its_equation(seed, fee):
    rng = np.random.default_rng(seed)
    values = rng.exponential(1.0, 30) * rng.choice([0.0, 1.0], 30)
    weights = rng.dirichlet(np.ones(30)) * rng.choice([0.0, 1.0], 30)
    wealth = values.sum() + rng.exponential(1.0)
    wanted = weights * wealth - values
    after, volume = rebalanced(values, weights, wealth, fee, wanted, np.abs(wanted).sum())
    assert volume == pytest.approx(np.abs(weights * after - values).sum(), abs=1e-12)
    assert after + fee * np.abs(weights * after - values).sum() == pytest.approx(wealth, rel=1e-12)
    assert 0.0 < after <= wealth


def test_the_first_purchase_costs_what_it_buys():
    closes = np.full((4, 2), 10.0)
    found = trade(closes, np.array([1]), np.array([[0.5, 0.5]]), first=0, cash=np.ones(4), fee=0.01)
    assert found.wealth == pytest.approx([1.0, 1 / 1.01, 1 / 1.01, 1 / 1.01], rel=1e-14)
    assert found.turnover == pytest.approx([1.0])


def test_until_the_first_execution_wealth_is_cash():
    cash = np.array([1.0, 1.1, 1.21, 1.331])
    closes = np.array([[10.0], [10.0], [10.0], [20.0]])
    found = trade(closes, np.array([2]), np.array([[1.0]]), first=0, cash=cash)
    assert found.wealth == pytest.approx([1.0, 1.1, 1.21, 2.42], rel=1e-14)


def test_an_asset_that_ends_is_sold_at_its_last_price_and_the_proceeds_earn_cash():
    closes = np.array([[10.0, 5.0], [10.0, 5.0], [20.0, 5.0], [np.nan, 5.0], [np.nan, 5.0]])
    cash = np.array([1.0, 1.0, 1.0, 1.0, 1.5])
    found = trade(closes, np.array([1]), np.array([[0.5, 0.5]]), first=0, cash=cash, fee=0.1)
    [sale] = found.sales
    bought = 0.5 / 1.1
    assert (sale.row, sale.column) == (3, 0)
    assert sale.value == pytest.approx(2 * bought, rel=1e-14)
    assert found.wealth[2:] == pytest.approx(
        [3 * bought, (2 * 0.9 + 1) * bought, (2 * 0.9 * 1.5 + 1) * bought], rel=1e-14
    )
    assert found.total_cost == pytest.approx(0.1 * 4 * bought, rel=1e-14)


def test_a_target_without_a_price_on_the_day_stays_in_cash():
    closes = np.array([[10.0, 5.0], [10.0, np.nan], [20.0, 6.0]])
    found = trade(closes, np.array([1]), np.array([[0.5, 0.5]]), first=0, cash=np.ones(3))
    assert found.account == pytest.approx([0.5])
    assert found.wealth == pytest.approx([1.0, 1.0, 1.5])


def test_weights_that_hold_everything_unchanged_earn_the_mean_return():
    rng = np.random.default_rng(1)
    closes = 10.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (50, 3)), axis=0))
    found = trade(closes, np.arange(1, 50), np.full((49, 3), 1 / 3), first=0, cash=np.ones(50))
    daily = closes[2:] / closes[1:-1] - 1.0
    np.testing.assert_allclose(found.wealth[2:] / found.wealth[1:-1] - 1.0, daily.mean(axis=1), rtol=1e-9)


def test_cash_earns_the_mean_of_the_instruments_that_have_a_price():
    closes = np.array([[100.0, np.nan], [101.0, 50.0], [102.01, 51.5], [np.nan, 51.5]])
    assert cash_growth(closes) == pytest.approx([1.0, 1.01, 1.01 * 1.02, 1.01 * 1.02], rel=1e-14)
    assert (cash_growth(np.empty((3, 0))) == 1.0).all()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"fee": 0.5}, "fee is 0.5"),
        ({"band": -0.1}, "band is -0.1"),
        ({"rows": np.array([2, 1])}, "must ascend"),
        ({"rows": np.array([1, 9])}, "must ascend"),
        ({"targets": np.array([[0.8, 0.8], [0.5, 0.5]])}, "sum to 1 at most"),
        ({"targets": np.array([[np.nan, 0.8], [0.5, 0.5]])}, "at least 0"),
        ({"targets": np.ones((1, 2))}, "shape"),
    ],
)
def test_what_cannot_be_traded_is_refused(changed, says):
    asked = {"rows": np.array([1, 2]), "targets": np.full((2, 2), 0.5), "fee": 0.0, "band": 0.0} | changed
    with pytest.raises(InputError, match=says):
        trade(
            np.ones((5, 2)),
            asked["rows"],
            asked["targets"],
            first=0,
            cash=np.ones(5),
            fee=asked["fee"],
            band=asked["band"],
        )
