"""The Stocks sheet: features, score, scaled score m, tilt, cap and anchor weight, one row a stock."""

from __future__ import annotations

from typing import Final, NamedTuple

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string

from pyalloc.stocks import ScaleMethod
from workbooks.template.author import Rule, Sheet, columns_from
from workbooks.template.frame import FIRST_STOCK, PRICES, STOCKS, head, section
from workbooks.template.risk_sheets import close_column

_ADJUSTED: Final = {
    "minmax": "=MEDIAN(PERCENTILE(stock_score,winsor_low),{score},PERCENTILE(stock_score,winsor_high))",
    "rank": "=_xlfn.RANK.AVG({score},stock_score,1)",
    "softmax": "=EXP(NORMSINV((_xlfn.RANK.AVG({score},stock_score,1)-1/2)/ROWS(stock_score)))",
}
_SCORE: Final = '=IF(model_name="momentum",F{r},model_intercept+SUMPRODUCT(model_coefficients,$O{r}:$W{r}))'
_ADJUSTED_TITLE: Final = {"minmax": "Winsorised", "rank": "Rank", "softmax": "exp normal score"}


RANKED: Final = {
    "momentum_12_1": "12−1",
    "momentum_6_1": "6−1",
    "momentum_3_1": "3−1",
    "return_1": "1 m",
    "volatility_63": "vol 63",
    "volatility_252": "vol 252",
    "downside_volatility": "down",
    "maximum_drawdown": "fall",
    "below_high": "high",
}
"""Features in the order of their columns, with the short title of their rank."""


_RECORD: Final = {
    "M": ("Rank IC", "solved_number3"),
    "N": ("t-value", "solved_number"),
    "O": ("Hits", "solved_percent1"),
    "P": ("Tenths", "solved_percent"),
    "Q": ("Traded", "solved_percent1"),
    "R": ("Months", "solved_integer"),
    "S": ("IC from", "solved_number3"),
    "T": ("to", "solved_number3"),
}
"""Columns of the out-of-sample record (:data:`pyalloc.ranking.choice.FIGURES`): short title and look."""


class Column(NamedTuple):
    """One column of the block: letter, title, fact, look, and for a formula its text for row {r}."""

    letter: str
    title: str
    fact: str
    look: str
    formula: str = ""
    defined: bool = True


def author_stocks(
    n: int, months: int, scaling: ScaleMethod, month_closes_native: bool, *, score_native: bool
) -> Sheet:
    """Return the sheet for `n` stocks.

    Month-close features are formulas where the closes are in the file, and the score is one where the model
    is momentum or linear; the score of another model is solved.
    """
    sheet = Sheet(STOCKS, landscape=True)
    sheet.widths |= {"B": 4.5, "C": 8.8, "D": 25, "E": 22}
    sheet.widths |= dict.fromkeys("FGHIJKLMN", 9) | dict.fromkeys("OPQRSTUVW", 6.5)
    sheet.widths |= dict.fromkeys(("X", "Y", "Z", "AA", "AB", "AC", "AD", "AE", "AF"), 9)
    sheet.freeze, sheet.title_rows = "E11", "10:10"
    head(
        sheet,
        "Stocks",
        "Features at the close give a score; the score, tilted by sector and capped, the weight.",
        "AF",
    )
    sheet.solved("B4", "skill_verdict", look="solved_text")
    sheet.merged.append("B4:V4")
    sheet.name("skill_verdict", "B4")
    section(sheet, 5, "Rules", "B", "J")
    for row, (label, fact, look) in enumerate(
        (
            ("Cap per name: floor", "cap_floor", "input_percent"),
            ("Cap per name: multiple of 1/n", "cap_multiple", "input_number"),
            ("Names held at most (blank: all)", "stock_top", "input_integer"),
        ),
        start=6,
    ):
        sheet.label(f"C{row}", label)
        sheet.input(f"E{row}", fact, look=look)
        sheet.name(fact, f"E{row}")
    sheet.label("G6", "Ranker, model", "note")
    for letter, fact in (("I", "ranker"), ("J", "model_name")):
        sheet.solved(f"{letter}6", fact, look="solved_text")
        sheet.name(fact, f"{letter}6")
    sheet.label("G7", "Scaling of the score", "note")
    sheet.solved("I7", "scaling", look="solved_text")
    sheet.name("scaling", "I7")
    sheet.label("G8", "Winsorised at", "note")
    for letter, fact in (("I", "winsor_low"), ("J", "winsor_high")):
        sheet.input(f"{letter}8", fact, look="input_percent")
        sheet.name(fact, f"{letter}8")
    figures = (
        (
            "Y",
            "Cap in force",
            "=MIN(1,MAX(cap_floor,cap_multiple/SUM(stock_held)))",
            "stock_cap",
            "formula_percent",
        ),
        ("AC", "Scale s", "=MAX(stock_candidate)", "stock_scale", "formula_number4"),
        ("AF", "Sum of weights", "=SUM(stock_weight)", "stock_total", "strong_formula_percent"),
    )
    for letter, label, formula, fact, look in figures:
        before = get_column_letter(column_index_from_string(letter) - 2)
        sheet.label(f"{before}7", label, "note")
        sheet.formula(f"{letter}7", formula, fact, look=look)
        sheet.name(fact, f"{letter}7")
    for letter, label, formula, fact in (
        ("Y", "Lowest, as scaled", "=MIN(stock_adjusted)", "score_low"),
        ("AC", "Highest, as scaled", "=MAX(stock_adjusted)", "score_high"),
    ):
        sheet.label(f"{get_column_letter(column_index_from_string(letter) - 2)}6", label, "note")
        sheet.formula(f"{letter}6", formula, fact, look="formula_number4")
        sheet.name(fact, f"{letter}6")
    _model(sheet)
    _block(sheet, n, _columns(months, scaling, month_closes_native, score_native))
    return sheet


