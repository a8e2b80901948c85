"""The audit of one file, from the container down to the cell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from pyalloc.errors import InputError, PyallocError, TableError
from pyalloc.marketdata import MarketData
from workbooks.audit.causes import cell_findings
from workbooks.audit.departures import without_values
from workbooks.audit.findings import AuditResult, Finding, Kind
from workbooks.audit.inputs import follow
from workbooks.audit.structure import file_findings, line_findings, structure_findings
from workbooks.reading.content import Content, read_content
from workbooks.reading.edited import EditedWorkbook
from workbooks.reading.settings import day
from workbooks.template.facts import TEMPLATE_VERSION

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())


def audit(content: Content, market: MarketData | None = None) -> AuditResult:
    """Recompute a workbook from its inputs and report every cell that departs.

    Parameters
    ----------
    content : Content
        What :func:`workbooks.reading.read_content` found in the file.
    market : MarketData, optional
        Judges prices, features, names and the risk-free rate too; without it they are taken as they stand,
        and only their checksums hold them.
    """
    client = content.named("client_id")
    try:
        as_of = day(content.named("as_of"), "as_of")
    except InputError:
        as_of = None
    findings = tuple(_findings(content, market))
    return AuditResult(content.source, findings, client if isinstance(client, str) else "", as_of)


def audit_file(path: Path, market: MarketData | None = None) -> AuditResult:
    """Audit a file; one that cannot be read has a sentence that says why."""
    try:
        return audit(read_content(path), market)
    except TableError as refusal:
        return AuditResult(path.name, error=str(refusal))
    except Exception as bug:
        logger.exception("%s", path.name)
        return AuditResult(
            path.name, error=f"pyalloc failed unexpectedly ({type(bug).__name__}); --verbose says where"
        )


def _findings(content: Content, market: MarketData | None) -> Iterator[Finding]:
    yield from file_findings(content)
    version = content.named("template_version")
    if version not in (None, TEMPLATE_VERSION):
        yield Finding(Kind.TEMPLATE, found=version, expected=TEMPLATE_VERSION)
        return
    try:
        workbook = EditedWorkbook.of(content)
    except PyallocError as refusal:
        yield Finding(Kind.NOT_JUDGED, says=str(refusal))
        return
    structure = list(structure_findings(workbook))
    yield from structure
    empty = without_values(workbook.content, workbook.layout.book)
    if empty == {sheet.title for sheet in workbook.layout.book.sheets}:
        yield Finding(Kind.NO_VALUES)
    else:
        yield from (Finding(Kind.NO_VALUES, sheet) for sheet in sorted(empty))
    followed = follow(workbook, market)
    yield from followed.findings
    lines = list(line_findings(workbook, followed.as_generated)) if followed.as_generated else []
    yield from lines
    yield from cell_findings(workbook, followed, [*structure, *lines], market=market is not None)
