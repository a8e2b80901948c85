"""A firm's own template: the sizes it was saved with, and whether every cell that is filled is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from openpyxl.utils.cell import range_boundaries

from pyalloc.errors import TableError
from workbooks.reading.content import Content, plain_area
from workbooks.reading.formulas import same_formula, simple_area
from workbooks.template.author import Book
from workbooks.template.book import PATTERN, Design, Sizes, author_book
from workbooks.template.facts import TEMPLATE_VERSION
from workbooks.template.frame import PRICES
from workbooks.template.words import footer_reference

_AS_MANY_AS: Final = {
    "stocks": "stock_ticker",
    "lines": "holding_ticker",
    "notices": "notices",
    "left_out": "left_out",
    "history": "backtest_dates",
}
"""The defined name whose rows tell each size."""

_SHOWN: Final = 20
_REMEDY: Final = "restore them, or restyle a new one from pyalloc template with the policy of the run"


def house_sizes(content: Content, design: Design) -> Sizes:
    """Return the sizes that a firm's template was saved with, once it has all that the design asks for.

    Raises
    ------
    TableError
        With a list of every name, sheet and cell that is lost.
    """
    version = _text(content, "template_version")
    if version != TEMPLATE_VERSION:
        raise TableError(
            f"{content.source} is of template version {version or 'unknown'}, this is {TEMPLATE_VERSION}: "
            "restyle a new one from pyalloc template"
        )
    if design.native != (PRICES in content.sheets):
        held = "a sheet of prices, for up to 60 stocks" if PRICES in content.sheets else "no sheet of prices"
        raise TableError(
            f"{content.source} has {held}, and this market asks for the other kind: restyle a new one from "
            "pyalloc template --market with this market"
        )
    lost = [
        f"the defined name {name}" for name in author_book(design).names if name.lower() not in content.names
    ]
    if not lost:
        sizes = _sizes(content)
        lost = list(_lost(content, author_book(design, sizes)))
    if lost:
        raise refusal(f"{content.source} lost {len(lost)} of what is filled for each client: {_REMEDY}", lost)
    return sizes


def refusal(says: str, lost: Sequence[str]) -> TableError:
    """Return the error that says what is wrong and lists what is lost, as far as a person will read."""
    more = [f"and {len(lost) - _SHOWN} more"] if len(lost) > _SHOWN else []
    return TableError([says, *lost[:_SHOWN], *more])


def sample_reference(content: Content, firm: str) -> str:
    """Return how the footers of a template name the client that it was made with."""
    return footer_reference(_text(content, "client_id"), firm)


def _sizes(content: Content) -> Sizes:
    rows = {size: _span(content, name)[1] for size, name in _AS_MANY_AS.items()}
    months = _span(content, "month_ends")[0] - 1 if "month_ends" in content.names else PATTERN.months
    return Sizes(months=months, **rows)


def _span(content: Content, name: str) -> tuple[int, int]:
    """Return how many columns and rows a defined name covers."""
    try:
        left, top, right, bottom = range_boundaries(content.names[name].rpartition("!")[2])
    except (TypeError, ValueError):
        raise TableError(f"{content.source} lost the range of the defined name {name}: {_REMEDY}") from None
    return right - left + 1, bottom - top + 1


def _lost(content: Content, book: Book) -> Iterator[str]:
    """Yield what the template no longer has where the author put it."""
    for name, area in book.names.items():
        if content.names[name.lower()].lower() != plain_area(area).lower():
            yield f"the defined name {name}, which is {plain_area(area)}"
    for sheet in book.sheets:
        if sheet.title not in content.sheets:
            yield f"the sheet {sheet.title}"
            continue
        found = content.sheets[sheet.title]
        for at, cell in sheet.cells.items():
            stored = found[at]
            if cell.text.startswith("=") and cell.kind == "formula":
                if not same_formula(stored.formula, cell.text) or simple_area(stored.area) != simple_area(
                    cell.array
                ):
                    yield f"{sheet.title}!{at}, which is {cell.text[:60]}"
            elif cell.kind in ("input", "solved") and stored.formula:
                yield f"{sheet.title}!{at}, which is a value"
            elif at in sheet.read and stored.value != cell.text:
                yield f"{sheet.title}!{at}, whose text {cell.text[:20]!r} formulas read"


def _text(content: Content, name: str) -> str:
    sheet, _, area = content.names.get(name, "").rpartition("!")
    value = content.cell(sheet, area.partition(":")[0]).value
    return value if isinstance(value, str) else ""
