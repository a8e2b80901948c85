"""A template compiled once, bound once for all clients of a market view, and rendered for each.

The template is an xlsx file: ours, or one that a firm restyled. The author says what every cell holds
(:mod:`workbooks.template`); the file says how it looks, and keeps whatever else is in it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workbooks.compiled.archive import Entry, archive, entry, piece
from workbooks.compiled.binding import Bound, Kept, Layout, Part
from workbooks.compiled.cells import Authored
from workbooks.compiled.charts import chart_program
from workbooks.compiled.house import refusal
from workbooks.compiled.looks import in_currency
from workbooks.compiled.markup import workbook_markup
from workbooks.compiled.members import CONTENT_TYPES, CORE, STRINGS, STYLES, WORKBOOK, Members
from workbooks.compiled.places import Grid
from workbooks.compiled.program import Hole, Program, growing
from workbooks.compiled.sheets import SheetCompiler
from workbooks.compiled.sheetxml import stored_sheet, strings_in_use
from workbooks.compiled.spilling import with_spilling
from workbooks.compiled.values import Kind, Slot
from workbooks.template.author import Book
from workbooks.template.book import PATTERN, Design, Sizes, author_book
from workbooks.template.styles import AMOUNT, LOOKS

_CONDITIONS: Final = 4
"""Market conditions whose bound parts are kept; each takes about as much memory as its workbook unpacked."""

_LAYOUTS: Final = 8
"""Sizes whose layouts are kept; each takes somewhat less."""

_HISTORIES: Final = 16
"""Histories whose bound parts are kept, of the few parts that show one."""

_PROPERTIES: Final[Program] = (
    (
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties '
        b'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>Allocation for '
    ),
    Hole(Slot("client_id", "shown")),
    b"</dc:title><dc:creator>",
    Hole(Slot("firm", "shown")),
    b'</dc:creator><dcterms:created xsi:type="dcterms:W3CDTF">',
    Hole(Slot("made_at", "shown")),
    b'</dcterms:created><dcterms:modified xsi:type="dcterms:W3CDTF">',
    Hole(Slot("made_at", "shown")),
    b"</dcterms:modified></cp:coreProperties>",
)
"""Who made the workbook and when: the firm, as of the day it is for; nothing of who edited the template."""


@dataclass
class CompiledTemplate:
    """A template ready to render workbooks of any sizes.

    Attributes
    ----------
    constants : dict of str to Entry
        Members that are the same in every workbook.
    parts : list of Part
        The others, but for the stylesheet.
    styles : str
        The stylesheet as stored; amounts take the decimals of a client's currency.
    amounts : frozenset of int
        Cell styles that show amounts.
    """

    constants: list[Entry]
    parts: list[Part]
    styles: str
    amounts: frozenset[int]
    _looks: dict[int, Entry] = field(default_factory=dict, repr=False)
    _layouts: Kept[Layout] = field(init=False, repr=False)
    _bound: Kept[tuple[object, Bound]] = field(init=False, repr=False)
    _of_history: Kept[tuple[object, Bound]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._layouts = Kept(_LAYOUTS * len(self.parts))
        self._bound = Kept(_CONDITIONS * len(self.parts))
        self._of_history = Kept(_HISTORIES * len(self.parts))

    @classmethod
    def compile(
        cls, members: Members, design: Design, sizes: Sizes, kinds: Mapping[str, Kind], sample: str
    ) -> CompiledTemplate:
        """Return a template's compiled form.

        Parameters
        ----------
        members : Members
            Of the template; it has every name and formula that the design asks for.
        design : Design
        sizes : Sizes
            Of the template itself.
        kinds : mapping of str to Kind
            Of every fact.
        sample : str
            How its footers name the client that it was made with.

        Raises
        ------
        TableError
            Where the template has something that cannot be kept, or lost a cell.
        """
        members, spill = with_spilling(members) if design.live else (members, "")
        book, sized = author_book(design, PATTERN), author_book(design, sizes)
        own_grids = {sheet.title: Grid(sheet.growths) for sheet in book.sheets}
        authored = {sheet.title: Authored(sheet, own_grids, kinds, spill.encode()) for sheet in book.sheets}
        growths = {
            sheet.title: dict(zip(sheet.growths, own.growths, strict=True))
            for sheet, own in zip(sized.sheets, book.sheets, strict=True)
        }
        grids = {title: Grid(tuple(of)) for title, of in growths.items()}
        sheets = {
            part: SheetCompiler(
                title,
                stored_sheet(title, members.text(part)),
                growths.get(title, {}),
                grids,
                authored.get(title),
            )
            for title, part in members.sheets.items()
        }
        _refuse_lost(members.source, sheets.values(), sized)
        matched = [pair for sheet in sheets.values() for pair in sheet.matched()]
        kept = [cell for cell, known in matched if known is None or known.kind == "label"]
        calculate = any(cell.has_formula for cell in kept)
        content = dict(members.content)
        if STRINGS in content:
            used = {cell.string for cell in kept}
            content[STRINGS] = strings_in_use(members.text(STRINGS), used).encode()
        programs: dict[str, Program] = {part: sheet.program(sample) for part, sheet in sheets.items()}
        programs[WORKBOOK] = workbook_markup(members.text(WORKBOOK), grids, calculate=calculate)
        if CORE in content:
            programs[CORE] = _PROPERTIES
        for name in content:
            if name.startswith("xl/charts/chart"):
                programs[name] = chart_program(members.text(name), grids, authored)
        grown = growing(programs.values())
        return cls(
            constants=[
                entry(name, [piece(member, small=True)])
                for name, member in sorted(content.items(), key=lambda item: item[0] != CONTENT_TYPES)
                if name not in programs and name != STYLES
            ],
            parts=[Part(name, program, grown) for name, program in programs.items()],
            styles=members.text(STYLES),
            amounts=frozenset(
                cell.style for cell, known in matched if known and LOOKS[known.look].number_format == AMOUNT
            ),
        )

    def render(self, facts: ChainMap[str, Any], sizes: Sizes) -> bytes:
        """Return the workbook of a client as the bytes of an xlsx file."""
        written = [*self.constants, self._stylesheet(facts["currency_digits"])]
        for part in self.parts:
            written.append(entry(part.name, self._bind(part, sizes, facts).rendered(facts.maps[0])))
        return archive(written)

    def _bind(self, part: Part, sizes: Sizes, facts: ChainMap[str, Any]) -> Bound:
        """Return a part with what clients share in its place; only the few that show a history are of one."""
        personal, past, shared = facts.maps
        shape = (part.name, *(getattr(sizes, name) for name in part.sizes))
        shows_past = any(slot.name in past for slot in part.slots)
        common: ChainMap[str, Any] = ChainMap(past, shared) if shows_past else ChainMap(shared)

        def bound() -> tuple[object, Bound]:
            layout = self._layouts.get(shape, lambda: part.layout(sizes, personal, common))
            # Kept with the shared facts, so that no others get their identity.
            return common, layout.bind(common)

        kept = self._of_history if shows_past else self._bound
        return kept.get((*shape, *map(id, common.maps)), bound)[1]

    def _stylesheet(self, digits: int) -> Entry:
        if digits not in self._looks:
            styles = in_currency(self.styles, self.amounts, digits)
            self._looks[digits] = entry(STYLES, [piece(styles.encode(), small=True)])
        return self._looks[digits]


def _refuse_lost(source: str, sheets: Collection[SheetCompiler], book: Book) -> None:
    """Refuse a template that has not every cell of the book that is authored for its sizes."""
    authored = {sheet.title: sheet for sheet in book.sheets}
    lost = [at for sheet in sheets if sheet.title in authored for at in sheet.lost(authored[sheet.title])]
    if lost:
        says = "cells that some client fills, as all that was in them was cleared: give each a format again"
        raise refusal(f"{source} lost {len(lost)} {says}", lost)
