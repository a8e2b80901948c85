"""The Functions sheet of the live flavour: pyalloc's spreadsheet functions beside the native cells.

Nothing native depends on it, so a workbook without the add-in is as whole as one of the client flavour.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from workbooks.template.author import Sheet
from workbooks.template.frame import FUNCTIONS, head, section


class Call(NamedTuple):
    """A call of a function: the formula, what it returns, and the native name that it must equal.

    `native` is shown by its first entry where it is a block; `look` is how.
    """

    formula: str
    returns: str
    native: str
    place: tuple[int, ...] = ()
    look: str = "link"


CALLS: Final = (
    Call("=DYNALLOC_STRESS(vix,gdp_growth,yield_spread)", "stress, percentile 0–1", "stress", (), "link_percent"),
    Call("=DYNALLOC_REGIME(stress)", "regime", "regime"),
    Call("=DYNALLOC_TILTS(sector_names,stress,sector_defensiveness)", "tilt factor of each sector", "sector_tilt", (0,), "link_number4"),
    Call("=DYNALLOC_MATRIX(risk_tolerance,macro_inputs,budget)", "A and b side by side", "policy_A", (0, 0), "link_number4"),
    Call("=CATEGORY_SOLVE(constraint_A,constraint_b)", "amount of each category", "category_amount", (0,), "link_amount"),
    Call("=DYNALLOC_STOCKS(stock_score,stock_sector,stress,stock_cap)", "anchor weight of each stock", "stock_weight", (0,), "link_percent"),
    Call("=ADJ_RETURN(r_eff,risk_tolerance)", "target return, a year", "r_adj", (), "link_percent"),
    Call("=DYNALLOC_TARGET(mu,covariance,r_adj,stock_weight,stock_cap,sleeve_floor)", "weight of each stock in the sleeve", "sleeve_weights", (0,), "link_percent"),
    Call("=DYNALLOC_RISK(sleeve_weights,covariance)", "each stock's share of the sleeve's risk", "sleeve_risk_share", (0,), "link_percent"),
)  # fmt: skip
"""The calls, in the order of the chain; every argument and every native cell is a defined name."""


def author_functions() -> Sheet:
    """Return the sheet: one row a call, as text until the add-in is there to answer it."""
    sheet = Sheet(FUNCTIONS)
    sheet.widths |= {"B": 38, "C": 16, "D": 74}
    head(
        sheet,
        "Functions",
        "What pyalloc's functions return, beside the native cells that they must equal.",
        "D",
    )
    section(sheet, 5, "Calls", "B", "D", "nothing else in this workbook depends on them")
    sheet.labels(6, {"B": "Returns"}, "header_left")
    sheet.labels(6, {"C": "Native, first entry"}, "header")
    sheet.labels(6, {"D": "Function"}, "header_left")
    for row, call in enumerate(CALLS, start=7):
        sheet.label(f"B{row}", call.returns)
        index = ",".join(str(i + 1) for i in call.place)
        native = f"=INDEX({call.native},{index})" if call.place else f"={call.native}"
        sheet.formula(f"C{row}", native, call.native, *call.place, look=call.look)
        sheet.label(f"D{row}", call.formula, "item")
    row = 8 + len(CALLS)
    sheet.label(
        f"B{row}",
        "The functions follow the house policy: where the policy of this workbook differs, so may they.",
        "note",
    )
    return sheet
