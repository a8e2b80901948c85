"""How a sheet is authored: every cell says what it is, and every formula the value it must equal.

A sheet module places labels, inputs, formulas and solved cells on a :class:`Sheet`; a value is a
:class:`Ref` into the facts of one allocation (:mod:`workbooks.template.facts`), so the same authored sheet
serves every client of its shape, and a test can hold each formula against an independent spreadsheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from workbooks.template.charts import Chart

Kind = Literal["label", "input", "formula", "solved"]


class Ref(NamedTuple):
    """A value of the facts: by name, and by place where it is a vector or matrix."""

    name: str
    place: tuple[int, ...] = ()

    def of(self, facts: Mapping[str, Any]) -> Any:
        """Return the value; None is an empty cell."""
        value = facts[self.name]
        for i in self.place:
            value = value[i]
        return value


class Growth(NamedTuple):
    """Rows or columns of one pattern, as many as one of the workbook's sizes.

    Attributes
    ----------
    by : str
        A field of :class:`workbooks.template.book.Sizes`.
    first, last : int
        Their numbers in this book; `last` is below `first` where there is none.
    axis : {"rows", "columns"}
        Rows grow before their last one and move all that is below; columns grow after their first one and
        move all that is to the right of them from row `top` down.
    top : int
    """

    by: str
    first: int
    last: int
    axis: Literal["rows", "columns"] = "rows"
    top: int = 1


class Cell(NamedTuple):
    """One authored cell.

    Attributes
    ----------
    kind : {"label", "input", "formula", "solved"}
    look : str
        A key of :data:`workbooks.template.styles.LOOKS`.
    text : str
        A label's text, or a formula (with its ``=``); empty for cells that show a value, and for the cells
        of an array formula other than its first.
    value : Ref or None
        What an input or solved cell shows, and what a formula must come to.
    array : str
        Range of the array formula whose first cell this is.
    spills : bool
        Whether that is a call of a function of ours: Excel sizes its range, and without the add-in there is
        no value.
    """

    kind: Kind
    look: str
    text: str = ""
    value: Ref | None = None
    array: str = ""
    spills: bool = False


@dataclass
class Sheet:
    """A sheet being authored: its cells, defined names and everything that makes it readable."""

    title: str
    landscape: bool = False
    cells: dict[str, Cell] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    widths: dict[str, float] = field(default_factory=dict)
    heights: dict[int, float] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    validations: list[Validation] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    charts: list[Chart] = field(default_factory=list)
    freeze: str = ""
    title_rows: str = ""
    one_page: bool = False
    pages_wide: int = 1
    break_before: str = ""
    row_break: int = 0
    filter: str = ""
    print_area: str = ""
    comments: dict[str, str] = field(default_factory=dict)
    scales: list[str] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def label(self, at: str, text: str, look: str = "label", *, read: bool = False) -> None:
        """Place fixed text; `read` says that formulas read it, so that it may not be reworded."""
        self._put(at, Cell("label", look, text))
        if read:
            self.read.add(at)

    def labels(self, row: int, texts: Mapping[str, str], look: str = "header") -> None:
        """Place fixed texts in one row, by column letter."""
        for column, text in texts.items():
            self.label(f"{column}{row}", text, look)

    def input(self, at: str, name: str, *index: int, look: str = "input") -> None:
        """Place an input cell showing a fact."""
        self._put(at, Cell("input", look, value=Ref(name, index)))

    def solved(self, at: str, name: str, *index: int, look: str = "solved") -> None:
        """Place a value that no native formula can give."""
        self._put(at, Cell("solved", look, value=Ref(name, index)))

    def formula(self, at: str, text: str, name: str, *index: int, look: str = "formula") -> None:
        """Place a formula and the fact it must equal."""
        self._put(at, Cell("formula", look, text, Ref(name, index)))

    def array(self, area: str, text: str, name: str, *index: int, look: str = "formula") -> None:
        """Place an array formula over `area`; over several cells, the facts run along with them."""
        area = area if ":" in area else f"{area}:{area}"
        addresses = list(addresses_in(area))
        for offset, at in enumerate(addresses):
            place = (*index, offset) if len(addresses) > 1 else index
            first = offset == 0
            self._put(
                at, Cell("formula", look, text if first else "", Ref(name, place), area if first else "")
            )

    def call(self, area: str, text: str, refs: Sequence[Ref], looks: Sequence[str]) -> None:
        """Place a call of a function of ours over `area`, and the facts it must equal, row by row.

        `looks` are of its columns.
        """
        for offset, (at, ref) in enumerate(zip(addresses_in(area), refs, strict=True)):
            look, first = looks[offset % len(looks)], offset == 0
            self._put(
                at, Cell("formula", look, text if first else "", ref, area if first else "", spills=True)
            )

    def name(self, defined: str, area: str) -> None:
        """Give a cell or range of this sheet a workbook-wide name."""
        if defined in self.names:
            raise ValueError(f"the name {defined} is taken")
        absolute = ":".join(
            f"${letters}${row}" for letters, row in map(coordinate_from_string, area.split(":"))
        )
        self.names[defined] = f"{quote_sheetname(self.title)}!{absolute}"

    def grow_rows(self, by: str, first: int, count: int) -> None:
        """Say that `count` rows from `first` on are as many as the size `by`, all of one pattern."""
        self.growths.append(Growth(by, first, first + count - 1))

    def grow_columns(self, by: str, first: str, count: int, top: int) -> None:
        """Say that `count` columns from `first` on, in rows from `top` down, are as many as the size `by`."""
        start = column_index_from_string(first)
        self.growths.append(Growth(by, start, start + count - 1, "columns", top))

    def _put(self, at: str, cell: Cell) -> None:
        if at in self.cells:
            raise ValueError(f"{self.title}!{at} is authored twice")
        self.cells[at] = cell


class Validation(NamedTuple):
    """What may be typed into a range: openpyxl's terms, with the message a person reads."""

    area: str
    type: str
    operator: str | None
    formula1: str
    formula2: str | None
    title: str
    message: str


