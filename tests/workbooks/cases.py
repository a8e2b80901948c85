"""The allocations that workbook tests are held against: every way the template can grow or branch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from pyalloc import Allocation, InvestorProfile, MarketData, Policy, allocate
from pyalloc.backtest import walk_forward
from pyalloc.category import CategoryPolicy, CategoryRow
from pyalloc.frontier import SleevePolicy
from pyalloc.macro import MacroPolicy
from pyalloc.stocks import StockPolicy
from workbooks.history import History, history_of
from workbooks.template.facts import Recipient

RECIPIENT = Recipient("C-10482", "Sample Client & Sons")

_GOLD = CategoryRow("gold", of=("Gold",), within=("Commodities", "Gold"), share=0.4)
_LAND = CategoryRow("land", of=("Real estate",), within="all", share=0.02)


def _categories(*rows: CategoryRow) -> CategoryPolicy:
    standard = CategoryPolicy()
    return CategoryPolicy(names=(*standard.names, *(row.of[0] for row in rows)), rows=(*standard.rows, *rows))


def _with_more_categories(market: MarketData) -> MarketData:
    """Return the market with two of its commodity instruments in categories of their own."""
    first, second = (asset.asset for asset in market.in_category("Commodities")[:2])
    moved = {first: "Gold", second: "Real estate"}
    assets = (replace(asset, category=moved.get(asset.asset, asset.category)) for asset in market.assets)
    return replace(market, assets=tuple(assets))


def _with_dear_cash(market: MarketData) -> MarketData:
    """Return the market with cash that grew more in a year than any stock's mean return."""
    closes = market.closes.copy()
    columns = [market.column(asset.asset) for asset in market.in_category("Cash")]
    closes[-260:, columns] *= np.linspace(1.0, 3.0, 260)[:, None]
    return replace(market, closes=closes)


def build_case(name: str, market: MarketData) -> Allocation:
    """Return the allocation of a named case."""
    stocks = [asset.asset for asset in market.in_category("Stocks")]
    profiles = {
        "one stock": InvestorProfile(exclude=tuple(stocks[1:])),
        "two stocks, clipped": InvestorProfile(risk="high", exclude=tuple(stocks[2:])),
        "medium": InvestorProfile(risk="medium", budget=250_000),
        "low": InvestorProfile(risk="low", budget=250_000),
        "high": InvestorProfile(risk="high", budget=250_000),
        "number": InvestorProfile(risk=7, budget=99_999.99, currency="EUR"),
        "bounded": InvestorProfile(
            risk=3, budget=1_000_000, currency="JPY", bounds={"Stocks": (0.0, 0.2), "Cash": (0.1, 1.0)}
        ),
        "overridden": InvestorProfile(overrides={(2, 1): 0.3, (4, 4): 0.9}),
        "clipped": InvestorProfile(risk="high", budget=1234.567, currency="KWD"),
        "clipped low": InvestorProfile(risk="low"),
    }
    policies = {
        "top": Policy(stocks=StockPolicy(top=15)),
        "old macro row": Policy(macro=MacroPolicy(max_age_days=5)),
        "top, all at the cap": Policy(stocks=StockPolicy(top=10, cap_multiple=1.0)),
        "minimum variance": Policy(sleeve=SleevePolicy(return_model="historical")),
        "rank": Policy(stocks=StockPolicy(scaling="rank")),
        "ridge": Policy(stocks=StockPolicy(ranker="ridge", training_window=60, refit_months=3)),
        "auto": Policy(stocks=StockPolicy(ranker="auto", scaling="rank", embargo_months=1)),
        "trees": Policy(stocks=StockPolicy(ranker="hist_gradient_boosting", top=20, training_minimum=60)),
        "softmax": Policy(stocks=StockPolicy(scaling="softmax", cap_floor=0.03)),
        "historical": Policy(sleeve=SleevePolicy(return_model="historical")),
        "bayes-stein": Policy(
            sleeve=SleevePolicy(return_model="bayes_stein"), other_sleeves="inverse_volatility"
        ),
        "equal risk": Policy(other_sleeves="equal_risk"),
        "clipped": Policy(sleeve=SleevePolicy(floor=0.95)),
        "clipped low": Policy(sleeve=SleevePolicy(floor=0.97)),
        "five categories": Policy(category=_categories(_GOLD)),
        "six categories": Policy(category=_categories(_GOLD, _LAND)),
    }
    if name == "minimum variance":
        market = _with_dear_cash(market)
    if name.endswith("categories"):
        market = _with_more_categories(market)
    return allocate(
        market.at("2026-06-19" if name == "old macro row" else None),
        profile=profiles.get(name, InvestorProfile(risk="high")),
        policy=policies.get(name, Policy()),
    )


PASTS = {"medium": 14, "high": 30, "number": 14, "bounded": 17, "six categories": 13}
"""Cases with a history, and its months; the others have none."""


def build_history(name: str, allocation: Allocation) -> History | None:
    """Return the policy's past at the client's risk, where the named case has one."""
    if name not in PASTS:
        return None
    day = allocation.view.as_of
    start = day - timedelta(days=31 * PASTS[name])
    profile = InvestorProfile(risk=allocation.profile.risk)
    return history_of(walk_forward(allocation.view.market, profile, allocation.policy, start=start), day)


CASES = (
    "one stock",
    "two stocks, clipped",
    "low",
    "high",
    "number",
    "bounded",
    "overridden",
    "clipped",
    "clipped low",
    "top",
    "top, all at the cap",
    "minimum variance",
    "rank",
    "ridge",
    "auto",
    "trees",
    "softmax",
    "historical",
    "bayes-stein",
    "equal risk",
    "five categories",
    "six categories",
)
