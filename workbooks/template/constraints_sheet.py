"""The Constraints sheet: client and policy inputs, the system A w = b, its solution and its health."""

from __future__ import annotations

from pyalloc.category import CategoryPolicy
from workbooks.template.author import Sheet
from workbooks.template.frame import CONSTRAINTS, head, section
from workbooks.template.system_blocks import author_system, share_name, within_text


def author_constraints(policy: CategoryPolicy) -> Sheet:
    """Return the sheet for a category policy; the matrix blocks have a row and a column per category."""
    sheet = Sheet(CONSTRAINTS, landscape=True)
    sheet.widths |= {
        "B": 38.8,
        "C": 16.2,
        "D": 14.4,
        "E": 14.4,
        "F": 15,
        "G": 16.9,
        "H": 13.1,
        "I": 15.6,
        "J": 18.8,
    }
    sheet.widths |= dict.fromkeys("KLM", 13)
    sheet.freeze, sheet.one_page = "C4", True
    head(
        sheet,
        "Constraints",
        "Client and policy inputs, the constraint system A · w = b, its solution and its health.",
        "M",
    )
    _client(sheet)
    _knots(sheet)
    row = _shares(sheet, policy)
    author_system(sheet, policy, row + 2)
    return sheet


def _client(sheet: Sheet) -> None:
    section(sheet, 5, "1  Client", "B", "D")
    rows = (
        ("Client", "client_name", "input_text"),
        ("Reference", "client_id", "input_text"),
        ("Currency, and its decimals", "currency", "input_text"),
        ("As of", "as_of", "input_date"),
        ("Risk tolerance: low, medium, high or 1–10", "risk_tolerance", "input"),
        ("Budget, in the currency above", "budget", "input_amount"),
    )
    for row, (label, name, look) in enumerate(rows, start=6):
        sheet.label(f"B{row}", label)
        sheet.input(f"C{row}", name, look=look)
        sheet.name(name, f"C{row}")
    sheet.merged += ["C6:D6", "C7:D7"]
    sheet.input("D8", "currency_digits", look="input_integer")
    sheet.name("currency_digits", "D8")
    sheet.label("B12", "Risk tolerance on the 0–1 scale, t")
    sheet.formula(
        "C12",
        "=IF(ISNUMBER(risk_tolerance),risk_tolerance/10,INDEX(risk_knots,MATCH(risk_tolerance,risk_labels,0)))",
        "risk_t",
        look="formula_number",
    )
    sheet.name("risk_t", "C12")


def _knots(sheet: Sheet) -> None:
    section(sheet, 5, "2  Policy by risk tolerance", "G", "K")
    titles = ("Level", "t", "Equity, calm", "Equity, crisis", "Return shift α")
    sheet.labels(6, dict(zip("GHIJK", titles, strict=True)), "header")
    for i in range(4):
        row = 7 + i
        sheet.input(f"G{row}", "risk_labels", i, look="input_text")
        sheet.input(f"H{row}", "risk_knots", i, look="input_number")
        sheet.input(f"I{row}", "risk_calm", i, look="input_percent")
        sheet.input(f"J{row}", "risk_crisis", i, look="input_percent")
        sheet.input(f"K{row}", "risk_alpha", i, look="input_percent")
    for name, column in {
        "risk_labels": "G",
        "risk_knots": "H",
        "risk_calm": "I",
        "risk_crisis": "J",
        "risk_alpha": "K",
    }.items():
        sheet.name(name, f"{column}7:{column}10")
    sheet.label("G11", "t within knots", "note")
    sheet.formula(
        "H11",
        "=MEDIAN(INDEX(risk_knots,1),risk_t,INDEX(risk_knots,ROWS(risk_knots)))",
        "knot_within",
        look="formula_number",
    )
    sheet.label("G12", "Segment", "note")
    sheet.formula(
        "H12", "=MIN(MATCH(H11,risk_knots,1),ROWS(risk_knots)-1)", "knot_segment", look="formula_integer"
    )
    sheet.label("G13", "Position in it", "note")
    sheet.formula(
        "H13",
        "=(H11-INDEX(risk_knots,H12))/(INDEX(risk_knots,H12+1)-INDEX(risk_knots,H12))",
        "knot_position",
        look="formula_percent",
    )
    for column, knots, name in (
        ("I", "risk_calm", "equity_calm"),
        ("J", "risk_crisis", "equity_crisis"),
        ("K", "risk_alpha", "alpha"),
    ):
        sheet.formula(
            f"{column}13",
            f"=INDEX({knots},H12)+(INDEX({knots},H12+1)-INDEX({knots},H12))*H13",
            name,
            look="strong_formula_percent",
        )
        sheet.name(name, f"{column}13")


