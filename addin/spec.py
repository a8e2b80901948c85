"""How a spreadsheet function is declared: an annotated Python function becomes an entry of the registry.

Every host is served from the registry, so a new function is one function in :mod:`addin.functions`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray


class Kind(StrEnum):
    """What an argument is; a cell or range that is something else is refused."""

    NUMBER = "number"
    TEXT = "text"
    LEVEL = "number or text"
    VECTOR = "numbers in one row or one column"
    TEXTS = "texts in one row or one column"
    MATRIX = "numbers in rows and columns"
    TABLE = "rows of texts and numbers"
    ANYTHING = "anything"


Number = Annotated[float, Kind.NUMBER]
Text = Annotated[str, Kind.TEXT]
Level = Annotated[float | str, Kind.LEVEL]
Vector = Annotated[NDArray[np.float64], Kind.VECTOR]
Texts = Annotated[tuple[str, ...], Kind.TEXTS]
Matrix = Annotated[NDArray[np.float64], Kind.MATRIX]
Table = Annotated[tuple[tuple[Any, ...], ...], Kind.TABLE]
Anything = Annotated[Any, Kind.ANYTHING]


@dataclass(frozen=True)
class Choice:
    """The texts that an argument may be."""

    options: tuple[str, ...]


@dataclass(frozen=True)
class Argument:
    """One argument of a spreadsheet function.

    Attributes
    ----------
    name : str
    kind : Kind
    says : str
        What it is, with its unit.
    optional : bool
    default : object
        What an argument left out is.
    options : tuple of str
        The texts that it may be; empty where any will do.
    """

    name: str
    kind: Kind
    says: str
    optional: bool
    default: object
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpreadsheetFunction:
    """A function that a cell can call.

    Attributes
    ----------
    name : str
        What is typed in a cell.
    call : callable
    says : str
        What it is for, in a sentence.
    returns : str
        What comes back, with its unit.
    category : str
        Where the host's function list shows it.
    arguments : tuple of Argument
    reads_names : bool
        Whether its first parameter gets a reader of the calling workbook's defined names.
    example : str
        A call as it is typed.
    """

    name: str
    call: Callable[..., Any]
    says: str
    returns: str
    category: str
    arguments: tuple[Argument, ...]
    reads_names: bool
    example: str


REGISTRY: Final[dict[str, SpreadsheetFunction]] = {}
"""Every declared function, by the name typed in a cell."""

CATEGORY: Final = "pyalloc"
LONGEST_TEXT: Final = 255
"""Characters of a description that Excel keeps."""

_PREFIXES: Final = ("DYNALLOC_", "CATEGORY_", "ADJ_")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_LIKE_A_CELL: Final = re.compile(r"[A-Z]{1,3}[0-9]+|R[0-9]*C[0-9]*")
_ARGUMENT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

F = TypeVar("F", bound=Callable[..., Any])


def spreadsheet_function(name: str, *, returns: str, example: str) -> Callable[[F], F]:
    """Declare a function that a cell can call.

    Its docstring's first paragraph is the help text; every parameter is annotated with one of the kinds above
    and what it is. A first parameter called ``names``, of no kind, gets a reader of the calling workbook's
    defined names.

    Parameters
    ----------
    name : str
        Upper case, with one of the prefixes by which the functions are found.
    returns : str
    example : str

    Raises
    ------
    ValueError
        Where a name is taken or would not work in a spreadsheet, or a text is missing or too long.
    """

    def declare(call: F) -> F:
        names_first, arguments = _arguments(call)
        says = " ".join((inspect.getdoc(call) or "").partition("\n\n")[0].split())
        _check_name(name)
        _check_text(name, "its docstring", says)
        _check_text(name, "what it returns", returns)
        for argument in arguments:
            _check_text(name, argument.name, argument.says)
        REGISTRY[name] = SpreadsheetFunction(
            name, call, says, returns, CATEGORY, arguments, names_first, example
        )
        return call

    return declare


def _arguments(call: Callable[..., Any]) -> tuple[bool, tuple[Argument, ...]]:
    """Return whether the first parameter gets the workbook's names, and the arguments of a cell's call."""
    hints = get_type_hints(call, include_extras=True)
    parameters = list(inspect.signature(call).parameters.values())
    names_first = [p.name for p in parameters[:1]] == ["names"] and not _metadata(hints.get("names"))
    arguments = []
    for parameter in parameters[1 if names_first else 0 :]:
        metadata = _metadata(hints.get(parameter.name))
        if not any(isinstance(m, Kind) for m in metadata):
            raise ValueError(f"the argument {parameter.name} needs a kind, as Number or Vector")
        if not _ARGUMENT.fullmatch(parameter.name):
            raise ValueError(f"the argument {parameter.name} must be letters a to z, digits and _")
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise ValueError(f"the argument {parameter.name} needs a place: a cell gives arguments in order")
        optional = parameter.default is not inspect.Parameter.empty
        arguments.append(
            Argument(
                parameter.name,
                next(m for m in metadata if isinstance(m, Kind)),
                next((m for m in metadata if type(m) is str), ""),
                optional,
                parameter.default if optional else None,
                next((m.options for m in metadata if isinstance(m, Choice)), ()),
            )
        )
    return names_first, tuple(arguments)


def _metadata(hint: Any) -> list[Any]:
    """Return what annotations say, those inside a union with None too."""
    if get_origin(hint) is Annotated:
        inner, *own = get_args(hint)
        return [*_metadata(inner), *own]
    return [m for option in get_args(hint) for m in _metadata(option)]


def _check_name(name: str) -> None:
    if _LIKE_A_CELL.fullmatch(name):
        raise ValueError(f"{name} reads like a cell")
    if not (_NAME.fullmatch(name) and name.startswith(_PREFIXES)):
        raise ValueError(
            f"{name} must be upper-case letters, digits and _, and begin with one of {', '.join(_PREFIXES)}"
        )
    if name in REGISTRY:
        raise ValueError(f"{name} is declared already")


def _check_text(name: str, what: str, text: str) -> None:
    if not 0 < len(text) <= LONGEST_TEXT:
        raise ValueError(f"{name}: the text of {what} has {len(text)} characters; 1 to {LONGEST_TEXT} do")
