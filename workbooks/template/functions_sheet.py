"""The Functions sheet of the live flavour: pyalloc's spreadsheet functions beside the native cells.

Nothing native depends on it, so a workbook without the add-in is as whole as one of the client flavour.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from pyalloc.policy import Policy
from workbooks.template.author import Ref, Sheet, columns_from
from workbooks.template.frame import FUNCTIONS, head, section

_LAST: Final = "I"


class Call(NamedTuple):
    """A call of a function.

    Attributes
    ----------
    formula : str
        Every argument is a defined name.
    native : tuple of str
        The names that it equals, side by side; a matrix counts as its columns.
    says : str
        What it returns.
    look : str
        How that is shown.
    follows : tuple of str
        What the function takes from the house policy: under another it is not shown, as it would differ.
    """

    formula: str
    native: tuple[str, ...]
    says: str
    look: str = "link"
    follows: tuple[str, ...] = ()

    @property
    def function(self) -> str:
        """The name of the function."""
        return self.formula[1:].partition("(")[0]


_STRESS_KNOBS: Final = tuple(
    f"macro.{knob}"
    for knob in (
        *(f"{driver}_{part}" for driver in ("vix", "gdp", "spread") for part in ("mean", "std", "weight")),
        "z_limit",
        "composite_std",
    )
)
_NUMBERS: Final = (
    Call("=DYNALLOC_STRESS(vix,gdp_growth,yield_spread)", ("stress",), "Stress, percentile 0–1", "link_percent", _STRESS_KNOBS),
    Call("=DYNALLOC_REGIME(stress)", ("regime",), "Regime", "link_text", ("macro.regime_from",)),
    Call("=ADJ_RETURN(r_eff,risk_tolerance)", ("r_adj",), "Target return, a year", "link_percent", ("sleeve.alpha",)),
)  # fmt: skip
_SECTORS: Final = (
    Call("=DYNALLOC_TILTS(sector_names,stress,sector_defensiveness)", ("sector_tilt",), "Tilt factor", "link_number4", ("macro.tilt_strength",)),
)  # fmt: skip
_CATEGORIES: Final = (
    Call("=CATEGORY_SOLVE(constraint_A,constraint_b)", ("category_amount",), "A⁻¹ b, amount", "link_amount"),
)  # fmt: skip
_MATRIX: Final = Call(
    "=DYNALLOC_MATRIX(risk_tolerance,macro_inputs,budget)", ("policy_A", "policy_b"), "A and b", "link_number4", ("category", *_STRESS_KNOBS)
)  # fmt: skip
_STOCKS: Final = (
    Call("=DYNALLOC_STOCKS(stock_score,stock_sector,stress,stock_cap)", ("stock_weight",), "Anchor weight", "link_percent", ("stocks.scaling", "stocks.top", "macro.tilt_strength", "macro.defensiveness")),
    Call("=DYNALLOC_TARGET(mu,covariance,r_adj,stock_weight,stock_cap,sleeve_floor)", ("sleeve_weights",), "Sleeve weight", "link_percent", ("stocks.top", "sleeve.return_model")),
    Call("=DYNALLOC_RISK(sleeve_weights,covariance)", ("sleeve_risk_share",), "Share of risk", "link_percent"),
)  # fmt: skip
_WEIGHTS: Final = Call(
    "=DYNALLOC_WEIGHTS()", ("holding_ticker", "holding_category", "holding_weight", "holding_amount"), "Holdings"
)  # fmt: skip

CALLS: Final = (*_NUMBERS, *_SECTORS, *_CATEGORIES, _MATRIX, *_STOCKS, _WEIGHTS)
"""Every call, in the order of the sheet."""


def calls_under(policy: Policy) -> tuple[str, ...]:
    """Return the functions that, under a policy, return what the native cells show."""
    house = Policy()
    return tuple(
        call.function
        for call in CALLS
        if all(attrgetter(knob)(policy) == attrgetter(knob)(house) for knob in call.follows)
    )


def author_functions(
    shown: Sequence[str], sectors: int, categories: Sequence[str], stocks: int, lines: int
) -> Sheet:
    """Return the sheet with these functions, over so many sectors, stocks and lines, and these categories."""
    sheet = Sheet(FUNCTIONS)
    sheet.widths |= {"B": 26, **dict.fromkeys(columns_from("C", 7), 17.0)}
    head(
        sheet,
        "Functions",
        "What pyalloc's functions return, beside the native cells that they must equal.",
        _LAST,
    )
    row = _numbers(sheet, 5, [call for call in _NUMBERS if call.function in shown])
    tables = (
        ("By sector", "sector_names", _SECTORS, sectors, ""),
        ("By category", "category_names", _CATEGORIES, len(categories), ""),
        ("By stock", "stock_ticker", _STOCKS, stocks, "stocks"),
    )
    for title, labels, calls, count, size in tables:
        if held := [call for call in calls if call.function in shown]:
            row = _table(sheet, row, title, labels, held, count, size)
        if title == "By category" and _MATRIX.function in shown:
            row = _matrix(sheet, row, categories)
    _holdings(sheet, row, lines)
    return sheet


def _numbers(sheet: Sheet, row: int, calls: Sequence[Call]) -> int:
    """Place calls that return one value, a row each; return the row after them."""
    note = "nothing else in this workbook depends on them; #NAME? where the add-in is not there"
    section(sheet, row, "Numbers", "B", _LAST, note)
    sheet.labels(row + 1, {"B": "Returns"}, "header_left")
    sheet.labels(row + 1, {"C": "Native", "D": "Function"}, "header")
    sheet.labels(row + 1, {"E": "Name"}, "header_left")
    row += 2
    for call in calls:
        sheet.label(f"B{row}", call.says)
        sheet.formula(f"C{row}", f"={call.native[0]}", call.native[0], look=call.look)
        sheet.call(f"D{row}:D{row}", call.formula, [Ref(call.native[0])], [call.look])
        sheet.label(f"E{row}", call.function)
        row += 1
    return row + 1


def _table(
    sheet: Sheet, row: int, title: str, labels: str, calls: Sequence[Call], count: int, size: str
) -> int:
    """Place calls that return a value for each of `labels`, side by side; return the row after them."""
    section(sheet, row, title, "B", _LAST)
    first, last = row + 2, row + 1 + count
    sheet.labels(row + 1, {"B": title.removeprefix("By ").capitalize()}, "header_left")
    if size:
        sheet.grow_rows(size, first, count)
    _column(sheet, "B", first, count, labels, "link_text")
    columns = iter(columns_from("C", 2 * len(calls)))
    for call in calls:
        native, called = next(columns), next(columns)
        sheet.labels(row + 1, {native: call.says, called: call.function}, "header")
        _column(sheet, native, first, count, call.native[0], call.look)
        refs = [Ref(call.native[0], (i,)) for i in range(count)]
        sheet.call(f"{called}{first}:{called}{last}", call.formula, refs, [call.look])
    return last + 2


def _matrix(sheet: Sheet, row: int, categories: Sequence[str]) -> int:
    """Place the policy's A and b, and the call that returns them, one below the other."""
    m = len(categories)
    columns = columns_from("C", m + 1)
    refs = [
        Ref("policy_A", (i, j)) if j < m else Ref("policy_b", (i,)) for i in range(m) for j in range(m + 1)
    ]
    looks = [*[_MATRIX.look] * m, "link_amount"]
    for title in ("Policy’s A and b", _MATRIX.function):
        section(sheet, row, title, "B", _LAST)
        sheet.labels(row + 1, dict(zip(columns, (*categories, "b"), strict=True)))
        first = row + 2
        for i in range(m):
            sheet.label(f"B{first + i}", f"row {i + 1}")
        if title == _MATRIX.function:
            sheet.call(f"C{first}:{columns[-1]}{first + m - 1}", _MATRIX.formula, refs, looks)
        else:
            for k, ref in enumerate(refs):
                i, j = divmod(k, m + 1)
                index = ",".join(str(part + 1) for part in ref.place)
                text = f"=INDEX({ref.name},{index})"
                sheet.formula(f"{columns[j]}{first + i}", text, ref.name, *ref.place, look=looks[j])
        row = first + m + 1
    return row


