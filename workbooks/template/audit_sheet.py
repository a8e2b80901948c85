"""The Audit sheet: every check as a native formula, rolled up into one sentence; inputs then and now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from pyalloc.names import TRACE
from pyalloc.stocks import FEATURES
from workbooks.template.author import Ref, Rule, Sheet
from workbooks.template.checks import CHECKS
from workbooks.template.frame import (
    AUDIT,
    PRICES,
    head,
    section,
)
from workbooks.template.inputs import INPUTS

FIRST_CHECK: Final = 9

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -.,&'()/"
"""Characters that tell texts apart in a checksum, by their place here; others count 0."""

CHARACTERS: Final = 80
"""Characters of a text that its checksum reads."""


def author_audit(sheets: Sequence[Sheet]) -> Sheet:
    """Return the sheet that judges `sheets`, which are complete."""
    sheet = Sheet(AUDIT, landscape=True)
    sheet.widths |= {"B": 5, "C": 24, "D": 62, "E": 15, "F": 13, "G": 10, "H": 10, "I": 76}
    head(
        sheet, "Audit", "Every check is a formula: departure against limit, rolled up into one sentence.", "I"
    )
    sheet.freeze, sheet.title_rows = "B9", "8:8"
    row = _checks(sheet)
    row = _formula_cells(sheet, sheets, row + 2)
    row = _checksums(sheet, sheets, row + 2)
    _generated(sheet, sheets, row + 2)
    return sheet


def _checks(sheet: Sheet) -> int:
    """Place the roll-up and the checks; return their last row."""
    sheet.merged.append("B5:D5")
    sheet.formula(
        "B5",
        '=IF(checks_failed>0,"▲ "&checks_failed&" of "&checks_total&IF(checks_failed=1," checks needs"," checks need")&" a look",'
        'IF(checks_stale>0,"■ What-if: generate again before use",IF(checks_noted>0,"● All checks passed, "&checks_noted'
        '&IF(checks_noted=1," note"," notes"),"● All "&checks_total&" checks passed")))',
        "checks_summary",
        look="strong_formula_text",
    )
    sheet.name("checks_summary", "B5")
    last = FIRST_CHECK + len(CHECKS) - 1
    tally = {
        "total": "=ROWS(check_result)",
        "failed": '=COUNTIF(check_result,"CHECK")+SUMPRODUCT(--ISERROR(check_result))',
        "stale": '=COUNTIF(check_result,"STALE")',
        "noted": '=COUNTIF(check_result,"NOTE")',
    }
    for column, (what, formula) in zip("EFGH", tally.items(), strict=True):
        sheet.label(f"{column}5", what.capitalize(), "header")
        sheet.formula(f"{column}6", formula, f"checks_{what}", look="formula_integer")
        sheet.name(f"checks_{what}", f"{column}6")
    sheet.labels(8, {"B": "#", "C": "Area", "D": "What departs"}, "header_left")
    sheet.labels(8, {"E": "Departure", "F": "Limit", "G": "Result", "H": "Class"}, "header")
    sheet.label("I8", "What to do when it departs", "header_left")
    for i, check in enumerate(CHECKS):
        row = FIRST_CHECK + i
        sheet.formula(f"B{row}", f"=ROWS(B${FIRST_CHECK}:B{row})", "check_number", i, look="formula_integer")
        sheet.label(f"C{row}", check.area, "item")
        sheet.label(f"D{row}", check.says)
        place = sheet.array if check.array else sheet.formula
        place(f"E{row}", check.formula, "departure", i, look="formula_tiny")
        sheet.input(f"F{row}", "check_limit", i, look="limit")
        sheet.formula(
            f"G{row}",
            f'=IF(ISNUMBER(E{row}),IF(ABS(E{row})<=F{row},"OK",IF(H{row}="NOTE","NOTE",'
            f'IF(AND(H{row}="ENGINE",inputs_changed>0),"STALE","CHECK"))),"CHECK")',
            "check_result",
            i,
        )
        sheet.label(f"H{row}", check.kind, "note_right", read=True)
        sheet.label(f"I{row}", check.remedy, "note")
        sheet.links[f"C{row}"] = f"{check.sheet}!A1"
    sheet.name("check_result", f"G{FIRST_CHECK}:G{last}")
    sheet.name("check_limit", f"F{FIRST_CHECK}:F{last}")
    area = f"G{FIRST_CHECK}:G{last}"
    for result, look in (("OK", "ok"), ("CHECK", "check"), ("STALE", "stale"), ("NOTE", "stale")):
        sheet.rules.append(Rule(area, f'$G{FIRST_CHECK}="{result}"', look))
    return last


def _generated(sheet: Sheet, sheets: Sequence[Sheet], top: int) -> None:
    section(
        sheet, top, "Inputs, as generated and now", "B", "I", "changed: 1 = differs from what was generated"
    )
    sheet.labels(top + 1, {"B": "#", "C": "Sheet", "D": "Cell"}, "header_left")
    sheet.labels(top + 1, {"E": "As generated", "F": "Now", "G": "Changed"}, "header")
    sheet.label(f"I{top + 1}", "Unit; source", "header_left")
    row = first = top + 2
    for title, at, ref in register(sheets):
        letters, number = coordinate_from_string(at)
        here = f"{title}!${letters}${number}"
        sheet.formula(
            f"B{row}", f"=ROWS(B${first}:B{row})", "register_number", row - first, look="formula_integer"
        )
        sheet.label(f"C{row}", title, "item")
        sheet.label(f"D{row}", f"{at}  {ref.name}{_place(ref)}")
        sheet.links[f"D{row}"] = f"{title}!{at}"
        sheet.label(f"I{row}", f"{INPUTS[ref.name].unit}; {INPUTS[ref.name].source}", "note")
        sheet.solved(f"E{row}", ref.name, *ref.place, look="solved")
        sheet.formula(
            f"F{row}", f'=IF(ISBLANK({here}),"",{here})', "register_now", row - first, look="formula"
        )
        sheet.formula(
            f"G{row}",
            f'=IF(F{row}=IF(ISBLANK(E{row}),"",E{row}),0,1)',
            "register_changed",
            row - first,
            look="formula_integer",
        )
        row += 1
    last = row - 1
    sheet.label(f"D{row}", "Inputs changed", "strong")
    sheet.formula(f"G{row}", f"=SUM(G{first}:G{last})", "inputs_changed", look="strong_formula_integer")
    sheet.name("inputs_changed", f"G{row}")
    sheet.rules.append(Rule(f"B{first}:G{last}", f"$G{first}=1", "stale"))


def _place(ref: Ref) -> str:
    return f"[{', '.join(str(i + 1) for i in ref.place)}]" if ref.place else ""


def register(sheets: Sequence[Sheet]) -> list[tuple[str, str, Ref]]:
    """Return every input that a person may edit: sheet, address, fact. Prices are held by a checksum."""
    return [
        (sheet.title, at, cell.value)
        for sheet in sheets
        for at, cell in sheet.cells.items()
        if cell.kind == "input" and cell.value and sheet.title not in (PRICES, AUDIT)
    ]


class Block(NamedTuple):
    """A named block of values that no formula explains: numbers, or text."""

    name: str
    says: str
    text: bool


def checksums(sheets: Sequence[Sheet]) -> list[Block]:
    """Return the named blocks that only a checksum holds: solved cells, imported prices, limits of checks."""
    names = {name for sheet in sheets for name in sheet.names}
    text: dict[str, bool] = {}
    for sheet in sheets:
        for cell in sheet.cells.values():
            imported = cell.kind == "solved" or (cell.kind == "input" and sheet.title == PRICES)
            if imported and cell.value and cell.value.name in names:
                text[cell.value.name] = cell.look.endswith("_text")
    says = {**{name: quantity.meaning for name, quantity in TRACE.items()}, **FEATURES}
    blocks = [Block(name, says.get(name, name.replace("_", " ")), text[name]) for name in sorted(text)]
    return [*blocks, Block("check_limit", "Limits of the checks above", text=False)]


def checksum_formula(block: Block) -> str:
    """Return the formula of a block's checksum; for text an array formula over its first characters."""
    name = block.name
    if not block.text:
        return f"=SUMPRODUCT({name},ROW({name})+COLUMN({name})/1000)"
    place = f"COLUMN($A$1:${get_column_letter(CHARACTERS)}$1)"
    # Padded, because hosts differ on where the empty text is found.
    letters = f'FIND(MID({name}&REPT("~",{CHARACTERS}),{place},1),checksum_letters)'
    return f"=SUM(IFERROR({letters},0)*(ROW({name})+{place}/100))"


