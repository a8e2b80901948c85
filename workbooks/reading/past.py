"""The history that a workbook shows, read from its cells."""

from __future__ import annotations

from datetime import date

import numpy as np

from pyalloc.backtest.months import Months
from workbooks.history import History, no_history
from workbooks.reading.content import Content
from workbooks.reading.imported import Blocks
from workbooks.reading.layout import Layout
from workbooks.reading.settings import day
from workbooks.template.frame import BACKTEST

_TAKEN_OUT = "There is no history to show: its sheet was taken out of the workbook."


def history_in(content: Content, layout: Layout, as_of: date, tolerance: float) -> History:
    """Return the history that stands in a file.

    Parameters
    ----------
    content : Content
    layout : Layout
    as_of : date
        What it is a history of, where there is none.
    tolerance : float
        What it is to be the history of; which it was walked at, a check of the workbook tells.

    Raises
    ------
    InputError
        For a cell that holds no number or text where one belongs.
    """
    categories = layout.structure.categories
    if BACKTEST not in content.sheets:
        return no_history(as_of, categories, _TAKEN_OUT)
    blocks = Blocks.of(content, layout.book)
    said = tuple(blocks.texts("backtest_said"))
    stress = blocks.numbers_or_none("backtest_stress")
    if np.isnan(stress).all():
        return no_history(as_of, categories, said[0])
    days = [blocks.number("backtest_start"), *blocks.numbers("backtest_dates").tolist()]
    start = blocks.number("wealth_start")
    others = [blocks.numbers(f"wealth_{name}") for name in ("static", "6040", "equal")]
    return History(
        tolerance=tolerance,
        said=said,
        fee=blocks.number("cost_rate"),
        least_months=int(blocks.number("backtest_least")),
        months=Months(
            days=np.array([day(number, "backtest_dates") for number in days], dtype="datetime64[D]"),
            categories=categories,
            stress=stress,
            first_day=blocks.numbers("backtest_first_day"),
            traded=blocks.numbers("backtest_traded"),
            weights=blocks.numbers("backtest_weights"),
            returns=blocks.numbers("backtest_returns"),
        ),
        end=blocks.number("wealth_engine"),
        others=np.vstack([np.full(len(others), start), np.column_stack(others)]),
        cash=np.append(start, blocks.numbers("wealth_cash")),
    )
