"""The Constraints sheet: client and policy inputs, the system A w = b, its solution and its health."""

from __future__ import annotations

from openpyxl.utils import get_column_letter

from pyalloc.category import CategoryPolicy
from workbooks.template.author import Rule, Sheet, columns_from
from workbooks.template.frame import CONSTRAINTS, head, section

_SHARES = {"equity": "equity_share", "cash": "cash_share", "commodity": "commodity_share"}


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
    row = _matrix(sheet, policy, row + 2)
    row = _overrides(sheet, policy, row + 2)
    row = _in_force(sheet, policy, row + 2)
    row = _solution(sheet, policy, row + 2)
    _health(sheet, row + 2)
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
            sheet.label(f"B{last}", f"{fixed.name}: {', '.join(fixed.of)}, of {_of(fixed.within)}")
            sheet.input(f"H{last}", "row_share", i, look="input_percent")
            sheet.label(f"J{last}", "fixed by the policy", "note_right")
            sheet.name(share_name(policy, i), f"H{last}")
    return last


def share_name(policy: CategoryPolicy, row: int) -> str:
    """Return the defined name of the share in a row of A, counted from 0, the budget."""
    share = policy.rows[row - 1].share
    return _SHARES[share] if isinstance(share, str) else f"row_share_{row + 1}"


def _of(within: tuple[str, ...] | str) -> str:
    return "the whole" if isinstance(within, str) else " + ".join(within)


def _says(policy: CategoryPolicy, i: int) -> str:
    if i == 0:
        return "everything is invested"
    row = policy.rows[i - 1]
    symbol = {"equity": "e", "cash": "c", "commodity": "k"}.get(str(row.share), "a fixed share")
    return f"{' + '.join(row.of)}: {symbol} of {_of(row.within)}"


def _matrix_head(sheet: Sheet, policy: CategoryPolicy, top: int, title: str, note: str) -> list[str]:
    """Place the head of a matrix block; return its column letters, b's last."""
    columns = columns_from("C", len(policy.names) + 1)
    says = get_column_letter(len(policy.names) + 5)
    section(sheet, top, title, "B", says, note)
    sheet.labels(top + 1, {"B": "Row"}, "header_left")
    sheet.labels(top + 1, {**dict(zip(columns, (*policy.names, "b"), strict=True)), says: "Says"}, "header")
    for i, name in enumerate(policy.row_names):
        sheet.label(f"B{top + 2 + i}", f"{i + 1}  {name}")
    return list(columns)


def _matrix(sheet: Sheet, policy: CategoryPolicy, top: int) -> int:
    columns = _matrix_head(sheet, policy, top, "4  A and b from the policy", "formulas, leave as they are")
    says = get_column_letter(len(policy.names) + 5)
    first, last = top + 2, top + 1 + len(policy.row_names)
    for i in range(len(policy.row_names)):
        for j, category in enumerate(policy.names):
            sheet.formula(
                f"{columns[j]}{first + i}",
                f"={_coefficient(policy, i, category)}",
                "policy_A",
                i,
                j,
                look="formula_number4",
            )
        sheet.formula(
            f"{columns[-1]}{first + i}", "=budget" if i == 0 else "=0", "policy_b", i, look="formula_amount"
        )
        sheet.label(f"{says}{first + i}", _says(policy, i), "note_right")
    sheet.name("policy_A", f"{columns[0]}{first}:{columns[-2]}{last}")
    sheet.name("policy_b", f"{columns[-1]}{first}:{columns[-1]}{last}")
    return last


def _coefficient(policy: CategoryPolicy, i: int, category: str) -> str:
    if i == 0:
        return "1"
    row = policy.rows[i - 1]
    within = row.within == "all" or category in row.within
    own = "1" if category in row.of else ""
    return f"{own}-{share_name(policy, i)}" if within else own or "0"


