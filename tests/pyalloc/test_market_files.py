"""One market, however it is kept: a folder of csv, a workbook, or prices in parquet with the rest beside."""

from __future__ import annotations

import sys
from decimal import Decimal
from shutil import copy

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from pyalloc import MarketData
from pyalloc.errors import TableError
from pyalloc.tables import read_prices


@pytest.fixture(scope="module")
def tables(demo_market_path):
    """Return the tables of the demo market, cut to the last year."""
    prices = pd.read_csv(demo_market_path / "prices.csv", index_col="date", parse_dates=True).tail(261)
    assets = pd.read_csv(demo_market_path / "assets.csv", keep_default_na=False)
    macro = pd.read_csv(demo_market_path / "macro.csv", parse_dates=["known_on"])
    return prices, assets, macro


@pytest.fixture
def folder(tables, tmp_path, demo_market_path):
    """Return the market as a folder."""
    folder = tmp_path / "market"
    folder.mkdir()
    tables[0].to_csv(folder / "prices.csv")
    for name in ("assets.csv", "macro.csv", "NOTICE"):
        copy(demo_market_path / name, folder / name)
    return folder


def workbook(tables, path, **changes):
    prices, assets, macro = tables
    sheets = {
        "Prices": prices.reset_index(),
        "assets": assets,
        "MACRO": macro,
        "Notice": pd.DataFrame({"notice": ["Synthetic demo market:", "no real company, price or rate."]}),
    } | changes
    with pd.ExcelWriter(path) as writer:
        for name, table in sheets.items():
            if table is not None:
                table.to_excel(writer, sheet_name=name, index=False)
    return path


def same(one, other):
    np.testing.assert_array_equal(one.days, other.days)
    np.testing.assert_array_equal(one.closes, other.closes)
    return (one.assets, one.macro, one.notice) == (other.assets, other.macro, other.notice)


def test_a_workbook_holds_the_market_that_its_tables_make(tables, folder, tmp_path):
    book = MarketData.from_path(workbook(tables, tmp_path / "market.xlsx"))
    assert same(book, MarketData.from_path(folder))
    assert book.notice.startswith("Synthetic")


def test_a_workbook_is_refused_with_the_sheet_that_is_missing_or_wrong(tables, tmp_path):
    with pytest.raises(TableError, match=r'market.xlsx has no sheet "macro": its sheets are "Prices"'):
        MarketData.from_path(workbook(tables, tmp_path / "market.xlsx", MACRO=None))
    silent = tables[2].assign(vix="")
    with pytest.raises(TableError, match=r'market.xlsx sheet "MACRO" row 2, column vix: the cell is blank'):
        MarketData.from_path(workbook(tables, tmp_path / "market.xlsx", MACRO=silent))
    fewer = tables[1].iloc[1:]
    with pytest.raises(TableError, match=r'columns that market.xlsx sheet "assets" does not list: ZX'):
        MarketData.from_path(workbook(tables, tmp_path / "market.xlsx", assets=fewer))


def test_a_notice_is_text_and_no_error(tables, tmp_path):
    path = workbook(tables, tmp_path / "market.xlsx")
    book = load_workbook(path)
    book["Notice"]["A3"] = "#REF!"
    book.save(path)
    with pytest.raises(
        TableError, match='sheet "Notice" row 3, column notice: cell A3 holds the error #REF!'
    ):
        MarketData.from_path(path)


@pytest.mark.parametrize("name", ["prices.parquet", "closes.parquet"])
@pytest.mark.parametrize("indexed", [True, False])
def test_prices_in_parquet_are_those_of_the_csv(tables, folder, name, indexed):
    pytest.importorskip("pyarrow", reason="the extra data is not installed")
    plain = MarketData.from_path(folder)
    (folder / "prices.csv").unlink()
    prices = tables[0] if indexed else tables[0].reset_index()
    prices.to_parquet(folder / name)
    assert same(MarketData.from_path(folder if name == "prices.parquet" else folder / name), plain)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p.assign(ZXUA=-1.0), "gives ZXUA the price -1 on"),
        (lambda p: pd.concat([p, p.tail(1)]), "has more than one row of 2026-06-30"),
        (lambda p: p.assign(ZXUA="12"), 'column ZXUA: "12" is text'),
        (lambda p: p.set_axis(p.index + pd.Timedelta(hours=9)), "has a time of day: write the date alone"),
    ],
)
def test_parquet_is_held_to_what_prices_are(tables, tmp_path, change, says):
    pytest.importorskip("pyarrow", reason="the extra data is not installed")
    change(tables[0]).rename_axis("date").to_parquet(tmp_path / "prices.parquet")
    with pytest.raises(TableError) as refused:
        read_prices(tmp_path / "prices.parquet")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.set_axis(p.index.tz_localize("UTC")),
        lambda p: p.set_axis(p.index.tz_localize("America/New_York")),
        lambda p: p.set_axis(p.index.tz_localize("Asia/Tokyo")),
        lambda p: p.map(lambda price: Decimal(str(price)), na_action="ignore"),
        lambda p: p.reset_index().set_axis(range(7, len(p) + 7)),
    ],
)
def test_parquet_may_hold_time_zones_decimals_and_row_numbers(tables, tmp_path, change):
    pytest.importorskip("pyarrow", reason="the extra data is not installed")
    prices = tables[0]
    change(prices).to_parquet(tmp_path / "prices.parquet")
    found = read_prices(tmp_path / "prices.parquet")
    assert found.index.equals(prices.index)
    np.testing.assert_allclose(found, prices)


@pytest.mark.parametrize("keep", [0, 4, 500])
def test_a_damaged_parquet_file_is_refused(tables, tmp_path, keep):
    pytest.importorskip("pyarrow", reason="the extra data is not installed")
    path = tmp_path / "prices.parquet"
    tables[0].to_parquet(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TableError, match="is not a complete parquet file: copy or write it again"):
        read_prices(path)


def test_without_pyarrow_parquet_is_refused_with_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "prices.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError, match=r"needs pyarrow to be read: install it with pip install"):
        read_prices(tmp_path / "prices.parquet")


def test_two_files_of_prices_are_refused(folder):
    (folder / "prices.parquet").write_bytes(b"")
    with pytest.raises(TableError, match=r"prices.csv and prices.parquet both exist: keep the one"):
        MarketData.from_path(folder)
