"""The function reference: written from the registry, so that it says what the functions do.

``python -m addin.reference > docs/functions.md`` makes the page again.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any, Final

import addin.functions  # noqa: F401  (fills the registry)
from addin.calls import answer
from addin.spec import REGISTRY, Argument, Kind, SpreadsheetFunction

_HEAD: Final = """\
# The spreadsheet functions

What a cell can call where the add-in is installed. Type `=DYNALLOC`, `=CATEGORY` or `=ADJ` and the
spreadsheet lists them. This page is made from the functions themselves, by
`python -m addin.reference > docs/functions.md`.

## How to read this page

An argument in [brackets] may be left out; one empty cell in its place counts as left out. Returns, growth,
spreads and weights are fractions, not percent (0.02 is 2 %), a year where they are rates; VIX is in index
points. A result of several cells spills where the spreadsheet can do that; where it cannot, select the cells
first and enter an array formula.

"""

_KINDS: Final = {
    Kind.NUMBER: "one cell",
    Kind.TEXT: "one cell; capitals and small letters are alike where a list of words is given",
    Kind.LEVEL: "one cell with either",
    Kind.VECTOR: "a range of one row or one column, whichever; or one cell",
    Kind.TEXTS: "a range of one row or one column, whichever; or one cell",
    Kind.MATRIX: "a rectangular range without gaps",
    Kind.TABLE: "a rectangular range; its cells may be empty where the description does not ask for them",
    Kind.ANYTHING: "what the function in question takes",
}

_AFTER_KINDS: Final = """
Nothing is read as a number that is none. A text, an empty cell, TRUE, FALSE, a date or an error among numbers
is refused by row and column, as far as the spreadsheet tells them from numbers: LibreOffice hands over dates
and TRUE as numbers.

| a cell shows | because |
|---|---|
| `#VALUE!` | an argument is missing or of the wrong kind |
| `#NUM!` | there is no such number: the rows clash, limits contradict each other, an answer fails its proof |
| `#N/A` | data are missing: too short a history, no names of pyalloc; in Excel, Python itself |

The sentence behind an error is `=DYNALLOC_WHY("FUNCTION", arguments…)`: the same call, answered in words.
Where Excel cannot reach Python, that is `#N/A` too, and `=DYNALLOC_ADDIN()` says why.

`=DYNALLOC_WEIGHTS()` without arguments reads cells that the spreadsheet does not know it depends on. Excel
calculates it anew whenever anything changes; in LibreOffice press Ctrl+Shift+F9. All other calls follow the
cells in their arguments.
"""


def reference() -> str:
    """Return the page, Markdown."""
    return _HEAD + "\n".join((*_kinds(), _AFTER_KINDS, *_overview(), *_details())) + "\n"


def signature(function: SpreadsheetFunction) -> str:
    """Return a function with its arguments, those that may be left out in brackets."""
    names = (f"[{argument.name}]" if argument.optional else argument.name for argument in function.arguments)
    return f"={function.name}({', '.join(names)})"


def shown(function: SpreadsheetFunction) -> str | None:
    """Return what a function's example shows; None where that depends on the sheet or the machine."""
    arguments = _literals(function.example)
    if not arguments:
        return None
    value = answer(function.name, arguments)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _literals(example: str) -> list[Any] | None:
    """Return the arguments of a call; None where some are cells."""
    try:
        arguments: list[Any] = ast.literal_eval(f"[{example.partition('(')[2].removesuffix(')')}]")
    except (ValueError, SyntaxError):
        return None
    return arguments


def _kinds() -> Iterator[str]:
    yield "| an argument that is | is given as |"
    yield "|---|---|"
    for kind in Kind:
        yield f"| {kind} | {_KINDS[kind]} |"


def _overview() -> Iterator[str]:
    yield "## All functions"
    yield ""
    yield "| function | what it is for |"
    yield "|---|---|"
    for function in REGISTRY.values():
        yield f"| [{function.name}](#{function.name.lower()}) | {function.says} |"


def _details() -> Iterator[str]:
    for function in REGISTRY.values():
        yield f"\n## {function.name}\n\n```text\n{signature(function)}\n```\n\n{function.says}\n"
        if function.arguments:
            yield "| argument | what it is | given as |"
            yield "|---|---|---|"
            yield from map(_row, function.arguments)
            yield ""
        yield f"**Returns.** {function.returns}.\n"
        value = shown(function)
        yield f"**Example.** `{function.example}`" + (f" shows `{value}`." if value else ".")


def _row(argument: Argument) -> str:
    name = f"[{argument.name}]" if argument.optional else argument.name
    return f"| {name} | {argument.says} | {', '.join(argument.options) or argument.kind} |"


if __name__ == "__main__":
    sys.stdout.buffer.write(reference().encode("utf-8"))
