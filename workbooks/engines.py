"""How an allocation becomes the bytes of a workbook: the compiled template, or openpyxl as its reference."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pyalloc.allocation import Allocation
    from workbooks.history import History
    from workbooks.template.facts import Recipient

EngineName = Literal["compiled", "openpyxl"]

Flavour = Literal["client", "live"]
"""A workbook to read anywhere, or one to work in, with pyalloc's functions beside the native cells."""


class Engine(Protocol):
    """Makes workbooks."""

    def __call__(
        self, allocation: Allocation, recipient: Recipient, history: History | None = None
    ) -> tuple[bytes, Mapping[str, Any]]:
        """Return the bytes of a workbook and the facts that its cells show.

        Parameters
        ----------
        allocation : Allocation
        recipient : Recipient
            Whom it is for.
        history : History, optional
            The policy's past at the client's risk; without one its sheet says that there is none.
        """


def make_engine(name: EngineName, template: bytes | None = None, flavour: Flavour = "client") -> Engine:
    """Return the engine of that name.

    Parameters
    ----------
    name : {"compiled", "openpyxl"}
        ``openpyxl`` makes the same workbook the slow way, without the values of formulas.
    template : bytes, optional
        A firm's own workbook in place of ours, whose flavour it has; for ``compiled`` alone.
    flavour : {"client", "live"}
    """
    live = flavour == "live"
    if name == "openpyxl":
        return partial(_by_openpyxl, live)
    from workbooks.compiled.engine import CompiledEngine

    return CompiledEngine(template, live=live)


def _by_openpyxl(
    live: bool, allocation: Allocation, recipient: Recipient, history: History | None = None
) -> tuple[bytes, Mapping[str, Any]]:
    from workbooks.template.book import fill
    from workbooks.template.writer import workbook_bytes

    book, facts = fill(allocation, recipient, history, live=live)
    return workbook_bytes(book, facts), facts