def _overrides(sheet: Sheet, policy: CategoryPolicy, top: int) -> int:
    columns = _matrix_head(
        sheet,
        policy,
        top,
        "5  Overrides",
        "blank = policy; a number here replaces the coefficient; row 1 stands",
    )
    first, last = top + 2, top + 1 + len(policy.row_names)
    # Row 1 invests the budget, whatever else is overridden.
    sheet.labels(first, dict.fromkeys(columns, "–"), "note_right")
    for i in range(1, len(policy.row_names)):
        for j in range(len(policy.names)):
            sheet.input(f"{columns[j]}{first + i}", "override_A", i, j, look="input_number4")
        sheet.input(f"{columns[-1]}{first + i}", "override_b", i, look="input_amount")
    sheet.name("override_A", f"{columns[0]}{first}:{columns[-2]}{last}")
    sheet.name("override_b", f"{columns[-1]}{first}:{columns[-1]}{last}")
    area = f"{columns[0]}{first + 1}:{columns[-1]}{last}"
    sheet.rules.append(Rule(area, f"ISNUMBER({columns[0]}{first + 1})", "overridden"))
    return last


def _in_force(sheet: Sheet, policy: CategoryPolicy, top: int) -> int:
    columns = _matrix_head(sheet, policy, top, "6  A and b in force", "what is solved")
    size = len(policy.row_names)
    first, last = top + 2, top + 1 + size
    # Blocks 4 to 6 have the same shape, so a coefficient and its override stand fixed distances above it.
    policy_first, override_first = first - 2 * (size + 3), first - (size + 3)
    for i in range(size):
        for j, column in enumerate(columns):
            override, plain = f"{column}{override_first + i}", f"{column}{policy_first + i}"
            fact, place, look = (
                ("constraint_A", (i, j), "formula_number4")
                if j < len(policy.names)
                else ("constraint_b", (i,), "formula_amount")
            )
            sheet.formula(
                f"{column}{first + i}",
                f"=IF(ISNUMBER({override}),{override},{plain})",
                fact,
                *place,
                look=look,
            )
    sheet.name("constraint_A", f"{columns[0]}{first}:{columns[-2]}{last}")
    sheet.name("constraint_b", f"{columns[-1]}{first}:{columns[-1]}{last}")
    return last


def _solution(sheet: Sheet, policy: CategoryPolicy, top: int) -> int:
    section(
        sheet,
        top,
        "7  Solution",
        "B",
        "M",
        "the last three columns certify the nearest weights where bounds bind",
    )
    sheet.labels(top + 1, {"B": "Category"}, "header_left")
    titles = (
        "x = A⁻¹ b, amount", "Weight x / B", "Lower bound", "Upper bound", "Solver weight", "Weight in force",
        "A x − b, share of B", "Bound", "Scaled residual", "Gradient", "Dual bound",
    )  # fmt: skip
    sheet.labels(top + 1, dict(zip("CDEFGHIJKLM", titles, strict=True)), "header")
    sheet.heights[top + 1] = 24
    size = len(policy.names)
    first, last = top + 2, top + 1 + size
    sheet.array(
        f"C{first}:C{last}",
        "=MMULT(MINVERSE(constraint_A),constraint_b)",
        "category_amount",
        look="formula_amount",
    )
    sheet.array(
        f"I{first}:I{last}",
        "=(MMULT(constraint_A,category_weights*INDEX(constraint_b,1))-constraint_b)/INDEX(constraint_b,1)",
        "residual",
        look="formula_tiny",
    )
    for i, _category in enumerate(policy.names):
        row = first + i
        sheet.input(f"B{row}", "category_names", i, look="input_text")
        sheet.formula(
            f"D{row}", f"=C{row}/INDEX(constraint_b,1)", "category_exact", i, look="formula_percent"
        )
        sheet.input(f"E{row}", "category_lower", i, look="input_percent")
        sheet.input(f"F{row}", "category_upper", i, look="input_percent")
        sheet.solved(f"G{row}", "category_solver", i, look="solved_percent")
        sheet.formula(
            f"H{row}", f"=IF(bounds_hold,D{row},G{row})", "category_weights", i, look="strong_formula_percent"
        )
        sheet.formula(
            f"J{row}",
            f'=IF(H{row}<=E{row}+1E-12,"at lower bound",IF(H{row}>=F{row}-1E-12,"at upper bound","inside"))',
            "category_bound",
            i,
        )
        budget_row = i == 0
        scaled = "0" if budget_row else f"I{row}/SUMSQ(INDEX(constraint_A,{i + 1},0))"
        sheet.formula(f"K{row}", f'=IF(bounds_hold,"",{scaled})', "category_scaled", i, look="formula_tiny")
        sheet.formula(
            f"L{row}",
            f'=IF(bounds_hold,"",SUMPRODUCT(INDEX(constraint_A,0,{i + 1}),$K${first}:$K${last}))',
            "category_gradient",
            i,
            look="formula_tiny",
        )
        g = f"$L${first}:$L${last}"
        sheet.formula(
            f"M{row}",
            f'=IF(bounds_hold,"",L{row}+SUMPRODUCT(({g}-L{row})*(({g}<L{row})*category_upper+({g}>=L{row})*category_lower)))',
            "category_dual",
            i,
            look="formula_tiny",
        )
    names = {
        "category_names": "B", "category_amount": "C", "category_exact": "D", "category_lower": "E", "category_upper": "F",
        "category_solver": "G", "category_weights": "H", "residual": "I", "category_bound": "J",
        "category_scaled": "K", "category_gradient": "L", "category_dual": "M",
    }  # fmt: skip
    for name, column in names.items():
        sheet.name(name, f"{column}{first}:{column}{last}")
    sheet.rules.append(Rule(f"J{first}:J{last}", f'$J{first}<>"inside"', "bound"))
    total = last + 1
    sheet.label(f"B{total}", "Total", "strong")
    sheet.formula(f"C{total}", "=SUM(category_amount)", "category_total_amount", look="strong_formula_amount")
    sheet.formula(f"H{total}", "=SUM(category_weights)", "category_total", look="strong_formula_percent")
    return total


