"""The Frontier sheet: expected returns by reverse optimisation, the return target, and the certified sleeve."""

from __future__ import annotations

from typing import Final

from pyalloc import names
from pyalloc.frontier.target import ReturnModel
from workbooks.template.author import Sheet
from workbooks.template.frame import FIRST_STOCK, FRONTIER, PRICES, STOCKS, between, head, section
from workbooks.template.risk_sheets import mean_column

FIRST_NAME: Final = 36
"""Row of the first stock on this sheet."""


def author_frontier(n: int, months: int, return_model: ReturnModel, month_closes_native: bool) -> Sheet:
    """Return the sheet for `n` stocks under a return model."""
    sheet = Sheet(FRONTIER, landscape=True)
    sheet.widths |= {"B": 30, **dict.fromkeys("CDEFGHIJKLMNOPQ", 11)}
    sheet.freeze, sheet.title_rows = "C5", "1:3"
    head(
        sheet,
        "Frontier",
        "Expected returns, the return target r_eff + α, and the sleeve nearest the anchor that attains it.",
        "Q",
    )
    _rules(sheet)
    _target(sheet)
    _names(sheet, n, months, return_model, month_closes_native)
    return sheet


def _rules(sheet: Sheet) -> None:
    section(sheet, 5, "1  Assumptions", "B", "F")
    rows = (
        ("Risk-free rate, a year", "risk_free", "input_percent", "trailing year of the cash instruments"),
        ("Equity premium, a year", "equity_premium", "input_percent", "S&P 500 less bills 1928–2016: 7.9 %"),
        (
            "Floor, as a fraction of the anchor weight",
            "sleeve_floor",
            "input_percent",
            "keeps the tilt and the names alive",
        ),
        ("Return model", "return_model", "input_text", "implied: μ makes the anchor the best Sharpe ratio"),
    )
    for row, (label, fact, look, says) in enumerate(rows, start=6):
        sheet.label(f"B{row}", label)
        sheet.input(f"C{row}", fact, look=look)
        sheet.name(fact, f"C{row}")
        sheet.label(f"D{row}", says, "note")
    sheet.validations += [
        between("C6", "-0.1", "0.5", "Risk-free rate", "A year, -10% to 50%."),
        between("C7", "0", "0.25", "Equity premium", "A year, above 0% to 25%."),
        between("C8", "0", "1", "Floor", "0% to 100% of the anchor weight; recompute after a change."),
    ]


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
            '=COUNTIF(stock_weight,">1E-9")&" → "&COUNTIF(sleeve_weights,">1E-9")', "names_held", "formula",
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
        "with λ, a gap of 0 proves that no other portfolio of this return is nearer the anchor",
        "note",
    )


def _names(sheet: Sheet, n: int, months: int, return_model: ReturnModel, native: bool) -> None:
    first, last = FIRST_NAME, FIRST_NAME + n - 1
    section(sheet, first - 3, "3  Names", "B", "Q", "certificates to the right")
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
        "E": ("stock_weight", f"={STOCKS}!W{{s}}", "formula_percent"),
        "G": ("sleeve_change", "=F{r}-E{r}", "formula_percent"),
        "H": ("beta", "=L{r}/SUMPRODUCT(anchor_exposure,stock_weight)", "formula_number4"),
        "J": ("sleeve_lower", "=sleeve_floor*E{r}", "formula_percent"),
        "K": ("sleeve_upper", f"=stock_cap*{STOCKS}!T{{s}}", "formula_percent"),
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
    ranges = {
        "mu": "C", "stock_volatility": "D", "sleeve_weights": "F", "beta": "H", "maxsharpe_weights": "I",
        "sleeve_lower": "J", "sleeve_upper": "K", "anchor_exposure": "L", "sleeve_gradient": "M", "sleeve_dual": "N",
        "return_high": "O", "return_low": "P", "sleeve_risk_share": "Q", "sleeve_sigma_w": "R",
    }  # fmt: skip
    for name, column in ranges.items():
        sheet.name(name, f"{column}{first}:{column}{last}")