def _holdings(sheet: Sheet, row: int, lines: int) -> None:
    """Place every holding, natively and as the call without arguments returns it."""
    note = "read from the names of this workbook: after an edit press F9, in LibreOffice Ctrl+Shift+F9"
    section(sheet, row, "Holdings", "B", _LAST, note)
    first, last = row + 2, row + 1 + lines
    sheet.labels(row + 1, {"B": "Ticker"}, "header_left")
    sheet.labels(row + 1, {"C": "Weight", "D": "Amount", "E": _WEIGHTS.function}, "header")
    sheet.labels(row + 1, {"F": "Category", "G": "Weight", "H": "Amount"}, "header")
    sheet.grow_rows("lines", first, lines)
    natives = {"B": ("holding_ticker", "link_text"), "C": ("holding_weight", "link_percent"), "D": ("holding_amount", "link_amount")}  # fmt: skip
    for column, (name, look) in natives.items():
        _column(sheet, column, first, lines, name, look)
    refs = [Ref(name, (i,)) for i in range(lines) for name in _WEIGHTS.native]
    looks = ["link_text", "link_text", "link_percent", "link_amount"]
    sheet.call(f"E{first}:H{last}", _WEIGHTS.formula, refs, looks)


def _column(sheet: Sheet, column: str, first: int, count: int, name: str, look: str) -> None:
    """Place the entries of a named column below each other."""
    for i in range(count):
        row = first + i
        sheet.formula(
            f"{column}{row}", f"=INDEX({name},ROWS({column}${first}:{column}{row}))", name, i, look=look
        )
