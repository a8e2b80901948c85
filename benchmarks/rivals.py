"""The same workbook by the libraries that write them: from the authored book and its facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from openpyxl import load_workbook

from workbooks.template.author import Book, Cell, Sheet
from workbooks.template.charts import Chart
from workbooks.template.styles import FONT, LOOKS, Look
from workbooks.template.writer import write_workbook

_CHARTS = {"doughnut": "doughnut", "bars": "bar", "scatter": "scatter"}


def filled_template(book: Book, facts: Mapping[str, Any], path: Path) -> Path:
    """Write the workbook that a batch with openpyxl would load for every client."""
    write_workbook(book, facts, path)
    return path


def by_openpyxl(template: Path, book: Book, facts: Mapping[str, Any], path: Path) -> None:
    """Load the template, put a client's values in, and save."""
    workbook = load_workbook(template)
    for sheet in book.sheets:
        target = workbook[sheet.title]
        for at, cell in sheet.cells.items():
            if cell.value is not None and cell.kind != "formula":
                target[at].value = _plain(cell.value.of(facts))
    workbook.save(path)


def by_xlsxwriter(book: Book, facts: Mapping[str, Any], path: Path) -> None:
    """Write the whole workbook anew."""
    from xlsxwriter import Workbook

    workbook = Workbook(
        str(path), {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False}
    )
    formats = {
        look: workbook.add_format(_format(LOOKS[look])) for look in {c.look for _, _, c in book.cells()}
    }
    for sheet in book.sheets:
        target = workbook.add_worksheet(sheet.title)
        target.hide_gridlines(2)
        for area in sheet.merged:
            target.merge_range(area, "")
        for at, cell in sheet.cells.items():
            _write(target, at, cell, facts, formats[cell.look])
        _furnish(workbook, target, sheet)
    for name, area in book.names.items():
        workbook.define_name(name, f"={area}")
    workbook.close()


def _write(target: Any, at: str, cell: Cell, facts: Mapping[str, Any], look: Any) -> None:
    value = _plain(cell.value.of(facts)) if cell.value else cell.text
    if cell.array:
        target.write_array_formula(cell.array, cell.text, look, value)
    elif cell.kind == "formula" and cell.text:
        target.write_formula(at, cell.text, look, value)
    elif value is None or value == "":
        target.write_blank(at, None, look)
    elif isinstance(value, str):
        target.write_string(at, value, look)
    else:
        target.write_number(at, value, look)


def _furnish(workbook: Any, target: Any, sheet: Sheet) -> None:
    """Give a sheet its widths, heights, rules, validations and charts."""
    for column, width in sheet.widths.items():
        target.set_column(f"{column}:{column}", width)
    for row, height in sheet.heights.items():
        target.set_row(row - 1, height)
    for check in sheet.validations:
        areas = check.area.split()
        options = {"input_title": check.title[:32], "input_message": check.message, "other_cells": []}
        if check.type == "custom":
            options |= {"validate": "custom", "value": f"={check.formula1}"}
        else:
            kind = {"textLength": "length", "whole": "integer"}.get(check.type, check.type)
            low, high = float(check.formula1), float(check.formula2 or 0)
            options |= {"validate": kind, "criteria": "between", "minimum": low, "maximum": high}
        for area in areas:
            target.data_validation(area, dict(options))
    for rule in sheet.rules:
        look = workbook.add_format(
            {"bold": LOOKS[rule.look].bold, "font_color": f"#{LOOKS[rule.look].colour}"}
        )
        target.conditional_format(
            rule.area, {"type": "formula", "criteria": f"={rule.formula}", "format": look}
        )
    for area in sheet.scales:
        target.conditional_format(area, {"type": "2_color_scale"})
    if sheet.filter:
        target.autofilter(sheet.filter)
    for chart in sheet.charts:
        target.insert_chart(chart.first, _chart(workbook, chart))


def _chart(workbook: Any, chart: Chart) -> Any:
    made = workbook.add_chart({"type": _CHARTS[chart.kind]})
    for line in chart.lines:
        made.add_series(
            {"name": line.title, "categories": f"={line.categories}", "values": f"={line.values}"}
        )
    return made


def _format(look: Look) -> dict[str, Any]:
    options = {
        "font_name": FONT,
        "font_size": look.size,
        "bold": look.bold,
        "italic": look.italic,
        "font_color": f"#{look.colour}",
        "num_format": look.number_format,
        "text_wrap": look.wrap,
        "indent": look.indent,
        "locked": not look.unlocked,
    }
    if look.align:
        options["align"] = look.align
    if look.fill:
        options |= {"bg_color": f"#{look.fill}", "pattern": 1}
    if look.border:
        options["bottom"] = 1
    return options


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
