"""The whole chain: a market view, a macro snapshot and an investor in; weights, amounts and the trace out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.category import CategorySolution, solve
from pyalloc.errors import InputError, MissingHistoryError
from pyalloc.frontier import equal_risk_weights
from pyalloc.macro import MacroSnapshot, recession_probability, sector_tilts
from pyalloc.names import currency_digits, risk_tolerance
from pyalloc.profile import InvestorProfile, minor_units
from pyalloc.sleeve import sector_weights, stock_sleeve

if TYPE_CHECKING:
    import pandas as pd

    from pyalloc.marketdata import Asset, StockUniverse
    from pyalloc.policy import Policy
    from pyalloc.view import View

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Allocation:
    """The result for one investor, with everything it was made from.

    Attributes
    ----------
    view : View
    macro : MacroSnapshot
    profile : InvestorProfile
    policy : Policy
    universe : StockUniverse
        The stocks behind the ``(n)`` entries of the trace.
    holdings : tuple of Asset
        The lines behind its ``(H)`` entries.
    trace : mapping of str to value
        Every intermediate, by the names of :data:`pyalloc.names.TRACE`; read-only.
    excluded : mapping of str to str
        Assets left out, with the reason.
    notices : tuple of str
        Sentences that the reader of the result must see.
    """

    view: View
    macro: MacroSnapshot
    profile: InvestorProfile
    policy: Policy
    universe: StockUniverse
    holdings: tuple[Asset, ...]
    trace: Mapping[str, Any]
    excluded: Mapping[str, str]
    notices: tuple[str, ...]

    @property
    def weights(self) -> pd.DataFrame:
        """One row a holding: asset, category, sector, weight (fraction), amount (currency)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "asset": [asset.asset for asset in self.holdings],
                "category": [asset.category for asset in self.holdings],
                "sector": [asset.sector for asset in self.holdings],
                "weight": self.trace["holding_weight"],
                "amount": self.trace["holding_amount"],
            }
        )


def allocate(
    view: View,
    macro: MacroSnapshot | None = None,
    *,
    profile: InvestorProfile,
    policy: Policy | None = None,
) -> Allocation:
    """Run the whole chain for one investor.

    Parameters
    ----------
    view : View
        The market at the as-of date, as :class:`pyalloc.marketdata.MarketView`.
    macro : MacroSnapshot, optional
        Default: the view's own latest row.
    profile : InvestorProfile
    policy : Policy, optional
        Default: the house policy.

    Raises
    ------
    InputError, MissingHistoryError
        Where something needed is missing or unusable.
    InfeasibleError
        Where the limits contradict each other.
    SingularSystemError
        Where overrides leave the category system without a single solution.
    UncertifiedError
        Where a solver's answer fails its certificate.
    """
    if policy is None:
        from pyalloc.policy import Policy

        policy = Policy()
    macro = macro or view.macro
    _check_exclusions(view, profile)
    universe = view.universe(policy.stocks, policy.sleeve, profile.exclude)
    trace: dict[str, Any] = {
        "as_of": view.as_of,
        "risk_tolerance": profile.risk,
        "budget": float(profile.budget),
        "currency": profile.currency,
        "currency_digits": currency_digits(profile.currency),
    }
    trace |= _macro(macro, policy)
    trace |= stock_sleeve(universe, trace["stress"], view.risk_free, profile.risk, policy)
    trace |= sector_weights(universe, trace)
    solution, categories = _categories(macro, trace["stress"], profile, policy)
    trace |= categories
    holdings, excluded, lines = _holdings(view, universe, trace, profile, policy)
    trace |= lines
    for value in trace.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)  # much of it is shared by every client of the view
    return Allocation(
        view=view,
        macro=macro,
        profile=profile,
        policy=policy,
        universe=universe,
        holdings=holdings,
        trace=MappingProxyType({name: trace[name] for name in names.TRACE}),
        excluded={**universe.excluded, **excluded},
        notices=tuple(_notices(trace, universe, solution, policy)),
    )


