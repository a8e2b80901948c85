"""The commands that judge workbooks: audit, and recompute, the round trip without a spreadsheet program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pyalloc.errors import InputError

if TYPE_CHECKING:
    from pyalloc.allocation import Allocation
    from pyalloc.marketdata import MarketData
    from workbooks.audit import AuditResult, Finding
    from workbooks.reading.edited import EditedWorkbook

DEPARTED: Final = 1
"""Exit code where a workbook has more than information to be told."""

UNREADABLE: Final = 2
"""Exit code where a file could not be read, whatever the others hold."""

_LONGEST_SHOWN = 44
_SUFFIXES: Final = (".xlsx", ".xlsm")

Market = Annotated[
    Path | None, typer.Option(help="Market folder that prices, features and names are judged against.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    examples: dict[Callable[..., None], str] = {
        audit: "pyalloc audit demo/clients --market demo/market",
        recompute: "pyalloc recompute edited.xlsx -o recomputed.xlsx",
    }
    for command, example in examples.items():
        app.command(epilog=f"Example:\n\n{example}")(command)


def audit(
    files: Annotated[list[Path], typer.Argument(help="Workbooks, or folders of them.")],
    market: Market = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every cell, for a program.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write a report, an .xlsx file, instead.")] = None,
) -> None:
    """Recompute workbooks that people may have edited, and report every cell that departs.

    Ends with 0 where every workbook is as it was made, 1 where one departs,
    2 where a file cannot be read.
    """
    from rich.console import Console
    from rich.progress import track

    from pyalloc.marketdata import MarketData
    from workbooks.audit import audit_file

    if as_json and out:
        raise InputError("--json and --out are two ways to report: give one of them")
    paths = list(_workbooks(files, out))
    data = MarketData.from_path(market) if market else None
    terminal = Console(stderr=True)
    shown = track(
        paths, "Audit", console=terminal, transient=True, disable=len(paths) == 1 or not sys.stderr.isatty()
    )
    results = [(path, audit_file(path, data)) for path in shown]
    if as_json:
        print(_as_json(results))
    elif out:
        _write_report(results, out)
    else:
        _print_findings(results)
    verdicts = {result.verdict for _, result in results}
    raise typer.Exit(UNREADABLE if "unreadable" in verdicts else DEPARTED if "departs" in verdicts else 0)


def recompute(
    file: Annotated[Path, typer.Argument(help="Workbook whose inputs were edited.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Workbook to write.")],
    market: Annotated[
        Path | None, typer.Option(help="Market folder; default: the workbook's own data.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a workbook anew from its edited inputs, keeping its styles and added sheets."""
    from pyalloc.marketdata import MarketData
    from workbooks.engines import make_engine
    from workbooks.folder import replacing
    from workbooks.reading import read_content, recomputed
    from workbooks.reading.edited import EditedWorkbook

    if out.exists() and not force:
        raise InputError(f"{out} exists: name a new file, or give --force to replace it")
    content = read_content(file)
    data = MarketData.from_path(market) if market else None
    allocation, recipient = recomputed(content, data)
    workbook = EditedWorkbook.of(content)
    history = workbook.history_anew(data)
    rendered, _ = make_engine("compiled", template=file.read_bytes())(allocation, recipient, history)
    with replacing(out) as part:
        part.write_bytes(rendered)
    _print_changes(workbook, allocation, data)
    print(f"{out} is written.")


# --- which files ----------------------------------------------------------------------------------------


def _workbooks(files: Sequence[Path], out: Path | None) -> Iterator[Path]:
    """Yield the files, and of each folder every workbook but summaries and what Excel keeps of open ones."""
    from workbooks.clients import SUMMARY_FILE

    for file in files:
        if not file.is_dir():
            yield file
            continue
        found = sorted(path for path in file.iterdir() if path.suffix.lower() in _SUFFIXES)
        inside = [
            path for path in found if path.name != SUMMARY_FILE and path != out and path.name[0] not in ".~"
        ]
        if not inside:
            raise InputError(f"{file} has no workbook in it: name a folder that pyalloc generate has written")
        yield from inside


# --- what is printed ------------------------------------------------------------------------------------


def _print_findings(results: Sequence[tuple[Path, AuditResult]]) -> None:
    from rich.console import Console
    from rich.table import Table

    # Wide enough that no figure is ever cut; a terminal wraps what it cannot show.
    console = Console(markup=False, highlight=False, width=240)
    for path, result in results:
        console.print(f"{path}: {_verdict(result)}")
        if not result.findings:
            continue
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
        for column in ("where", "finding", "of", "stands", "should be", "what to do"):
            table.add_column(column, no_wrap=True)
        for line in result.lines:
            first = line.first
            says = "; ".join(filter(None, [first.says, first.kind.remedy]))
            values = map(_shown, (first.found, first.expected))
            table.add_row(line.where, first.kind.words, first.fact, *values, says)
        console.print(table)
    if len(results) > 1:
        verdicts = [result.verdict for _, result in results]
        counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
        console.print(f"{len(results)} files: {', '.join(counts)}")


def _verdict(result: AuditResult) -> str:
    if result.error:
        return result.error
    if result.verdict == "as made":
        return "every number and formula is as it was made"
    counts = (
        (result.count("fault"), "fault", "faults"),
        (result.count("note"), "note", "notes"),
        (result.consequences, "cell that follows from them", "cells that follow from them"),
    )
    return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count)


def _shown(value: object) -> str:
    """Return a value as a column of text shows it."""
    text = "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _as_json(results: Sequence[tuple[Path, AuditResult]]) -> str:
    files = [
        {
            "file": str(path),
            "client_id": result.client_id,
            "as_of": result.as_of.isoformat() if result.as_of else None,
            "verdict": result.verdict,
            "error": result.error,
            "findings": [_finding(finding) for finding in result.findings],
        }
        for path, result in results
    ]
    return json.dumps({"files": files}, indent=1, allow_nan=False, ensure_ascii=False)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.words,
        "severity": finding.kind.severity,
        "sheet": finding.sheet,
        "cell": finding.at,
        "name": finding.fact,
        "found": finding.found,
        "expected": finding.expected,
        "says": finding.says,
        "to_do": finding.kind.remedy,
    }


def _write_report(results: Sequence[tuple[Path, AuditResult]], out: Path) -> None:
    from workbooks.reports.audit_report import write_audit_report

    write_audit_report(results, out)
    departing = sum(result.verdict != "as made" for _, result in results)
    print(f"{out}: {len(results)} files, {departing} to look at.")


def _print_changes(workbook: EditedWorkbook, after: Allocation, market: MarketData | None) -> None:
    """Print each edited input, and what became of the category weights."""
    from pyalloc.errors import PyallocError

    for ref in workbook.edits:
        sheet, at = workbook.places[ref]
        before, now = workbook.layout.generated[ref], workbook.inputs[ref]
        print(f"{sheet}!{at}, {ref.name}: {_shown(before) or 'empty'} → {_shown(now) or 'empty'}")
    if not workbook.edits:
        print("No input was edited.")
    try:
        weights = workbook.allocation(workbook.layout.generated, market)[0].trace["category_weights"]
    except PyallocError:  # as for a date that the market does not have
        weights = [None] * len(after.trace["category_names"])
    for category, was, now in zip(
        after.trace["category_names"], weights, after.trace["category_weights"], strict=True
    ):
        print(f"{category:<20}{'' if was is None else f'{100 * was:.2f} % → '}{100 * now:.2f} %")