def _model(sheet: Sheet) -> None:
    """Place the model's out-of-sample record, with momentum's below it, and its coefficients."""
    section(sheet, 5, "Out of sample", "K", "L")
    for letter in columns_from("M", 20):
        sheet.label(f"{letter}5", _RECORD[letter][0] if letter in _RECORD else "", "section_note")
    sheet.solved("K6", "skill_of", look="solved_text")
    sheet.label("K7", "12−1 momentum", "item")
    sheet.name("skill_of", "K6")
    for row, fact in ((6, "skill_model"), (7, "skill_momentum")):
        for i, (letter, (_, look)) in enumerate(_RECORD.items()):
            sheet.solved(f"{letter}{row}", fact, i, look=look)
        sheet.name(fact, f"M{row}:T{row}")
    sheet.solved("K8", "model_trained", look="solved_text")
    sheet.merged += ["K6:L6", "K7:L7", "K8:M8"]
    sheet.name("model_trained", "K8")
    sheet.label("N8", "Coefficients", "note_right")
    for i, letter in enumerate(columns_from("O", len(RANKED))):
        sheet.solved(f"{letter}8", "model_coefficients", i, look="solved_number3")
    sheet.name("model_coefficients", "O8:W8")
    sheet.solved("X8", "model_intercept", look="solved_number3")
    sheet.name("model_intercept", "X8")


