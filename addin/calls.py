"""A cell's call answered: arguments read, the function called, what is wrong turned into a cell error."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from addin.cells import NOT_AVAILABLE, NUM, VALUE, CellError, Cells, argument, is_left_out, result
from addin.portfolio import Names
from addin.spec import REGISTRY, SpreadsheetFunction
from pyalloc.errors import (
    InfeasibleError,
    MissingHistoryError,
    PyallocError,
    SingularSystemError,
    UncertifiedError,
)

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())


def answer(name: str, arguments: Sequence[Any], names: Names | None = None) -> Cells:
    """Return what a call shows in its cells.

    Parameters
    ----------
    name : str
        Of a function of the registry.
    arguments : sequence
        Raw values as the host delivers them; missing ones at the end may be left out.
    names : callable, optional
        Reads the defined names of the calling workbook.

    Raises
    ------
    CellError
        What the cell shows instead.
    """
    function = REGISTRY[name]
    try:
        given = _given(function, arguments)
        return result(function.call(*((names,) if function.reads_names else ()), *given))
    except CellError:
        raise
    except MissingHistoryError as error:
        raise CellError(NOT_AVAILABLE, str(error)) from error
    except (SingularSystemError, InfeasibleError, UncertifiedError) as error:
        raise CellError(NUM, str(error)) from error
    except PyallocError as error:
        raise CellError(VALUE, str(error)) from error
    except Exception as bug:
        logger.exception("%s failed", name)
        raise CellError(
            VALUE, f"{name} failed unexpectedly ({type(bug).__name__}); the log says where"
        ) from bug


def _given(function: SpreadsheetFunction, raw: Sequence[Any]) -> list[Any]:
    """Return the arguments of a call as the function takes them."""
    expected = function.arguments
    if len(raw) > len(expected) and not all(map(is_left_out, raw[len(expected) :])):
        raise CellError(VALUE, f"{function.name} takes {len(expected)} arguments, {len(raw)} were given")
    given = []
    for i, spec in enumerate(expected):
        value = raw[i] if i < len(raw) else None
        if not spec.optional and is_left_out(value):
            raise CellError(VALUE, f"{spec.name} is missing: {spec.says}")
        given.append(argument(spec, value))
    return given