def _check_exclusions(view: View, profile: InvestorProfile) -> None:
    unknown = [asset for asset in profile.exclude if asset not in view.market]
    if unknown:
        raise InputError(f"excluded asset {', '.join(unknown)} is not in assets.csv; check the spelling")


# --- the steps, each adding its part of the trace -------------------------------------------------------


def _macro(macro: MacroSnapshot, policy: Policy) -> dict[str, Any]:
    reading = macro.read(policy.macro)
    spread = macro.spread_10y_3m
    sectors = tuple(policy.macro.defensiveness)
    return {
        "vix": float(macro.vix),
        "gdp_growth": float(macro.gdp_growth),
        "yield_spread": float(macro.yield_spread),
        "spread_10y_3m": spread,
        "known_on": macro.known_on,
        "macro_transformed": reading.transformed,
        "macro_z": reading.z,
        "composite": reading.composite,
        "stress": reading.stress,
        "regime": reading.regime,
        "recession_probability": None if spread is None else recession_probability(spread),
        "sector_names": sectors,
        "sector_tilt": sector_tilts(
            sectors, reading.stress, policy.macro.defensiveness, policy.macro.tilt_strength
        ),
    }


def _categories(
    macro: MacroSnapshot, stress: float, profile: InvestorProfile, policy: Policy
) -> tuple[CategorySolution, dict[str, Any]]:
    """Policy → (A, b) → category weights, within the client's bounds."""
    category = policy.category
    unknown = [name for name in profile.bounds if name not in category.names]
    if unknown:
        raise InputError(
            f"bounds are given for {', '.join(unknown)}; the categories are {', '.join(category.names)}"
        )
    t = risk_tolerance(profile.risk)
    growth_z = (macro.gdp_growth - policy.macro.gdp_mean) / policy.macro.gdp_std
    shares = category.shares(t, stress, growth_z, macro.yield_spread)
    if len(category.row_names) != len(category.names):
        raise InputError(
            f"the policy has {len(category.names)} categories and {len(category.row_names)} rows, the budget "
            "among them; give as many rows as categories"
        )
    A, b = _overridden(*category.matrix(shares, profile.budget), profile)
    bounds = np.array([profile.bounds.get(name, (0.0, 1.0)) for name in category.names])
    lower, upper = bounds[:, 0], bounds[:, 1]
    called = {"row_names": category.row_names, "column_names": category.names}
    exact = solve(A, b, **called)
    solution = solve(A, b, lower, upper, **called)
    return solution, {
        "risk_t": t,
        "equity_share": shares.equity,
        "cash_share": shares.cash,
        "commodity_share": shares.commodity,
        "category_names": tuple(category.names),
        "constraint_A": A,
        "constraint_b": b,
        "category_lower": lower,
        "category_upper": upper,
        "category_exact": exact.weights,
        "category_weights": solution.weights,
        "category_status": solution.status,
        "category_distance": solution.distance,
        "det_A": solution.determinant,
        "rcond_A": solution.rcond,
    }


def _overridden(A: FloatArray, b: FloatArray, profile: InvestorProfile) -> tuple[FloatArray, FloatArray]:
    """Return the system with the profile's overrides in place of the policy's coefficients."""
    rows, columns = A.shape
    system = np.column_stack([A, b])
    for (row, column), coefficient in profile.overrides.items():
        if not (2 <= row <= rows and 1 <= column <= columns + 1 and np.isfinite(coefficient)):
            raise InputError(
                f"override ({row}, {column}) = {coefficient!r}: rows run from 2 to {rows} (row 1 invests the "
                f"budget), columns from 1 to {columns + 1} (b), and the coefficient must be a finite number"
            )
        system[row - 1, column - 1] = coefficient
    return system[:, :-1], system[:, -1]


