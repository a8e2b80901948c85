"""Raw values of cells as arguments, and results as cells: the same for every host, nothing coerced.

A host hands over what its cells hold: a number, text, boolean, date or nothing, or rows of them. What is not
of an argument's kind is refused by row and column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from addin.spec import Argument, Kind

ErrorCode = Literal["#VALUE!", "#NUM!", "#N/A"]
Rows = Sequence[Sequence[Any]]
Cells = float | str | bool | list[list[Any]]
"""A value, or rows of values, as a host takes them."""

VALUE: Final = "#VALUE!"
NUM: Final = "#NUM!"
NOT_AVAILABLE: Final = "#N/A"

EXCEL_ERRORS: Final = {
    -2146826288: "#NULL!",
    -2146826281: "#DIV/0!",
    -2146826273: "#VALUE!",
    -2146826265: "#REF!",
    -2146826259: "#NAME?",
    -2146826252: "#NUM!",
    -2146826246: "#N/A",
    -2146826245: "#GETTING_DATA",
    -2146826243: "#SPILL!",
    -2146826242: "#CONNECT!",
    -2146826241: "#BLOCKED!",
    -2146826240: "#UNKNOWN!",
    -2146826239: "#FIELD!",
    -2146826238: "#CALC!",
}
"""Error cells as Excel hands them over: whole numbers, where every number of a cell is a float."""

_ERROR_CODES: Final = range(-0x7FF60000, -0x7FF50000)
"""Every whole number that stands for an error, those of later Excels too."""

_OF_ONE: Final[dict[Kind, Callable[[float], Any]]] = {
    Kind.NUMBER: float,
    Kind.VECTOR: lambda number: np.array([number]),
    Kind.MATRIX: lambda number: np.array([[number]]),
}
"""What one number is, the case that the most calls are made of."""

_FEW: Final = 8
"""Cells of a result up to which looking at each is quicker than looking at all at once."""

LARGEST_TABLE: Final = 1_000_000
"""Cells of an argument; a whole column, which is more, is given by mistake."""

UNREAD_RANGE: Final = "#PYALLOC-RANGE!"
"""Begins what a host hands over for several areas or more cells than that: the mark, then the address."""


class CellError(Exception):
    """What a cell shows instead of a value, and the sentence behind it.

    Attributes
    ----------
    code : {"#VALUE!", "#NUM!", "#N/A"}
        An argument is of the wrong kind; there is no such number; data are missing.
    """

    def __init__(self, code: ErrorCode, says: str) -> None:
        self.code: ErrorCode = code
        super().__init__(says)


def is_left_out(raw: Any) -> bool:
    """Return whether an argument was left out: nothing, or one empty cell."""
    if not isinstance(raw, list | tuple):
        return _is_blank(raw)
    rows = _rows(raw)
    return len(rows) == 1 and len(rows[0]) == 1 and _is_blank(rows[0][0])


def argument(spec: Argument, raw: Any) -> Any:
    """Return an argument as its function takes it.

    Raises
    ------
    CellError
        ``#VALUE!`` where it is not of its kind; the sentence names argument, row and column.
    """
    if spec.optional and is_left_out(raw):
        return spec.default
    if spec.kind is Kind.ANYTHING:
        return raw
    if type(raw) is float and spec.kind in _OF_ONE and math.isfinite(raw):
        return _OF_ONE[spec.kind](raw)
    if isinstance(raw, str) and raw.startswith(UNREAD_RANGE):
        address = raw.removeprefix(UNREAD_RANGE).strip()
        raise CellError(VALUE, f"{spec.name} is {address}: give one range, and only the part that is filled")
    rows = _rows(raw)
    _check_shape(spec, rows)
    match spec.kind:
        case Kind.MATRIX:
            return _numbers(spec, rows)
        case Kind.VECTOR:
            return _numbers(spec, rows).ravel()
        case Kind.TEXTS:
            return tuple(_text(spec, rows, i, j) for i, row in enumerate(rows) for j in range(len(row)))
        case Kind.TABLE:
            return tuple(
                tuple(_plain(spec, rows, i, j) for j in range(len(row))) for i, row in enumerate(rows)
            )
        case Kind.NUMBER:
            return _number(spec, rows, 0, 0)
        case Kind.TEXT:
            return _chosen(spec, _text(spec, rows, 0, 0))
        case _:
            value = _plain(spec, rows, 0, 0)
            if value is None:
                raise _refused(spec, rows, 0, 0, "is empty")
            return value


def result(value: Any) -> Cells:
    """Return a function's result as cells: a value, or rows of values; a list is one column.

    Raises
    ------
    CellError
        ``#NUM!`` for a number that is not finite.
    """
    if isinstance(value, np.ndarray):
        if value.ndim == 2 and value.size > _FEW and value.dtype == np.float64 and np.isfinite(value).all():
            return list(value.tolist())
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [
            [_cell(entry) for entry in row] if isinstance(row, list | tuple) else [_cell(row)]
            for row in value
        ]
    return _cell(value)


# --- reading --------------------------------------------------------------------------------------------


def _rows(raw: Any) -> Rows:
    """Return any raw argument as rows: one value is one row, and so is a flat list."""
    if not isinstance(raw, list | tuple):
        return [[raw]]
    rows = raw if raw and isinstance(raw[0], list | tuple) else [raw]
    return rows if any(rows) else [[None]]


def _check_shape(spec: Argument, rows: Rows) -> None:
    width = len(rows[0])
    if any(not isinstance(row, list | tuple) or len(row) != width for row in rows) or not width:
        raise CellError(VALUE, f"{spec.name} has rows of different lengths: give a rectangular range")
    if len(rows) * width > LARGEST_TABLE:
        raise CellError(VALUE, f"{spec.name} has {len(rows) * width:,} cells: give the range that is filled")
    if spec.kind in (Kind.VECTOR, Kind.TEXTS) and min(len(rows), width) > 1:
        raise CellError(VALUE, f"{spec.name} has {len(rows)} rows and {width} columns: give {spec.kind}")
    if spec.kind in (Kind.NUMBER, Kind.TEXT, Kind.LEVEL) and len(rows) * width > 1:
        raise CellError(VALUE, f"{spec.name} is a range of {len(rows)} × {width} cells: give one cell")


def _numbers(spec: Argument, rows: Rows) -> NDArray[np.float64]:
    """Return rows of numbers, shape (rows, columns); the common case, floats alone, in one go."""
    if all({*map(type, row)} == {float} for row in rows):
        numbers = np.array(rows, dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers
    return np.array([[_number(spec, rows, i, j) for j in range(len(row))] for i, row in enumerate(rows)])


def _number(spec: Argument, rows: Rows, i: int, j: int) -> float:
    value = rows[i][j]
    if says := _why_no_number(value):
        raise _refused(spec, rows, i, j, f"{says}: a number is needed")
    return float(value)


def _why_no_number(value: Any) -> str:
    """Return what a value is instead of a number; nothing where it is one."""
    if _is_blank(value):
        return "is empty"
    if isinstance(value, str):
        return f"is the text {value[:40]!r}"
    if isinstance(value, bool):
        return f"is {str(value).upper()}"
    if isinstance(value, date):
        return f"is the date {value:%Y-%m-%d}"
    if isinstance(value, Decimal):
        return "is an amount of money that the host rounded to four decimals (give it a number format)"
    if error := _error(value):
        return f"is the error {error}"
    if not isinstance(value, int | float):
        return f"is {type(value).__name__}"
    return "" if math.isfinite(value) else f"is {value}"


def _text(spec: Argument, rows: Rows, i: int, j: int) -> str:
    value = rows[i][j]
    if not isinstance(value, str) or not value:
        says = "is empty" if _is_blank(value) else f"is {_shown(value)}"
        raise _refused(spec, rows, i, j, f"{says}: a text is needed")
    return value


def _plain(spec: Argument, rows: Rows, i: int, j: int) -> float | str | None:
    """Return a text or a number as it stands; None where there is nothing."""
    value = rows[i][j]
    if _is_blank(value):
        return None
    if isinstance(value, str):
        return value
    if says := _why_no_number(value):
        raise _refused(spec, rows, i, j, f"{says}: a number or a text is needed")
    return float(value)


def _chosen(spec: Argument, text: str) -> str:
    if not spec.options:
        return text
    for option in spec.options:
        if option.casefold() == text.strip().casefold():
            return option
    raise CellError(VALUE, f"{spec.name} is {text[:40]!r}: give one of {', '.join(spec.options)}")


def _is_blank(value: Any) -> bool:
    return value is None or value == ""


def _error(value: Any) -> str:
    if type(value) is not int or value not in _ERROR_CODES:
        return ""
    return EXCEL_ERRORS.get(value, str(value & 0xFFFF))


def _shown(value: Any) -> str:
    return _error(value) or (str(value).upper() if isinstance(value, bool) else str(value)[:40])


def _refused(spec: Argument, rows: Rows, i: int, j: int, says: str) -> CellError:
    alone = len(rows) == 1 and len(rows[0]) == 1
    place = "" if alone else f", row {i + 1}, column {j + 1},"
    return CellError(VALUE, f"{spec.name}{place} {says}")


# --- answering ------------------------------------------------------------------------------------------


def _cell(value: Any) -> float | str | bool:
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise CellError(NUM, "the result is not a finite number")
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return "" if value is None else value
