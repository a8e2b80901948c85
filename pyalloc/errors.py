"""Exceptions, divided by what the caller should do about them.

Every message is one sentence for the person who can act: what was given, what is allowed, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class PyallocError(Exception):
    """Anything pyalloc refuses by name; its text is the whole explanation."""


class InputError(PyallocError):
    """What was handed in cannot be used: correct it and call again."""


class TableError(InputError):
    """A file or its cells cannot be read as what they should be; carries every problem found at once.

    Attributes
    ----------
    problems : tuple of str
        One sentence per problem, each naming file, row and column.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class MissingHistoryError(InputError):
    """Too few prices exist at that date: extend the market, or ask for a later date."""


class InfeasibleError(PyallocError):
    """No portfolio meets these limits at once: relax the ones named."""


class SingularSystemError(PyallocError):
    """The rows of ``A w = b`` do not determine one solution: change the rows named."""


class UncertifiedError(PyallocError):
    """A solver's answer failed its certificate and is withheld: report it with the input."""


class UnavailableError(PyallocError):
    """A vendor or a cluster cannot be reached, or is of no use: try later, or give another address."""
