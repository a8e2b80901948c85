"""What the report says: every number of a backtest by the name that its cells refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc import names
from pyalloc.backtest import BENCHMARKS, NEUTRAL, BacktestResult, Sweep
from pyalloc.evaluation import bootstrap_interval, by_regime, drawdowns
from pyalloc.evaluation.performance import ROUNDING, TRADING_DAYS
from workbooks.template.dates import serial

FloatArray = NDArray[np.float64]

STRATEGY: Final = "Strategy"
NOT_YET: Final = "not yet"
SINCE_EPOCH: Final = 25569
"""Days from a spreadsheet's day 0 to 1970-01-01."""

ROLLING_MONTHS: Final = 12

LEAST_MONTHS: Final = 12
"""Months below which nothing is said of chance."""


def report_facts(result: BacktestResult, sweep: Sweep | None = None) -> dict[str, Any]:
    """Return the facts of a report; a table has a row for each day, month, decision, regime or trial."""
    tradings = {STRATEGY: result.trading, **result.benchmarks}
    wealth = np.column_stack([trading.wealth for trading in tradings.values()])
    returns = wealth[1:] / wealth[:-1] - 1.0
    cash_return = result.cash[1:] / result.cash[:-1] - 1.0
    figures = [result.performance_of(trading) for trading in tradings.values()]
    days = serials(result.days)
    at = result.month_ends
    monthly = np.column_stack([result.monthly_returns(column) for column in wealth.T])
    intervals = [_sharpe_interval(result, column) for column in monthly.T]
    facts: dict[str, Any] = {
        "series": tuple(tradings),
        "days": days,
        "years": result.years,
        "cash": result.cash,
        "wealth": wealth,
        "cash_return": cash_return,
        "returns": returns,
        "excess": returns - cash_return[:, None],
        "drawdown": np.column_stack([drawdowns(column) for column in wealth.T]),
        "regime_of_day": [names.REGIMES[i] for i in result.regime_of_day.tolist()],
        "cagr": [figure.cagr for figure in figures],
        "volatility": [figure.volatility for figure in figures],
        "sharpe": _numbers(figure.sharpe for figure in figures),
        "sharpe_low": _numbers(low for low, _ in intervals),
        "sharpe_high": _numbers(high for _, high in intervals),
        "sortino": _numbers(figure.sortino for figure in figures),
        "max_drawdown": [figure.max_drawdown for figure in figures],
        "peak_day": [int(days[figure.peak]) for figure in figures],
        "trough_day": [int(days[figure.trough]) for figure in figures],
        "recovery_day": [
            NOT_YET if figure.recovery is None else int(days[figure.recovery]) for figure in figures
        ],
        "calmar": _numbers(figure.calmar for figure in figures),
        "hit_rate": (monthly > 0.0).mean(axis=0),
        "worst_month": monthly.min(axis=0),
        "tail_loss": [figure.tail_loss for figure in figures],
        "turnover_a_year": [trading.turnover.sum() / result.years for trading in tradings.values()],
        "cost": [trading.total_cost for trading in tradings.values()],
        "month_days": days[at],
        "month_wealth": wealth[at],
        "monthly": monthly,
        "rolling": wealth[at[ROLLING_MONTHS:]] / wealth[at[:-ROLLING_MONTHS]] - 1.0,
    }
    facts |= _calendar_years(result, wealth)
    facts |= _regimes(result, returns)
    facts |= _decisions(result)
    facts |= _attributions(result)
    if sweep is not None:
        facts |= _sweep(sweep)
    return facts


def _numbers(values: Iterable[float]) -> list[float | None]:
    """Return values with none where one is not a number: a ratio without a risk to divide by."""
    return [None if np.isnan(value) else value for value in values]


