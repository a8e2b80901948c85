"""The stylesheet of a template for each number of decimals that currencies have."""

from __future__ import annotations

import re
from collections.abc import Collection
from html import escape
from typing import Final

from workbooks.compiled.members import attributes

_FORMATS: Final = re.compile(r"<cellXfs\b[^>]*>.*?</cellXfs>", re.DOTALL)
_FORMAT: Final = re.compile(r"<xf\b[^>]*>")
_CUSTOM: Final = re.compile(r"<numFmt\b([^>]*)/>")
_CUSTOMS: Final = re.compile(r"<numFmts\b[^>]*>(.*?)</numFmts>", re.DOTALL)
_BUILT_IN: Final = {3: "#,##0", 4: "#,##0.00"}
_DECIMALS: Final = re.compile(
    r"""("[^"]*"|\[[^\]]*\]|[\\_*].|[Ee][-+]0+)"""  # a text, a currency, a filler, an exponent: no decimals
    r"""|0(?:\.0+)?(?![.0#?])"""
)
_FIRST_CUSTOM: Final = 164


def in_currency(styles: str, amounts: Collection[int], digits: int) -> str:
    """Return the stylesheet with `digits` decimals in the formats of the cell styles `amounts`."""
    codes = {int(own["numFmtId"]): own["formatCode"] for own in map(attributes, _CUSTOM.findall(styles))}
    known = _BUILT_IN | codes
    added: dict[str, int] = {}
    numbers = iter(range(max([_FIRST_CUSTOM, *codes]) + 1, 1 << 16))

    def changed(style: str) -> str:
        code = known.get(int(attributes(style).get("numFmtId", "0")))
        if code is None:
            return style
        wanted = _with_decimals(code, digits)
        if wanted == code:
            return style
        number = next((n for n, c in known.items() if c == wanted), None) or added.setdefault(
            wanted, next(numbers)
        )
        return re.sub(r'numFmtId="\d+"', f'numFmtId="{number}"', style, count=1)

    formats = _FORMATS.search(styles)
    if formats is None:
        return styles
    places = iter(range(1 << 16))
    block = _FORMAT.sub(lambda found: changed(found[0]) if next(places) in amounts else found[0], formats[0])
    styles = styles[: formats.start()] + block + styles[formats.end() :]
    return _with_formats(styles, added)


def _with_decimals(code: str, digits: int) -> str:
    """Return a number format with so many decimals in its numbers."""
    shown = f"0.{'0' * digits}" if digits else "0"
    return _DECIMALS.sub(lambda found: found[1] or shown, code)


def _with_formats(styles: str, added: dict[str, int]) -> str:
    """Return the stylesheet with more number formats, which are the first thing in it."""
    if not added:
        return styles
    new = "".join(
        f'<numFmt numFmtId="{number}" formatCode="{escape(code)}"/>' for code, number in added.items()
    )
    found = _CUSTOMS.search(styles)
    if found:
        count = len(_CUSTOM.findall(found[1])) + len(added)
        customs = f'<numFmts count="{count}">{found[1]}{new}</numFmts>'
        return styles[: found.start()] + customs + styles[found.end() :]
    head = re.search(r"<styleSheet\b[^>]*>", styles)
    place = head.end() if head else 0
    return f'{styles[:place]}<numFmts count="{len(added)}">{new}</numFmts>{styles[place:]}'
