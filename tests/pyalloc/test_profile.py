"""A budget is split into whole minor units that sum to it, and a profile that cannot be is refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyalloc import InvestorProfile
from pyalloc.errors import InputError, UncertifiedError
from pyalloc.names import currency_digits
from pyalloc.profile import LARGEST_BUDGET, minor_units, rounded

currencies = st.sampled_from(["USD", "EUR", "JPY", "KRW", "KWD", "TND", "CHF"])
weights = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60).filter(lambda w: sum(w) > 1e-3)


# --- amounts --------------------------------------------------------------------------------------------


@given(weights, currencies, st.integers(1, LARGEST_BUDGET))
@example([0.1] * 60, "KWD", LARGEST_BUDGET)
@example([1.0, 0.0, 0.0], "JPY", 1)
def test_amounts_sum_to_the_budget_in_minor_units(w, currency, total):
    digits = currency_digits(currency)
    budget = total / 10**digits
    shares = np.array(w) / sum(w)
    amounts = minor_units(np.cumsum(shares), budget, digits)
    assert sum(amounts) == total
    assert all(isinstance(amount, int) for amount in amounts)
    exact = shares * budget * 10.0**digits
    assert np.abs(np.array(amounts) - exact).max() <= 1.0 + 1e-14 * total


def test_three_equal_lines_of_a_hundred_dollars():
    assert minor_units(np.cumsum([1 / 3] * 3), 100.0, 2) == [3333, 3334, 3333]
    assert minor_units(np.cumsum([1 / 3] * 3), 100.0, 0) == [33, 34, 33]


def test_weights_that_miss_one_give_no_amounts():
    with pytest.raises(UncertifiedError, match=r"the weights sum to 0\.999, so they miss the budget$"):
        minor_units(np.cumsum([0.5, 0.499]), 100.0, 2)


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (2.5, 0, "3"),
        (-2.5, 0, "-3"),
        (0.125, 2, "0.13"),
        (-0.125, 2, "-0.13"),
        # In binary 1.005 is 1.00499999999999989…; a spreadsheet, on fifteen digits, makes 1.01 of it.
        (1.005, 2, "1.01"),
        (2.675, 2, "2.68"),
        (1.0049999, 2, "1.00"),
        (0.1 + 0.2, 3, "0.300"),
        (123456789012.345, 2, "123456789012.35"),
        (5e-7, 6, "0.000001"),
        (1234.0, 0, "1234"),
    ],
)
def test_halves_are_rounded_away_from_zero_as_a_spreadsheet_does(value, digits, expected):
    assert rounded(value, digits) == Decimal(expected)


@given(st.integers(-(10**11), 10**11), st.integers(0, 3))
def test_what_has_no_more_decimals_is_not_changed(units, digits):
    assert rounded(units / 10**digits, digits) == Decimal(units).scaleb(-digits)


@pytest.mark.parametrize(("currency", "digits"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("XAF", 0), ("ZZZ", 2)])
def test_currencies_have_the_minor_units_of_iso_4217(currency, digits):
    assert currency_digits(currency) == digits


# --- profiles -------------------------------------------------------------------------------------------


def test_a_profile_is_medium_with_a_hundred_thousand_dollars_unless_told():
    profile = InvestorProfile()
    assert (profile.risk, profile.budget, profile.currency) == ("medium", 100_000.0, "USD")


@pytest.mark.parametrize("risk", ["low", "MEDIUM", 1, 7, 10])
def test_risk_is_a_level_or_a_number_from_one_to_ten(risk):
    assert InvestorProfile(risk=risk).risk == risk


@pytest.mark.parametrize("risk", ["brave", 0, 0.5, 11, -1, True, None, float("nan")])
def test_any_other_risk_is_refused(risk):
    with pytest.raises(InputError, match=r"it must be low, medium, high or a number from 1 to 10"):
        InvestorProfile(risk=risk)


@pytest.mark.parametrize("currency", ["usd", "US", "USDT", "U$D", "US1", "A B", "ÄÖÜ", ""])
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(InputError, match="three-letter ISO code such as USD"):
        InvestorProfile(currency=currency)


@pytest.mark.parametrize(
    ("budget", "currency", "largest"),
    [
        (0, "USD", "1,000,000,000,000 USD"),
        (-5, "USD", "1,000,000,000,000 USD"),
        (float("nan"), "USD", "1,000,000,000,000 USD"),
        (float("inf"), "USD", "1,000,000,000,000 USD"),
        (1.01e12, "USD", "1,000,000,000,000 USD"),
        (1.01e11, "KWD", "100,000,000,000 KWD"),
        (1.01e14, "JPY", "100,000,000,000,000 JPY"),
    ],
)
def test_a_budget_is_positive_and_keeps_its_minor_units(budget, currency, largest):
    with pytest.raises(InputError, match=f"it must be above 0 and at most {largest}$"):
        InvestorProfile(budget=budget, currency=currency)


@pytest.mark.parametrize(
    ("budget", "currency", "nearest"),
    [(100.005, "USD", "100.00"), (99.5, "JPY", "100"), (0.1 + 0.2, "EUR", "0.30"), (1.0005, "KWD", "1.000")],
)
def test_a_budget_with_more_decimals_than_its_currency_is_refused(budget, currency, nearest):
    with pytest.raises(InputError, match=rf"{currency} has \d decimals, so round it to {nearest}$"):
        InvestorProfile(budget=budget, currency=currency)


@pytest.mark.parametrize("bounds", [(-0.1, 0.5), (0.6, 0.5), (0.0, 1.2), (5, 40), (0.0, float("nan"))])
def test_bounds_are_fractions_in_order(bounds):
    with pytest.raises(InputError, match=r"^bounds of Cash are .* fractions, .* \(0\.05 is 5 %\)$"):
        InvestorProfile(bounds={"Cash": bounds})
