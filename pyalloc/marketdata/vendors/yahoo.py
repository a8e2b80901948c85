"""Adjusted closes from Yahoo through yfinance, in a session that waits when throttled."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from warnings import catch_warnings, simplefilter

import pandas as pd

from pyalloc.errors import UnavailableError
from pyalloc.marketdata.vendors.transport import PassingError, Patience, seconds_asked

try:
    import yfinance
    from curl_cffi import requests
    from yfinance.exceptions import YFException, YFTickerMissingError
except ImportError as missing:
    raise UnavailableError(
        f"prices need {missing.name}, which is not installed: pip install 'pyalloc[data]'"
    ) from None

YAHOO_URL: Final = "https://query2.finance.yahoo.com"

_CHART: Final = "/v8/finance/chart/"
_WITHOUT_ADJUSTMENT: Final = ("CURRENCY", "CRYPTOCURRENCY", "FUTURE", "INDEX")
_SECONDS_TO_ANSWER: Final = 30.0
_NO_DATA: Final = "Data doesn't exist for startDate"


class _NoPricesError(Exception):
    """Yahoo has no such symbol, or nothing of it since the day asked for."""


class _Session(requests.Session[Any]):
    """yfinance's session, its addresses moved to `base`, and prices asked for with patience."""

    def __init__(self, base: str, patience: Patience) -> None:
        super().__init__(impersonate="chrome")  # as yfinance's own session does
        self._moved_to, self._patience = base, patience

    def request(self, method: Any, url: str, *arguments: Any, **options: Any) -> Any:
        """Return Yahoo's answer; for prices one that is whole JSON, or says that there is no such symbol."""
        parts = urlsplit(url)
        if self._moved_to != YAHOO_URL:
            url = f"{self._moved_to}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
        ask = super().request
        if not parts.path.startswith(_CHART):
            return ask(method, url, *arguments, **options)
        symbol = parts.path.removeprefix(_CHART)
        answer, chart = self._patience.through(
            f"Yahoo's {symbol}", lambda: _usable(symbol, lambda: ask(method, url, *arguments, **options))
        )
        if "period1" in (options.get("params") or {}):
            _refuse_unadjusted(symbol, chart)
        return answer


def _usable(symbol: str, ask: Any) -> tuple[Any, dict[str, Any]]:
    """Return Yahoo's answer, and the chart in it."""
    try:
        answer = ask()
    except requests.exceptions.RequestException as error:
        raise PassingError(
            f"cannot be had, or breaks off ({_reason(error)}): check the network, the proxy and the address"
        ) from None
    code = answer.status_code
    if code == 429 or code >= 500:
        raise PassingError(f"answers {code}", seconds_asked(answer.headers))
    if answer.text.lstrip()[:1] == "<":
        raise UnavailableError(
            f"Yahoo's {symbol} is a web page where data was expected: check the address, and whether a proxy "
            "wants a login"
        )
    try:
        document = json.loads(answer.text)
    except ValueError:
        raise PassingError("breaks off in the middle of an answer") from None
    chart = document.get("chart") if isinstance(document, dict) else None
    if isinstance(chart, dict) and (code == 404 or (code == 400 and _NO_DATA in str(chart))):
        raise _NoPricesError(symbol)
    if code >= 400 or not isinstance(chart, dict):
        raise UnavailableError(f"Yahoo's {symbol} answers {code} and no chart of prices: check the address")
    return answer, chart


def _reason(error: Exception) -> str:
    """Return what curl says went wrong, without the login in a proxy's address that it quotes."""
    said = str(error).removeprefix("Failed to perform, ").partition(" See https://curl.se")[0]
    return re.sub("'.*@", "'", said).rstrip(".")


def _refuse_unadjusted(symbol: str, chart: dict[str, Any]) -> None:
    """Refuse prices without adjusted closes, in place of which yfinance takes the closes as traded."""
    for result in chart.get("result") or ():
        pays = result.get("meta", {}).get("instrumentType") not in _WITHOUT_ADJUSTMENT
        if pays and result.get("timestamp") and not result.get("indicators", {}).get("adjclose"):
            raise UnavailableError(
                f"Yahoo's {symbol} has closes that are not adjusted for splits and dividends: try later"
            )


class Yahoo:
    """Daily closes by symbol, adjusted for splits and dividends.

    Parameters
    ----------
    base : str
        Address that takes the place of Yahoo's hosts.
    patience : Patience
    """

    def __init__(self, base: str = YAHOO_URL, patience: Patience | None = None) -> None:
        self._session = _Session(base, patience or Patience())

    def closes(self, symbol: str, since: date, now: datetime) -> pd.Series | None:
        """Return a symbol's adjusted closes from `since` on, by date; None where Yahoo has no such symbol.

        A session that is still open at `now` (with a time zone) has no close, and none is returned.

        Raises
        ------
        UnavailableError
            Where Yahoo cannot be reached, or its answer is no history of prices.
        """
        hidden = yfinance.config.debug.hide_exceptions
        yfinance.config.debug.hide_exceptions = False
        try:
            ticker = yfinance.Ticker(symbol, session=self._session)
            with catch_warnings():
                # yfinance shows its own deprecations to everyone: they say nothing to who fetches.
                simplefilter("ignore", DeprecationWarning)
                history = ticker.history(
                    start=since, interval="1d", auto_adjust=True, actions=False, timeout=_SECONDS_TO_ANSWER
                )
            session = ticker.history_metadata.get("currentTradingPeriod", {}).get("regular", {})
        except (_NoPricesError, YFTickerMissingError):
            return None
        except (YFException, requests.exceptions.RequestException, KeyError, TypeError, ValueError) as error:
            raise UnavailableError(
                f"Yahoo's {symbol} is no history of prices ({type(error).__name__}: {error}): try later"
            ) from error
        finally:
            yfinance.config.debug.hide_exceptions = hidden
        closes = history["Close"].dropna()
        days = pd.DatetimeIndex(closes.index)
        if len(days) and days[-1].date() == now.astimezone(days.tz).date():
            ends = session.get("end")
            if not isinstance(ends, pd.Timestamp) or now < ends:
                closes, days = closes.iloc[:-1], days[:-1]
        return pd.Series(closes.to_numpy(dtype=float), days.tz_localize(None).normalize(), name=symbol)