def _shares(sheet: Sheet, policy: CategoryPolicy) -> int:
    """Place the shares that fill A; return their last row."""
    section(sheet, 15, "3  Shares set by the policy", "B", "J")
    sheet.labels(16, {"B": "Share"}, "header_left")
    titles = (
        "At stress 0",
        "At stress 1 / effect",
        "Second effect",
        "Its scale",
        "Its driver",
        "Value",
        "",
        "Rule",
    )
    sheet.labels(16, dict(zip("CDEFGHIJ", titles, strict=True)), "header")
    sheet.heights[16] = 24
    sheet.label("B17", "k  commodities, of the whole")
    for column, name, look in (
        ("C", "commodity_base", "input_percent"),
        ("D", "commodity_stress_effect", "input_percent"),
        ("E", "commodity_growth_effect", "input_percent"),
        ("F", "growth_clip", "input_number"),
    ):
        sheet.input(f"{column}17", name, look=look)
        sheet.name(name, f"{column}17")
    sheet.formula(
        "G17",
        "=MEDIAN(-F17,(gdp_growth-ref_gdp_mean)/ref_gdp_std,F17)",
        "growth_clipped",
        look="formula_number",
    )
    sheet.formula("H17", "=C17+D17*stress+E17*G17", "commodity_share", look="strong_formula_percent")
    sheet.label("J17", "C + D·stress + E·growth z, clipped to ±F", "note_right")
    sheet.label("B18", "e  equity, of the whole")
    sheet.formula("C18", "=equity_calm", "equity_calm", look="formula_percent")
    sheet.formula("D18", "=equity_crisis", "equity_crisis", look="formula_percent")
    sheet.formula(
        "H18", "=(1-commodity_share)*(C18+stress*(D18-C18))", "equity_share", look="strong_formula_percent"
    )
    sheet.label("J18", "(1 − k)·(C + stress·(D − C))", "note_right")
    sheet.label("B19", "c  cash, of bonds and cash")
    for column, name, look in (
        ("C", "cash_base", "input_percent"),
        ("D", "cash_stress_effect", "input_percent"),
        ("E", "cash_inversion_effect", "input_percent"),
        ("F", "inversion_scale", "input_percent"),
    ):
        sheet.input(f"{column}19", name, look=look)
        sheet.name(name, f"{column}19")
    sheet.formula("G19", "=MEDIAN(0,-yield_spread/F19,1)", "inversion", look="formula_number")
    sheet.formula("H19", "=C19+D19*stress+E19*G19", "cash_share", look="strong_formula_percent")
    sheet.label("J19", "C + D·stress + E·inversion, 0 to 1", "note_right")
    for row, name in ((17, "commodity_share"), (18, "equity_share"), (19, "cash_share")):
        sheet.name(name, f"H{row}")
    sheet.name("growth_clipped", "G17")
    sheet.name("inversion", "G19")
    last = 19
    for i, fixed in enumerate(policy.rows, start=1):
        if not isinstance(fixed.share, str):
            last += 1
            sheet.label(f"B{last}", f"{fixed.name}: {', '.join(fixed.of)}, of {within_text(fixed.within)}")
            sheet.input(f"H{last}", "row_share", i, look="input_percent")
            sheet.label(f"J{last}", "fixed by the policy", "note_right")
            sheet.name(share_name(policy, i), f"H{last}")
    return last