def _health(sheet: Sheet, top: int) -> None:
    section(sheet, top, "8  Numerical health", "B", "J")
    ones = "TRANSPOSE(ROW(constraint_A)^0)"
    norm = f"MAX(MMULT({ones},ABS(constraint_A)))*MAX(MMULT({ones},ABS(MINVERSE(constraint_A))))"
    rows = (
        ("Determinant of A", "=MDETERM(constraint_A)", False, "det_A", "formula_number4", "not zero: the system has one solution"),
        ("Reciprocal condition number of A, 1-norm", f"=1/({norm})", True, "rcond_A", "formula_number4", "refused below 1E-12"),
        ("Largest |A x − b| / B", "=MAX(ABS(residual))", True, "residual_max", "formula_tiny", "how exactly the system is met"),
        (
            "Every bound holds for the exact solution",
            "=AND(SUMPRODUCT(--(category_exact<category_lower-1E-12))=0,SUMPRODUCT(--(category_exact>category_upper+1E-12))=0)",
            False, "bounds_hold", "formula", "FALSE: the nearest weights within the bounds are used",
        ),
        (
            "Solver and native solution differ by", "=MAX(ABS(category_solver-category_exact))", True,
            "solver_difference", "formula_tiny", "two independent solutions; more than 0 where bounds bind",
        ),
        (
            "Optimality gap where bounds bind",
            "=IF(bounds_hold,0,SUMPRODUCT(category_gradient,category_weights)-MAX(category_dual))",
            False, "category_gap", "formula_tiny", "0: no weights within the bounds are nearer",
        ),
        ("Coefficients overridden", "=COUNT(override_A,override_b)", False, "override_count", "formula_integer", "shown on Summary"),
    )  # fmt: skip
    for row, (label, formula, array, name, look, says) in enumerate(rows, start=top + 1):
        sheet.label(f"B{row}", label)
        if array:
            sheet.array(f"G{row}", formula, name, look=look)
        else:
            sheet.formula(f"G{row}", formula, name, look=look)
        sheet.name(name, f"G{row}")
        sheet.label(f"J{row}", says, "note_right")
