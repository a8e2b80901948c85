"""The Backtest sheet: the policy's past by month, from weights and returns to wealth, as native formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from workbooks.history import SENTENCES
from workbooks.template.author import Sheet, columns_from
from workbooks.template.backtest_figures import RETURNS, TITLES, author_figures, author_years
from workbooks.template.charts import Chart, Draw, Line
from workbooks.template.frame import BACKTEST, head, section
from workbooks.template.history_facts import SERIES, YEARS_SHOWN
from workbooks.template.styles import BRONZE, INK, MUTED, SLATE

_DRAWN: Final[tuple[tuple[str, Draw], ...]] = (
    (INK, "line"),
    (SLATE, "line"),
    (BRONZE, "line"),
    (MUTED, "dashes"),
)
_FALL: Final = "C9D3DE"

_ABOUT: Final = (
    (
        "Simulated: nobody held this. It is the house policy at the client's risk tolerance, with none of the client's own bounds, exclusions "
        "or overrides, and for the inputs as generated."
    ),
    (
        "One trial: the policy was walked once and not chosen among others for this workbook. Settings that were tried before it are not "
        "counted here; pyalloc backtest --sweep counts every one that it tries."
    ),
)
_TOLD: Final = 6
_SENTENCE: Final = 16.0
"""Height of a row of text: the page is wide, so that it is printed small."""

_FIGURES: Final = _TOLD + len(_ABOUT) + SENTENCES + 3
_CHARTS: Final = _FIGURES + YEARS_SHOWN + 1
_CHARTS_END: Final = _CHARTS + 28
_BASE: Final = _CHARTS_END + 4
FIRST_MONTH: Final = _BASE + 1
"""Row of the first month."""

_ROWS_BELOW: Final = 2000
"""Rows below the last month in which another one would be found."""


class _Columns(NamedTuple):
    """The columns of the months, for so many categories."""

    weights: list[str]
    returns: list[str]
    first_day: str
    traded: str
    gross: str
    net: str
    wealth: list[str]
    cash: str
    earned: list[str]
    cash_return: str
    drawdown: list[str]

    @classmethod
    def of(cls, categories: int) -> _Columns:
        letters = iter(columns_from("E", 2 * categories + 5 + 3 * len(SERIES)))
        return cls(
            weights=[next(letters) for _ in range(categories)],
            returns=[next(letters) for _ in range(categories)],
            first_day=next(letters),
            traded=next(letters),
            gross=next(letters),
            net=next(letters),
            wealth=[next(letters) for _ in SERIES],
            cash=next(letters),
            earned=[next(letters) for _ in SERIES[1:]],
            cash_return=next(letters),
            drawdown=[next(letters) for _ in SERIES],
        )


def author_backtest(categories: Sequence[str], months: int) -> Sheet:
    """Return the sheet for these categories and this many months."""
    sheet = Sheet(BACKTEST, landscape=True)
    at = _Columns.of(len(categories))
    last = at.drawdown[-1]
    sheet.widths |= {"B": 30, **dict.fromkeys(columns_from("C", 2 * len(categories) + 19), 7.8)}
    sheet.widths |= {"D": 9.4, **dict.fromkeys([*at.weights, *at.returns], 10.4)}
    sheet.freeze = "C4"
    head(
        sheet,
        "Backtest",
        "The same policy decided month by month on what was known then, executed at the next close, after costs.",
        last,
    )
    _told(sheet, last)
    author_figures(sheet, _FIGURES)
    author_years(sheet, _FIGURES, at.wealth, range(FIRST_MONTH, FIRST_MONTH + months))
    _charts(sheet, at, months)
    _months(sheet, at, categories, months)
    sheet.print_area = f"A1:{last}{FIRST_MONTH + months - 1}"
    return sheet


def _told(sheet: Sheet, last: str) -> None:
    section(
        sheet,
        _TOLD - 1,
        "1  Read this first",
        "B",
        last,
        "falls named here are by daily closes, the figures below by month ends",
    )
    for row, says in enumerate(_ABOUT, start=_TOLD):
        sheet.label(f"B{row}", says, "about")
        sheet.heights[row] = _SENTENCE
        sheet.merged.append(f"B{row}:{last}{row}")
    first = _TOLD + len(_ABOUT)
    for i in range(SENTENCES):
        sheet.solved(f"B{first + i}", "backtest_said", i, look="said_text")
        sheet.heights[first + i] = (
            _SENTENCE if i < SENTENCES - 1 else 2 * _SENTENCE
        )  # the last lists strategies
        sheet.merged.append(f"B{first + i}:{last}{first + i}")
    sheet.name("backtest_said", f"B{first}:B{first + SENTENCES - 1}")


def _charts(sheet: Sheet, at: _Columns, months: int) -> None:
    """Place growth beside drawdown, between the figures and the months."""
    first, last = FIRST_MONTH, FIRST_MONTH + months - 1

    def over(letter: str) -> str:
        return f"{BACKTEST}!${letter}${first}:${letter}${last}"

    middle, after = at.returns[-1], at.first_day
    section(sheet, _CHARTS, "4  Growth of 100", "B", middle)
    section(sheet, _CHARTS, "5  Below the highest month end", after, at.drawdown[-1])
    growth = tuple(
        Line(over(letter), over("B"), title, *drawn)
        for letter, title, drawn in zip(at.wealth, TITLES, _DRAWN, strict=True)
    )
    sheet.charts += [
        Chart(
            "lines",
            f"B{_CHARTS + 1}",
            f"{middle}{_CHARTS_END}",
            growth,
            "Growth of 100 in the policy and in what it is held against, after costs, by month.",
            number_format="0",
        ),
        Chart(
            "falls",
            f"{after}{_CHARTS + 1}",
            f"{at.drawdown[-1]}{_CHARTS_END}",
            (Line(over(at.drawdown[0]), over("B"), TITLES[0], _FALL),),
            "How far the policy lay below its highest month end so far.",
        ),
    ]


def _months(sheet: Sheet, at: _Columns, categories: Sequence[str], months: int) -> None:
    """Place the table of months: what was decided, earned and paid, and what wealth came of it."""
    header, first, last = _BASE - 1, FIRST_MONTH, FIRST_MONTH + months - 1
    sheet.row_break = header - 2
    section(
        sheet, header - 1, "6  Months", "B", at.drawdown[-1],
        "net = (1 + first day) · (1 − cost · traded) · (1 + weights · returns) − 1",
    )  # fmt: skip
    sheet.title_rows = f"{header}:{header}"
    sheet.heights[header] = 36
    heads = {"B": "Month to", "C": "Stress", "D": "Regime"}
    heads |= {column: f"{name}, weight" for column, name in zip(at.weights, categories, strict=True)}
    heads |= {column: f"{name}, return" for column, name in zip(at.returns, categories, strict=True)}
    heads |= {
        at.first_day: "First day, before trading",
        at.traded: "Traded",
        at.gross: "Then, gross",
        at.net: "Month, net",
    }
    heads |= dict(zip(at.wealth, TITLES, strict=True)) | {at.cash: "Cash"}
    heads |= {column: f"{title}, month" for column, title in zip(at.earned, TITLES[1:], strict=True)}
    heads |= {at.cash_return: "Cash, month"}
    heads |= {column: f"Fall, {title}" for column, title in zip(at.drawdown, TITLES, strict=True)}
    sheet.labels(header, heads)
    sheet.solved(f"B{_BASE}", "backtest_start", look="solved_date")
    sheet.name("backtest_start", f"B{_BASE}")
    start = at.wealth[0]
    sheet.solved(f"{start}{_BASE}", "wealth_start", look="solved_number")
    sheet.name("wealth_start", f"{start}{_BASE}")
    for letter in (*at.wealth[1:], at.cash):
        sheet.formula(f"{letter}{_BASE}", "=wealth_start", "wealth_start", look="formula_number")
    sheet.grow_rows("history", first, months)
    for t in range(months):
        _month(sheet, at, first + t, t)
    blocks = {
        "backtest_dates": "B",
        "backtest_stress": "C",
        "backtest_first_day": at.first_day,
        "backtest_traded": at.traded,
        "backtest_net": at.net,
        **{RETURNS[name]: column for name, column in zip(SERIES[1:], at.earned, strict=True)},
        "return_cash": at.cash_return,
        "wealth_cash": at.cash,
        **{f"wealth_{name}": column for name, column in zip(SERIES, at.wealth, strict=True)},
        **{f"drawdown_{name}": column for name, column in zip(SERIES, at.drawdown, strict=True)},
    }
    for name, column in blocks.items():
        sheet.name(name, f"{column}{first}:{column}{last}")
    sheet.name("backtest_column", f"B{first}:B{last + _ROWS_BELOW}")
    sheet.name("backtest_weights", f"{at.weights[0]}{first}:{at.weights[-1]}{last}")
    sheet.name("backtest_returns", f"{at.returns[0]}{first}:{at.returns[-1]}{last}")


def _month(sheet: Sheet, at: _Columns, row: int, t: int) -> None:
    sheet.solved(f"B{row}", "backtest_dates", t, look="solved_date")
    sheet.solved(f"C{row}", "backtest_stress", t, look="solved_percent1")
    sheet.formula(
        f"D{row}",
        f'=IF(ISNUMBER(C{row}),INDEX(regime_names,MATCH(C{row},regime_from,1)),"")',
        "backtest_regime",
        t,
        look="formula",
    )
    for k, (weight, earned) in enumerate(zip(at.weights, at.returns, strict=True)):
        sheet.solved(f"{weight}{row}", "backtest_weights", t, k, look="solved_percent1")
        sheet.solved(f"{earned}{row}", "backtest_returns", t, k, look="solved_percent")
    sheet.solved(f"{at.first_day}{row}", "backtest_first_day", t, look="solved_percent")
    sheet.solved(f"{at.traded}{row}", "backtest_traded", t, look="solved_percent1")
    weights, returns = (f"{run[0]}{row}:{run[-1]}{row}" for run in (at.weights, at.returns))
    sheet.formula(
        f"{at.gross}{row}", f"=SUMPRODUCT({weights},{returns})", "backtest_gross", t, look="formula_percent"
    )
    text = f"=(1+{at.first_day}{row})*(1-cost_rate*{at.traded}{row})*(1+{at.gross}{row})-1"
    sheet.formula(f"{at.net}{row}", text, "backtest_net", t, look="strong_formula_percent")
    own = at.wealth[0]
    sheet.formula(
        f"{own}{row}", f"={own}{row - 1}*(1+{at.net}{row})", "wealth_policy", t, look="strong_formula_number"
    )
    for name, column in zip(SERIES[1:], at.wealth[1:], strict=True):
        sheet.solved(f"{column}{row}", f"wealth_{name}", t, look="solved_number")
    sheet.solved(f"{at.cash}{row}", "wealth_cash", t, look="solved_number")
    names = [*map(RETURNS.__getitem__, SERIES[1:]), "return_cash"]
    for name, wealth, column in zip(
        names, [*at.wealth[1:], at.cash], [*at.earned, at.cash_return], strict=True
    ):
        sheet.formula(
            f"{column}{row}", f"={wealth}{row}/{wealth}{row - 1}-1", name, t, look="formula_percent"
        )
    for name, wealth, column in zip(SERIES, at.wealth, at.drawdown, strict=True):
        text = f"={wealth}{row}/MAX({wealth}${_BASE}:{wealth}{row})-1"
        sheet.formula(f"{column}{row}", text, f"drawdown_{name}", t, look="formula_percent1")
