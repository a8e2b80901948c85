"""The Scenarios sheet: the same client under named real conditions and small shifts, all in native formulas."""

from __future__ import annotations

from pyalloc.category import CategoryPolicy
from pyalloc.names import STOCKS
from workbooks.template.author import Sheet, columns_from
from workbooks.template.frame import SCENARIOS, head, section
from workbooks.template.scenarios import SHIFTS, named_scenarios
from workbooks.template.system_blocks import share_name

_FIRST = "C"


def author_scenarios(policy: CategoryPolicy, sectors: int) -> Sheet:
    """Return the sheet for a category policy and this many sectors."""
    sheet = Sheet(SCENARIOS, landscape=True, one_page=True)
    named = len(named_scenarios())
    columns = columns_from(_FIRST, 1 + named + len(SHIFTS))
    sheet.widths |= {"B": 34, **dict.fromkeys(columns, 12.5)}
    sheet.freeze = "C7"
    head(
        sheet,
        "Scenarios",
        "Category weights and sector tilts under real conditions of the past and small shifts of today's.",
        columns[-1],
    )
    _conditions(sheet, columns, named)
    _stress(sheet, columns)
    row = _shares(sheet, columns, policy)
    row = _weights(sheet, columns, policy, row + 2)
    row = _tilts(sheet, columns, sectors, row + 2)
    _structure(sheet, policy, row + 2)
    return sheet


def _conditions(sheet: Sheet, columns: list[str], named: int) -> None:
    section(sheet, 5, "1  Conditions", "B", columns[-1], "public record: see Notes for the sources")
    sheet.label("B6", "Scenario", "header_left")
    labels = (
        "Known on",
        "Shift",
        "VIX, index points",
        "Real GDP growth, a year",
        "Yield spread 10y − 2y, a year",
    )
    for row, label in enumerate(labels, start=7):
        sheet.label(f"B{row}", label)
    for j, column in enumerate(columns):
        sheet.input(f"{column}6", "scenario_name", j, look="header")
        if j == 0:
            sheet.formula(
                f"{column}7", '=IF(ISNUMBER(known_on),known_on,"")', "scenario_day", j, look="formula_date"
            )
            for row, name, look in (
                (9, "vix", "number"),
                (10, "gdp_growth", "percent"),
                (11, "yield_spread", "percent"),
            ):
                fact = {9: "scenario_vix", 10: "scenario_growth", 11: "scenario_spread"}[row]
                sheet.formula(f"{column}{row}", f"={name}", fact, j, look=f"formula_{look}")
        elif j <= named:
            sheet.input(f"{column}7", "scenario_day", j, look="input_date")
            sheet.input(f"{column}9", "scenario_vix", j, look="input_number")
            sheet.input(f"{column}10", "scenario_growth", j, look="input_percent")
            sheet.input(f"{column}11", "scenario_spread", j, look="input_percent")
        else:
            _shifted(sheet, column, j, j - named - 1)


def _shifted(sheet: Sheet, column: str, j: int, shift: int) -> None:
    """Place a column of today's conditions with one of them shifted, within what is accepted."""
    moves_vix = SHIFTS[shift][1] != 0.0
    if moves_vix:
        sheet.input(f"{column}8", "shift_vix", shift, look="input_signed")
    else:
        sheet.input(f"{column}8", "shift_spread", shift, look="input_percent")
    vix = f"=MEDIAN(INDEX(vix_limits,1),vix+{column}8,INDEX(vix_limits,2))" if moves_vix else "=vix"
    spread = (
        "=yield_spread"
        if moves_vix
        else f"=MEDIAN(INDEX(spread_limits,1),yield_spread+{column}8,INDEX(spread_limits,2))"
    )
    sheet.formula(f"{column}9", vix, "scenario_vix", j, look="formula_number")
    sheet.formula(f"{column}10", "=gdp_growth", "scenario_growth", j, look="formula_percent")
    sheet.formula(f"{column}11", spread, "scenario_spread", j, look="formula_percent")


def _stress(sheet: Sheet, columns: list[str]) -> None:
    section(sheet, 13, "2  Stress", "B", columns[-1])
    labels = (
        "z, ln VIX",
        "z, GDP growth",
        "z, yield spread",
        "Composite Σ ω z",
        "Stress, percentile",
        "Regime",
    )
    for row, label in enumerate(labels, start=14):
        sheet.label(f"B{row}", label, "strong" if row >= 18 else "label")
    for j, column in enumerate(columns):
        for i, raw in enumerate((f"LN({column}9)", f"{column}10", f"{column}11")):
            k = i + 1
            z = f"INDEX(macro_direction,{k})*({raw}-INDEX(macro_mean,{k}))/INDEX(macro_std,{k})"
            sheet.formula(
                f"{column}{14 + i}",
                f"=MEDIAN(-z_limit,{z},z_limit)",
                "scenario_z",
                i,
                j,
                look="formula_number",
            )
        sheet.formula(
            f"{column}17",
            f"=SUMPRODUCT(macro_omega,{column}14:{column}16)",
            "scenario_composite",
            j,
            look="formula_number4",
        )
        sheet.formula(
            f"{column}18",
            f"=NORMSDIST({column}17/sigma_c)",
            "scenario_stress",
            j,
            look="strong_formula_percent1",
        )
        sheet.formula(
            f"{column}19",
            f"=INDEX(regime_names,MATCH({column}18,regime_from,1))",
            "scenario_regime",
            j,
            look="strong_formula",
        )


