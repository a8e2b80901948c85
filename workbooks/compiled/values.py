"""Facts as the bytes of cells: every number of a workbook in one go, texts typed by what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import InputError, UncertifiedError

try:
    import orjson

    FAST = True
except ImportError:
    FAST = False

Kind = Literal["number", "text", "varied"]
"""What every entry of a fact is; a varied one may be a number, a text, true or false, or nothing."""

Mode = Literal["number", "type", "shown", "rest"]
"""How a value stands in a cell: as digits; as the attribute that gives a formula's value its type, and that
value; or as all that follows the style of a cell that has no formula."""

VARIED: Final = frozenset(
    (
        *("risk_tolerance", "risk_labels", "row_share", "stock_top", "known_on", "macro_age"),
        *("spread_10y_3m", "recession_shown", "scenario_day", "override_A", "override_b"),
        *("category_scaled", "category_gradient", "category_dual", "nudged_move"),
        *("top_weight", "top_amount", "register_now", "bounds_hold"),
        *("backtest_t", "backtest_stress", "stat_table", "calendar_year", "calendar_return", "fall_amount"),
        *("traded_a_year", "cost_a_year", "backtest_skew", "backtest_kurtosis", "deflated_sharpe"),
    )
)
"""Facts that may be of one kind for one client and of another for the next."""

_LONGEST_TEXT: Final = 32_767  # Excel's own limit, beyond which it cuts in silence
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LOOKS_ESCAPED: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


class Slot(NamedTuple):
    """One fact in one mode: its entries follow each other among the values of a workbook."""

    name: str
    mode: Mode


def kind_of(name: str, value: Any) -> Kind:
    """Return the kind of a fact."""
    if name in VARIED:
        return "varied"
    if isinstance(value, str) or (
        isinstance(value, tuple) and value and all(isinstance(v, str) for v in value)
    ):
        return "text"
    if np.asarray(value).dtype.kind in "iuf":
        return "number"
    raise TypeError(f"the fact {name} is of no one kind: {value!r}")


def encoded(facts: Mapping[str, Any], slots: Sequence[Slot]) -> list[bytes]:
    """Return the entries of every slot, one after the other: slots of numbers first.

    Raises
    ------
    UncertifiedError
        For a number that is not finite.
    InputError
        For a text that no cell can hold.
    """
    numeric = [np.ravel(facts[slot.name]) for slot in slots if slot.mode == "number"]
    values = digits(np.concatenate(numeric)) if numeric else []
    for slot in slots:
        if slot.mode != "number":
            values += map(_ENCODERS[slot.mode], entries(facts[slot.name]))
    return values


def entries(value: Any) -> Iterable[Any]:
    """Return the entries of a fact, row by row where it is a matrix."""
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    return value if isinstance(value, tuple) else (value,)


def digits(numbers: NDArray[Any]) -> list[bytes]:
    """Return numbers as the shortest digits that give them back."""
    if not np.isfinite(numbers).all():
        raise UncertifiedError("the workbook is withheld: a number in it is not finite")
    if not len(numbers):
        return []
    if FAST:
        packed: bytes = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
    else:
        packed = json.dumps(numbers.tolist(), separators=(",", ":")).encode()
    return packed[1:-1].split(b",")


def escaped(text: str) -> bytes:
    """Return a text as the content of an element, whatever it looks like."""
    if len(text) > _LONGEST_TEXT:
        raise InputError(
            f"{text[:20]!r}… has {len(text)} characters; a cell holds {_LONGEST_TEXT}: shorten it"
        )
    if found := _FORBIDDEN.search(text):
        raise InputError(f"{text[:40]!r} has a character that no cell can hold, {found[0]!r}: remove it")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return _LOOKS_ESCAPED.sub("_x005F_", text).encode()


def _type(value: Any) -> bytes:
    if isinstance(value, bool | np.bool_):
        return b' t="b"'
    return b' t="str"' if value is None or isinstance(value, str) else b""


def _shown(value: Any) -> bytes:
    if value is None or isinstance(value, str):
        return escaped(value or "")
    if isinstance(value, bool | np.bool_):
        return b"1" if value else b"0"
    return digits(np.array([value]))[0]


def _rest(value: Any) -> bytes:
    if value is None or value == "":
        return b"/>"
    if isinstance(value, str):
        return b' t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>' % escaped(value)
    return b"%b><v>%b</v></c>" % (_type(value), _shown(value))


_ENCODERS: Final = {"type": _type, "shown": _shown, "rest": _rest}
