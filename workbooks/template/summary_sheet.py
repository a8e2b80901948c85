"""The Summary sheet: one page that a client understands in a minute; every number links to its cell."""

from __future__ import annotations

from collections.abc import Sequence

from pyalloc import names
from pyalloc.frontier.target import ReturnModel
from workbooks.template.author import Rule, Sheet
from workbooks.template.charts import Chart, Line
from workbooks.template.conditions import author_conditions
from workbooks.template.frame import AUDIT, CONSTRAINTS, FRONTIER, HOLDINGS, MACRO, STOCKS, SUMMARY
from workbooks.template.macro_sheet import sector_column
from workbooks.template.page import GRID, rule, section, wide
from workbooks.template.reasons import author_reasons
from workbooks.template.styles import CATEGORY_COLOURS
from workbooks.template.words import TOP


def author_summary(
    categories: Sequence[str],
    sectors: Sequence[str],
    regime_from: Sequence[float],
    return_model: ReturnModel,
) -> Sheet:
    """Return the sheet for these categories, sectors and regime thresholds."""
    sheet = Sheet(SUMMARY)
    sheet.widths |= {"A": 1.9, "V": 1.9, **dict.fromkeys(GRID, 5.4)}
    sheet.heights |= {1: 5, 2: 18, 3: 30, 6: 17, 7: 26, 8: 15}
    _head(sheet)
    _tiles(sheet)
    row = _categories(sheet, categories)
    row = author_conditions(sheet, row + 1, regime_from)
    row = max(_sectors(sheet, row + 2, len(sectors)), _positions(sheet, row + 2))
    row = _target(sheet, row + 2)
    row = _notices(sheet, row + 2)
    sheet.row_break = row
    author_reasons(sheet, row + 1, return_model)
    return sheet


def _head(sheet: Sheet) -> None:
    for letter in GRID:
        sheet.label(f"{letter}1", "", "ink_band")
    sheet.input(wide(sheet, "B2:K2"), "firm", look="firm")
    sheet.label(wide(sheet, "R2:U2"), "Confidential", "note_right")
    sheet.formula(wide(sheet, "B3:N3"), "=client_name", "client_name", look="client")
    sheet.formula(wide(sheet, "O3:U3"), "=checks_summary", "checks_summary", look="badge_box")
    sheet.label(wide(sheet, "O4:U4"), "see Audit for every check", "note_center")
    sheet.links["O4"] = f"{AUDIT}!B5"
    sheet.label(wide(sheet, "B4:D4"), "Allocation as of", "plain_note")
    sheet.formula(wide(sheet, "E4:G4"), "=as_of", "as_of", look="as_of")
    sheet.formula(wide(sheet, "I4:N4"), '="Reference "&client_id', "reference", look="plain_note")
    sheet.solved(wide(sheet, "B5:U5"), "notice", look="synthetic")
    for sign, look in (("●", "ok"), ("■", "stale"), ("▲", "check")):
        sheet.rules.append(Rule("O3:U3", f'LEFT(checks_summary,1)="{sign}"', look))


def _tiles(sheet: Sheet) -> None:
    tiles = (
        ("B", "E", "Portfolio", ("=budget", "budget", "tile_whole"), ("=currency", "currency")),
        (
            "G", "J", "Risk tolerance",
            (
                '=IF(ISNUMBER(risk_tolerance),risk_tolerance&" of 10",UPPER(LEFT(risk_tolerance,1))&MID(risk_tolerance,2,20))',
                "risk_shown", "tile",
            ),
            (
                f'="equity share "&ROUND(100*INDEX(category_weights,MATCH("{names.STOCKS}",category_names,0)),1)&" %"',
                "equity_shown",
            ),
        ),
        (
            "L", "P", "Market regime",
            ("=UPPER(LEFT(regime,1))&MID(regime,2,20)", "regime_shown", "tile"),
            ('="stress percentile "&ROUND(100*stress,0)', "percentile_shown"),
        ),
        (
            "R", "U", "Target return, equities",
            ("=r_target", "r_target", "tile_percent1"),
            ('=IF(LEFT(target_status,7)="clipped","target clipped","target "&target_status)', "status_shown"),
        ),
    )  # fmt: skip
    for first, last, title, (formula, fact, look), (note, note_fact) in tiles:
        for letter in GRID[GRID.index(first) : GRID.index(last) + 1]:
            sheet.label(f"{letter}6", title if letter == first else "", "tile_label")
        sheet.formula(wide(sheet, f"{first}7:{last}7"), formula, fact, look=look)
        sheet.formula(wide(sheet, f"{first}8:{last}8"), note, note_fact, look="tile_note")


