"""A workbook that people may have edited, recomputed from its inputs; every cell that departs is reported."""

from workbooks.audit.findings import AuditResult, Finding, Kind, Line
from workbooks.audit.judge import audit, audit_file

__all__ = ["AuditResult", "Finding", "Kind", "Line", "audit", "audit_file"]
