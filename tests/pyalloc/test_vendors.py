"""The real fetchers against a server on loopback that speaks the vendors' formats, in good and bad health."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from pyalloc import MarketData
from pyalloc.cli import main
from pyalloc.errors import InputError, TableError, UnavailableError
from pyalloc.macro import MacroSnapshot
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.marketdata.macro_history import macro_rows
from pyalloc.marketdata.vendors.fetch import fetch_market
from pyalloc.marketdata.vendors.fred import Fred
from pyalloc.marketdata.vendors.transport import Patience, checked_base
from pyalloc.tables import read_table

pytest.importorskip("yfinance", reason="the extra data is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:yfinance")

DAYS = pd.bdate_range("2016-01-04", "2016-12-30").drop(pd.Timestamp("2016-11-24"))  # Thanksgiving
SINCE = date(2016, 6, 1)
ASSETS = (
    "asset,name,category,sector\nAAA,Amber,Stocks,Energy\nBBB,Bramble,Stocks,Utilities\nBIL,Bills,Cash,\n"
)
LAST = datetime(2016, 12, 31, 12, tzinfo=UTC)


class Vendors:
    """What FRED, ALFRED and Yahoo hold, who asked for what, and how ill they are."""

    def __init__(self):
        rng = np.random.default_rng(9)
        days = pd.bdate_range("2015-12-01", "2016-12-30")
        self.series = {
            name: {f"{day:%Y-%m-%d}": f"{value:.2f}" for day, value in zip(days, values, strict=True)}
            for name, values in {
                "VIXCLS": rng.uniform(12, 30, len(days)),
                "T10Y2Y": rng.uniform(0.8, 1.2, len(days)),
                "DGS10": rng.uniform(1.6, 2.0, len(days)),
                "DGS3MO": rng.uniform(0.2, 0.4, len(days)),
            }.items()
        }
        for name in self.series:
            self.series[name]["2016-11-24"] = "."
        quarters = pd.period_range("2013Q1", "2016Q3", freq="Q")
        levels = 16000.0 * 1.005 ** np.arange(len(quarters))
        self.series["GDPC1"] = {
            f"{q.start_time:%Y-%m-%d}": f"{level:.3f}" for q, level in zip(quarters, levels, strict=True)
        }
        self.vintages = []
        self.closes = {
            symbol: dict(zip(DAYS, prices, strict=True))
            for symbol, prices in zip(
                ("AAA", "BBB", "BIL"),
                100.0 * np.exp(rng.normal(0, 0.01, (3, len(DAYS))).cumsum(1)),
                strict=True,
            )
        }
        self.until = pd.Timestamp("2016-12-30")
        self.faults = []  # (part of the path, what goes wrong, how often)
        self.asked = []
        self.hang = threading.Event()

    def fault(self, path):
        for i, (part, fault, often) in enumerate(self.faults):
            if part in path and often > 0:
                self.faults[i] = (part, fault, often - 1)
                return fault
        return None

    def answer(self, path, query):
        if path.endswith("fredgraph.csv"):
            name = query["id"]
            rows = [
                f"{day},{value}"
                for day, value in self.series[name].items()
                if query["cosd"] <= day <= f"{self.until:%Y-%m-%d}"
            ]
            return 200, "\n".join([f"observation_date,{name}", *rows, ""])
        if path.endswith("series/observations"):
            rows = [row for row in self.vintages if row["date"] >= query["observation_start"]]
            return 200, json.dumps({"count": len(rows), "output_type": 1, "observations": rows})
        if "/v8/finance/chart/" in path:
            return self.chart(path.rsplit("/", 1)[1], query)
        return 404, "{}"

    def chart(self, symbol, query):
        if symbol not in self.closes:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, json.dumps({"chart": {"result": None, "error": error}})
        since = pd.Timestamp(int(query.get("period1", 0)), unit="s")
        kept = {
            d: p for d, p in self.closes[symbol].items() if since - pd.Timedelta(days=1) < d <= self.until
        }
        stamps = [int((day + pd.Timedelta(hours=14.5)).timestamp()) for day in kept]
        prices = [None if np.isnan(price) else float(price) for price in kept.values()]
        session = {
            name: {"timezone": "EST", "start": 1483108200, "end": 1483131600, "gmtoffset": -18000}
            for name in ("pre", "regular", "post")
        }
        meta = {
            "currency": "USD",
            "symbol": symbol,
            "exchangeName": "NYQ",
            "instrumentType": "EQUITY",
            "firstTradeDate": 345479400,
            "regularMarketTime": 1483131600,
            "gmtoffset": -18000,
            "timezone": "EST",
            "exchangeTimezoneName": "America/New_York",
            "priceHint": 2,
            "currentTradingPeriod": session,
            "dataGranularity": "1d",
            "range": "",
            "validRanges": ["1d", "5d", "1mo", "max"],
        }
        quote = dict.fromkeys(("open", "high", "low", "close"), prices) | {"volume": [1000] * len(prices)}
        result = {"meta": meta, "timestamp": stamps}
        result["indicators"] = {"quote": [quote], "adjclose": [{"adjclose": prices}]}
        return 200, json.dumps({"chart": {"result": [result], "error": None}})


@contextmanager
def serving(vendors):
    """Serve on loopback and yield the base address."""

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_GET(self):
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            vendors.asked.append((parts.path, query))
            fault = vendors.fault(self.path)
            if fault == "hang":
                vendors.hang.set()
                time.sleep(60)
            code, text = vendors.answer(parts.path, query)
            if fault == "html":
                code, text = 200, "<!DOCTYPE html><html><body>Please log in</body></html>"
            if isinstance(fault, int):
                code, text = fault, "{}"
            body = text.encode()
            self.send_response(code)
            if code == 429:
                self.send_header("Retry-After", "7")
            if fault != "half":
                self.send_header("Content-Length", str(len(body)))
            if fault == "short":
                body = body[: len(body) // 2]
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault == "half" else body)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """Say nothing of a client that was killed: its answer may fail in the midst of a later test."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def vendors(tmp_path, monkeypatch):
    import yfinance
    from yfinance.data import YfData

    yfinance.set_tz_cache_location(str(tmp_path / "cache"))
    YfData.cache_get.cache_clear()
    for name in ("FRED_API_KEY", "PYALLOC_FRED_URL", "PYALLOC_ALFRED_URL", "PYALLOC_YAHOO_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "assets.csv").write_text(ASSETS, encoding="utf-8")
    return Vendors()


@pytest.fixture
def base(vendors):
    with serving(vendors) as address:
        yield address


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def fetch(base, tmp_path, pauses):
    """Return what fetches from the server into a market folder, waiting for nothing."""
    from pyalloc.marketdata.vendors.yahoo import Yahoo

    patience = Patience(attempts=3, sleep=pauses.append, jitter=lambda: 1.0)

    def fetch(now=LAST, key="", **options):
        options = {"assets": tmp_path / "assets.csv", "since": SINCE} | options
        fred = Fred(base, base, key, patience)
        return fetch_market(tmp_path / "market", fred, Yahoo(base, patience), now=now, **options)

    return fetch


def contents(folder):
    files = folder.iterdir() if folder.exists() else ()
    return {path.name: path.read_bytes() for path in files if not path.name.startswith(".")}


def leftovers(tmp_path):
    return sorted(path.name for path in tmp_path.rglob(".*"))


def charted(vendors):
    return [query for path, query in vendors.asked if "/chart/" in path and "period1" in query]


# --- what is fetched ------------------------------------------------------------------------------------


def test_a_new_market_holds_what_the_vendors_have(fetch, vendors, tmp_path):
    fetched = fetch()
    assert fetched.well
    market = MarketData.from_path(tmp_path / "market")
    assert [asset.asset for asset in market.assets] == ["AAA", "BBB", "BIL"]
    days = [day for day in DAYS if day.date() >= SINCE]
    assert market.days.tolist() == [day.date() for day in days]
    expected = [[vendors.closes[symbol][day] for symbol in ("AAA", "BBB", "BIL")] for day in days]
    np.testing.assert_allclose(market.closes, expected, rtol=1e-9)
    last = market.macro[-1]
    vix = [float(v) for v in vendors.series["VIXCLS"].values() if v != "."][-21:]
    assert last.known_on == date(2016, 12, 30)
    assert last.vix == pytest.approx(np.mean(vix), abs=1e-6)
    assert last.gdp_growth == pytest.approx(1.005**4 - 1, abs=2e-6)
    assert fetched.arrivals[0].new == len(market.macro) == len(days)


def test_a_holiday_has_no_row_and_no_macro_row(fetch, tmp_path):
    fetch()
    market = MarketData.from_path(tmp_path / "market")
    assert np.datetime64("2016-11-24") not in market.days
    assert date(2016, 11, 24) not in {row.known_on for row in market.macro}


def test_without_a_key_growth_waits_for_its_lag_and_the_market_says_so(fetch, vendors, tmp_path):
    vendors.series["GDPC1"]["2016-07-01"] = "17500"  # 2016Q3, which ends on 30 September
    fetched = fetch()
    growth = {row.known_on: row.gdp_growth for row in MarketData.from_path(tmp_path / "market").macro}
    assert growth[date(2016, 11, 11)] == pytest.approx(1.005**4 - 1, abs=2e-6)
    assert growth[date(2016, 11, 14)] > 0.1
    assert "45 days after the quarter: not as first released" in fetched.notes[0]
    assert MarketData.from_path(tmp_path / "market").notice == fetched.notes[0]


def vintage(quarter, value, start, end="9999-12-31"):
    return {"date": quarter, "value": value, "realtime_start": start, "realtime_end": end}


def test_with_a_key_growth_is_that_of_the_first_release_in_its_own_vintage(fetch, vendors, tmp_path):
    vendors.vintages = [
        vintage("2015-10-01", "100", "2016-01-29", "2016-06-30"),
        vintage("2015-10-01", "200", "2016-07-01"),  # another base year
        vintage("2016-01-01", "101", "2016-04-28", "2016-06-30"),
        vintage("2016-01-01", "202", "2016-07-01"),
        vintage("2016-04-01", "203", "2016-07-29", "2016-09-28"),
        vintage("2016-04-01", "210", "2016-09-29"),  # a revision, which is no news here
        vintage("2016-07-01", "212", "2016-10-28"),
    ]
    fetched = fetch(key="secret")
    growth = {row.known_on: row.gdp_growth for row in MarketData.from_path(tmp_path / "market").macro}
    assert growth[date(2016, 7, 28)] == pytest.approx(1.01**4 - 1, abs=1e-6)
    assert growth[date(2016, 10, 27)] == pytest.approx((203 / 202) ** 4 - 1, abs=1e-6)
    assert growth[date(2016, 10, 28)] == pytest.approx((212 / 210) ** 4 - 1, abs=1e-6)
    assert fetched.notes == ()
    assert fetched.arrivals[0].note == ""
    assert not (tmp_path / "market" / "NOTICE").exists()


def test_macro_rows_that_begin_later_than_asked_for_are_said_to(fetch, vendors):
    vendors.vintages = [
        vintage("2016-01-01", "202", "2016-04-28"),
        vintage("2016-04-01", "203", "2016-07-29"),
        vintage("2016-07-01", "212", "2016-10-28"),
    ]
    macro = fetch(key="secret").arrivals[0]
    assert macro.note == "rows begin on 2016-07-29: before, not every series had a value known"


def test_the_key_is_in_no_message(fetch, vendors):
    vendors.faults = [("observations", 400, 9)]
    with pytest.raises(UnavailableError) as refused:
        fetch(key="secret")
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(Fred(key="secret"))


def test_a_key_that_the_vendor_repeats_is_in_no_message(fetch, vendors, monkeypatch):
    said = json.dumps({"error_message": "Bad Request.\nThe key secret/1 is not registered."})
    answer = vendors.answer
    monkeypatch.setattr(vendors, "answer", lambda p, q: (400, said) if "api_key" in q else answer(p, q))
    with pytest.raises(UnavailableError, match=r"Bad Request\. The key \(the key\) is not") as refused:
        fetch(key="secret/1")
    assert "secret" not in str(refused.value)


def test_the_recession_spread_is_blank_where_its_yields_have_ended(fetch, vendors, tmp_path):
    vendors.series["DGS3MO"] = {d: v for d, v in vendors.series["DGS3MO"].items() if d <= "2016-09-30"}
    assert fetch().well
    spread = {row.known_on: row.spread_10y_3m for row in MarketData.from_path(tmp_path / "market").macro}
    assert spread[date(2016, 10, 10)] is not None
    assert spread[date(2016, 10, 11)] is None


def test_no_row_is_made_from_a_spread_that_has_ended(fetch, vendors, tmp_path):
    vendors.series["T10Y2Y"] = {d: v for d, v in vendors.series["T10Y2Y"].items() if d <= "2016-09-30"}
    fetched = fetch()
    assert MarketData.from_path(tmp_path / "market").macro[-1].known_on == date(2016, 10, 10)
    assert (fetched.arrivals[0].state, fetched.well) == ("stale", False)
    assert "T10Y2Y ended" in fetched.arrivals[0].note


def test_a_session_that_is_still_open_has_no_close(base):
    from pyalloc.marketdata.vendors.yahoo import Yahoo

    yahoo = Yahoo(base, Patience(attempts=1))
    open_until = datetime(2016, 12, 30, 21, tzinfo=UTC)
    during = yahoo.closes("AAA", SINCE, open_until - timedelta(minutes=1))
    after = yahoo.closes("AAA", SINCE, open_until)
    assert (during.index[-1].day, after.index[-1].day) == (29, 30)


# --- a second time --------------------------------------------------------------------------------------


def first_month_then(fetch, vendors, until="2016-12-30"):
    """Fetch up to the end of November, then forget what was asked; the vendors move on."""
    vendors.until = pd.Timestamp("2016-11-30")
    fetch(now=datetime(2016, 12, 1, 12, tzinfo=UTC))
    vendors.until = pd.Timestamp(until)
    vendors.asked.clear()


def test_a_second_run_asks_for_and_adds_only_what_is_new(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    before = (tmp_path / "market" / "macro.csv").read_text(encoding="utf-8")
    fetched = fetch(assets=None)
    assert [arrival.new for arrival in fetched.arrivals] == [22, 22, 22, 22]
    assert (tmp_path / "market" / "macro.csv").read_text(encoding="utf-8").startswith(before)
    since = [pd.Timestamp(int(query["period1"]), unit="s") for query in charted(vendors)]
    assert min(since) >= pd.Timestamp("2016-11-15")
    assert min(query["cosd"] for _, query in vendors.asked if query.get("id") == "VIXCLS") == "2016-10-01"


def test_two_runs_make_the_market_that_one_run_makes(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    fetch()
    twice = contents(tmp_path / "market")
    for name in twice:
        (tmp_path / "market" / name).unlink()
    fetch()
    assert contents(tmp_path / "market") == twice


def test_a_run_without_news_changes_no_byte(fetch, tmp_path):
    fetch()
    before = contents(tmp_path / "market")
    fetched = fetch()
    assert {arrival.state for arrival in fetched.arrivals} == {"unchanged"}
    assert contents(tmp_path / "market") == before


def test_a_macro_row_that_is_there_is_never_rewritten(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    before = {row.known_on: row for row in MarketData.from_path(tmp_path / "market").macro}
    vendors.series["VIXCLS"] = dict.fromkeys(vendors.series["VIXCLS"], "40")  # a revision
    fetch()
    after = {row.known_on: row for row in MarketData.from_path(tmp_path / "market").macro}
    assert {day: after[day] for day in before} == before


def test_after_a_split_the_stored_closes_follow_and_no_return_changes(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    true = np.array(list(vendors.closes["AAA"].values()))
    vendors.closes["AAA"] = {day: price / 2 for day, price in vendors.closes["AAA"].items()}
    fetched = fetch()
    column = MarketData.from_path(tmp_path / "market").closes[:, 0]
    np.testing.assert_allclose(
        column[1:] / column[:-1], (true[1:] / true[:-1])[-len(column) + 1 :], rtol=1e-8
    )
    assert column[-1] == pytest.approx(true[-1] / 2)
    assert fetched.arrivals[1].note == "stored closes × 0.5, as a split or dividend changed them"


def test_a_close_that_the_vendor_had_not_yet_fills_its_gap(fetch, vendors, tmp_path):
    late = pd.Timestamp("2016-11-28")
    close, vendors.closes["AAA"][late] = vendors.closes["AAA"][late], np.nan
    first_month_then(fetch, vendors)
    vendors.closes["AAA"][late] = close
    assert fetch().arrivals[1].new == 23
    market = MarketData.from_path(tmp_path / "market")
    assert market.closes[market.days == np.datetime64(late, "D"), 0] == pytest.approx(close)


def test_a_history_that_became_another_companys_is_refused_with_what_to_do(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    before = contents(tmp_path / "market")
    vendors.closes["AAA"] = {
        day: 3.0 + day.day / 10 for day in vendors.closes["AAA"] if day > pd.Timestamp("2016-11-20")
    }
    with pytest.raises(UnavailableError, match=r"AAA no longer agrees .* Give what is stored another symbol"):
        fetch()
    assert contents(tmp_path / "market") == before


def test_a_revised_history_is_fetched_anew(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    vendors.closes["AAA"] = {day: price * (1 + day.day / 100) for day, price in vendors.closes["AAA"].items()}
    fetched = fetch()
    expected = [price for day, price in vendors.closes["AAA"].items() if day.date() >= SINCE]
    np.testing.assert_allclose(MarketData.from_path(tmp_path / "market").closes[:, 0], expected, rtol=1e-9)
    assert "fetched anew" in fetched.arrivals[1].note


def test_a_renamed_ticker_keeps_its_past_and_is_said_to_be_missing(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    del vendors.closes["BBB"]
    fetched = fetch()
    assert (fetched.arrivals[2].state, fetched.well) == ("missing", False)
    assert "has another name now" in fetched.arrivals[2].note
    market = MarketData.from_path(tmp_path / "market")
    assert np.isnan(market.closes[-1, 1])
    assert np.isfinite(market.closes[0, 1])


def test_an_asset_may_be_added_but_not_dropped(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    vendors.closes["GLD"] = dict(vendors.closes["BIL"])
    longer = tmp_path / "longer.csv"
    longer.write_text(f"{ASSETS}GLD,Gold,Commodities,\n", encoding="utf-8")
    fetch(assets=longer)
    assert "GLD" in MarketData.from_path(tmp_path / "market")
    with pytest.raises(InputError, match="has prices of GLD, which the list of assets lacks"):
        fetch()


def test_the_folders_own_list_keeps_the_firms_columns(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    own = tmp_path / "market" / "assets.csv"
    own.write_text(
        "asset;name;category;sector;desk\nAAA;Amber;Stocks;Energy;London\nBBB;Bramble;Stocks;Utilities;\n"
        "BIL;Bills;Cash;;\n",
        encoding="utf-8",
    )
    before = own.read_bytes()
    assert fetch(assets=None).well
    assert fetch(assets=own).well
    assert own.read_bytes() == before


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_rows_are_added_to_what_a_spreadsheet_saved(fetch, vendors, tmp_path, encoding):
    first_month_then(fetch, vendors)
    file = tmp_path / "market" / "macro.csv"
    before = file.read_text(encoding="utf-8")
    file.write_text(before, encoding=encoding, newline="\r\n")
    assert fetch().arrivals[0].new == 22
    assert file.read_text(encoding="utf-8").startswith(before)


def test_rows_are_not_added_under_other_columns(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    file = tmp_path / "market" / "macro.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    with pytest.raises(TableError, match=r"macro\.csv starts with another line .* separated by commas"):
        fetch()


@pytest.mark.parametrize("since", [date(1, 1, 1), date(2017, 1, 1)])
def test_a_first_day_that_no_vendor_has_is_refused(fetch, since):
    with pytest.raises(InputError, match=r"the first day is .*: write one from 1900-01-01 to today"):
        fetch(since=since)


# --- where it is put ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("vendors")
def test_the_folder_may_be_the_one_that_one_is_in_or_a_link(base, tmp_path, monkeypatch):
    real = tmp_path / "disk" / "real"
    real.mkdir(parents=True)
    (tmp_path / "market").symlink_to(real, target_is_directory=True)
    assert command(base, tmp_path) == 1  # 2016 is stale by now
    monkeypatch.chdir(real)
    assert command(base, tmp_path, "--out", ".") == 1
    assert sorted(contents(real)) == ["NOTICE", "assets.csv", "macro.csv", "prices.csv.gz"]
    assert leftovers(tmp_path) == []


def test_a_folder_that_exists_needs_no_place_beside_it(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    for taken in ("lock", "fetching"):  # as where the folder is a disk of its own
        (tmp_path / f".market.{taken}").mkdir()
        (tmp_path / f".market.{taken}" / "kept").touch()
    assert fetch().well
    assert leftovers(tmp_path) == [".market.fetching", ".market.lock"]


def test_a_file_is_no_market_folder(fetch, vendors, tmp_path):
    (tmp_path / "market").write_text("prices", encoding="utf-8")
    with pytest.raises(InputError, match="market is a file: name the market folder"):
        fetch()
    assert not vendors.asked


# --- vendors in bad health ------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["VIXCLS", "chart/AAA"])
@pytest.mark.parametrize("fault", [429, 503, "short", "half"])
def test_what_passes_is_waited_for_with_growing_pauses(fetch, vendors, tmp_path, pauses, part, fault):
    vendors.faults = [(part, fault, 2)]
    assert fetch().well
    assert len(MarketData.from_path(tmp_path / "market").macro) > 100
    assert pauses == ([7.0, 7.0] if fault == 429 else [1.0, 2.0])


@pytest.mark.parametrize(
    ("part", "fault", "says"),
    [
        ("VIXCLS", 429, "FRED's VIXCLS answers 429"),
        ("T10Y2Y", 503, "FRED's T10Y2Y answers 503"),
        ("GDPC1", "short", "FRED's GDPC1 .*breaks off"),
        ("DGS10", "html", "FRED's DGS10 answered with a web page where data was expected"),
        ("DGS10", 404, r"FRED's DGS10 at 127\.0\.0\.1:\d+ answers 404 Not Found: check the address"),
        ("chart/AAA", 429, "Yahoo's AAA answers 429"),
        ("chart/BBB", 502, "Yahoo's BBB answers 502"),
        ("chart/BIL", "half", "Yahoo's BIL breaks off"),
        ("chart/BIL", "html", "Yahoo's BIL is a web page where data was expected"),
    ],
)
def test_what_does_not_pass_is_refused_and_nothing_is_written(fetch, vendors, tmp_path, part, fault, says):
    first_month_then(fetch, vendors)
    before = contents(tmp_path / "market")
    vendors.faults = [(part, fault, 99)]
    with pytest.raises(UnavailableError, match=says):
        fetch()
    assert contents(tmp_path / "market") == before
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("observation_date,VIXCLS\n2016-01-04,20\n2016-01-05,high\n", '"high" is not a number'),
        ("observation_date,VIXCLS\n2016-01-04,20\n2016-01", "was cut off"),
        ("observation_date,VXOCLS\n2016-01-04,20\n", "asked for VIXCLS and answered with VXOCLS"),
        ("observation_date,VIXCLS\n2016-01-05,20\n2016-01-04,20\n", "is not in order of time"),
        ("observation_date,VIXCLS\n2016-01-04,20\n2016-01-04,21\n", "is not in order of time"),
        ("Error: try again\nsoon\n", "is not its csv of dates and values"),
        ("Service is being updated\n", "is not its csv of dates and values"),
        ("", "is not its csv of dates and values"),
    ],
)
def test_a_text_that_is_not_freds_csv_is_refused(fetch, vendors, monkeypatch, text, says):
    answer = vendors.answer
    monkeypatch.setattr(
        vendors, "answer", lambda p, q: (200, text) if q.get("id") == "VIXCLS" else answer(p, q)
    )
    with pytest.raises(UnavailableError, match=says):
        fetch()


@pytest.mark.parametrize("name", ["VIXCLS", "T10Y2Y", "GDPC1"])
def test_a_series_without_any_value_is_refused_by_name(fetch, vendors, name):
    vendors.series[name] = {}
    with pytest.raises(UnavailableError, match=f"no macro row can be made .* {name} has too few values"):
        fetch()


def test_a_recession_spread_without_any_value_is_left_blank(fetch, vendors, tmp_path):
    vendors.series["DGS3MO"] = {}
    assert fetch().well
    assert {row.spread_10y_3m for row in MarketData.from_path(tmp_path / "market").macro} == {None}


def test_an_output_that_never_was_is_refused(fetch, vendors):
    vendors.series["GDPC1"]["2016-04-01"] = "0"
    with pytest.raises(UnavailableError, match="GDPC1 has a level that is not positive"):
        fetch()


def charts_of(vendors, monkeypatch, change):
    """Let Yahoo's answers pass through `change`, which takes and returns a status code and a document."""
    chart = vendors.chart

    def changed(symbol, query):
        code, text = chart(symbol, query)
        code, document = change(code, json.loads(text))
        return code, json.dumps(document)

    monkeypatch.setattr(vendors, "chart", changed)


def test_closes_without_their_adjustment_are_refused(fetch, vendors, monkeypatch):
    def unadjusted(code, document):
        del document["chart"]["result"][0]["indicators"]["adjclose"]
        document["chart"]["result"][0]["meta"]["instrumentType"] = kind
        return code, document

    charts_of(vendors, monkeypatch, unadjusted)
    kind = "ETF"
    with pytest.raises(UnavailableError, match="AAA has closes that are not adjusted for splits"):
        fetch()
    kind = "CURRENCY"  # which neither splits nor pays
    assert fetch().well


@pytest.mark.parametrize(("code", "document"), [(404, {"message": "no route"}), (200, {}), (200, [1])])
def test_a_mirror_that_has_no_charts_is_no_end_of_every_symbol(fetch, vendors, monkeypatch, code, document):
    first_month_then(fetch, vendors)
    charts_of(vendors, monkeypatch, lambda *_: (code, document))
    with pytest.raises(UnavailableError, match=f"Yahoo's AAA answers {code} and no chart of prices"):
        fetch()


def test_a_symbol_that_was_never_there_is_refused_by_name(fetch, tmp_path):
    (tmp_path / "assets.csv").write_text(f"{ASSETS}BRK.B,Berkshire,Stocks,Financials\n", encoding="utf-8")
    with pytest.raises(UnavailableError, match=r"Yahoo has no prices of BRK\.B since 2016-06-01"):
        fetch()
    assert not (tmp_path / "market").exists()


def test_a_value_that_no_market_may_hold_is_refused_before_anything_is_written(fetch, vendors, tmp_path):
    first_month_then(fetch, vendors)
    before = contents(tmp_path / "market")
    vendors.closes["AAA"][pd.Timestamp("2016-12-15")] = 0.0
    with pytest.raises(TableError, match="gives AAA the price 0 on 2016-12-15"):
        fetch()
    assert contents(tmp_path / "market") == before


@pytest.mark.parametrize("symbol", ["aaa", "A?x", "A#b", "A B", "Ä"])
def test_a_symbol_that_yahoo_would_take_for_another_is_refused(fetch, vendors, tmp_path, symbol):
    listed = tmp_path / "odd.csv"
    listed.write_text(f"{ASSETS}{symbol},Odd,Stocks,Energy\n", encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(f"{symbol} cannot be asked of Yahoo")):
        fetch(assets=listed)
    assert vendors.asked == []


def test_real_figures_are_kept_out_of_a_demo_market(fetch, vendors, tmp_path):
    write_demo_market(tmp_path / "market", years=6, stocks=12)
    before = contents(tmp_path / "market")
    with pytest.raises(InputError, match="market is a demo market, which is synthetic"):
        fetch()
    assert vendors.asked == []
    assert contents(tmp_path / "market") == before


def test_a_dry_run_writes_nothing(fetch, tmp_path):
    assert fetch(dry_run=True).well
    assert not (tmp_path / "market").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "base",
    [
        "ftp://mirror",
        "mirror.example",
        "https://",
        "https://a/b?c=d",
        "https://mirror/my fred",
        "https://mirror/fréd",
        "https://mirror:port",
        "https://[::1",
    ],
)
def test_only_an_http_address_can_be_a_mirror(base):
    with pytest.raises(InputError, match="--fred-url is"):
        checked_base("--fred-url", base)


@pytest.mark.parametrize("proxy", ["http://desk:pass'/word@proxy:port", "ldap://desk:pass'/word@proxy:80"])
def test_the_login_of_a_proxy_is_in_no_message(monkeypatch, proxy):
    from pyalloc.marketdata.vendors.yahoo import Yahoo

    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UnavailableError, match="Unsupported proxy") as refused:
        Yahoo("https://mirror.example", Patience(attempts=1)).closes("AAA", SINCE, LAST)
    assert "desk" not in str(refused.value)
    assert "word" not in str(refused.value)


def test_a_login_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(InputError, match="--fred-url holds a login") as refused:
        checked_base("--fred-url", "https://desk:password@mirror.example")
    assert "password" not in str(refused.value)


def test_without_yfinance_prices_are_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "yfinance", None)
    monkeypatch.delitem(sys.modules, "pyalloc.marketdata.vendors.yahoo", raising=False)
    with pytest.raises(UnavailableError, match=r"prices need yfinance, .*: pip install 'pyalloc\[data\]'"):
        importlib.import_module("pyalloc.marketdata.vendors.yahoo")


# --- ended in the middle --------------------------------------------------------------------------------


def run(base, *arguments, **options):
    command = [sys.executable, "-c", "import sys; from pyalloc.cli import main; sys.exit(main(sys.argv[1:]))"]
    addresses = {f"PYALLOC_{vendor}_URL": base for vendor in ("FRED", "ALFRED", "YAHOO")}
    command += ["data", "fetch", "--since", "2016-06-01", *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | addresses, text=True, **options)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_kill_in_the_middle_changes_nothing(fetch, vendors, base, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    first_month_then(fetch, vendors)
    before = contents(tmp_path / "market")
    vendors.faults = [("chart/BIL", "hang", 1)]
    process = run(base, "--out", tmp_path / "market")
    assert vendors.hang.wait(60)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert contents(tmp_path / "market") == before
    fetch()
    assert MarketData.from_path(tmp_path / "market").days[-1].item() == date(2016, 12, 30)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_second_fetch_into_one_folder_is_refused_until_the_first_has_ended(
    fetch, vendors, base, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    vendors.faults = [("chart/BIL", "hang", 1)]
    process = run(base, "--out", tmp_path / "market", "--assets", tmp_path / "assets.csv")
    assert vendors.hang.wait(60)
    with pytest.raises(InputError, match=r"another fetch is writing to .*market: wait until it ends"):
        fetch()
    assert fetch(dry_run=True).well
    process.kill()
    process.wait(30)
    assert contents(tmp_path / "market") == {}
    assert fetch().well
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("moves", range(4))
def test_a_kill_between_two_names_leaves_a_market_that_the_next_run_completes(
    fetch, vendors, tmp_path, monkeypatch, moves
):
    first_month_then(fetch, vendors)
    before = contents(tmp_path / "market")
    move, done = type(tmp_path).replace, []

    def killed(path, target):
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(target)
        return move(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(type(tmp_path), "replace", killed)
        if moves < 2:  # macro.csv and prices.csv.gz are all that changes
            with pytest.raises(KeyboardInterrupt):
                fetch()
        else:
            fetch()
    assert (contents(tmp_path / "market") == before) is (moves == 0)
    MarketData.from_path(tmp_path / "market")
    fetch()
    assert MarketData.from_path(tmp_path / "market").days[-1].item() == date(2016, 12, 30)


# --- the command ----------------------------------------------------------------------------------------


def command(base, tmp_path, *arguments):
    places = ["--out", str(tmp_path / "market"), "--assets", str(tmp_path / "assets.csv")]
    addresses = ["--fred-url", base, "--alfred-url", base, "--yahoo-url", f"{base}/"]
    return main(["data", "fetch", *places, *addresses, "--since", "2016-06-01", *arguments])


def test_the_command_says_what_is_new_and_that_it_is_stale_by_now(base, tmp_path, capsys):
    assert command(base, tmp_path) == 1
    said = capsys.readouterr().out
    assert "2016-12-30" in said
    assert "stale" in said
    assert "not as first released" in said
    assert (tmp_path / "market" / "macro.csv").exists()


def test_a_fetch_that_goes_well_says_nothing_on_the_error_stream(base, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    places = ["--out", tmp_path / "market", "--assets", tmp_path / "assets.csv"]
    process = run(base, *places, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.communicate(timeout=60)[1] == ""


def test_a_dry_run_of_the_command_says_that_it_wrote_nothing(base, tmp_path, capsys):
    command(base, tmp_path, "--dry-run")
    assert "Nothing was written" in capsys.readouterr().out
    assert not (tmp_path / "market").exists()


def test_a_full_disk_is_told_without_a_file_it_does_not_name(base, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")  # as write says it

    with monkeypatch.context() as patched:
        patched.setattr(type(tmp_path), "write_bytes", full)
        assert command(base, tmp_path) == 2
    assert "a disk cannot be used (No space left on device)" in capsys.readouterr().err
    assert leftovers(tmp_path) == []


def test_offline_is_told_in_one_sentence():
    nowhere = Fred("http://127.0.0.1:9", patience=Patience(attempts=1))
    with pytest.raises(UnavailableError, match=r"cannot be reached at .*: check the network") as refused:
        nowhere.series("VIXCLS", SINCE)
    assert "\n" not in str(refused.value)


# --- the reference data, served -------------------------------------------------------------------------


def observations(path):
    """Return the real-time levels of a vintage workbook as ALFRED lists them."""
    table = read_table(path)
    rows = []
    named = [name for name in table.columns if name != "DATE"]
    when = [pd.Period(f"{'20' if int(n[-4:-2]) < 60 else '19'}{n[-4:-2]}{n[-2:]}", freq="Q") for n in named]
    known = [quarter.start_time + pd.DateOffset(months=1, days=14) for quarter in when]
    ends = [following - pd.Timedelta(days=1) for _, following in pairwise(known)] + [
        pd.Timestamp("2200-01-01")
    ]
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        quarter = pd.Period(str(cells["DATE"]).replace(":", ""), freq="Q")
        for name, start, end in zip(named, known, ends, strict=True):
            if isinstance(cells[name], float):
                days = (
                    f"{quarter.start_time:%Y-%m-%d}",
                    f"{cells[name]}",
                    f"{start:%Y-%m-%d}",
                    f"{end:%Y-%m-%d}",
                )
                rows.append(vintage(*days))
    return rows


@pytest.fixture
def script(monkeypatch):
    """Return the script that the reference computation is in."""
    path = Path(__file__).resolve().parents[2] / "docs" / "examples" / "real_market.py"
    spec = importlib.util.spec_from_file_location("real_market_of_the_vendors", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def reference(vendors, shared_data):
    """Return the vendors with the reference data for theirs."""
    files = {
        "VIXCLS": "fred/VIXCLS.csv",
        "T10Y2Y": "fred/T10Y2Y.csv",
        "DGS10": "fred_DGS10_1962_2023.csv",
        "DGS3MO": "fred_DGS3MO_1981_2023.csv",
    }
    for name, file in files.items():
        lines = (shared_data / "macro" / file).read_text(encoding="utf-8").split()[1:]
        vendors.series[name] = dict(line.split(",") for line in lines)
    vendors.vintages = observations(shared_data / "macro" / "vintages" / "ROUTPUTQvQd.xlsx")
    vendors.until = pd.Timestamp("2019-12-31")
    return vendors


@pytest.mark.usefixtures("reference")
def test_served_reference_data_give_the_reference_stress_and_its_auc(fetch, tmp_path, shared_data, script):
    fetch(key="key", since=date(1990, 1, 2))
    ours = {row.known_on: row.stress() for row in MarketData.from_path(tmp_path / "market").macro}
    # The reference takes VIX from Cboe's own history, which lacks 1999-12-31.
    vix = script.read_table(shared_data / "macro" / "fred" / "VIXCLS.csv")["value"].dropna()
    history = replace(script.read_macro(shared_data), vix=vix)
    months = vix["1990-01":"2019-12"].index.to_series().groupby(lambda day: day.to_period("M")).max()
    rows = macro_rows(history, pd.DatetimeIndex(months))[["vix", "gdp_growth", "yield_spread"]]
    theirs = [MacroSnapshot(*row).stress() for row in rows.to_numpy()]
    found = pd.Series([ours[day.date()] for day in months], months.index)
    # The table of first releases rounds growth to a thousandth of a percent.
    np.testing.assert_allclose(found, theirs, atol=6e-5)
    assert round(script.auc(found, history.recession[found.index]), 2) == 0.92