def _columns(months: int, scaling: ScaleMethod, native: bool, score_native: bool) -> tuple[Column, ...]:
    def momentum(letter: str, title: str, fact: str, start: int, end: int) -> Column:
        formula = (
            f"={PRICES}!{close_column(months, end)}{{r}}/{PRICES}!{close_column(months, start)}{{r}}-1"
            if native
            else ""
        )
        return Column(letter, title, fact, "formula_percent1" if native else "solved_percent1", formula)

    if scaling == "softmax":
        m = "=IF(score_high=score_low,1,Y{r}/score_high)"
    else:
        m = "=IF(score_high=score_low,1,(Y{r}-score_low)/(score_high-score_low))"
    earlier = "SUMPRODUCT(--(stock_raw>AB{r}))+SUMPRODUCT(--(AB${first}:AB{r}=AB{r}))"
    return (
        Column("B", "#", "stock_number", "formula_integer", "=ROWS(B${first}:B{r})", defined=False),
        Column("C", "Ticker", "stock_ticker", "solved_text"),
        Column("D", "Name", "stock_name", "solved_text"),
        Column("E", "Sector", "stock_sector", "solved_text"),
        momentum("F", "Mom. 12−1", "momentum_12_1", 12, 1),
        momentum("G", "Mom. 6−1", "momentum_6_1", 6, 1),
        momentum("H", "Mom. 3−1", "momentum_3_1", 3, 1),
        momentum("I", "Last month", "return_1", 1, 0),
        Column("J", "Vol. 63 d", "volatility_63", "solved_percent1"),
        Column("K", "Vol. 252 d", "volatility_252", "solved_percent1"),
        Column("L", "Downside vol.", "downside_volatility", "solved_percent1"),
        Column("M", "Max. fall", "maximum_drawdown", "solved_percent1"),
        Column("N", "Below high", "below_high", "solved_percent1"),
        *(
            Column(
                letter, f"Rank {title}", f"rank_{fact}", "formula_number",
                f"=(_xlfn.RANK.AVG({source}{{r}},{fact},1)-1)/MAX(1,ROWS(stock_score)-1)",
            )
            for letter, source, (fact, title) in zip("OPQRSTUVW", "FGHIJKLMN", RANKED.items(), strict=True)
        ),
        Column("X", "Score", "stock_score", "formula_number4", _SCORE)
        if score_native
        else Column("X", "Score", "stock_score", "solved_number4"),
        Column("Y", _ADJUSTED_TITLE[scaling], "stock_adjusted", "formula_number4", _ADJUSTED[scaling].format(score="X{r}")),
        Column("Z", "m", "stock_m", "formula_number4", m),
        Column("AA", "Tilt τ", "stock_tilt", "formula_number4", "=INDEX(sector_tilt,MATCH(E{r},sector_names,0))"),
        Column("AB", "m · τ, all", "stock_raw", "formula_number4", "=Z{r}*AA{r}"),
        Column("AC", "Held", "stock_held", "formula_integer", f"=IF(ISNUMBER(stock_top),--({earlier}<=stock_top),1)"),
        Column("AD", "m · τ", "stock_mt", "formula_number4", "=AB{r}*AC{r}"),
        Column(
            "AE", "s, if larger capped", "stock_candidate", "formula_tiny",
            "=IF(AD{r}>0,(1-stock_cap*SUMPRODUCT(--(stock_mt>AD{r})))/SUMPRODUCT((stock_mt<=AD{r})*stock_mt),0)",
        ),
        Column(
            "AF", "Weight w⁰", "stock_weight", "strong_formula_percent",
            "=IF(AD{r}>0,MIN(stock_cap,stock_scale*AD{r}),AC{r}*MAX(0,1-stock_cap*SUMPRODUCT(--(stock_mt>0)))"
            "/MAX(1,SUMPRODUCT((stock_mt=0)*stock_held)))",
        ),
    )  # fmt: skip


def _block(sheet: Sheet, n: int, columns: tuple[Column, ...]) -> None:
    last = FIRST_STOCK + n - 1
    section(
        sheet,
        9,
        "Features and weights",
        "B",
        "AF",
        "violet columns are solved; every other column is a formula",
    )
    sheet.heights[10] = 24
    sheet.grow_rows("stocks", FIRST_STOCK, n)
    for column in columns:
        sheet.label(f"{column.letter}10", column.title, "header_left" if column.letter in "CDE" else "header")
        for i in range(n):
            at = f"{column.letter}{FIRST_STOCK + i}"
            if column.formula:
                text = column.formula.format(r=FIRST_STOCK + i, first=FIRST_STOCK)
                sheet.formula(at, text, column.fact, i, look=column.look)
            else:
                sheet.solved(at, column.fact, i, look=column.look)
        if column.defined:
            sheet.name(column.fact, f"{column.letter}{FIRST_STOCK}:{column.letter}{last}")
    sheet.scales += [f"{letter}{FIRST_STOCK}:{letter}{last}" for letter in "OPQRSTUVW"]
    sheet.filter = f"B10:AF{last}"
    sheet.rules.append(Rule(f"AF{FIRST_STOCK}:AF{last}", f"$AF{FIRST_STOCK}>=stock_cap-1E-12", "now"))
