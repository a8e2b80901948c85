"""The Report sheet: what to know first, statistics, calendar years and regimes as native formulas, charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from pyalloc import names
from pyalloc.evaluation.performance import DAYS_A_YEAR, TAIL, TRADING_DAYS
from workbooks.reports.backtest.facts import NOT_YET
from workbooks.reports.backtest.places import (
    COLOURS,
    DAILY,
    DECISIONS,
    FIRST,
    MONTHS,
    REPORT,
    ROUNDED,
    STATISTICS,
    YEARS,
    Columns,
    area,
    heading,
    table,
)
from workbooks.template.author import Sheet, columns_from
from workbooks.template.charts import Chart, Line
from workbooks.template.frame import section
from workbooks.template.styles import CATEGORY_COLOURS

_SERIES_FIRST: Final = "C"
_FIRST_FIGURE: Final = STATISTICS + 5


class _Figure(NamedTuple):
    """A row of the statistics: its label, fact, look, formula for a series, and convention."""

    label: str
    fact: str
    look: str
    formula: Callable[[_Ranges, str], str] | None
    convention: str


class _Ranges(NamedTuple):
    """The cells of one series on the data sheets."""

    wealth: str
    returns: str
    excess: str
    drawdown: str
    monthly: str
    dates: str
    regimes: str


def _downside(r: _Ranges) -> str:
    return f"SQRT(SUMPRODUCT(({r.excess}<0)*{r.excess}^2)/COUNT({r.excess}))"


def _trough(r: _Ranges) -> str:
    return f"MATCH(MIN({r.drawdown}),{r.drawdown},0)"


def _recovery(r: _Ranges) -> str:
    after = f"MATCH(0,INDEX({r.drawdown},{_trough(r)}):INDEX({r.drawdown},ROWS({r.drawdown})),0)"
    return f'=IF(ISNA({after}),"{NOT_YET}",INDEX({r.dates},{_trough(r)}-1+{after}))'


def _over(value: str, by: str) -> str:
    """Return a ratio that is an empty text where what it divides by is rounding."""
    return f'=IF({by}>{ROUNDED},{value}/({by}),"")'


def _tail(r: _Ranges) -> str:
    """Return the mean of the lowest: those below the last of them, and of those equal to it what is left."""
    count = f"ROUNDUP(COUNT({r.returns})/{TAIL},0)"
    last = f"SMALL({r.returns},{count})"
    below = f"({r.returns}<{last})"
    return f"={last}+SUMPRODUCT({below}*({r.returns}-{last}))/{count}"


_FIGURES: Final = (
    _Figure(
        "Growth a year (CAGR)",
        "cagr",
        "percent",
        lambda r, _: f"=(INDEX({r.wealth},ROWS({r.wealth}))/INDEX({r.wealth},1))^(1/{YEARS})-1",
        "calendar time",
    ),
    _Figure(
        "Volatility a year",
        "volatility",
        "percent",
        lambda r, _: f"=STDEV({r.returns})*SQRT({TRADING_DAYS})",
        "daily returns, sample deviation × √252",
    ),
    _Figure(
        "Sharpe ratio",
        "sharpe",
        "number",
        lambda r, _: _over(f"SQRT({TRADING_DAYS})*AVERAGE({r.excess})", f"STDEV({r.excess})"),
        "daily returns above cash",
    ),
    _Figure("  95 % interval, from", "sharpe_low", "number", None, "monthly returns drawn in blocks"),
    _Figure("  95 % interval, to", "sharpe_high", "number", None, "of six months on average, 2,000 draws"),
    _Figure(
        "Sortino ratio",
        "sortino",
        "number",
        lambda r, _: _over(f"SQRT({TRADING_DAYS})*AVERAGE({r.excess})", _downside(r)),
        "downside deviation of all days, above cash",
    ),
    _Figure("Deepest fall", "max_drawdown", "percent", lambda r, _: f"=MIN({r.drawdown})", "daily closes"),
    _Figure(
        "  from",
        "peak_day",
        "date",
        lambda r, _: (
            f"=INDEX({r.dates},MATCH(MAX(INDEX({r.wealth},1):INDEX({r.wealth},{_trough(r)})),{r.wealth},0))"
        ),
        "the highest close before",
    ),
    _Figure("  to", "trough_day", "date", lambda r, _: f"=INDEX({r.dates},{_trough(r)})", "the lowest close"),
    _Figure("  made good on", "recovery_day", "date", lambda r, _: _recovery(r), "first close as high again"),
    _Figure(
        "Calmar ratio",
        "calmar",
        "number",
        lambda _, c: _over(f"{c}{_FIRST_FIGURE}", f"-{c}{_FIRST_FIGURE + 6}"),
        "growth over deepest fall",
    ),
    _Figure(
        "Months with a gain",
        "hit_rate",
        "percent1",
        lambda r, _: f'=COUNTIF({r.monthly},">0")/COUNT({r.monthly})',
        "calendar months",
    ),
    _Figure("Worst month", "worst_month", "percent", lambda r, _: f"=MIN({r.monthly})", ""),
    _Figure("Tail loss", "tail_loss", "percent", lambda r, _: _tail(r), "mean of the worst 5 % of days"),
    _Figure("Turnover a year", "turnover_a_year", "percent1", None, "one way, the first purchase among it"),
    _Figure("All costs", "cost", "percent", None, "of the initial wealth"),
)


def author_report(
    purpose: str, notice: str, sentences: Sequence[str], series: Sequence[str], facts: dict[str, Any]
) -> Sheet:
    """Return the sheet, for the series and the sizes of the facts."""
    sheet = Sheet(REPORT, landscape=True)
    columns = columns_from(_SERIES_FIRST, len(series))
    note = columns_from(_SERIES_FIRST, len(series) + 1)[-1]
    heading(sheet, "Backtest", purpose)
    sheet.widths |= {"B": 27, **dict.fromkeys(columns, 15), note: 36}
    days, months = len(facts["days"]), len(facts["monthly"])
    ranges = _ranges(series, days, months)
    sheet.label("B3", notice, "synthetic")
    _sentences(sheet, sentences, note)
    _statistics(sheet, series, columns, note, ranges)
    row = _FIRST_FIGURE + 1 + len(_FIGURES)
    row = _years(sheet, row, columns, note, ranges, facts)
    _by_regime(sheet, row, columns, note, ranges, series)
    _charts(sheet, series, facts)
    return sheet


def _sentences(sheet: Sheet, sentences: Sequence[str], last: str) -> None:
    section(sheet, 4, "1  Read this first", "B", last)
    for row, sentence in enumerate(sentences, start=5):
        sheet.label(f"B{row}", sentence, "note_wrap")
        sheet.merged.append(f"B{row}:{last}{row}")
        sheet.heights[row] = 27


def _ranges(series: Sequence[str], days: int, months: int) -> list[_Ranges]:
    at = Columns(len(series))
    last = FIRST + days - 1

    def daily(column: str, first: int = FIRST) -> str:
        return area(DAILY, column, first, last)

    return [
        _Ranges(
            wealth=daily(at.wealth[i]),
            returns=daily(at.returns[i], FIRST + 1),
            excess=daily(at.excess[i], FIRST + 1),
            drawdown=daily(at.drawdown[i]),
            monthly=area(MONTHS, at.monthly[i], FIRST + 1, FIRST + months),
            dates=daily("B"),
            regimes=daily("C", FIRST + 1),
        )
        for i in range(len(series))
    ]


def _statistics(
    sheet: Sheet, series: Sequence[str], columns: Sequence[str], note: str, ranges: Sequence[_Ranges]
) -> None:
    table(sheet, STATISTICS, "2  Statistics, after costs", "B", note, ["", *series, "Convention"])
    dates = ranges[0].dates
    period, years = STATISTICS + 2, STATISTICS + 3
    sheet.label(f"B{period}", "From, to")
    sheet.formula(f"C{period}", f"=INDEX({dates},1)", "days", 0, look="formula_date")
    sheet.formula(f"D{period}", f"=INDEX({dates},ROWS({dates}))", "days", -1, look="formula_date")
    sheet.label(f"B{years}", "Years")
    text = f"=(D{period}-C{period})/{DAYS_A_YEAR}"
    sheet.formula(YEARS.replace("$", ""), text, "years", look="formula_number")
    sheet.label(f"{note}{years}", "of 365.25 days", "note")
    for row, figure in enumerate(_FIGURES, start=_FIRST_FIGURE):
        sheet.label(f"B{row}", figure.label)
        sheet.label(f"{note}{row}", figure.convention, "note")
        for i, column in enumerate(columns):
            if figure.formula is None:
                sheet.solved(f"{column}{row}", figure.fact, i, look=f"solved_{figure.look}")
            else:
                text = figure.formula(ranges[i], column)
                sheet.formula(f"{column}{row}", text, figure.fact, i, look=f"formula_{figure.look}")


def _years(
    sheet: Sheet,
    row: int,
    columns: Sequence[str],
    note: str,
    ranges: Sequence[_Ranges],
    facts: dict[str, Any],
) -> int:
    """Place returns by calendar year and return the row of the next section."""
    table(
        sheet, row, "3  Calendar years", "B", note, ["Year", *facts["series"], ""], "first and last in part"
    )
    for k in range(len(facts["calendar_year"])):
        at = row + 2 + k
        sheet.solved(f"B{at}", "calendar_year", k, look="solved_integer")
        for i, column in enumerate(columns):
            r = ranges[i]
            end, before = (f"LOOKUP(DATE($B{at}{back},12,31),{r.dates},{r.wealth})" for back in ("", "-1"))
            text = f"={end}/{before}-1" if k else f"={end}/INDEX({r.wealth},1)-1"
            sheet.formula(f"{column}{at}", text, "year_return", k, i, look="formula_percent1")
    return row + 3 + len(facts["calendar_year"])


def _by_regime(
    sheet: Sheet,
    row: int,
    columns: Sequence[str],
    note: str,
    ranges: Sequence[_Ranges],
    series: Sequence[str],
) -> None:
    """Place mean returns a year by the regime in force."""
    regimes = ranges[0].regimes
    headers = ["Mean return a year", *series, "Part of days"]
    table(sheet, row, "4  Regimes in force", "B", note, headers, "as read at the decision, from execution on")
    for k, regime in enumerate(names.REGIMES):
        at = row + 2 + k
        sheet.label(f"B{at}", regime, read=True)
        text = f"=COUNTIF({regimes},$B{at})/ROWS({regimes})"
        sheet.formula(f"{note}{at}", text, "regime_share", k, look="formula_percent1")
        for i, column in enumerate(columns):
            member = f"({regimes}=$B{at})"
            text = (
                f"=IF(COUNTIF({regimes},$B{at})>0,SUMPRODUCT({member}*{ranges[i].returns})"
                f'/COUNTIF({regimes},$B{at})*{TRADING_DAYS},"")'
            )
            sheet.formula(f"{column}{at}", text, "regime_mean", k, i, look="formula_percent1")


def _charts(sheet: Sheet, series: Sequence[str], facts: dict[str, Any]) -> None:
    """Place growth, drawdown and weights through time to the right of the tables."""
    at = Columns(len(series))
    first, last = FIRST, FIRST + len(facts["days"]) - 1
    dates = area(DAILY, "B", first, last)
    period = (int(facts["days"][0]), int(facts["days"][-1]))

    def lines(columns: Sequence[str]) -> tuple[Line, ...]:
        return tuple(
            Line(area(DAILY, column, first, last), dates, name, colour, "line")
            for column, name, colour in zip(columns, series, COLOURS, strict=False)
        )

    growth = Chart(
        "scatter",
        "J5",
        "U20",
        lines(at.wealth),
        "Growth of one unit of wealth, strategy and benchmarks, after costs",
        number_format="0.0",
        y_title="Wealth, 1 at the start",
        dates=period,
    )
    falls = Chart(
        "scatter",
        "J22",
        "U36",
        lines(at.drawdown),
        "Drawdowns of strategy and benchmarks",
        y_title="Below the highest close",
        dates=period,
    )
    decisions = len(facts["decided_on"])
    on = area(DECISIONS, "B", FIRST, FIRST + decisions - 1)
    categories = facts["category_names"]
    weights = Chart(
        "area",
        "J38",
        "U54",
        tuple(
            Line(area(DECISIONS, column, FIRST, FIRST + decisions - 1), on, name, colour)
            for column, name, colour in zip(
                columns_from("F", len(categories)), categories, CATEGORY_COLOURS, strict=False
            )
        ),
        "Category weights of each decision, stacked to one",
    )
    for row, says in ((4, "Growth"), (21, "Drawdowns"), (37, "Category weights")):
        section(sheet, row, says, "J", "U")
    sheet.charts += [growth, falls, weights]
