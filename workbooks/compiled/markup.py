"""XML around the cells: references in attributes and elements, column widths, footers, names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from workbooks.compiled.members import attributes
from workbooks.compiled.places import Grid, Place, Spot, moving
from workbooks.compiled.program import Hole, Line
from workbooks.compiled.values import Slot, escaped
from workbooks.template.author import Growth

REFERENCE_SLOT: Final = Slot("footer_reference", "shown")

_TARGET: Final = re.compile(
    r'((?<=\s)(?:ref|sqref|location|activeCell|topLeftCell)="|<(?:formula|formula1|formula2|xm:f|xm:sqref)>)([^"<]*)'
)
_NAME: Final = re.compile(r"(<definedName\b[^>]*>)([^<]*)")
_CALCULATION: Final = re.compile(r"<calcPr\b[^>]*?(?:/>|>.*?</calcPr>)", re.DOTALL)
_DIMENSION: Final = re.compile(r"<dimension\b[^>]*/>")
_COLUMNS: Final = re.compile(r"<cols>(.*?)</cols>", re.DOTALL)
_COLUMN: Final = re.compile(r"<col\b([^>]*)/>")
_SPAN: Final = re.compile(r'\s(?:min|max)\s*=\s*"\d+"')
_FOOTERS: Final = re.compile(r"<headerFooter\b.*?</headerFooter>", re.DOTALL)

_ENGINE: Final = 191029
"""The calculation engine of Excel 2019 and later; Excel recalculates a file that names an older one."""


def before_cells(text: str, title: str, grids: Mapping[str, Grid], growths: Sequence[Growth]) -> Line:
    """Return what stands before the cells of a sheet; its extent, which hosts work out, is left out."""
    text = _DIMENSION.sub("", text)
    columns = _COLUMNS.search(text)
    across = [growth for growth in growths if growth.axis == "columns"]
    if columns is None or not across:
        return _moving_markup(text, title, grids)
    return (
        *_moving_markup(text[: columns.start()], title, grids),
        b"<cols>",
        *_columns(columns[1], grids[title], across),
        b"</cols>",
        *_moving_markup(text[columns.end() :], title, grids),
    )


def after_cells(text: str, title: str, grids: Mapping[str, Grid], sample: str) -> Line:
    """Return what follows the cells of a sheet; footers that name the client `sample` name each client."""
    footers = _FOOTERS.search(text)
    # Whole words only: an id such as 8 is no size of a font, which an & comes before.
    named = rf"(?<!\w)(?<!&amp;){re.escape(escaped(sample).decode())}(?!\w)"
    if footers is None or not sample:
        return _moving_markup(text, title, grids)
    parts: list[bytes | Spot | Hole] = [*_moving_markup(text[: footers.start()], title, grids)]
    for i, piece in enumerate(re.split(named, footers[0])):
        parts += [Hole(REFERENCE_SLOT), piece.encode()] if i else [piece.encode()]
    return (*parts, *_moving_markup(text[footers.end() :], title, grids))


def workbook_markup(text: str, grids: Mapping[str, Grid], *, calculate: bool) -> Line:
    """Return the workbook's list of sheets and names; `calculate` asks Excel to compute it when it opens."""
    asked = ' fullCalcOnLoad="1"' if calculate else ""
    text = _CALCULATION.sub(f'<calcPr calcId="{_ENGINE}"{asked}/>', text)
    parts: list[bytes | Spot] = []
    start = 0
    for name in _NAME.finditer(text):
        parts += [text[start : name.start(2)].encode(), *moving(name[2], "", grids)]
        start = name.end()
    return (*parts, text[start:].encode())


def _moving_markup(text: str, title: str, grids: Mapping[str, Grid]) -> tuple[bytes | Spot, ...]:
    parts: list[bytes | Spot] = []
    start = 0
    for target in _TARGET.finditer(text):
        parts += [text[start : target.start(2)].encode(), *moving(target[2], title, grids)]
        start = target.end()
    return (*parts, text[start:].encode())


def _columns(text: str, grid: Grid, growths: Sequence[Growth]) -> Iterator[bytes | Spot]:
    """Yield the widths of columns: a block's are those of its first column."""
    top = max(growth.top for growth in growths)
    edges = sorted({edge for growth in growths for edge in (growth.first, growth.last + 1)})
    inner = {n for growth in growths for n in range(growth.first + 1, growth.last + 1)}
    for column in _COLUMN.finditer(text):
        own = attributes(column[1])
        first, last = int(own["min"]), int(own["max"])
        starts = [first, *(edge for edge in edges if first < edge <= last)]
        for start, end in zip(starts, [*(s - 1 for s in starts[1:]), last], strict=True):
            if start in inner:
                continue
            block = next((growth for growth in growths if start == growth.first), None)
            end = block.last if block else end
            yield b"<col"
            yield from _number("min", grid.column(start, top))
            yield from _number("max", grid.column(end, top, end=True))
            yield f"{_SPAN.sub('', column[1]).rstrip()}/>".encode()


def _number(name: Literal["min", "max"], place: Place) -> tuple[bytes, Spot, bytes]:
    # A column in digits is written as a row is.
    return f' {name}="'.encode(), Spot("row", place, follows=False), b'"'
