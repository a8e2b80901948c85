"""The Frontier sheet: expected returns by reverse optimisation, the return target, and the certified sleeve."""

from __future__ import annotations

from typing import Final

from pyalloc import names
from pyalloc.frontier.target import ReturnModel
from workbooks.template.author import Sheet, columns_from
from workbooks.template.charts import Chart, Line
from workbooks.template.frame import FIRST_STOCK, FRONTIER, PRICES, STOCKS, head, section
from workbooks.template.risk_sheets import mean_column
from workbooks.template.styles import BRONZE, CHECK, INK, SLATE

FIRST_POINT: Final = 35
"""Row of the first frontier portfolio."""


_MODELS: Final = {
    "implied": "μ makes the anchor the best Sharpe ratio",
    "bayes_stein": "sample means, shrunk (Jorion)",
    "historical": "sample means: unsafe",
}


def author_frontier(
    n: int, months: int, points: int, return_model: ReturnModel, month_closes_native: bool
) -> Sheet:
    """Return the sheet for `n` stocks and `points` frontier portfolios under a return model."""
    sheet = Sheet(FRONTIER, landscape=True, pages_wide=2, break_before="T")
    sheet.widths |= {"B": 30, **dict.fromkeys("CDEFGHIJKLMNOPQ", 11)}
    sheet.freeze, sheet.title_rows = "C5", "1:3"
    head(
        sheet,
        "Frontier",
        "Expected returns, the return target r_eff + α, and the sleeve nearest the anchor that attains it.",
        "Q",
    )
    _rules(sheet, return_model)
    _target(sheet)
    _points(sheet, points)
    first = FIRST_POINT + points + 9
    _names(sheet, first, n, months, points, return_model, month_closes_native)
    _chart(sheet, first, n, points)
    return sheet


def _rules(sheet: Sheet, return_model: ReturnModel) -> None:
    section(sheet, 5, "1  Assumptions", "B", "F")
    rows = (
        ("Risk-free rate, a year", "risk_free", "input_percent", "trailing year of the cash instruments"),
        (
            "Equity premium, a year",
            "equity_premium",
            "input_percent",
            "S&P 500 less bills 1928–2016: 7.9 %; implied only",
        ),
        (
            "Floor, as a fraction of the anchor weight",
            "sleeve_floor",
            "input_percent",
            "keeps the tilt and the names alive",
        ),
    )
    for row, (label, fact, look, says) in enumerate(rows, start=6):
        sheet.label(f"B{row}", label)
        sheet.input(f"C{row}", fact, look=look)
        sheet.name(fact, f"C{row}")
        sheet.label(f"D{row}", says, "note")
    sheet.label("B9", "Return model, as generated")
    sheet.solved("C9", "return_model", look="solved_text")
    sheet.name("return_model", "C9")
    sheet.label("D9", _MODELS[return_model], "note")


