"""One client's workbook by every way there is: rendered and written, full content, from the same facts."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.measure import paired, show
from benchmarks.rivals import by_openpyxl, by_xlsxwriter, filled_template
from pyalloc import InvestorProfile, MarketData, Policy, allocate
from pyalloc.allocation import Allocation
from pyalloc.marketdata.demo import write_demo_market
from workbooks.compiled import archive, values
from workbooks.compiled.engine import CompiledEngine
from workbooks.history import History, history_at
from workbooks.template.book import fill, sizes_of
from workbooks.template.facts import Recipient

CLIENTS: Final = 12
ROUNDS: Final = 8
COMPILED: Final = "compiled"


def run() -> None:
    """Write workbooks of clients of the demo market, each client by every way in turn."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        view = MarketData.from_path(write_demo_market(folder / "market")).at()
        allocations = [
            allocate(view, profile=InvestorProfile(3 + i % 5, 100_000.0 + 1000.0 * i)) for i in range(CLIENTS)
        ]
        # The libraries fill one template, so all clients must have as many lines as it has.
        cases = [
            (one, history_at(view.market, one.policy, one.profile.risk, view.as_of)) for one in allocations
        ]
        cases = [case for case in cases if sizes_of(*case) == sizes_of(*cases[0])]
        ways = _ways(cases, folder)
        seconds = paired(ways, ROUNDS)
        size = (folder / "compiled.xlsx").stat().st_size
        show(
            f"One workbook of {len(allocations[0].universe.assets)} stocks and its past, "
            f"{size / 1e3:.0f} kB, rendered and written, ratio to {COMPILED}",
            seconds,
            COMPILED,
            _NOTES,
        )


_NOTES: Final = {
    COMPILED: "with orjson and isal",
    "compiled, standard library": "json and zlib 6",
    "floor": "deflating the same members by isal and writing them, nothing else",
    "openpyxl, load + fill + save": "no cached values, template of the same sizes",
    "XlsxWriter": "from scratch, cached values, formats, names, validations, charts",
}


def _ways(made_for: list[tuple[Allocation, History]], folder: Path) -> dict[str, Callable[[], object]]:
    """Return each way of writing the next client's workbook."""
    cases = [fill(one, Recipient(f"C-{i}", f"Client {i}"), past) for i, (one, past) in enumerate(made_for)]
    sizes, policy = sizes_of(*made_for[0]), Policy()
    book, fast, plain = cases[0][0], CompiledEngine(), CompiledEngine()
    template = filled_template(book, cases[0][1], folder / "template.xlsx")
    next_facts = {way: cycle([facts for _, facts in cases]) for way in _NOTES}
    members = _members(fast.rendered(cases[0][1], sizes, policy))

    def compiled() -> None:
        made = fast.rendered(next(next_facts[COMPILED]), sizes, policy)
        (folder / "compiled.xlsx").write_bytes(made)

    def standard() -> None:
        with _standard_library():
            made = plain.rendered(next(next_facts["compiled, standard library"]), sizes, policy)
        (folder / "plain.xlsx").write_bytes(made)

    def floor() -> None:
        entries = [archive.entry(name, [archive.piece(content)]) for name, content in members]
        (folder / "floor.xlsx").write_bytes(archive.archive(entries))

    def openpyxl() -> None:
        facts = next(next_facts["openpyxl, load + fill + save"])
        by_openpyxl(template, book, facts, folder / "openpyxl.xlsx")

    def xlsxwriter() -> None:
        by_xlsxwriter(book, next(next_facts["XlsxWriter"]), folder / "xlsxwriter.xlsx")

    return dict(zip(_NOTES, (compiled, standard, floor, openpyxl, xlsxwriter), strict=True))


@contextmanager
def _standard_library() -> Iterator[None]:
    """Do without the accelerators."""
    before = values.FAST, archive.FAST
    values.FAST = archive.FAST = False
    try:
        yield
    finally:
        values.FAST, archive.FAST = before


def _members(workbook: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(BytesIO(workbook)) as packed:
        return [(name, packed.read(name)) for name in packed.namelist()]