def _checksums(sheet: Sheet, sheets: Sequence[Sheet], top: int) -> int:
    section(sheet, top, "Solved blocks and prices, checksum as generated and now", "B", "H")
    sheet.labels(top + 1, {"B": "#", "C": "Name", "D": "Block"}, "header_left")
    sheet.labels(top + 1, {"E": "As generated", "F": "Now", "G": "Changed"}, "header")
    blocks = checksums(sheets)
    first = top + 2
    for i, block in enumerate(blocks):
        row = first + i
        sheet.formula(f"B{row}", f"=ROWS(B${first}:B{row})", "checksum_number", i, look="formula_integer")
        sheet.label(f"C{row}", block.name, "item")
        sheet.label(f"D{row}", block.says)
        sheet.solved(f"E{row}", "checksum", i, look="solved_number4")
        place = sheet.array if block.text else sheet.formula
        place(f"F{row}", checksum_formula(block), "checksum", i, look="formula_number4")
        sheet.formula(
            f"G{row}",
            f"=IF(ABS(F{row}-E{row})<=1E-9*MAX(1,ABS(E{row})),0,1)",
            "checksum_changed",
            i,
            look="formula_integer",
        )
    last = first + len(blocks) - 1
    sheet.label(f"C{last + 1}", "letters", "item")
    sheet.label(f"D{last + 1}", LETTERS, read=True)
    sheet.name("checksum_letters", f"D{last + 1}")
    sheet.name("solved_change", f"G{first}:G{last}")
    return last + 1


