"""Formulas as spreadsheets respell them: when two say the same, and what a shared one says in its cells."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token, TokenizerError
from openpyxl.formula.translate import Translator

_PREFIXES: Final = ("_XLFN.", "_XLWS.")
"""What Excel puts before functions that came after the file format."""


_ADDIN: Final = re.compile(r"(?:\[\d+\]|'[^']*')!(?=DYNALLOC_|CATEGORY_|ADJ_)")
"""Where Excel says that a function of ours lives in an add-in: a number of its list of links, or a path."""


def same_formula(one: str, other: str) -> bool:
    """Return whether two formulas say the same, however a spreadsheet spelt them.

    Numbers are compared by value (1E-12 is 0.000000000001); functions, names and references in any case, with
    or without quotes around a sheet, a prefix before a newer function, an add-in before one of ours and a
    second corner of one cell; spaces do not count. Texts in quotes are compared as they stand. Either may
    come with or without its ``=``.

    Examples
    --------
    >>> same_formula("=IF(A1<1E-12,Macro!$C$7,0)", "if( A1<0.000000000001, 'Macro'!$C$7, 0)")
    True
    >>> same_formula("=SUM(A1:A3)", "=SUM(A1:A4)")
    False
    """
    one, other = one.removeprefix("="), other.removeprefix("=")
    return one == other or _meaning(one) == _meaning(other)


def simple_area(area: str) -> str:
    """Return an area as the fewest corners say it: ``A1`` for ``A1:A1``, which newer LibreOffice makes of it.

    Examples
    --------
    >>> simple_area("$B$3:$B$3"), simple_area("B3:B4")
    ('$B$3', 'B3:B4')
    """
    first, _, last = area.partition(":")
    return first if first == last else area


def translated(formula: str, rows: int, columns: int) -> str:
    """Return a formula, without its ``=``, as it reads so many rows further down and columns further right.

    Examples
    --------
    >>> translated("SUM(A$1:A2)*vix", 2, 1)
    'SUM(B$1:B4)*vix'
    """
    return "".join(
        Translator.translate_range(text, rows, columns) if moves else text for text, moves in _parts(formula)
    )


@lru_cache(maxsize=1024)
def _parts(formula: str) -> tuple[tuple[str, bool], ...]:
    """Return the pieces of a formula, and whether each is a reference."""
    return tuple((token.value, token.subtype == Token.RANGE) for token in _tokens(formula))


@lru_cache(maxsize=8192)
def _meaning(formula: str) -> tuple[str | float, ...]:
    return tuple(_value(token) for token in _tokens(formula) if token.type != Token.WSPACE)


def _tokens(formula: str) -> list[Token]:
    try:
        return list(Tokenizer(f"={formula}").items)
    except TokenizerError:  # no formula at all: it says what it says
        return [Token(formula, Token.OPERAND, Token.TEXT)]


def _value(token: Token) -> str | float:
    if token.subtype == Token.NUMBER:
        return float(token.value)
    if token.subtype == Token.TEXT:
        return str(token.value)
    text = str(token.value).upper()
    if token.type == Token.FUNC:
        for prefix in _PREFIXES:
            text = text.removeprefix(prefix)
        text = _ADDIN.sub("", text)
    return _plain_reference(text) if token.subtype == Token.RANGE else text


def _plain_reference(reference: str) -> str:
    sheet, mark, area = reference.rpartition("!")
    if sheet.startswith("'"):
        sheet = sheet[1:-1].replace("''", "'")
    return f"{sheet}{mark}{simple_area(area)}"
