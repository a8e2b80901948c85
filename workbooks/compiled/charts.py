"""Charts with the numbers they draw beside their references: viewers that do not calculate show them too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Final, NamedTuple

from openpyxl.utils.cell import range_boundaries

from workbooks.compiled.cells import Authored
from workbooks.compiled.places import Grid, Place, Spot, moving
from workbooks.compiled.program import Down, Hole, Program
from workbooks.template.book import PATTERN

_SOURCE: Final = re.compile(
    r"<(?P<prefix>\w+:)?(?P<kind>num|str|multiLvlStr)Ref>\s*<(?:\w+:)?f>(?P<area>[^<]*)</(?:\w+:)?f>"
    r"(?P<cache>.*?)</(?:\w+:)?(?P=kind)Ref>",
    re.DOTALL,
)
_FORMAT: Final = re.compile(r"<(?:\w+:)?formatCode>([^<]*)<")
_AREA: Final = re.compile(r"((?:'(?:[^']|'')+'|[^\W\d][\w.]*))!(\$?[A-Z]+\$?\d+(?::\$?[A-Z]+\$?\d+)?)")


class _Source(NamedTuple):
    """What a chart draws: whether numbers, the XML prefix, the template's own cache, and its cells."""

    kind: str
    prefix: str
    cache: str
    sheet: Authored
    rows: range
    column: int


def chart_program(text: str, grids: Mapping[str, Grid], authored: Mapping[str, Authored]) -> Program:
    """Return a chart's program; of a series over cells that are not one column of ours no values stay.

    They would be those of the template's sample client.
    """
    parts: list[bytes | Spot | Hole | Down] = []
    start = 0
    for found in _SOURCE.finditer(text):
        area = unescape(found["area"])
        parts += [text[start : found.start("area")].encode(), *moving(area, "", grids)]
        source = _source(found, area, grids, authored)
        prefix = found["prefix"] or ""
        parts.append(f"</{prefix}f>".encode())
        if source is not None:
            parts += _cache(source)
        parts.append(f"</{prefix}{found['kind']}Ref>".encode())
        start = found.end()
    return (*parts, text[start:].encode())


def _source(
    found: re.Match[str], area: str, grids: Mapping[str, Grid], authored: Mapping[str, Authored]
) -> _Source | None:
    """Return what a series draws, in the author's numbers; None where that is not one authored column."""
    parsed = _AREA.fullmatch(area)
    title = parsed[1].strip("'").replace("''", "'") if parsed else ""
    if parsed is None or title not in authored or found["kind"] == "multiLvlStr":
        return None
    left, top, right, bottom = range_boundaries(parsed[2].replace("$", ""))
    if left != right:
        return None
    grid = grids[title]
    first = grid.row(top).at(PATTERN)
    last = grid.row(bottom, end=True).at(PATTERN)
    column = grid.column(left, top).at(PATTERN)
    return _Source(
        found["kind"],
        found["prefix"] or "",
        found["cache"],
        authored[title],
        range(first, last + 1),
        column,
    )


def _cache(source: _Source) -> Iterator[bytes | Spot | Hole | Down]:
    p = source.prefix
    known = (source.sheet.cells.get((row, source.column)) for row in source.rows)
    if all(cell is not None and cell.kind == "label" for cell in known):
        yield source.cache.encode()
        return
    yield f"<{p}{source.kind}Cache>".encode()
    if source.kind == "num":
        number_format = _FORMAT.search(source.cache)
        shown = number_format[1] if number_format else "General"
        yield f"<{p}formatCode>{shown}</{p}formatCode>".encode()
    block = next(
        (
            growth
            for growth in source.sheet.sheet.growths
            if growth.axis == "rows" and source.rows == range(growth.first, growth.last + 1)
        ),
        None,
    )
    count = Place(0, (block.by,)) if block else Place(len(source.rows))
    yield from (f'<{p}ptCount val="'.encode(), Spot("row", count, follows=False), b'"/>')
    if block:
        second = Spot("row", Place(1), follows=True)
        others = _point(source, block.first + 1, second)
        yield Down(block.by, _point(source, block.first, Spot("row", Place(0), follows=False)), (others,))
    else:
        for i, row in enumerate(source.rows):
            yield from _point(source, row, Spot("row", Place(i), follows=False))
    yield f"</{p}{source.kind}Cache>".encode()


def _point(source: _Source, row: int, number: Spot) -> tuple[bytes | Spot | Hole, ...]:
    """Return one point; nothing where the cell shows no value of the series' kind."""
    hole = source.sheet.value(row, source.column, "number" if source.kind == "num" else "shown")
    if hole is None:
        return ()
    p = source.prefix
    return f'<{p}pt idx="'.encode(), number, f'"><{p}v>'.encode(), hole, f"</{p}v></{p}pt>".encode()