def _target(sheet: Sheet) -> None:
    section(sheet, 11, "2  Return target", "B", "F")
    risk = "=SQRT(SUMPRODUCT(MMULT(covariance,{0}),{0}))"
    status = (
        f'=IF(ROWS(mu)=1,"{names.SINGLE_POINT}",IF(anchor_counts=0,"{names.MINIMUM_VARIANCE}",'
        f'IF(r_adj>r_max+1E-11,"{names.CLIPPED_HIGH}",IF(r_adj<r_min-1E-11,"{names.CLIPPED_LOW}","{names.ATTAINED}"))))'
    )
    rows = (
        ("Efficient return r_eff, maximum Sharpe", "=SUMPRODUCT(maxsharpe_weights,mu)", "r_eff", "formula_percent"),
        ("Shift for risk tolerance α", "=alpha", "r_alpha", "formula_percent"),
        ("Adjusted return r_adj = r_eff + α", "=r_eff+r_alpha", "r_adj", "strong_formula_percent"),
        ("Least return within floor and cap", "=MAX(return_low)", "r_min", "formula_percent"),
        ("Greatest return within floor and cap", "=MIN(return_high)", "r_max", "formula_percent"),
        ("Anchor counts (0: minimum variance)", "=IF(OR(ROWS(mu)=1,MAX(mu)>risk_free),1,0)", "anchor_counts", "formula_integer"),
        ("Target in force", "=IF(anchor_counts=1,MEDIAN(r_min,r_adj,r_max),sleeve_return)", "r_target", "strong_formula_percent"),
        ("Return of the sleeve", "=SUMPRODUCT(sleeve_weights,mu)", "sleeve_return", "formula_percent"),
        ("Shortfall r_adj − return", "=r_adj-sleeve_return", "shortfall", "formula_percent"),
        ("Status", status, "target_status", "strong_formula"),
        ("Volatility of the sleeve", risk.format("sleeve_weights"), "sleeve_volatility", "formula_percent"),
        ("Volatility of the anchor", risk.format("stock_weight"), "momentum_volatility", "formula_percent"),
        ("Beta of the sleeve to the anchor", "=SUMPRODUCT(sleeve_weights,beta)", "sleeve_beta", "formula_number"),
        ("Active share, sleeve against anchor", "=SUMPRODUCT(ABS(sleeve_weights-stock_weight))/2", "active_share", "formula_percent"),
        (
            "Names held, anchor → sleeve",
            f'=COUNTIF(stock_weight,">{names.HELD:.0E}")&" → "&COUNTIF(sleeve_weights,">{names.HELD:.0E}")', "names_held", "formula",
        ),
        (
            "Optimality gap of the sleeve",
            "=SUMPRODUCT(sleeve_gradient,sleeve_weights)-MAX(sleeve_dual)", "sleeve_gap", "formula_tiny",
        ),
        ("Sum of the sleeve", "=SUM(sleeve_weights)", "sleeve_total", "formula_percent"),
    )  # fmt: skip
    for row, (label, formula, fact, look) in enumerate(rows, start=12):
        sheet.label(f"B{row}", label)
        sheet.formula(f"C{row}", formula, fact, look=look)
        sheet.name(fact, f"C{row}")
    row = 12 + len(rows)
    sheet.label(f"B{row}", "Multiplier λ of the return target")
    sheet.solved(f"C{row}", "sleeve_lambda", look="solved_number4")
    sheet.name("sleeve_lambda", f"C{row}")
    sheet.label(
        f"D{row}",
        "proof: with λ the gap above is 0",
        "note",
    )


def _points(sheet: Sheet, points: int) -> None:
    first, last = FIRST_POINT, FIRST_POINT + points - 1
    section(
        sheet,
        first - 2,
        "3  Efficient frontier",
        "B",
        "J",
        "long-only, within the cap; evenly spaced in return",
    )
    sheet.labels(first - 1, {"B": "Portfolio"}, "header_left")
    titles = ("Volatility", "Return", "Sharpe", "Sum", "Least", "Greatest", "Multiplier λ", "Optimality gap")
    sheet.labels(first - 1, dict(zip("CDEFGHIJ", titles, strict=True)), "header")
    w, g = "INDEX(frontier_weights,0,B{r})", "(MMULT(covariance,INDEX(frontier_weights,0,B{r}))-I{r}*mu)"
    # γ of the dual bound: where the caps of the smallest gradients add up to 1; names not held come last.
    least = f"SMALL({g}+(sleeve_upper=0)*1E9,MIN(SUM(--(sleeve_upper>0)),INT(1/stock_cap)+1))"
    formulas = {
        "C": ("frontier_volatility", f"=SQRT(SUMPRODUCT(MMULT(covariance,{w}),{w}))", "formula_percent"),
        "D": ("frontier_return", f"=SUMPRODUCT({w},mu)", "formula_percent"),
        "E": ("frontier_sharpe", "=IF(C{r}>0,(D{r}-risk_free)/C{r},0)", "formula_number"),
        "F": ("frontier_sum", f"=SUM({w})", "formula_percent"),
        "G": ("frontier_min", f"=MIN({w})", "formula_percent"),
        "H": ("frontier_max", f"=MAX({w})", "formula_percent"),
        "J": (
            "frontier_gap",
            f"=SUM({g}*{w})-({least}-SUM(({least}-{g})*({g}<{least})*sleeve_upper))",
            "formula_tiny",
        ),
    }
    for i in range(points):
        row = first + i
        sheet.formula(f"B{row}", f"=ROWS(B${first}:B{row})", "frontier_number", i, look="formula_integer")
        sheet.solved(f"I{row}", "frontier_lambda", i, look="solved_number4")
        for column, (fact, text, look) in formulas.items():
            place = sheet.array if column == "J" else sheet.formula
            place(f"{column}{row}", text.format(r=row), fact, i, look=look)
    for column, (fact, _, _) in formulas.items():
        sheet.name(fact, f"{column}{first}:{column}{last}")
    sheet.name("frontier_lambda", f"I{first}:I{last}")
    for name, shift in (("frontier_before", -1), ("frontier_within", 0), ("frontier_after", 1)):
        sheet.name(name, f"C{first + 1 + shift}:C{last - 1 + shift}")
    row = last + 2
    section(sheet, row, "Portfolios in the chart", "B", "D")
    marked = (
        (
            "Maximum Sharpe",
            "maxsharpe",
            "=SQRT(SUMPRODUCT(MMULT(covariance,maxsharpe_weights),maxsharpe_weights))",
            "=r_eff",
        ),
        ("Anchor w⁰", "anchor", "=momentum_volatility", "=SUMPRODUCT(stock_weight,mu)"),
        ("Sleeve", "sleeve", "=sleeve_volatility", "=sleeve_return"),
    )
    for title, key, volatility, expected in marked:
        row += 1
        sheet.label(f"B{row}", title)
        sheet.formula(f"C{row}", volatility, f"chart_{key}_volatility", look="formula_percent")
        sheet.formula(f"D{row}", expected, f"chart_{key}_return", look="formula_percent")


