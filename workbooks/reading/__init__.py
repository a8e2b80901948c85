"""A workbook that people may have edited, read back: its cells, and the allocation its inputs ask for."""

from workbooks.reading.content import Content, read_content
from workbooks.reading.recompute import recomputed

__all__ = ["Content", "read_content", "recomputed"]
