"""The backtest report: a workbook whose statistics are native formulas over its own table of wealth."""

from workbooks.reports.backtest.book import write_backtest_report as write_backtest_report