class Rule(NamedTuple):
    """A conditional format: the look that a range takes where a formula holds."""

    area: str
    formula: str
    look: str


@dataclass(frozen=True)
class Book:
    """An authored workbook: its sheets in order, each formula coloured by where it reads."""

    sheets: tuple[Sheet, ...]
    protected: bool = True

    def __post_init__(self) -> None:
        homes = {name: sheet.title for sheet in self.sheets for name in sheet.names}
        for sheet in self.sheets:
            _colour_links(sheet, homes)

    @property
    def names(self) -> dict[str, str]:
        """Every defined name with its range."""
        return {name: area for sheet in self.sheets for name, area in sheet.names.items()}

    def cells(self, kind: Kind | None = None) -> Iterator[tuple[str, str, Cell]]:
        """Yield (sheet, address, cell), all or those of one kind."""
        for sheet in self.sheets:
            for at, cell in sheet.cells.items():
                if kind is None or cell.kind == kind:
                    yield sheet.title, at, cell


_WORD: Final = re.compile(r"[a-z_]\w+")


def _colour_links(sheet: Sheet, homes: Mapping[str, str]) -> None:
    """Give formulas that read another sheet, directly or by a name, the look of a link."""
    linked: set[str] = set()
    for at, cell in sheet.cells.items():
        if cell.kind == "formula" and (
            "!" in cell.text
            or any(homes.get(word, sheet.title) != sheet.title for word in _WORD.findall(cell.text))
        ):
            linked.update(addresses_in(cell.array) if cell.array else (at,))
    for at in linked:
        cell = sheet.cells[at]
        if cell.look.removeprefix("strong_").startswith("formula"):
            sheet.cells[at] = cell._replace(look=cell.look.replace("formula", "link", 1))


def addresses_in(area: str) -> Iterator[str]:
    """Yield the addresses of a range, row by row."""
    (left, top), (right, bottom) = map(coordinate_from_string, area.split(":"))
    columns = range(column_index_from_string(left), column_index_from_string(right) + 1)
    for row in range(top, bottom + 1):
        for column in columns:
            yield f"{get_column_letter(column)}{row}"


def columns_from(first: str, count: int) -> list[str]:
    """Return `count` column letters starting at `first`."""
    start = column_index_from_string(first)
    return [get_column_letter(start + i) for i in range(count)]


def area_of(name: str, sheets: Sequence[Sheet]) -> str:
    """Return the range of a defined name, without its sheet and dollars."""
    area = next(sheet.names[name] for sheet in sheets if name in sheet.names)
    return area.rpartition("!")[2].replace("$", "")
