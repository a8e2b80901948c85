"""The blocks of Constraints: A and b by policy, overrides and in force, the solution and its health."""

from __future__ import annotations

from openpyxl.utils import get_column_letter

from pyalloc.category import CategoryPolicy
from workbooks.template.author import Rule, Sheet, columns_from
from workbooks.template.frame import section

_SHARES = {"equity": "equity_share", "cash": "cash_share", "commodity": "commodity_share"}


def author_system(sheet: Sheet, policy: CategoryPolicy, top: int) -> None:
    """Place sections 4 to 8 from row `top` down; matrix blocks have a row and a column per category."""
    row = _matrix(sheet, policy, top)
    row = _overrides(sheet, policy, row + 2)
    row = _in_force(sheet, policy, row + 2)
    row = _solution(sheet, policy, row + 2)
    _health(sheet, row + 2)


def share_name(policy: CategoryPolicy, row: int) -> str:
    """Return the defined name of the share in a row of A, counted from 0, the budget."""
    share = policy.rows[row - 1].share
    return _SHARES[share] if isinstance(share, str) else f"row_share_{row + 1}"


def within_text(within: tuple[str, ...] | str) -> str:
    """Return the categories that a share is of, in words."""
    return "the whole" if isinstance(within, str) else " + ".join(within)


def _says(policy: CategoryPolicy, i: int) -> str:
    if i == 0:
        return "everything is invested"
    row = policy.rows[i - 1]
    symbol = {"equity": "e", "cash": "c", "commodity": "k"}.get(str(row.share), "a fixed share")
    return f"{' + '.join(row.of)}: {symbol} of {within_text(row.within)}"


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