def _holdings(
    view: View,
    universe: StockUniverse,
    trace: Mapping[str, Any],
    profile: InvestorProfile,
    policy: Policy,
) -> tuple[tuple[Asset, ...], dict[str, str], dict[str, Any]]:
    """Categories × sleeves → lines, by category and then by weight, with amounts in whole minor units."""
    lines: list[Asset] = []
    shares: list[float] = []
    weights: list[float] = []
    excluded: dict[str, str] = {}
    for category, weight in zip(trace["category_names"], trace["category_weights"], strict=True):
        if category == names.STOCKS:
            assets, within = universe.assets, trace["sleeve_weights"]
        else:
            assets, left_out = view.instruments(category, profile.exclude)
            excluded.update(left_out)
            within = _within_category(view, assets, policy)
        if not assets and weight > names.HELD:
            # One that is listed and not yet priced may be held later; one that is not listed, never.
            unusable = MissingHistoryError if view.market.in_category(category) else InputError
            raise unusable(
                f"{category} is to hold {100 * weight:.2f} % but no instrument of it can be held on "
                f"{view.as_of}: list one in assets.csv, or bound {category} to 0"
            )
        for i in np.argsort(-within, kind="stable"):
            if within[i] > names.HELD:
                lines.append(assets[i])
                shares.append(float(within[i]))
                weights.append(float(within[i] * weight))
    running = np.cumsum(weights)
    digits = trace["currency_digits"]
    return (
        tuple(lines),
        excluded,
        {
            "holding_category": tuple(asset.category for asset in lines),
            "holding_ticker": tuple(asset.asset for asset in lines),
            "holding_share": np.array(shares),
            "holding_weight": np.array(weights),
            "holding_running": running,
            "holding_amount": np.array(minor_units(running, profile.budget, digits)) / 10.0**digits,
        },
    )


def _within_category(view: View, assets: tuple[Asset, ...], policy: Policy) -> FloatArray:
    """Return the weights of a category's instruments, shape (len(assets),), summing to 1."""
    if policy.other_sleeves == "equal" or not assets:
        return np.full(len(assets), 1.0 / max(1, len(assets)))
    volatility = np.array([view.volatility(asset) for asset in assets])
    for i in np.flatnonzero(volatility == 0.0).tolist():
        raise InputError(
            f"{assets[i].asset} has not moved in a year, so {policy.other_sleeves.replace('_', ' ')} cannot "
            "weigh it: set other_sleeves to equal in the policy, or exclude it"
        )
    if policy.other_sleeves == "equal_risk":
        return equal_risk_weights(view.covariance(assets))
    calmness = 1.0 / volatility
    return np.asarray(calmness / calmness.sum(), dtype=np.float64)


def _notices(
    trace: Mapping[str, Any], universe: StockUniverse, solution: CategorySolution, policy: Policy
) -> Iterator[str]:
    known_on, allowed = trace["known_on"], policy.macro.max_age_days
    if known_on is not None and (age := (trace["as_of"] - known_on).days) > allowed:
        yield (
            f"The macro row, known on {known_on}, is {age} days older than the as-of date; "
            f"the policy allows {allowed}."
        )
    status = trace["target_status"]
    if status in (names.CLIPPED_HIGH, names.CLIPPED_LOW):
        yield (
            f"The return target of {100 * trace['r_adj']:.2f} % a year was {status}: "
            f"{100 * trace['sleeve_return']:.2f} %."
        )
    if status == names.MINIMUM_VARIANCE:
        yield (
            f"No stock's expected return is above the risk-free {100 * trace['risk_free']:.2f} % a year: "
            "the stock sleeve is the least volatile, with an expected return of "
            f"{100 * trace['sleeve_return']:.2f} %."
        )
    if solution.status == names.NEAREST:
        yield f"Bounds bind, so category weights are the nearest within them: {'; '.join(solution.binding)}."
    if universe.ranking.warns:
        yield f"Ranker {policy.stocks.ranker}: {universe.ranking.verdict}"
    if universe.ranking.model == "momentum" and trace["stock_score"].max() < 0.0:
        yield "Momentum is negative for every stock: the holdings are the least bad, and still invested."
    if policy.sleeve.return_model == "historical":
        yield "Expected returns are sample means (historical), an unsafe estimate."
    if universe.covariance.months < policy.sleeve.history_months:
        yield (
            f"The covariance rests on {universe.covariance.months} months, the youngest stock's history; "
            f"the policy asks for {policy.sleeve.history_months}."
        )