def _categories(sheet: Sheet, categories: Sequence[str]) -> int:
    section(sheet, 10, "Allocation", "B", "U", CONSTRAINTS)
    for area, title in (
        ("B11:F11", "Category"),
        ("G11:H11", "Weight"),
        ("I11:L11", "Amount"),
        ("M11:N11", "Range"),
    ):
        sheet.label(wide(sheet, area), title, "header_left" if title == "Category" else "header")
    for i in range(len(categories)):
        row = 12 + i
        sheet.heights[row] = 22
        sheet.label(f"B{row}", "■", f"category_{i % len(CATEGORY_COLOURS)}")
        for area, formula, fact, look in (
            ("C:F", f"=INDEX(category_names,{i + 1})", "category_names", "read_label"),
            ("G:H", f"=INDEX(category_weights,{i + 1})", "category_weights", "strong_read_percent1"),
            ("I:L", f"=INDEX(holding_category_amount,{i + 1})", "holding_category_amount", "read_amount"),
            (
                "M:N",
                f'=ROUND(100*INDEX(category_lower,{i + 1}),0)&"–"&ROUND(100*INDEX(category_upper,{i + 1}),0)&" %"',
                "range_shown",
                "read",
            ),
        ):
            first, last = area.split(":")
            sheet.formula(wide(sheet, f"{first}{row}:{last}{row}"), formula, fact, i, look=look)
        rule(sheet, row, "B", "N")
    row = 12 + len(categories)
    last_row = row - 1
    sheet.heights[row] = 20
    sheet.label(wide(sheet, f"B{row}:F{row}"), "Total", "strong_read_label")
    sheet.formula(
        wide(sheet, f"G{row}:H{row}"),
        f"=SUM(G12:G{last_row})",
        "category_total",
        look="strong_read_percent1",
    )
    sheet.formula(
        wide(sheet, f"I{row}:L{row}"),
        f"=SUM(I12:I{last_row})",
        "holding_total_amount",
        look="strong_read_amount",
    )
    rule(sheet, row, "B", "N", "strong_read_label")
    text = row + 1
    sheet.heights |= dict.fromkeys(range(text, text + 5), 13)
    sheet.formula(
        wide(sheet, f"B{text}:N{text + 4}"),
        '="Market stress stands at about percentile "&ROUND(100*stress,0)&" of the months 1990–2019. For this risk tolerance the policy puts "'
        '&ROUND(100*equity_share,1)&" % into stocks, "&ROUND(100*cash_share,1)&" % of bonds and cash into cash, and "'
        '&ROUND(100*commodity_share,1)&" % into commodities."&IF(AND(bounds_hold,override_count=0),"",'
        '" Bounds or overrides change this, as the table shows.")&" The equity holdings aim at "&ROUND(100*r_target,1)'
        '&" % a year: "&ROUND(100*r_eff,1)&" % from the efficient frontier, "&IF(alpha<0,"less ","plus ")'
        '&ROUND(100*ABS(alpha),1)&" points for risk tolerance"&IF(target_status="attained",".",", "&target_status&".")',
        "paragraph",
        look="paragraph",
    )
    weights, labels = (f"{SUMMARY}!${column}$12:${column}${last_row}" for column in "GC")
    sheet.charts.append(
        Chart(
            "doughnut",
            "P11",
            f"V{text + 4}",
            (Line(weights, labels, "Allocation", CATEGORY_COLOURS[0]),),
            "Doughnut chart of the category weights in the table beside it.",
            colours=tuple(CATEGORY_COLOURS[i % len(CATEGORY_COLOURS)] for i in range(len(categories))),
        )
    )
    return text + 4


def _sectors(sheet: Sheet, top: int, sectors: int) -> int:
    section(sheet, top, "Equity sectors", "B", "K", MACRO)
    bottom = top + TOP + 3
    sheet.charts.append(
        Chart(
            "bars",
            f"B{top + 1}",
            f"L{bottom}",
            (
                Line(
                    sector_column("I", sectors),
                    sector_column("B", sectors),
                    "Of the stocks",
                    CATEGORY_COLOURS[0],
                ),
            ),
            "Bar chart of the sectors' shares of the stocks, from most defensive to most cyclical.",
            labels=True,
        )
    )
    return bottom - 1


