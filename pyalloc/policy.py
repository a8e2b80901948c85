"""The house policy: every knob of the chain in one validated, immutable model and one TOML file."""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import Doc

from pyalloc.category import CategoryPolicy, CategoryRow
from pyalloc.errors import InputError
from pyalloc.frontier import SleevePolicy
from pyalloc.macro import MacroPolicy
from pyalloc.stocks import StockPolicy
from pyalloc.tables import cells
from pyalloc.tables.columns import MAX_TEXT

_SECTIONS = {
    "macro": "Macro conditions: the reference months, stress, regimes and sector tilts.",
    "stocks": "Stock selection: score, scaling, cap.",
    "sleeve": "The stock sleeve: covariance, expected returns, return target.",
    "category": "Stocks, bonds, cash and commodities: the shares behind A w = b.",
}


LARGEST_FILE: Final = 1_000_000
"""Bytes of a TOML file; the house policy has some thousands."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file as parsed.

    Raises
    ------
    InputError
        Where it cannot be read, is larger than :data:`LARGEST_FILE`, or is no TOML.
    """
    try:
        content = path.read_bytes()
        if len(content) > LARGEST_FILE:
            raise InputError(f"{path.name}: {len(content):,} bytes; at most {LARGEST_FILE:,} are read")
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path.name}: is not valid TOML: {error}") from error


class Policy(BaseModel):
    """Every knob; ``Policy()`` is the house policy, ``Policy.from_toml(path)`` a firm's own.

    Attributes
    ----------
    firm : str
        Shown at the head of every workbook.
    paper : {"A4", "Letter"}
        What workbooks are laid out for.
    max_price_age_days : int
        Days by which the market's last close may lie before today before ``pyalloc allocate`` warns.
    other_sleeves : {"equal", "inverse_volatility", "equal_risk"}
        How bonds, cash and commodities are weighted within their category.
    macro, stocks, sleeve, category
        The knobs of each step, each documented in its own class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    firm: Annotated[
        str, Field(max_length=60), Doc("The firm's name, shown at the head of every workbook.")
    ] = "Your firm"
    paper: Annotated[Literal["A4", "Letter"], Doc("Paper that workbooks are laid out for.")] = "A4"
    max_price_age_days: Annotated[
        int,
        Field(ge=0),
        Doc("Days by which the market's last close may lie before today before `allocate` warns."),
    ] = 7
    other_sleeves: Annotated[
        Literal["equal", "inverse_volatility", "equal_risk"],
        Doc(
            "Weights of bonds, cash and commodities: equal, inverse_volatility, or equal_risk contributions."
        ),
    ] = "equal"
    macro: MacroPolicy = Field(default_factory=MacroPolicy)
    stocks: StockPolicy = Field(default_factory=StockPolicy)
    sleeve: SleevePolicy = Field(default_factory=SleevePolicy)
    category: CategoryPolicy = Field(default_factory=CategoryPolicy)

    @classmethod
    def from_toml(cls, path: str | Path) -> Policy:
        """Read a policy file; what it leaves out keeps the house value.

        Raises
        ------
        InputError
            With a sentence for every unknown key and every value out of range.
        """
        path = Path(path)
        return cls.from_document(read_toml(path), path.name)

    @classmethod
    def from_document(cls, data: Mapping[str, Any], source: str) -> Policy:
        """Return the policy of a parsed TOML document; `source` is what messages call it.

        Raises
        ------
        InputError
            With a sentence for every unknown key and every value out of range.
        """
        try:
            for written in _texts(data):
                cells.text(written, MAX_TEXT)
            # As JSON, because only there is a list a tuple and yet a text no number. No key takes a date.
            document = json.dumps(data, default=lambda date: [str(date)])
            return cls.model_validate_json(document, strict=True)
        except ValidationError as error:
            raise InputError("\n".join(_sentences(source, error, data))) from error
        except InputError as error:
            raise InputError(f"{source}: {error}") from error

    def to_toml(self) -> str:
        """Return the policy as TOML text, every knob explained in a comment."""
        lines = ["# The pyalloc policy. Every key is optional: what is left out keeps the house value.", ""]
        lines += _entries(Policy, {key: value for key, value in self if key not in _SECTIONS})
        for section, says in _SECTIONS.items():
            part = getattr(self, section)
            values = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
            lines += ["", f"# {says}", f"[{section}]", *_entries(type(part), values, section)]
        return "\n".join(lines) + "\n"


def read_policy(path: Path | None) -> Policy:
    """Return the policy of a file, or the house policy where none is named."""
    return Policy() if path is None else Policy.from_toml(path)


def _entries(owner: type, values: Mapping[str, Any], section: str = "") -> list[str]:
    """Return the TOML lines of one table: plain keys first, then nested tables, each explained."""
    hints = get_type_hints(owner, include_extras=True)
    plain, nested = [], []
    for key, value in values.items():
        explained = [f"# {doc.documentation}" for doc in get_args(hints[key]) if isinstance(doc, Doc)]
        if isinstance(value, Mapping):
            nested += [
                "",
                *explained,
                f"[{section}.{key}]",
                *(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()),
            ]
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            nested += ["", *explained]
            for row in value:
                nested += [f"[[{section}.{key}]]", *(f"{k} = {_toml(v)}" for k, v in vars(row).items()), ""]
        else:
            plain += [*explained, f"# {key} = (not set)" if value is None else f"{key} = {_toml(value)}"]
    return plain + nested


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, str):
        # A TOML basic string escapes as JSON does.
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _texts(data: object) -> Iterator[str]:
    """Yield every text in parsed TOML, keys and values."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        yield from chain.from_iterable(_texts(item) for entry in data.items() for item in entry)
    elif isinstance(data, list):
        yield from chain.from_iterable(map(_texts, data))


