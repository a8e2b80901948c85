"""The backtest report says what was found, warns before it shows, and is written whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from io import BytesIO

import numpy as np
import pytest
from openpyxl import load_workbook

from pyalloc import InvestorProfile
from pyalloc.backtest import run_sweep, sweep_policies, walk_forward
from pyalloc.backtest.decisions import neutral_conditions
from pyalloc.macro import MacroPolicy
from tests.pyalloc.test_backtest import START, market
from workbooks.reports.backtest import write_backtest_report
from workbooks.reports.backtest.book import backtest_book, report_bytes
from workbooks.reports.backtest.facts import report_facts, told
from workbooks.template.author import Book
from workbooks.template.dates import EPOCH


@pytest.fixture(scope="module")
def result():
    return walk_forward(market(), InvestorProfile(risk="high"))


@pytest.fixture(scope="module")
def sweep():
    settings, policies = sweep_policies({}, {"macro": {"tilt_strength": [0.0, 0.5, 1.0]}})
    return run_sweep(market(), InvestorProfile(risk="high"), settings, policies)


@pytest.fixture(scope="module")
def written(result, sweep, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.xlsx"
    write_backtest_report(result, path, sweep)
    return load_workbook(path)


def test_every_statistic_but_what_no_formula_gives_is_a_native_formula(written):
    sheet = written["Report"]
    rows = {sheet.cell(row, 2).value: sheet.cell(row, 3).value for row in range(15, 33)}
    solved = {name for name, value in rows.items() if name and not str(value).startswith("=")}
    assert solved - {"Years"} == {
        "  95 % interval, from",
        "  95 % interval, to",
        "Turnover a year",
        "All costs",
    }


def test_the_reader_is_warned_before_any_figure(written, result):
    sheet = written["Report"]
    shown = [sheet[f"B{row}"].value for row in range(5, 11)]
    assert shown == list(told(result))
    assert shown[0].startswith("Survivorship: none of the 12 stocks ends before the last day")
    assert shown[1].startswith("Short sample: 2.2 years")
    assert all(f"{name}: " in shown[5] for name in result.benchmarks)


def test_stocks_that_ended_are_counted():
    known = market()
    closes = known.closes.copy()
    closes[-30:, [2, 5]] = np.nan
    found = walk_forward(
        type(known)(known.days, closes, known.assets, known.macro), InvestorProfile(), start=START
    )
    assert told(found)[0].startswith("Survivorship: 2 of the 12 stocks end before the last day")


def test_stocks_that_are_listed_after_the_last_day_or_ended_before_the_first_are_not_counted():
    known = market()
    closes = known.closes.copy()
    closes[known.days < np.datetime64("2016-02-01"), 5] = np.nan
    closes[200:, 7] = np.nan
    found = walk_forward(
        replace(known, closes=closes), InvestorProfile(), start=START, end=date(2015, 12, 15)
    )
    assert told(found)[0].startswith("Survivorship: none of the 10 stocks ends")


def test_a_report_of_a_few_days_has_no_interval():
    found = walk_forward(market(), InvestorProfile(), start=date(2016, 2, 29), end=date(2016, 3, 4))
    facts = report_facts(found)
    assert facts["sharpe_low"] == facts["sharpe_high"] == [None] * 4
    assert "(too few months for a t): an effect that cannot be told from none" in told(found)[3]
    assert report_bytes(found)


def test_the_error_of_a_sharpe_ratio_is_that_of_daily_returns(result):
    # Lo (2002): the ratio of a day enters, so over 2.2 years the error is 1/√2.2 but for a fraction.
    assert "about 0.68." in told(result)[1]


def test_dynamics_that_do_nothing_are_said_to_do_nothing():
    known = market()
    neutral = tuple(replace(neutral_conditions(MacroPolicy()), known_on=row.known_on) for row in known.macro)
    found = walk_forward(replace(known, macro=neutral), InvestorProfile(), start=START)
    assert told(found)[3] == "Against stress held at 0.5 the dynamics made no difference."


def test_a_time_without_a_fall_is_not_told_as_one():
    known = market()
    steps = np.random.default_rng(1).uniform(1e-4, 3e-3, known.closes.shape)
    rising = replace(known, closes=50.0 * np.exp(np.cumsum(steps, axis=0)))
    found = walk_forward(rising, InvestorProfile(), start=START, fee=0.0)
    assert told(found)[2] == "Wealth never closed below an earlier close: this time had no fall to tell of."


def test_every_formula_has_its_value_in_the_file(result, sweep):
    book, facts = backtest_book(result, sweep)
    shown = load_workbook(BytesIO(report_bytes(result, sweep)), data_only=True)
    for sheet, at, cell in book.cells("formula"):
        value, fact = shown[sheet][at].value, cell.value.of(facts)
        if isinstance(value, datetime):
            value = (value.date() - EPOCH).days
        assert value == (fact if fact is None or isinstance(fact, str) else pytest.approx(fact, rel=1e-15))


def test_charts_show_growth_falls_and_weights_through_time(written):
    charts = written["Report"]._charts
    assert [type(chart).__name__ for chart in charts] == ["ScatterChart", "ScatterChart", "AreaChart"]


def test_every_trial_of_a_sweep_is_shown_with_the_verdict(written, sweep):
    sheet = written["Sweep"]
    assert sheet["B5"].value == sweep.verdict
    assert [sheet.cell(19 + k, 3).value for k in range(3)] == [0.0, 0.5, 1.0]


def test_there_is_no_sweep_sheet_without_a_sweep(result):
    book, _ = backtest_book(result)
    assert [sheet.title for sheet in book.sheets] == [
        "Report",
        "Attribution",
        "Decisions",
        "Months",
        "Daily",
    ]


def test_the_same_backtest_gives_the_same_bytes(result):
    one, other = (report_bytes(result) for _ in range(2))
    assert one == other
    assert load_workbook(BytesIO(one)).properties.title == "Backtest, risk high"


def test_a_report_that_cannot_be_authored_leaves_the_old_one(result, tmp_path, monkeypatch):
    path = tmp_path / "report.xlsx"
    path.write_bytes(b"the old one")
    monkeypatch.setattr(Book, "cells", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_backtest_report(result, path)
    assert path.read_bytes() == b"the old one"
    assert [file.name for file in tmp_path.iterdir()] == ["report.xlsx"]
