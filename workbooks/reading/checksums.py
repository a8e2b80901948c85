"""Which blocks were edited since the workbook was generated, as the checksums on Audit tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from openpyxl.utils.cell import range_boundaries

from workbooks.reading.cells import Value
from workbooks.reading.content import Content, plain_area
from workbooks.reading.values import same_value
from workbooks.template.audit_sheet import Block, checksums
from workbooks.template.author import Book, addresses_in
from workbooks.template.frame import AUDIT, NOTES
from workbooks.template.judgement import Judged, shared_checksums


class EditedBlock(NamedTuple):
    """A block that is not what its checksum was made of.

    Attributes
    ----------
    name : str
    sheet, area : str
        Where the block stands.
    at : str
        Where on Audit its checksum is kept.
    kept, now : float, str, bool or None
        The checksum as generated, and that of what stands there.
    """

    name: str
    sheet: str
    area: str
    at: str
    kept: Value
    now: float


def edited_blocks(content: Content, book: Book) -> Iterator[EditedBlock]:
    """Yield every block whose checksum, as generated, is not that of what stands there."""
    audit = next(sheet for sheet in book.sheets if sheet.title == AUDIT)
    sheets = [sheet for sheet in book.sheets if sheet.title not in (AUDIT, NOTES)]
    blocks = checksums(sheets)
    areas = {block.name: plain_area(book.names[block.name]) for block in blocks}
    standing = {block.name: _standing(content, block, areas[block.name]) for block in blocks}
    now = shared_checksums(standing, Judged.of(sheets, audit))
    for at, cell in audit.cells.items():
        if cell.kind == "solved" and cell.value and cell.value.name == "checksum":
            name = blocks[cell.value.place[0]].name
            kept = content.cell(AUDIT, at).value
            if not same_value(kept, now[name]):
                sheet, _, area = areas[name].partition("!")
                yield EditedBlock(name, sheet, area, at, kept, now[name])


def _standing(content: Content, block: Block, area: str) -> Any:
    """Return what stands in a block: a list of texts, or numbers, where a text counts as none."""
    sheet, _, cells = area.rpartition("!")
    values = [
        content.cell(sheet, at).value for at in addresses_in(cells if ":" in cells else f"{cells}:{cells}")
    ]
    if block.text:
        return ["" if value is None else str(value) for value in values]
    numbers = [value if isinstance(value, float) else 0.0 if value is None else np.nan for value in values]
    left, top, right, bottom = range_boundaries(cells)
    return np.reshape(numbers, (bottom - top + 1, right - left + 1))