def _sentences(file: str, error: ValidationError, data: Mapping[str, Any]) -> Iterator[str]:
    """Turn pydantic's list into one sentence a place, with the nearest key where one is unknown."""
    faults: dict[str, list[str]] = {}
    for fault in error.errors():
        path, value = _written_at(fault["loc"], data)
        place = f"{file}: {_in_words(path)}"
        match fault["type"]:
            case "extra_forbidden" | "unexpected_keyword_argument":
                known = _known_keys()
                near = difflib.get_close_matches(str(path[-1]), known, n=1)
                hint = f"; did you mean {known[near[0]]}?" if near else ""
                faults.setdefault(f"{place} is not a key of the policy{hint}", [])
            case "missing" | "missing_argument":
                faults.setdefault(f"{place} is missing", [])
            case _:
                says = f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
                faults.setdefault(f"{place} is {value!r}", []).append(says)
    for place, reasons in faults.items():
        yield place + (f": {', or '.join(reasons)}" if reasons else "")


def _written_at(loc: tuple[int | str, ...], data: Any) -> tuple[list[int | str], Any]:
    """Return the part of pydantic's location that is in the file (no tags of a union), and what is there."""
    path = []
    for part in loc:
        if isinstance(data, dict):
            data = data.get(str(part))
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part] if part < len(data) else None
        else:
            continue
        path.append(part)
    return path, data


def _in_words(path: list[int | str]) -> str:
    """Return a place in the file as a person finds it: ``[category] rows, entry 2, share``."""
    section, *rest = [f"entry {part + 1}" if isinstance(part, int) else part for part in path]
    return f"[{section}] {', '.join(rest)}" if rest else section


def _known_keys() -> dict[str, str]:
    """Return every key of a policy file, and how to write it with the table that it belongs to."""
    known = {key: f"[{key}]" if key in _SECTIONS else key for key in Policy.model_fields}
    for section in _SECTIONS:
        part = getattr(Policy(), section)
        known.update({key.name: f"[{section}] {key.name}" for key in dataclasses.fields(part)})
    known.update({key.name: f"[[category.rows]] {key.name}" for key in dataclasses.fields(CategoryRow)})
    return known
