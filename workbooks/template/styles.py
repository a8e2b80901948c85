"""The house style: one palette, one font, one look for each role a cell can play."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FONT: Final = "Arial"
"""Its metric twin is on every Linux machine, so what is checked there is what Excel prints."""

INK: Final = "14284B"
NAVY: Final = "1F3A5F"
SLATE: Final = "7C98B3"
STONE: Final = "CFC9BA"
BRONZE: Final = "B08D57"
RULE: Final = "C4CAD3"
BAND: Final = "F4F6F8"
GREY: Final = "5B6573"
MUTED: Final = "8A93A0"
SCALE: Final = "B9CADB"
IVORY: Final = "FFFBEA"
INPUT_BLUE: Final = "0000FF"
LINK_GREEN: Final = "00703C"
SOLVED_VIOLET: Final = "5A3E8C"
OK: Final = ("2E6B4F", "E6F0EA")
NOTE: Final = ("7A5F1A", "FBF3DF")
CHECK: Final = ("A23B2A", "F8E7E3")

CATEGORY_COLOURS: Final = (NAVY, SLATE, STONE, BRONZE, "5E7F73", "9A7B8C")
REGIME_COLOURS: Final = ("A9C4B4", "DDD9CC", "E3C99A", "CE9486")

PERCENT: Final = "0.00%"
PERCENT_1: Final = "0.0%"
NUMBER_2: Final = "0.00"
NUMBER_4: Final = "0.0000"
SIGNED_1: Final = "+0.0;-0.0;0.0"
AMOUNT: Final = "#,##0.00"
TINY: Final = "0.0E+00"
DATE: Final = "d mmm yyyy"
MONTH: Final = "mmm yy"
YEAR: Final = "yyyy"
INTEGER: Final = "0"


@dataclass(frozen=True)
class Look:
    """How a cell looks; colours are RGB hex."""

    size: float = 9
    bold: bool = False
    italic: bool = False
    colour: str = INK
    fill: str = ""
    border: str = ""
    number_format: str = "General"
    align: str = ""
    wrap: bool = False
    indent: int = 0
    shrink: bool = False
    unlocked: bool = False


_INPUT: Final = Look(colour=INPUT_BLUE, fill=IVORY, border="hair", unlocked=True, align="right")
_FORMULA: Final = Look(colour="000000", align="right")
_LINK: Final = replace(_FORMULA, colour=LINK_GREEN)
_SOLVED: Final = replace(_FORMULA, colour=SOLVED_VIOLET)
_ROLES: Final = {"input": _INPUT, "formula": _FORMULA, "link": _LINK, "solved": _SOLVED}
_FORMATS: Final = {
    "direction": "+0;-0;0",
    "": "General",
    "percent": PERCENT,
    "percent1": PERCENT_1,
    "number": NUMBER_2,
    "number3": "0.000",
    "number4": NUMBER_4,
    "signed": SIGNED_1,
    "signed2": "+0.00;-0.00;0.00",
    "tiny": TINY,
    "date": DATE,
    "integer": INTEGER,
    "amount": AMOUNT,
    "whole": "#,##0",
}

_FIXED: Final = {
    "title": Look(size=16, bold=True),
    "purpose": Look(italic=True, colour=GREY),
    "section": Look(size=10, bold=True, border="below"),
    "section_note": Look(size=8, colour=GREY, border="below", align="right"),
    "header": Look(size=8, bold=True, colour=GREY, fill=BAND, align="right", wrap=True),
    "header_left": Look(size=8, bold=True, colour=GREY, fill=BAND, wrap=True, align="left"),
    "label": Look(),
    "item": Look(align="left", indent=1),
    "strong": Look(bold=True),
    "note": Look(size=8, colour=GREY, align="left", indent=1),
    "plain_note": Look(size=8, colour=GREY, shrink=True),
    "note_right": Look(size=8, colour=GREY, align="right"),
    "note_wrap": Look(size=8, colour=GREY, wrap=True),
    "about": Look(size=11, colour=GREY, wrap=True),
    "head_text": Look(size=8, colour=GREY),
    "head_date": Look(size=8, colour=GREY, align="right", number_format=DATE),
    "badge": Look(size=9, bold=True, align="right"),
    "note_center": Look(size=8, colour=GREY, align="center"),
    "top": Look(wrap=True),
    "badge_box": Look(size=9, bold=True, align="center"),
    "as_of": Look(size=9, bold=True, align="left", number_format=DATE),
    "marker": Look(size=9, align="center"),
    "ink_band": Look(fill=INK),
    "firm": Look(size=7.5, bold=True, colour=BRONZE),
    "client": Look(size=20, bold=True, shrink=True),
    "tile_label": Look(size=8, colour=GREY, border="bronze_above"),
    "tile": Look(size=14, bold=True, align="left", shrink=True),
    "tile_percent1": Look(size=14, bold=True, align="left", number_format=PERCENT_1),
    "tile_whole": Look(size=14, bold=True, align="left", number_format="#,##0", shrink=True),
    "tile_note": Look(size=8, colour=GREY, shrink=True),
    "paragraph": Look(colour=GREY, wrap=True),
    "notice": Look(bold=True, wrap=True),
    "synthetic": Look(bold=True, colour=CHECK[0]),
    "disclaimer": Look(size=7, colour=MUTED, wrap=True),
    "ok": Look(bold=True, colour=OK[0], fill=OK[1]),
    "stale": Look(bold=True, colour=NOTE[0], fill=NOTE[1]),
    "check": Look(bold=True, colour=CHECK[0], fill=CHECK[1]),
    "now": Look(bold=True, fill=NOTE[1]),
    "overridden": Look(bold=True, colour=NOTE[0], fill=NOTE[1]),
    "bound": Look(bold=True, colour=CHECK[0]),
}


def _looks() -> dict[str, Look]:
    """Return every look: the fixed ones, and each role in each number format, plain and strong."""
    looks = dict(_FIXED)
    for role, look in _ROLES.items():
        for suffix, number_format in _FORMATS.items():
            key = f"{role}_{suffix}" if suffix else role
            looks[key] = replace(look, number_format=number_format)
        looks[f"{role}_text"] = replace(look, align="left", indent=1, shrink=True)
    for suffix, number_format in _FORMATS.items():
        # The reading page: house colours, whatever a cell is made from.
        key = f"read_{suffix}" if suffix else "read"
        looks[key] = Look(border="row", align="right", number_format=number_format, shrink=True)
    looks["read_label"] = Look(border="row", shrink=True)
    looks |= {f"strong_{key}": replace(look, bold=True) for key, look in looks.items()}
    looks |= {
        "header_date": replace(looks["header"], number_format=MONTH),
        "price": replace(_INPUT, fill="", border="", number_format="0.00##", unlocked=False),
        "said": replace(_SOLVED, align="left", indent=1),
        "said_text": replace(_SOLVED, size=11, align="left", wrap=True),
        "limit": replace(_INPUT, unlocked=False, number_format="[=0]0;[<0.001]0E+00;General"),
    }
    looks |= {f"category_{i}": Look(size=11, colour=c, border="row") for i, c in enumerate(CATEGORY_COLOURS)}
    looks |= {f"regime_{i}": Look(fill=c) for i, c in enumerate(REGIME_COLOURS)}
    return looks


LOOKS: Final = _looks()
"""Every look by name."""