def serials(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return days as a spreadsheet counts them."""
    return days.astype("datetime64[D]").astype(np.int64) + SINCE_EPOCH


def _sharpe_interval(result: BacktestResult, monthly: FloatArray) -> tuple[float, float]:
    """Return the 95 % interval of the Sharpe ratio a year, of months drawn in blocks of six on average.

    Not a number below :data:`LEAST_MONTHS`, where draws repeat one block, and where nothing moved.
    """
    excess = monthly - result.monthly_returns(result.cash)
    if len(excess) < LEAST_MONTHS or excess.std() <= ROUNDING:
        return float("nan"), float("nan")
    return bootstrap_interval(
        lambda drawn: drawn.mean(axis=1) / drawn.std(axis=1, ddof=1) * np.sqrt(12.0), excess
    )


def _calendar_years(result: BacktestResult, wealth: FloatArray) -> dict[str, Any]:
    year = result.days.astype("datetime64[Y]").astype(np.int64) + 1970
    listed = np.unique(year)
    last = np.array([np.flatnonzero(year == y)[-1] for y in listed])
    before = np.append(0, last[:-1])
    return {"calendar_year": listed, "year_return": wealth[last] / wealth[before] - 1.0}


def _regimes(result: BacktestResult, returns: FloatArray) -> dict[str, Any]:
    """Return share of days and mean return a year by the regime in force."""
    figures = by_regime(returns, result.regime_of_day, len(names.REGIMES))
    return {"regime_share": figures.share, "regime_mean": [_numbers(row) for row in figures.mean.tolist()]}


def _decisions(result: BacktestResult) -> dict[str, Any]:
    traces = [decision.trace for decision in result.decisions]
    executed = result.market.days[result.trading.rows]
    return {
        "decided_on": [serial(trace["as_of"]) for trace in traces],
        "executed_on": serials(executed),
        "stress": [trace["stress"] for trace in traces],
        "regime": [trace["regime"] for trace in traces],
        "category_names": traces[0]["category_names"],
        "category_weights": result.category_weights,
        "stocks_held": [int((trace["sleeve_weights"] > names.HELD).sum()) for trace in traces],
        "sleeve_beta": [trace["sleeve_beta"] for trace in traces],
        "target_status": [trace["target_status"] for trace in traces],
        "turnover": result.turnover,
        "trading_cost": result.costs,
        "before": result.trading.before,
    }


def _attributions(result: BacktestResult) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for i, attribution in enumerate(result.attributions.values()):
        monthly = np.zeros((len(result.month_ends) - 1, len(attribution.steps)))
        np.add.at(monthly, result.month_of_day, attribution.effects)
        facts |= {
            f"effects_{i}": monthly,
            f"effect_a_year_{i}": np.append(
                attribution.a_year(result.years), attribution.total.sum() / result.years
            ),
            f"effect_t_{i}": _numbers(attribution.t_values(result.month_of_day).tolist()),
        }
    return facts


def _sweep(sweep: Sweep) -> dict[str, Any]:
    figures = [result.statistics for result in sweep.results]
    return {
        "trial": np.arange(1, len(sweep.settings) + 1),
        "setting": [[_shown(v) for v in setting.values()] for setting in sweep.settings],
        "trial_cagr": [figure.cagr for figure in figures],
        "trial_volatility": [figure.volatility for figure in figures],
        "trial_drawdown": [figure.max_drawdown for figure in figures],
        "trial_monthly": sweep.monthly,
        "trial_sharpe": sweep.sharpe,
        "best_trial": sweep.best + 1,
        "best_sharpe": float(sweep.sharpe[sweep.best]),
        "trials": len(sweep.settings),
        "trial_months": len(sweep.monthly),
        "trials_variance": sweep.variance,
        "luck": sweep.luck,
        "best_skew": sweep.skew,
        "best_kurtosis": sweep.kurtosis,
        "deflated_sharpe": sweep.deflated_sharpe,
        "overfitting": sweep.overfitting,
    }


def _shown(value: object) -> object:
    return value if isinstance(value, int | float | str) else str(value)


def told(result: BacktestResult) -> tuple[str, ...]:
    """Return what a reader has to know before the figures: who is missing, how short, how bad it was."""
    return (
        _survivors(result),
        _length(result),
        _deepest(result),
        _dynamics(result),
        _trading(result),
        _benchmarks(),
    )


def _benchmarks() -> str:
    listed = "; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    return f"Beside it, on the same days, at the same costs and within the same band. {listed}."


def _trading(result: BacktestResult) -> str:
    return (
        f"Decisions are made at month-end closes and executed at the next close. {1e4 * result.fee:g} basis "
        f"points of every value traded are paid; turnover up to {100 * result.band:g} % of wealth is left."
    )


def _survivors(result: BacktestResult) -> str:
    market = result.market
    stocks = [market.column(asset.asset) for asset in market.in_category(names.STOCKS)]
    first = result.trading.first
    priced = np.isfinite(market.closes[first : first + len(result.wealth), stocks])
    known = int(priced.any(axis=0).sum())
    ended = known - int(priced[-1].sum())
    if ended == 0:
        return (
            f"Survivorship: none of the {known} stocks ends before the last day, so the market holds "
            "survivors only. Levels of return are too high by what failed companies would have cost; read "
            "differences between columns, and no level."
        )
    return (
        f"Survivorship: {ended} of the {known} stocks end before the last day; what was held of them "
        "was sold at the last price. Whether others are missing, the prices cannot say."
    )


def _length(result: BacktestResult) -> str:
    # Lo, "The Statistics of Sharpe Ratios" (2002): √((1 + SR²/2)/T) of T periods and their own ratio, a year.
    a_day = np.nan_to_num(result.statistics.sharpe) / np.sqrt(TRADING_DAYS)
    error = np.sqrt((1.0 + a_day**2 / 2.0) / result.years)
    months = sum(d.trace["regime"] == names.REGIMES[-1] for d in result.decisions)
    return (
        f"Short sample: {result.years:.1f} years, {months} of {len(result.decisions)} decisions in high "
        f"stress. The standard error of a Sharpe ratio over such a time is about {error:.2f}."
    )


def _deepest(result: BacktestResult) -> str:
    own, neutral = result.statistics, result.performance_of(result.benchmarks[NEUTRAL])
    if own.max_drawdown >= -ROUNDING:
        return "Wealth never closed below an earlier close: this time had no fall to tell of."
    at_peak = [d for d in result.decisions if d.row - result.trading.first <= own.peak] or [
        result.decisions[0]
    ]
    return (
        f"The deepest fall, {result.days[own.peak]} to {result.days[own.trough]}, took "
        f"{-100 * own.max_drawdown:.1f} %. It began with stress read as {at_peak[-1].trace['stress']:.2f} "
        f"({at_peak[-1].trace['regime']}). With stress held at 0.5 the deepest fall was "
        f"{-100 * neutral.max_drawdown:.1f} %."
    )


def _dynamics(result: BacktestResult) -> str:
    attribution = result.attributions[NEUTRAL]
    a_year = 100 * attribution.total.sum() / result.years
    t = attribution.t_values(result.month_of_day)[-1]
    if np.abs(attribution.total).max() <= ROUNDING:
        return "Against stress held at 0.5 the dynamics made no difference."
    word = "gained" if a_year >= 0.0 else "cost"
    months = len(result.month_ends) - 1
    seldom = months >= LEAST_MONTHS and abs(t) >= 2.0
    said = "chance reaches in about one sample of twenty at most" if seldom else "cannot be told from none"
    shown = f"t {t:.1f}" if months >= LEAST_MONTHS else "too few months for a t"
    return (
        f"Against stress held at 0.5 the dynamics {word} {abs(a_year):.2f} % of log growth a year "
        f"({shown}): an effect that {said}."
    )


def imprint(result: BacktestResult) -> Mapping[str, Any]:
    """Return what names the file, its footers and its page."""
    policy = result.mandate.policy
    return {
        "firm": policy.firm,
        "paper": policy.paper,
        "as_of": serial(result.days[-1].item()),
        "client_id": "backtest",
        "footer_reference": f"Backtest, risk {result.mandate.profile.risk}",
        "currency_digits": 2,
        "title": f"Backtest, risk {result.mandate.profile.risk}",
    }
