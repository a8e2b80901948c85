"""A ranker's record in lines of text: its figures beside momentum's, the verdict, what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import numpy as np

from pyalloc.ranking.attribution import attribution
from pyalloc.ranking.choice import FIGURES, skill_figures
from pyalloc.ranking.ranker import StockRanker

HINDSIGHT: Final = (
    "Measured on the stocks that assets.csv lists. If the list was drawn up with hindsight, as of today's "
    "index members, its stocks survived, and so did the figures."
)

_FORMATS: Final = ("{:.3f}", "{:.2f}", "{:.1%}", "{:.2%}", "{:.1%}", "{:.0f}", "{:.3f}", "{:.3f}")


def skill_lines(ranker: StockRanker, day: date, notice: str = "") -> Iterator[str]:
    """Yield the record of a fitted ranker as it could be known on a day.

    Parameters
    ----------
    ranker : StockRanker
    day : date
    notice : str
        What must be shown with every result of the market.
    """
    report = ranker.skill_in(day)
    if notice:
        yield notice
    yield f"{ranker.name}, out of sample, as known on {day}"
    columns = [report.model, *(["momentum"] if report.momentum else [])]
    yield f"{'':<40}{''.join(f'{column:>24}' for column in columns)}"
    figures = [skill_figures(record) for record in (report, report.momentum) if record]
    for name, form, values in zip(FIGURES, _FORMATS, zip(*figures, strict=True), strict=True):
        yield f"{name:<40}{''.join(f'{form.format(value):>24}' for value in values)}"
    yield ""
    yield report.verdict
    yield HINDSIGHT
    if ranker.model != "momentum":
        yield from _attribution_lines(ranker, day)


def _attribution_lines(ranker: StockRanker, day: date) -> Iterator[str]:
    found = attribution(ranker, day)
    values = found.values[np.isfinite(found.values).all(axis=1)]
    yield ""
    if not len(values):
        yield f"No {found.measure} is known yet."
        return
    yield f"{found.measure}, {len(values)} fits"
    yield f"{'':<24}{'mean':>10}{'lowest':>10}{'highest':>10}{'last':>10}"
    for name, column in zip(found.names, values.T, strict=True):
        yield (
            f"{name:<24}{column.mean():>10.4f}{column.min():>10.4f}{column.max():>10.4f}{column[-1]:>10.4f}"
        )
