"""One raw cell as text, number or date; what it is not is refused in words, never coerced."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from pyalloc.errors import InputError

_SHOWN_CHARACTERS = 40
_EXACT_INTEGERS = 1e15
"""Excel keeps 15 digits: a longer identifier typed as a number has already lost its end."""

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+(?:[.,]\d+)?", re.ASCII)
_ERROR = re.compile(r"#(?:N/A|NAME\?|[A-Z0-9/]+!)", re.ASCII)
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def _fraction(mark: str) -> re.Pattern[str]:
    """Match a cell that is a number with this decimal mark and with no other reading.

    Three digits after one to three others (``1,234``) may be thousands, unless the number starts with 0.
    """
    edge = r'[^\t\n;"]'
    thousands = rf"[1-9]\d{{0,2}}{mark}\d{{3}}(?!{edge})"
    number = rf"[+-]?(?!{thousands})\d*{mark}\d+(?:[eE][+-]?\d+)?"
    return re.compile(rf"(?<!{edge}){number}(?!{edge})", re.ASCII)


_FRACTIONS = {".": _fraction(r"\."), ",": _fraction(",")}


@dataclass(frozen=True)
class NumberFormat:
    """How the text cells of a column write numbers.

    Attributes
    ----------
    decimal_mark : str
        ``"."`` or ``","``; empty while undecided, when only whole numbers can be read.
    doubt : str
        Why it is undecided, as the end of a sentence.
    is_settled : bool
        Whether no other cell can decide it.
    """

    decimal_mark: str
    doubt: str = ""
    is_settled: bool = True


def decimal_marks(text: str) -> str:
    """Return the decimal marks (a subset of ``".,"``) that the numbers in separated cells prove."""
    return "".join(mark for mark, fraction in _FRACTIONS.items() if fraction.search(text))


def joined(cells: Iterable[object]) -> str:
    """Return the text cells, separated as :func:`decimal_marks` reads them."""
    return "\n".join(cell.strip() for cell in cells if isinstance(cell, str))


def number_format(column: Iterable[object], elsewhere: str) -> NumberFormat:
    """Return how a column writes numbers: as its own cells prove, else as ``elsewhere`` in the file.

    ``1,234`` may be a fraction or thousands, and is never guessed: another number must prove the mark.
    """
    own = decimal_marks(joined(column))
    if len(own) > 1:
        return NumberFormat("", "stands in a column that uses both , and . for decimals: use one of them")
    proven = own or elsewhere
    if len(proven) == 1:
        return NumberFormat(proven)
    return NumberFormat(
        "",
        "may be a fraction or thousands and no number read so far tells which: write thousands without "
        "separator, or save the file separated by commas with decimal points",
        is_settled=False,
    )


def number(cell: object, form: NumberFormat | None) -> float:
    """Return a cell as a finite number; without a format, as in a workbook, text is never a number."""
    if isinstance(cell, str):
        value = _parsed(cell.strip(), form)
    elif isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        value = float(cell)
    else:
        raise InputError(f"{shown(cell)} is not a number")
    if not math.isfinite(value):
        raise InputError(f"{shown(cell)} is not a finite number")
    return value


def text(cell: object, max_length: int) -> str:
    """Return a cell as stripped text; a whole number from a workbook or database loses its ``.0``."""
    if isinstance(cell, bool) or not isinstance(cell, str | float | int | Decimal):
        raise InputError(f"{shown(cell)} is not text: format the cell as text and enter it again")
    if not isinstance(cell, str):
        if not math.isfinite(cell):
            raise InputError(f"{shown(cell)} is not text and not a finite number")
        if isinstance(cell, int | Decimal):  # exact, however long
            return str(int(cell)) if cell == int(cell) else f"{cell:f}"
        if not abs(cell) < _EXACT_INTEGERS:
            raise InputError(
                f"{shown(cell)} is a number of more than 15 digits, which a spreadsheet rounds: "
                "format the cell as text and enter it again"
            )
        return f"{cell:.15g}"
    stripped = cell.strip()
    if len(stripped) > max_length:
        raise InputError(
            f"{shown(stripped)} has {len(stripped):,} characters: at most {max_length:,} are allowed"
        )
    if _ERROR.fullmatch(stripped):
        raise InputError(f"{shown(stripped)} is a spreadsheet error: correct it")
    if _NOT_PRINTABLE.search(stripped):
        raise InputError(f"{shown(stripped)} contains a line break or control character: remove it")
    return stripped


def calendar_date(cell: object) -> date:
    """Return a cell as a date: a date cell of a workbook, or text such as 2016-12-30."""
    if isinstance(cell, datetime):
        if cell.tzinfo is not None:
            raise InputError(
                f"{shown(cell)} has a time zone, which other dates hold in: write the date alone"
            )
        if cell.time() != time.min:
            raise InputError(f"{shown(cell)} has a time of day: write the date alone")
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, str) and _ISO_DATE.fullmatch(cell.strip()):
        try:
            return date.fromisoformat(cell.strip())
        except ValueError:
            raise InputError(f"{shown(cell)} is not in the calendar") from None
    raise InputError(f"{shown(cell)} is not a date: write year-month-day, as 2016-12-30")


def shown(cell: object) -> str:
    """Return a cell as a message shows it: text quoted and cut, control characters visible."""
    if isinstance(cell, str):
        return '"' + _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", _cut(cell)) + '"'
    if isinstance(cell, bool):
        return f"the truth value {str(cell).upper()}"
    if isinstance(cell, datetime | date):
        return f"the date {cell.isoformat()}"
    if isinstance(cell, time | timedelta):
        return f"the time {cell}"
    return f"{cell:,.15g}" if isinstance(cell, float) else _cut(str(cell))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _parsed(written: str, form: NumberFormat | None) -> float:
    if "%" in written:
        raise InputError(f"{shown(written)} has a percent sign: write 0.05 for 5 %")
    if not _NUMBER.fullmatch(written):
        remedy = ": write it without thousands separators" if _GROUPED.fullmatch(written) else ""
        raise InputError(f"{shown(written)} is not a number{remedy}")
    if form is None:
        raise InputError(f"{shown(written)} is text: format the cell as a number and enter it again")
    mark = next((mark for mark in ".," if mark in written), "")
    if mark and not form.decimal_mark:
        raise InputError(f"{shown(written)} {form.doubt}")
    if mark and mark != form.decimal_mark:
        raise InputError(
            f'{shown(written)} uses "{mark}" where "{form.decimal_mark}" marks decimals: '
            f'write decimals after "{form.decimal_mark}" and no thousands separators'
        )
    return float(written.replace(",", "."))
