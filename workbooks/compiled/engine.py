"""The compiled engine: a template compiled when the first workbook of its design is asked for."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from typing import Any, Final

from pyalloc.allocation import Allocation
from pyalloc.policy import Policy
from workbooks.compiled.house import house_sizes, sample_reference
from workbooks.compiled.members import Members
from workbooks.compiled.template import CompiledTemplate
from workbooks.compiled.values import Kind, kind_of
from workbooks.history import History
from workbooks.reading.content import content_of
from workbooks.template.book import PATTERN, Design, Sizes, author_book, facts_of, sizes_of
from workbooks.template.facts import Recipient
from workbooks.template.frame import FUNCTIONS, PRICES
from workbooks.template.writer import SAMPLE, template_bytes

_HOUSE: Final = "the template"


class CompiledEngine:
    """Turns allocations into workbooks; `template` is a firm's own in place of ours, `live` a flavour."""

    def __init__(self, template: bytes | None = None, *, live: bool = False) -> None:
        self._template = template
        self._live = live
        self._compiled: dict[tuple[Design, str, str], CompiledTemplate] = {}

    def __call__(
        self, allocation: Allocation, recipient: Recipient, history: History | None = None
    ) -> tuple[bytes, ChainMap[str, Any]]:
        """Return the workbook of a client and the facts that its cells show."""
        facts = facts_of(allocation, recipient, history)
        return self.rendered(facts, sizes_of(allocation, history), allocation.policy), facts

    def rendered(self, facts: ChainMap[str, Any], sizes: Sizes, policy: Policy) -> bytes:
        """Return the workbook that shows these facts."""
        design = Design.of(policy, native=sizes.native, live=self._live)
        key = design, policy.firm, policy.paper
        if key not in self._compiled:
            self._compiled[key] = self._compile(*key, facts)
        return self._compiled[key].render(facts, sizes)

    def _compile(self, design: Design, firm: str, paper: str, facts: ChainMap[str, Any]) -> CompiledTemplate:
        book = author_book(design)
        kinds = {
            ref.name: kind_of(ref.name, facts[ref.name]) for _, _, cell in book.cells() if (ref := cell.value)
        }
        if self._template is None:
            members = Members.of(_HOUSE, template_bytes(book, firm, paper))
            return CompiledTemplate.compile(members, design, PATTERN, kinds, SAMPLE)
        content = content_of(_HOUSE, self._template)
        design = replace(design, live=FUNCTIONS in content.sheets)
        sizes = house_sizes(content, design)
        members = Members.of(_HOUSE, self._template)
        return CompiledTemplate.compile(members, design, sizes, kinds, sample_reference(content, firm))


def check_template(source: str, template: bytes, policy: Policy) -> None:
    """Refuse a firm's template that cannot be filled under a policy.

    Raises
    ------
    TableError
        With a list of all that it lost.
    """
    content = content_of(source, template)
    design = Design.of(policy, native=PRICES in content.sheets, live=FUNCTIONS in content.sheets)
    sizes = house_sizes(content, design)
    facts = {cell.value.name for _, _, cell in author_book(design).cells() if cell.value}
    kinds: dict[str, Kind] = dict.fromkeys(facts, "varied")
    members, sample = Members.of(source, template), sample_reference(content, policy.firm)
    CompiledTemplate.compile(members, design, sizes, kinds, sample)
