"""How an allocation becomes the bytes of a workbook: the compiled template, or openpyxl as its reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pyalloc.allocation import Allocation
    from workbooks.template.facts import Recipient

EngineName = Literal["compiled", "openpyxl"]

Engine = Callable[["Allocation", "Recipient"], tuple[bytes, Mapping[str, Any]]]
"""Takes an allocation and whom it is for; returns the workbook's bytes and the facts that its cells show."""


def make_engine(name: EngineName, template: bytes | None = None) -> Engine:
    """Return the engine of that name.

    Parameters
    ----------
    name : {"compiled", "openpyxl"}
        ``openpyxl`` makes the same workbook the slow way, without the values of formulas.
    template : bytes, optional
        A firm's own workbook in place of ours; for ``compiled`` alone.
    """
    if name == "openpyxl":
        return _by_openpyxl
    from workbooks.compiled.engine import CompiledEngine

    return CompiledEngine(template)


def _by_openpyxl(allocation: Allocation, recipient: Recipient) -> tuple[bytes, Mapping[str, Any]]:
    from workbooks.template.book import fill
    from workbooks.template.writer import workbook_bytes

    book, facts = fill(allocation, recipient)
    return workbook_bytes(book, facts), facts