def _shares(sheet: Sheet, columns: list[str], policy: CategoryPolicy) -> int:
    section(sheet, 21, "3  Shares set by the policy, for this client's risk tolerance", "B", columns[-1])
    labels = ("k  commodities, of the whole", "e  equity, of the whole", "c  cash, of bonds and cash")
    for row, label in enumerate(labels, start=22):
        sheet.label(f"B{row}", label)
    for j, column in enumerate(columns):
        growth = f"MEDIAN(-growth_clip,({column}10-ref_gdp_mean)/ref_gdp_std,growth_clip)"
        inversion = f"MEDIAN(0,-{column}11/inversion_scale,1)"
        for row, formula, fact in (
            (
                22,
                f"=commodity_base+commodity_stress_effect*{column}18+commodity_growth_effect*{growth}",
                "scenario_commodity",
            ),
            (23, f"=(1-{column}22)*(equity_calm+{column}18*(equity_crisis-equity_calm))", "scenario_equity"),
            (
                24,
                f"=cash_base+cash_stress_effect*{column}18+cash_inversion_effect*{inversion}",
                "scenario_cash",
            ),
        ):
            sheet.formula(f"{column}{row}", formula, fact, j, look="formula_percent1")
    cells = {"commodity_share": 22, "equity_share": 23, "cash_share": 24}
    for i, name in enumerate(policy.row_names):
        row = 25 + i
        sheet.label(f"B{row}", f"Share in row {i + 1} of A, {name}", "note")
        for j, column in enumerate(columns):
            if i == 0:
                text = "=0"
            else:
                share = share_name(policy, i)
                text = f"={column}{cells[share]}" if share in cells else f"={share}"
            sheet.formula(f"{column}{row}", text, "scenario_row_share", i, j, look="formula_percent1")
    return 24 + len(policy.row_names)


def _weights(sheet: Sheet, columns: list[str], policy: CategoryPolicy, top: int) -> int:
    section(sheet, top, "4  Category weights A⁻¹ b / B", "B", columns[-1], "before bounds and overrides")
    rows, size = len(policy.row_names), len(policy.names)
    shares, first = top - 1 - rows, top + 1
    for i, category in enumerate(policy.names):
        sheet.label(f"B{first + i}", category, "strong")
    last = first + size - 1
    stocks = first + policy.names.index(STOCKS)
    sheet.label(f"B{last + 1}", "Stocks, change from now, points")
    sheet.label(f"B{last + 2}", "Within the client's bounds")
    for j, column in enumerate(columns):
        share = f"{column}{shares}:{column}{shares + rows - 1}"
        area = f"{column}{first}:{column}{last}"
        system = f"=MMULT(MINVERSE(category_of-{share}*category_within),policy_b/budget)"
        sheet.array(area, system, "scenario_weights", j, look="strong_formula_percent1")
        sheet.formula(
            f"{column}{last + 1}",
            f"=100*({column}{stocks}-${columns[0]}{stocks})",
            "scenario_change",
            j,
            look="formula_signed",
        )
        outside = f"SUMPRODUCT(--({area}<category_lower-1E-12))+SUMPRODUCT(--({area}>category_upper+1E-12))"
        sheet.formula(f"{column}{last + 2}", f'=IF({outside}=0,"yes","no")', "scenario_inside", j)
    return last + 2


def _tilts(sheet: Sheet, columns: list[str], sectors: int, top: int) -> int:
    section(
        sheet,
        top,
        "5  Sector tilts τ",
        "B",
        columns[-1],
        "the stock sleeve itself is solved for today's conditions only",
    )
    for i in range(sectors):
        row = top + 1 + i
        sheet.formula(f"B{row}", f"=INDEX(sector_names,{i + 1})", "sector_names", i, look="formula_text")
        for j, column in enumerate(columns):
            text = f"=EXP(tilt_strength*INDEX(sector_defensiveness,{i + 1})*(2*{column}$18-1))"
            sheet.formula(f"{column}{row}", text, "scenario_tilt", i, j, look="formula_number")
    return top + sectors


def _structure(sheet: Sheet, policy: CategoryPolicy, top: int) -> None:
    """Place what the rows of A say, as zeros and ones: of which categories a share, within which."""
    size = len(policy.names)
    of, within = columns_from("C", size), columns_from("C", 2 * size + 1)[size + 1 :]
    section(sheet, top, "6  Structure of A = of − share · within, and limits", "B", within[-1])
    sheet.labels(top + 1, {"B": "Row"}, "header_left")
    sheet.labels(top + 1, dict(zip((*of, *within), (*policy.names, *policy.names), strict=True)), "header")
    first, last = top + 2, top + 1 + len(policy.row_names)
    for i, name in enumerate(policy.row_names):
        sheet.label(f"B{first + i}", f"{i + 1}  {name}")
        for j in range(size):
            sheet.input(f"{of[j]}{first + i}", "category_of", i, j, look="input_integer")
            sheet.input(f"{within[j]}{first + i}", "category_within", i, j, look="input_integer")
    sheet.name("category_of", f"{of[0]}{first}:{of[-1]}{last}")
    sheet.name("category_within", f"{within[0]}{first}:{within[-1]}{last}")
    for row, label, fact, look in (
        (last + 1, "VIX accepted, index points", "vix_limits", "input_number"),
        (last + 2, "Spread accepted, a year", "spread_limits", "input_percent"),
    ):
        sheet.label(f"B{row}", label)
        for i, column in enumerate("CD"):
            sheet.input(f"{column}{row}", fact, i, look=look)
        sheet.name(fact, f"C{row}:D{row}")
