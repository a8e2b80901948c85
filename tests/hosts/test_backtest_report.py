"""LibreOffice computes the statistics of a backtest from the report's own table of wealth."""

from __future__ import annotations

from pathlib import Path

from pyalloc import InvestorProfile
from pyalloc.backtest import run_sweep, sweep_policies, walk_forward
from tests.hosts.calc_host import CalcHost
from tests.hosts.test_workbook_oracle import departures, without_values
from tests.pyalloc.test_backtest import market
from workbooks.reports.backtest.book import backtest_book, report_bytes


def test_every_formula_of_the_report_equals_what_the_backtest_found(calc: CalcHost, tmp_path: Path) -> None:
    result = walk_forward(market(), InvestorProfile(risk="high"))
    settings, policies = sweep_policies({}, {"macro": {"tilt_strength": [0.0, 0.5, 1.0]}})
    sweep = run_sweep(market(), InvestorProfile(risk="high"), settings, policies)
    book, facts = backtest_book(result, sweep)
    path = tmp_path / "report.xlsx"
    path.write_bytes(without_values(report_bytes(result, sweep)))
    recalculated = calc.recalculate(path)
    assert departures(book.cells("formula"), facts, recalculated) == []
    assert set(recalculated.formulas) == {(sheet, at) for sheet, at, _ in book.cells("formula")}
