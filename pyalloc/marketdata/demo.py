"""A made-up market to try everything on: no real company, price or rate is in it.

One hidden state drives it all. It follows a storyline of calm, normal, elevated and high-stress episodes;
when it rises, the VIX rises, growth slows, the yield curve flattens and stocks fall, cyclical sectors most,
while government bonds gain. Fixed income is priced from the same yields that the macro rows are made of.
Random paths are centred, or pinned to end at their mean, so that with any seed average returns come out as
intended and the story ends where it is meant to: in a market that has just become less calm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr

from pyalloc.errors import InputError
from pyalloc.names import BONDS, CASH, COMMODITIES, REGIMES, SECTOR_DEFENSIVENESS, SECTORS, STOCKS

FloatArray = NDArray[np.float64]

NOTICE: Final = "Synthetic demo market: no real company, price or rate."
SEED: Final = 20260803
LAST: Final = date(2026, 6, 30)

_README: Final = f"""{NOTICE}

A random number generator wrote this folder. The companies do not exist, their tickers are invented, and no
price, volatility, growth rate or yield in it was ever observed. Its stocks fall when its stress rises because
they were made to: it shows how pyalloc works, and no result computed from it is evidence of anything.

prices.csv   adjusted close, one row per business day (no holidays), blank before a listing
assets.csv   asset, name, category, sector
macro.csv    what was known at each month end: vix in points, growth and spreads as fractions (0.02 = 2 %)
NOTICE       the line that everything made from this market carries
"""

_DAYS_PER_YEAR: Final = 261  # business days without holidays

_STRESS_LEVEL: Final = dict(zip(REGIMES, (-0.75, -0.1, 0.48, 1.6), strict=True))
"""Where the hidden state, on the scale of a standard normal, settles in each kind of episode."""

_STORYLINE: Final = (  # (kind of episode, months), the last one ending on the last day
    *(("calm", 19), ("normal", 9), ("high stress", 11), ("elevated", 8), ("normal", 12)),
    *(("calm", 28), ("elevated", 6), ("high stress", 7), ("normal", 10)),
    *(("calm", 18), ("normal", 9), ("elevated", 7), ("high stress", 10), ("normal", 10)),
    *(("calm", 13), ("elevated", 8)),
)

_HEADS: Final = (
    *("Amber", "Bramble", "Cinder", "Dapple", "Ember", "Fennel", "Gossamer", "Hazel", "Indigo", "Juniper"),
    *("Kestrel", "Lantern", "Marigold", "Nettle", "Otter", "Pepper", "Quill", "Russet", "Saffron"),
    *("Thistle", "Umber", "Velvet", "Willow", "Xylo", "Yarrow", "Zephyr"),
)
_TAILS: Final = ("wick", "mere", "fell", "holt", "quay", "combe", "thorpe", "garth", "hurst", "ness", "dene")
_BUSINESSES: Final = {  # sector: (its letter in the ticker, what its companies do)
    "Utilities": ("U", ("Power", "Water", "Grid")),
    "Consumer Staples": ("S", ("Foods", "Household", "Drinks")),
    "Health Care": ("H", ("Pharma", "Devices", "Clinics")),
    "Real Estate": ("R", ("Properties", "Homes", "Offices")),
    "Communication Services": ("C", ("Telecom", "Media", "Networks")),
    "Energy": ("E", ("Oil", "Gas", "Drilling")),
    "Financials": ("F", ("Bank", "Insurance", "Capital")),
    "Industrials": ("I", ("Machinery", "Rail", "Aerospace")),
    "Materials": ("M", ("Chemicals", "Steel", "Paper")),
    "Consumer Discretionary": ("D", ("Motors", "Apparel", "Hotels")),
    "Information Technology": ("T", ("Software", "Semiconductors", "Systems")),
}
_FUNDS: Final = (  # asset, name, category, sector; in the order of the columns of _fund_returns
    ("ZXBS", "Demo government bonds 1–3 y", BONDS, "Government"),
    ("ZXBL", "Demo government bonds 7–10 y", BONDS, "Government"),
    ("ZXBC", "Demo corporate bonds", BONDS, "Corporate"),
    ("ZXBH", "Demo high-yield bonds", BONDS, "High yield"),
    ("ZXLM", "Demo money market", CASH, "Money market"),
    ("ZXLA", "Demo deposit account", CASH, "Account"),
    ("ZXOG", "Demo gold", COMMODITIES, "Gold"),
    ("ZXOB", "Demo broad commodities", COMMODITIES, "Broad"),
    ("ZXOM", "Demo industrial metals", COMMODITIES, "Industrial metals"),
)


@dataclass(frozen=True, eq=False)
class DemoMarket:
    """A synthetic market in memory, number for number what :func:`write_demo_market` writes.

    Attributes
    ----------
    prices : DataFrame, (days, assets)
        Adjusted closes by business day; NaN before a listing.
    assets : DataFrame, (assets, 4)
        Columns asset, name, category, sector, in the order of the columns of `prices`.
    macro : DataFrame, (months, 5)
        Columns known_on, vix (points, 21-day average), gdp_growth, yield_spread, spread_10y_3m (fractions).
    latent_stress : Series, (days,)
        The hidden state in (0, 1) that drove everything; never written to disk.
    """

    prices: pd.DataFrame
    assets: pd.DataFrame
    macro: pd.DataFrame
    latent_stress: pd.Series[float]


def write_demo_market(
    folder: Path, *, seed: int = SEED, years: int = 15, stocks: int = 60, last: date = LAST
) -> Path:
    """Write a synthetic market as a market directory; the same arguments write the same bytes.

    Parameters
    ----------
    folder : Path
        Created if need be; an earlier demo market in it is replaced, files of another market are not.
    seed, years, stocks, last
        As in :func:`demo_market`.

    Returns
    -------
    Path
        The folder, with prices.csv, assets.csv, macro.csv, README.txt and NOTICE in it.

    Raises
    ------
    InputError
        If the folder holds another market, or `years` or `stocks` is out of range.
    """
    market = demo_market(seed, years=years, stocks=stocks, last=last)
    texts = {
        "NOTICE": f"{NOTICE}\n",  # first, so that an interrupted folder may be written again
        "README.txt": _README,
        "assets.csv": _csv(market.assets),
        "macro.csv": _csv(market.macro),
        "prices.csv": _csv(market.prices.reset_index()),
    }
    notice = folder / "NOTICE"
    ours = notice.is_file() and notice.read_bytes() == texts["NOTICE"].encode()
    taken = [name for name in texts if (folder / name).exists()]
    if taken and not ours:
        raise InputError(f"{folder} holds a {taken[0]} that is not of a demo market; name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        part = folder / f"{name}.part"
        part.write_bytes(text.encode())
        part.replace(folder / name)
    return folder


def demo_market(seed: int = SEED, *, years: int = 15, stocks: int = 60, last: date = LAST) -> DemoMarket:
    """Make a synthetic market: a pure function of its arguments.

    Parameters
    ----------
    seed : int
        Seed of the random number generator, PCG64.
    years : int
        Length of the history, 1 to 50 years of business days.
    stocks : int
        Number of stocks, 11 to 286, spread evenly over the GICS sectors; nine funds come on top. One stock
        is listed 72 and one 20 months before the end.
    last : date
        The last day of the history, or the business day before it.

    Returns
    -------
    DemoMarket

    Raises
    ------
    InputError
        If `years` or `stocks` is out of range.
    """
    most = len(_HEADS) * len(_TAILS)
    for label, value, low, high in (("years", years, 1, 50), ("stocks", stocks, len(SECTORS), most)):
        if not low <= value <= high:
            raise InputError(f"{label} of a demo market is {value}; give {low} to {high}")
    rng = np.random.Generator(np.random.PCG64(seed))
    end = pd.Timestamp(last)
    first = end - pd.DateOffset(years=years)
    # A year before the first day fills the averages and publishes a first GDP figure.
    days = pd.bdate_range(first - pd.DateOffset(years=1), end, name="date")
    state = _stress_state(rng, days.size)
    economy = _economy(rng, days, state)
    market = _market_returns(rng, state)
    assets = _assets(stocks)
    returns = np.hstack(
        [
            _stock_returns(rng, state, market, assets["sector"].iloc[:stocks]),
            _fund_returns(rng, state, market, economy),
        ]
    )
    kept = days >= first
    start = np.concatenate([rng.uniform(20.0, 180.0, stocks), np.full(len(_FUNDS), 100.0)])
    prices = pd.DataFrame(start * np.exp(returns[kept].cumsum(axis=0)), days[kept], assets["asset"])
    for stock, months in ((stocks // 2, 72), (stocks - 1, 20)):
        prices.loc[days[kept] < end - pd.DateOffset(months=months), assets["asset"][stock]] = np.nan
    return DemoMarket(
        prices=prices.round(4),
        assets=assets,
        macro=_macro_rows(economy, first),
        latent_stress=pd.Series(ndtr(state[kept]), days[kept], name="latent_stress"),
    )


def _stress_state(rng: np.random.Generator, n: int) -> FloatArray:
    """Return the hidden state, (n,): the storyline told up to the last day, smoothed, with daily noise."""
    levels, months = zip(*((_STRESS_LEVEL[kind], months) for kind, months in _STORYLINE), strict=True)
    lengths = np.asarray(months) * _DAYS_PER_YEAR / 12 * rng.uniform(0.85, 1.15, len(months))
    story = np.repeat(levels, lengths.astype(int))
    story = np.tile(story, -(-n // story.size))[-n:]
    keep = 0.5 ** (1 / 20)  # an episode has half arrived after 20 days
    smooth, _ = lfilter([1 - keep], [1, -keep], story, zi=[keep * story[0]])
    return np.asarray(smooth + 0.25 * _mean_reverting(rng, n, 1, half_life=45)[:, 0])


def _economy(rng: np.random.Generator, days: pd.DatetimeIndex, state: FloatArray) -> pd.DataFrame:
    """Return what is known each day, (n, 5): VIX, published GDP growth, two spreads and the 10-year yield."""
    n = days.size
    vix = 18.0 * np.exp(0.33 * state + 0.12 * _mean_reverting(rng, n, 1, half_life=10)[:, 0])
    noise = _mean_reverting(rng, n, 2, half_life=250)
    spread = 0.012 - 0.004 * (state + noise[:, 0])
    ten_year = 0.034 - 0.007 * state + 0.006 * noise[:, 1]
    # Recessions are deeper than booms are high; a quarter's figure is published 30 days after its end.
    growth = pd.Series(0.037 - 0.014 * np.exp(0.7 * state), days).resample("QE").mean()
    growth += rng.normal(0.0, 0.003, growth.size)
    published = growth.clip(-0.10, 0.08).shift(30, freq="D").reindex(days, method="ffill")
    return pd.DataFrame(
        {
            "vix": vix.clip(9.0, 80.0),
            "gdp_growth": published,
            "yield_spread": spread.clip(-0.02, 0.03),
            "spread_10y_3m": (0.003 + 1.2 * spread).clip(-0.02, 0.035),
            "ten_year": ten_year.clip(0.002),
        },
        days,
    )


def _macro_rows(economy: pd.DataFrame, first: pd.Timestamp) -> pd.DataFrame:
    """Return one snapshot for each month, (months, 5), as known at the close of its last business day."""
    averaged = ["vix", "yield_spread", "spread_10y_3m"]
    rows = economy.drop(columns="ten_year")
    rows[averaged] = rows[averaged].rolling(21).mean()
    rows = rows.loc[first:].groupby(pd.Grouper(freq="ME")).tail(1)
    decimals = {"vix": 2, "gdp_growth": 3, "yield_spread": 4, "spread_10y_3m": 4}
    rows = rows.round(decimals) + 0.0  # no figure prints as -0.0
    return rows.rename_axis("known_on").reset_index()


def _market_returns(rng: np.random.Generator, state: FloatArray) -> FloatArray:
    """Return daily log returns of the stock market, (n,): they fall as stress rises and swing more in it."""
    drift = (0.04 - 0.16 * state) / _DAYS_PER_YEAR
    volatility = 0.125 * np.exp(0.45 * state)
    shocks = volatility * _shocks(rng, 1.0, (state.size,))
    shocks -= np.polyval(np.polyfit(state, shocks, 1), state)  # luck does not undo the drift
    return np.asarray(drift - 0.07 * np.diff(state, prepend=state[0]) + shocks)


def _stock_returns(
    rng: np.random.Generator, state: FloatArray, market: FloatArray, sectors: pd.Series[str]
) -> FloatArray:
    """Return daily log returns, (n, stocks): market, sector, a slowly changing drift (momentum) and noise."""
    n, stocks = state.size, sectors.size
    defensiveness = sectors.map(SECTOR_DEFENSIVENESS).to_numpy()
    beta = 1.0 - 0.3 * defensiveness + rng.uniform(-0.12, 0.12, stocks)
    sector = _shocks(rng, 0.05, (n, len(SECTORS)))[:, [SECTORS.index(name) for name in sectors]]
    momentum = 0.12 * _mean_reverting(rng, n, stocks, half_life=250)
    momentum -= momentum.mean(axis=1, keepdims=True)
    drift = (momentum + 0.04 * np.outer(state, defensiveness)) / _DAYS_PER_YEAR
    own = np.exp(0.15 * state)[:, None] * _shocks(rng, 1.0, (n, stocks)) * rng.uniform(0.14, 0.34, stocks)
    return np.asarray(beta * market[:, None] + sector + drift + own)


def _fund_returns(
    rng: np.random.Generator, state: FloatArray, market: FloatArray, economy: pd.DataFrame
) -> FloatArray:
    """Return daily log returns of the funds, (n, funds), in the order of their table.

    Fixed income earns its yield and loses duration × the change of it, so that bonds, cash and the macro rows
    tell one story.
    """
    ten_year, spread, spread_3m = economy[["ten_year", "yield_spread", "spread_10y_3m"]].to_numpy().T
    two_year, policy = np.maximum(ten_year - spread, 0.0), np.maximum(ten_year - spread_3m, 0.0)

    def bond(bond_yield: FloatArray, duration: float, defaults: float = 0.0) -> FloatArray:
        carry = (bond_yield - defaults * np.exp(0.7 * state)) / _DAYS_PER_YEAR
        return carry - duration * np.diff(bond_yield, prepend=bond_yield[0])

    def commodity(mean: float, stress: float, beta: float, volatility: float) -> FloatArray:
        own = mean / _DAYS_PER_YEAR + _shocks(rng, volatility, (state.size,))
        return own + stress * np.diff(state, prepend=state[0]) + beta * market

    return np.column_stack(
        [
            bond(two_year, 1.9),
            bond(ten_year, 7.5),
            bond(ten_year + 0.014 + 0.01 * state, 6.0, defaults=0.003),
            bond(ten_year + 0.045 + 0.022 * state, 3.5, defaults=0.022),
            policy / _DAYS_PER_YEAR,
            np.maximum(policy - 0.005, 0.0) / _DAYS_PER_YEAR,
            commodity(0.035, stress=0.02, beta=0.05, volatility=0.14),
            commodity(-0.01, stress=0.0, beta=0.3, volatility=0.12),
            commodity(-0.01, stress=0.0, beta=0.5, volatility=0.16),
        ]
    )


def _assets(stocks: int) -> pd.DataFrame:
    """Return asset, name, category and sector: `stocks` companies, as many in each sector, then the funds.

    A ticker is ZX, the letter of the sector and the initial of the company; without a digit it cannot be read
    as a cell address.
    """
    rows = []
    for sector, members in zip(SECTORS, np.array_split(np.arange(stocks), len(SECTORS)), strict=True):
        letter, businesses = _BUSINESSES[sector]
        for i in members:
            # 7 and 26 as well as 26 and 11 are coprime: no initial twice in a sector, no name twice at all.
            head, tail = _HEADS[7 * i % len(_HEADS)], _TAILS[i % len(_TAILS)]
            name = f"{head}{tail} {businesses[i % len(businesses)]}"
            rows.append((f"ZX{letter}{head[0]}", name, STOCKS, sector))
    return pd.DataFrame([*rows, *_FUNDS], columns=["asset", "name", "category", "sector"])


def _mean_reverting(rng: np.random.Generator, n: int, columns: int, half_life: float) -> FloatArray:
    """Return Ornstein-Uhlenbeck paths, (n, columns), of mean 0 and variance 1, conditioned to end at 0."""
    keep = 0.5 ** (1 / half_life)
    shocks = rng.standard_normal((n, columns))
    shocks[1:] *= np.sqrt(1 - keep**2)
    paths = lfilter([1.0], [1.0, -keep], shocks, axis=0)
    return np.asarray(paths - paths[-1] * keep ** np.arange(n)[::-1, None])


def _shocks(rng: np.random.Generator, volatility: float, shape: tuple[int, ...]) -> FloatArray:
    """Return daily shocks of an annual volatility: logistic, so with fat tails, and centred down the days."""
    shocks = rng.logistic(0.0, np.sqrt(3.0) / np.pi, shape)
    return np.asarray(volatility / np.sqrt(_DAYS_PER_YEAR) * (shocks - shocks.mean(axis=0)))


def _csv(table: pd.DataFrame) -> str:
    """Return CSV text with ISO dates and the shortest digits that give each rounded number back."""
    return table.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
