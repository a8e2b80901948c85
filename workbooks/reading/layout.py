"""How a workbook is laid out: the book it was authored as, told by its own names and register of inputs.

Audit keeps every input as it was generated. That register, and not the inputs as they stand now, says which
policy the sheets were authored for; how many stocks, months and lines there are, the defined names say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from statistics import mode
from typing import Final, NamedTuple

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries

from pyalloc.category import CategoryShares
from pyalloc.errors import InputError
from pyalloc.macro import LONGEST_AGE
from workbooks.reading.cells import Value
from workbooks.reading.content import Content
from workbooks.reading.settings import Inputs, Row, Structure, misfit, settings_of, vector
from workbooks.template.audit_sheet import register
from workbooks.template.author import Book, Ref
from workbooks.template.book import Design, Sizes, author_book
from workbooks.template.frame import AUDIT, BACKTEST, FUNCTIONS, PRICES
from workbooks.template.holdings_sheet import SOLVED_SHARES
from workbooks.template.inputs import INPUTS
from workbooks.template.notes_sheet import TRAINING
from workbooks.template.system_blocks import within_text

_REGISTERED: Final = re.compile(r"[A-Z]{1,3}\d+  (\w+)(?:\[(\d+(?:, \d+)*)\])?")
"""How a row of the register names its input: ``D14  macro_mean[1]``."""

_SHARE: Final = re.compile(rf"\b({'|'.join(share.name for share in fields(CategoryShares))})_share\b")
_HISTORY: Final = re.compile(r"the policy asks for (\d+)\.")
_MACRO_AGE: Final = re.compile(r"older than the as-of date; the policy allows (\d+)\.")
_SHORTEST_HISTORY: Final = 12
"""Months; the least that a policy may ask for, so that no stock of the workbook is refused for its youth."""


@dataclass(frozen=True)
class Layout:
    """What a file was authored as.

    Attributes
    ----------
    book : Book
    structure : Structure
    generated : mapping of Ref to value
        Every input of the register, as generated.
    sizes : Sizes
    native : bool
        Whether month closes are in the file.
    """

    book: Book
    structure: Structure
    generated: Inputs
    sizes: Sizes
    native: bool


def layout_of(content: Content) -> Layout:
    """Return the layout of a file.

    Raises
    ------
    InputError
        Where what tells it is not there, in a sentence that names it.
    """
    generated = _register(content)
    native = PRICES in content.sheets or "closes" in content.names
    months = _months(content, native=native)
    structure = _structure(content, generated, months)
    try:
        policy = settings_of(generated, structure).policy
    except (InputError, KeyError) as error:
        raise InputError(f"the register of inputs on {AUDIT} cannot be used: {error}") from error
    design = Design.of(policy, native=native, live=FUNCTIONS in content.sheets)
    sizes = Sizes(
        stocks=_filled_rows(content, "stock_ticker", "mu", "covariance"),
        months=months,
        lines=_filled_rows(content, "holding_ticker", "holding_name", "holding_category"),
        notices=len(_area(content, "notices").rows),
        left_out=len(_area(content, "left_out").rows),
        history=_months_of_history(content),
    )
    book = author_book(design, sizes)
    registered = [ref for _, _, ref in register(book.sheets)]
    if lost := [ref.name for ref in registered if ref not in generated]:
        raise InputError(f"the register of inputs on {AUDIT} does not name {', '.join(lost)}")
    return Layout(book, structure, {ref: generated[ref] for ref in registered}, sizes, native)


def _register(content: Content) -> dict[Ref, Value]:
    """Return the inputs as generated, from the register on Audit."""
    if AUDIT not in content.sheets:
        raise InputError(f"the sheet {AUDIT} is missing, and with it the register of inputs")
    audit = content.sheets[AUDIT]
    found: dict[Ref, Value] = {}
    for at, cell in audit.cells.items():
        line = _REGISTERED.fullmatch(str(cell.value)) if at[0] == "D" and at[1:].isdigit() else None
        if not line or line[1] not in INPUTS:
            continue
        ref = Ref(line[1], tuple(int(number) - 1 for number in line[2].split(", ")) if line[2] else ())
        found[ref] = audit[f"E{at[1:]}"].value
        if wanted := misfit(ref, found[ref]):
            raise InputError(f"{AUDIT}!E{at[1:]}, {ref.name} as generated, is {found[ref]!r}; {wanted}")
    return found


# --- what the names say ---------------------------------------------------------------------------------


class _Area(NamedTuple):
    """The range of a defined name: the sheet, and columns and rows by number."""

    sheet: str
    left: int
    top: int
    right: int
    bottom: int

    @property
    def rows(self) -> range:
        return range(self.top, self.bottom + 1)


_RANGE: Final = re.compile(r"[A-Z]{1,3}[1-9]\d*(?::[A-Z]{1,3}[1-9]\d*)?")


def _area(content: Content, name: str) -> _Area:
    sheet, _, area = content.names.get(name.lower(), "").rpartition("!")
    if sheet not in content.sheets or not _RANGE.fullmatch(area):
        raise InputError(f"the defined name {name} is missing or points nowhere")
    return _Area(sheet, *range_boundaries(area))


def _first(content: Content, name: str) -> Value:
    """Return what stands in the first cell of a defined name."""
    area = _area(content, name)
    return content.cell(area.sheet, f"{get_column_letter(area.left)}{area.top}").value


def _filled_rows(content: Content, *names: str) -> int:
    """Return how many rows are filled in the first columns of these blocks: what most of them say."""
    counts = []
    for name in names:
        area = _area(content, name)
        column = get_column_letter(area.left)
        counts.append(sum(f"{column}{row}" in content.sheets[area.sheet].cells for row in area.rows))
    return mode(counts)


def _months(content: Content, *, native: bool) -> int:
    """Return the monthly returns behind the covariance."""
    if native:
        closes = _area(content, "closes")
        return closes.right - closes.left
    months = _first(content, "lw_T")
    if not isinstance(months, float):
        raise InputError(f"the months behind the covariance, lw_T, are {months!r}; they must be a number")
    return int(months)


def _months_of_history(content: Content) -> int:
    """Return the months of the record of the past; the least where its sheet was taken out."""
    return len(_area(content, "backtest_dates").rows) if BACKTEST in content.sheets else 1


# --- what the policy's structure was --------------------------------------------------------------------


def _structure(content: Content, generated: Inputs, months: int) -> Structure:
    portfolios, notices = _area(content, "frontier_weights"), _area(content, "notices")
    said = [str(content.cell(notices.sheet, f"B{row}").value) for row in notices.rows]
    history = [int(found[1]) for line in said if (found := _HISTORY.search(line))]
    macro_age = [int(found[1]) for line in said if (found := _MACRO_AGE.search(line))]
    return Structure(
        categories=_categories(generated),
        rows=tuple(_category_rows(content, generated)),
        ranker=str(_first(content, "ranker")),
        training=_training(content),
        scaling=str(_first(content, "scaling")),
        return_model=str(_first(content, "return_model")),
        other_sleeves=next(
            (sleeves for sleeves, name in SOLVED_SHARES.items() if name in content.names), "equal"
        ),
        frontier_points=portfolios.right - portfolios.left + 1,
        history_months=history[0] if history else months,
        minimum_months=_SHORTEST_HISTORY,
        macro_age=macro_age[0] if macro_age else LONGEST_AGE,
    )


def _training(content: Content) -> dict[str, float | None]:
    """Return the knobs by which a ranker was trained; a window of 0 months is none."""
    area = _area(content, "training_knobs")
    column = get_column_letter(area.left)
    found: dict[str, float | None] = {}
    for knob, row in zip(TRAINING, area.rows, strict=True):
        value = content.cell(area.sheet, f"{column}{row}").value
        if not isinstance(value, float):
            raise InputError(f"{area.sheet}!{column}{row}, {knob}, is {value!r}; a number belongs there")
        found[knob] = value
    found["training_window"] = found["training_window"] or None
    return found


def _categories(generated: Inputs) -> tuple[str, ...]:
    return tuple(name or "" for name in vector(generated, "category_names"))


def _category_rows(content: Content, generated: Inputs) -> Iterator[Row]:
    """Yield the rows of A below the budget: what they are called, and which categories they relate."""
    categories = _categories(generated)
    areas = [_area(content, name) for name in ("policy_A", "override_A", "constraint_A")]
    for i in range(1, len(areas[0].rows)):
        labels = [str(content.cell(area.sheet, f"B{area.top + i}").value) for area in areas]
        of, within = (
            tuple(
                category for j, category in enumerate(categories) if generated.get(Ref(name, (i, j))) == 1.0
            )
            for name in ("category_of", "category_within")
        )
        yield Row(
            name=mode(labels).partition("  ")[2],
            of=of,
            within="all" if _of_the_whole(content, areas[0], i, within, categories) else within,
            share=_share(content, areas[0], i, generated),
        )


def _of_the_whole(
    content: Content, area: _Area, i: int, within: tuple[str, ...], categories: tuple[str, ...]
) -> bool:
    """Return whether a row is a share of the whole; a policy may also list every category, and says so."""
    says = content.cell(area.sheet, f"{get_column_letter(area.right + 3)}{area.top + i}").value
    return len(within) == len(categories) and not str(says).endswith(within_text(within))


def _share(content: Content, area: _Area, i: int, generated: Inputs) -> str:
    """Return which of the shares that conditions set a row has; nothing where its share is an input."""
    if Ref("row_share", (i,)) in generated:
        return ""
    columns = map(get_column_letter, range(area.left, area.right + 1))
    formulas = (content.cell(area.sheet, f"{column}{area.top + i}").formula for column in columns)
    shares = [found[1] for formula in formulas if (found := _SHARE.search(formula))]
    if not shares:
        raise InputError(f"no formula in row {i + 1} of policy_A says which share it holds categories to")
    return mode(shares)