def _chart(sheet: Sheet, first: int, n: int, points: int) -> None:
    def area(column: str, top: int, count: int) -> str:
        return f"{FRONTIER}!${column}${top}:${column}${top + count - 1}"

    mark = FIRST_POINT + points + 2
    sheet.charts.append(
        Chart(
            "scatter",
            "G5",
            "R31",
            (
                Line(area("C", first, n), area("D", first, n), "Stocks", "B4BBC6", "dots"),
                Line(
                    area("D", FIRST_POINT, points),
                    area("C", FIRST_POINT, points),
                    "Efficient frontier",
                    INK,
                    "line",
                ),
                Line(area("D", mark, 1), area("C", mark, 1), "Maximum Sharpe", SLATE, "point"),
                Line(area("D", mark + 1, 1), area("C", mark + 1, 1), "Anchor", BRONZE, "point", "l"),
                Line(area("D", mark + 2, 1), area("C", mark + 2, 1), "Sleeve", CHECK[0], "point", "t"),
            ),
            "Scatter chart: return against volatility of the stocks, the efficient frontier, and three portfolios on it.",
            x_title="Volatility, a year",
            y_title="Expected return, a year",
        )
    )


def _names(
    sheet: Sheet, first: int, n: int, months: int, points: int, return_model: ReturnModel, native: bool
) -> None:
    last = first + n - 1
    section(
        sheet,
        first - 2,
        "4  Names",
        "B",
        "R",
        "certificates, and the weights of the frontier portfolios, to the right",
    )
    sheet.labels(first - 1, {"B": "Ticker"}, "header_left")
    titles = (
        "μ, a year", "Volatility", "Anchor w⁰", "Sleeve w", "Change", "Beta", "Max. Sharpe", "Floor", "Cap",
        "Σ w⁰", "Gradient", "Dual bound", "Return, high", "Return, low", "Risk share",
    )  # fmt: skip
    sheet.labels(first - 1, dict(zip("CDEFGHIJKLMNOPQ", titles, strict=True)), "header")

    def dual(column: str, of: str, better: str, worse: str) -> str:
        return f"={column}{{r}}+SUMPRODUCT(({of}-{column}{{r}})*(({of}<{column}{{r}})*{better}+({of}>={column}{{r}})*{worse}))"

    implied = return_model == "implied"
    formulas = {
        "D": (
            "stock_volatility",
            "=SQRT(INDEX(covariance,ROWS(D${f}:D{r}),ROWS(D${f}:D{r})))",
            "formula_percent",
        ),
        "E": ("stock_weight", f"={STOCKS}!AF{{s}}", "formula_percent"),
        "G": ("sleeve_change", "=F{r}-E{r}", "formula_percent"),
        "H": ("beta", "=L{r}/SUMPRODUCT(anchor_exposure,stock_weight)", "formula_number4"),
        "J": ("sleeve_lower", "=sleeve_floor*E{r}", "formula_percent"),
        "K": ("sleeve_upper", f"=stock_cap*{STOCKS}!AC{{s}}", "formula_percent"),
        "N": ("sleeve_dual", dual("M", "sleeve_gradient", "sleeve_upper", "sleeve_lower"), "formula_tiny"),
        "O": ("return_high", dual("C", "mu", "sleeve_lower", "sleeve_upper"), "formula_percent"),
        "P": ("return_low", dual("C", "mu", "sleeve_upper", "sleeve_lower"), "formula_percent"),
        "Q": (
            "sleeve_risk_share",
            "=F{r}*INDEX(sleeve_sigma_w,ROWS(Q${f}:Q{r}))/sleeve_volatility^2",
            "formula_percent",
        ),
    }
    if implied:
        formulas["C"] = ("mu", "=risk_free+equity_premium*H{r}", "formula_percent")
        formulas["I"] = ("maxsharpe_weights", "=E{r}", "formula_percent")
    elif return_model == "historical" and native:
        formulas["C"] = ("mu", f"=12*{PRICES}!{mean_column(months)}{{s}}", "formula_percent")
    solved = {"F": ("sleeve_weights", "solved_percent")}
    if "C" not in formulas:
        solved["C"] = ("mu", "solved_percent")
    if "I" not in formulas:
        solved["I"] = ("maxsharpe_weights", "solved_percent")
    sheet.grow_rows("stocks", first, n)
    for i in range(n):
        row, stock = first + i, FIRST_STOCK + i
        sheet.formula(f"B{row}", f"={STOCKS}!C{stock}", "stock_ticker", i, look="formula_text")
        for column, (fact, text, look) in formulas.items():
            sheet.formula(f"{column}{row}", text.format(r=row, s=stock, f=first), fact, i, look=look)
        for column, (fact, look) in solved.items():
            sheet.solved(f"{column}{row}", fact, i, look=look)
    sheet.array(
        f"L{first}:L{last}", "=MMULT(covariance,stock_weight)", "anchor_exposure", look="formula_number4"
    )
    sheet.array(
        f"M{first}:M{last}",
        "=MMULT(covariance,sleeve_weights-anchor_counts*stock_weight)-sleeve_lambda*mu",
        "sleeve_gradient",
        look="formula_tiny",
    )
    sheet.array(
        f"R{first}:R{last}", "=MMULT(covariance,sleeve_weights)", "sleeve_sigma_w", look="formula_number4"
    )
    sheet.label(f"R{first - 1}", "Σ w", "header")
    columns = columns_from("T", points)
    sheet.widths |= dict.fromkeys(columns, 7)
    for k, column in enumerate(columns):
        sheet.formula(
            f"{column}{first - 1}",
            f"=COLUMNS($T{first - 1}:{column}{first - 1})",
            "frontier_number",
            k,
            look="header",
        )
        for i in range(n):
            sheet.solved(f"{column}{first + i}", "frontier_weights", i, k, look="solved_percent1")
    sheet.name("frontier_weights", f"{columns[0]}{first}:{columns[-1]}{last}")
    ranges = {
        "mu": "C", "stock_volatility": "D", "sleeve_weights": "F", "beta": "H", "maxsharpe_weights": "I",
        "sleeve_lower": "J", "sleeve_upper": "K", "anchor_exposure": "L", "sleeve_gradient": "M", "sleeve_dual": "N",
        "return_high": "O", "return_low": "P", "sleeve_risk_share": "Q", "sleeve_sigma_w": "R",
    }  # fmt: skip
    for name, column in ranges.items():
        sheet.name(name, f"{column}{first}:{column}{last}")
