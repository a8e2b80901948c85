"""Dates as a spreadsheet counts them."""

from __future__ import annotations

from datetime import date
from typing import Final

EPOCH: Final = date(1899, 12, 30)
"""Day 0 of a spreadsheet's dates (from March 1900 on)."""


def serial(day: date | None) -> int | None:
    """Return a date as a spreadsheet counts it."""
    return None if day is None else (day - EPOCH).days
