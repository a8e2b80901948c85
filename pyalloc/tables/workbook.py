"""One sheet of an xlsx workbook as a table, from a file that may be damaged or hostile.

calamine reads the values, fast and in every dialect of the format. By itself it delivers error cells and
formulas that were never calculated as blanks, and believes sizes and references that exhaust the memory. So
the archive is unpacked within bounds and the sheet is scanned first; calamine then gets those same parts
and no others, and every cell in which the scan saw a value must arrive with one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from pyalloc.errors import TableError
from pyalloc.tables.files import read_bytes
from pyalloc.tables.package import MAX_UNPACKED_BYTES, Sheet, pack, unpack, worksheets
from pyalloc.tables.sheetxml import SheetScan, shared_strings
from pyalloc.tables.table import Table, is_blank, name_key, tabulate

WORKBOOK_SUFFIXES: Final = (".xlsx", ".xlsm")

_STRINGS = "xl/sharedstrings.xml"


def read_sheet(path: Path, name: str | None) -> Table:
    """Read the sheet of this name, or the first visible one, as a table."""
    source = path.name
    data = read_bytes(path, MAX_UNPACKED_BYTES)
    with _damage_refused(source):
        parts = unpack(source, data)
        sheet = _chosen(source, worksheets(parts), name)
        label = f'{source} sheet "{sheet.name}"'
        strings = shared_strings(parts[_STRINGS]) if _STRINGS in parts else []
        scan = SheetScan(label, parts[sheet.part], strings)
        rows = _values(source, sheet, parts, scan)
    if not any(rows):
        raise TableError(f"{label} is empty: name the sheet that holds the table")
    # Of a sheet that was asked for by name there may be others of the same workbook: problems say which.
    return tabulate(label if name else source, enumerate(rows, start=1))


def sheet_names(path: Path) -> tuple[str, ...]:
    """Return the names of a workbook's sheets in its order."""
    data = read_bytes(path, MAX_UNPACKED_BYTES)
    with _damage_refused(path.name):
        return tuple(sheet.name for sheet in worksheets(unpack(path.name, data)))


@contextmanager
def _damage_refused(source: str) -> Iterator[None]:
    """Turn whatever the zip, XML and value readers raise on damaged bytes into one refusal."""
    try:
        yield
    except TableError:
        raise
    except BaseException as error:
        # A panic of calamine's Rust code is no Exception, and its class cannot be imported.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise TableError(f"{source} is damaged: open it in Excel and save it again as .xlsx") from error


def _chosen(source: str, sheets: Sequence[Sheet], name: str | None) -> Sheet:
    if len({sheet.name for sheet in sheets}) < len(sheets):
        raise ValueError("two sheets have one name")
    if name is None:
        visible = [sheet for sheet in sheets if sheet.visible]
        if not visible:
            raise TableError(f"{source} has no visible sheet: show the sheet that holds the table")
        return visible[0]
    for sheet in sheets:
        if name_key(sheet.name) == name_key(name):
            return sheet
    listed = ", ".join(f'"{sheet.name}"' for sheet in sheets)
    raise TableError(f'{source} has no sheet "{name}": its sheets are {listed or "none"}')


def _values(source: str, sheet: Sheet, parts: Mapping[str, bytes], scan: SheetScan) -> list[list[object]]:
    """Return the cells from A1 on, each error in its place."""
    try:
        values = CalamineWorkbook.from_filelike(pack(parts)).get_sheet_by_name(sheet.name)
        rows: list[list[object]] = [[*row] for row in values.to_python(skip_empty_area=False)]
    except CalamineError:
        if not scan.errors:
            raise
        # calamine gives up on the newer kinds of error (#SPILL!, #CALC!).
        problems = [f"{source} {error.reason}" for error in scan.errors.values()]
        raise TableError(problems) from None
    if sum(not is_blank(cell) for row in rows for cell in row) != scan.filled:
        raise ValueError("a cell with content was read as blank")
    for (row, column), error in scan.errors.items():
        rows.extend([] for _ in range(len(rows), row + 1))
        rows[row].extend([""] * (column + 1 - len(rows[row])))
        rows[row][column] = error
    return rows