def _formula_cells(sheet: Sheet, sheets: Sequence[Sheet], top: int) -> int:
    """Place one row a sheet: formulas overwritten, and errors; return the last row."""
    section(sheet, top, "Formula cells by sheet", "B", "H")
    sheet.labels(top + 1, {"B": "#", "C": "Sheet"}, "header_left")
    sheet.labels(top + 1, {"E": "Overwritten", "F": "Errors"}, "header")
    first = top + 2
    for i, judged in enumerate(sheets):
        row = first + i
        areas = [f"{judged.title}!{area}" for area in formula_areas(judged)]
        sheet.formula(f"B{row}", f"=ROWS(B${first}:B{row})", "sheet_number", i, look="formula_integer")
        sheet.label(f"C{row}", judged.title, "item")
        overwritten = "+".join(f"SUMPRODUCT(1-_xlfn.ISFORMULA({area}))" for area in areas)
        errors = "+".join(f"SUMPRODUCT(--ISERROR({area}))" for area in areas)
        sheet.formula(f"E{row}", f"={overwritten}", "overwritten_by_sheet", i, look="formula_integer")
        sheet.formula(f"F{row}", f"={errors}", "errors_by_sheet", i, look="formula_integer")
    last = first + len(sheets) - 1
    sheet.name("overwritten_by_sheet", f"E{first}:E{last}")
    sheet.name("errors_by_sheet", f"F{first}:F{last}")
    return last


def formula_areas(sheet: Sheet) -> list[str]:
    """Return ranges that cover the sheet's formula cells, less those that read the checks themselves."""
    rows_by_column: dict[int, list[int]] = {}
    for at, cell in sheet.cells.items():
        if cell.kind == "formula" and "checks_" not in cell.text:
            letters, row = coordinate_from_string(at)
            rows_by_column.setdefault(column_index_from_string(letters), []).append(row)
    columns_by_run: dict[tuple[int, int], list[int]] = {}
    for column in sorted(rows_by_column):
        for run in _runs(rows_by_column[column]):
            columns_by_run.setdefault(run, []).append(column)
    return [
        f"${get_column_letter(left)}${top}:${get_column_letter(right)}${bottom}"
        for (top, bottom), columns in columns_by_run.items()
        for left, right in _runs(columns)
    ]


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the unbroken runs in whole numbers, as (first, last)."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