def _positions(sheet: Sheet, top: int) -> int:
    section(sheet, top, "Ten largest positions", "M", "U", HOLDINGS)
    for area, title in (("M:Q", "Position, cash apart"), ("R:S", "Weight"), ("T:U", "Amount")):
        first, last = area.split(":")
        sheet.label(
            wide(sheet, f"{first}{top + 1}:{last}{top + 1}"),
            title,
            "header" if title in ("Weight", "Amount") else "header_left",
        )
    for i in range(TOP):
        row = top + 2 + i
        place = f"MATCH(LARGE(holding_key,{i + 1}),holding_key,0)"
        exists = f'COUNTIF(holding_key,">0")>={i + 1}'
        for area, fact, of, look in (
            (f"M{row}:Q{row}", "top_name", "holding_name", "read_label"),
            (f"R{row}:S{row}", "top_weight", "holding_weight", "strong_read_percent1"),
            (f"T{row}:U{row}", "top_amount", "holding_amount", "read_whole"),
        ):
            sheet.formula(wide(sheet, area), f'=IF({exists},INDEX({of},{place}),"")', fact, i, look=look)
        rule(sheet, row, "M", "U")
    row = top + 2 + TOP
    sheet.label(wide(sheet, f"M{row}:Q{row}"), "Together", "strong_read_label")
    sheet.formula(
        wide(sheet, f"R{row}:S{row}"),
        f"=SUM(R{top + 2}:R{row - 1})",
        "top_total_weight",
        look="strong_read_percent1",
    )
    sheet.formula(
        wide(sheet, f"T{row}:U{row}"),
        f"=SUM(T{top + 2}:T{row - 1})",
        "top_total_amount",
        look="strong_read_whole",
    )
    rule(sheet, row, "M", "U", "strong_read_label")
    return row


def _target(sheet: Sheet, top: int) -> int:
    section(sheet, top, "Equity return target, a year", "B", "K", FRONTIER)
    section(sheet, top, "Stock sleeve", "M", "U", STOCKS)
    left = (
        ("Return on the efficient frontier", "=r_eff", "r_eff", "read_percent"),
        ("Shift for risk tolerance", "=alpha", "alpha", "read_percent"),
        ("Target return in force", "=r_target", "r_target", "strong_read_percent"),
        ("Volatility at the target", "=sleeve_volatility", "sleeve_volatility", "read_percent"),
    )
    right = (
        ("Beta to the momentum weights", "=sleeve_beta", "sleeve_beta", "strong_read_number"),
        ("Names held, before → after the target", "=names_held", "names_held", "read"),
        ("Active share of the target step", "=active_share", "active_share", "read_percent1"),
        ("Shrinkage of the covariance", "=lw_shrinkage", "lw_shrinkage", "read_number"),
    )
    for i, (label, formula, fact, look) in enumerate(left):
        row = top + 1 + i
        sheet.label(wide(sheet, f"B{row}:H{row}"), label, "read_label")
        sheet.formula(wide(sheet, f"I{row}:K{row}"), formula, fact, look=look)
        rule(sheet, row, "B", "K")
    for i, (label, formula, fact, look) in enumerate(right):
        row = top + 1 + i
        sheet.label(wide(sheet, f"M{row}:R{row}"), label, "read_label")
        sheet.formula(wide(sheet, f"S{row}:U{row}"), formula, fact, look=look)
        rule(sheet, row, "M", "U")
    return top + len(left)


def _notices(sheet: Sheet, top: int) -> int:
    """Place notices and disclaimer; return the last row of the page."""
    sheet.heights |= {top: 26, top + 1: 12, top + 2: 12, top + 3: 12}
    sheet.formula(
        wide(sheet, f"B{top}:U{top}"),
        '=IFERROR("Notices: "&IF(checks_failed+checks_stale+override_count+NOT(bounds_hold)+(LEFT(target_status,7)="clipped")+(anchor_counts=0)=0,"none.",'
        'IF(checks_failed>0,"open checks, see Audit. ","")&IF(checks_stale>0,"inputs were changed: category shares, tilts and anchor '
        'weights follow, the sleeve does not until it is generated again. ","")&IF(override_count>0,override_count&" coefficients '
        'overridden. ","")&IF(bounds_hold,"","category bounds bind. ")&IF(LEFT(target_status,7)="clipped","the return target was "'
        '&target_status&". ","")&IF(anchor_counts=0,"no expected return is above the risk-free rate, so the sleeve is the "'
        '&"least volatile. ","")),"Notices: an input is not a number or the system has no solution. See Audit.")',
        "notices_shown",
        look="notice",
    )
    sheet.label(
        wide(sheet, f"B{top + 1}:U{top + 3}"),
        "For the named client only. This page shows the outcome of a rule-based model and is neither advice nor an offer. Expected "
        "returns follow from an assumed equity premium and do not tell future ones. Weights may differ from the portfolio held until "
        "orders are executed. Method, units and limits: sheet Notes. Every figure can be traced through the sheets that follow.",
        "disclaimer",
    )
    return top + 3
