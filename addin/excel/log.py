"""Where a failure of pyalloc's own goes when Excel is the host, which has no place for it: a small file."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Final

LOG_FILE: Final = Path(".pyalloc", "pyalloc.log")
"""In the user's folder, beside the settings."""

_LARGEST = 1_000_000  # bytes; the file before that is kept as well


class LogFile(logging.Handler):
    """Errors, appended to the log; the file and what rotates it are made with the first of them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; a folder that takes none must not cost the cell its answer."""
        try:
            self._file.handle(record)
        except OSError:
            self.handleError(record)

    @cached_property
    def _file(self) -> logging.Handler:
        from logging.handlers import RotatingFileHandler

        path = Path.home() / LOG_FILE
        path.parent.mkdir(exist_ok=True)
        file = RotatingFileHandler(path, maxBytes=_LARGEST, backupCount=1, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        return file
