"""Where Excel and xlwings' VBA look on a user's PC, and what the add-in needs there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from addin.excel.build import ADDIN, excel_addin, write
from addin.excel.wrapper import PYTHON_MODULE
from addin.excel.xlwings_module import PROJECT
from pyalloc.errors import InputError

ON_WINDOWS: Final = os.name == "nt"

_INTERPRETER: Final = "INTERPRETER_WIN"
_ENCODING: Final = "mbcs" if ON_WINDOWS else "utf-8"  # VBA reads text in the code page of the PC
_LINE: Final = re.compile(r'"([^"\n]*)","([^"\n]*)"')


@dataclass(frozen=True)
class Installation:
    """An add-in in place.

    Attributes
    ----------
    addin : Path
        Excel opens what lies there, without asking whether its macros may run.
    settings : Path
        The file that xlwings' VBA reads.
    interpreter : str
        The Python that answers.
    """

    addin: Path
    settings: Path
    interpreter: str

    @classmethod
    def of(cls, environment: Mapping[str, str], interpreter: str = sys.executable) -> Self:
        """Return that of the user to whom the environment variables belong."""
        roaming = Path(environment.get("APPDATA", "%APPDATA%"))
        home = Path(environment.get("USERPROFILE", "%USERPROFILE%"))
        return cls(
            roaming / "Microsoft" / "Excel" / "XLSTART" / ADDIN,
            home / f".{PROJECT}" / f"{PROJECT}.conf",
            interpreter,
        )

    @property
    def values(self) -> dict[str, str]:
        """What the settings must say; others beside it, as ``SHOW CONSOLE``, are the user's."""
        return {
            _INTERPRETER: self.interpreter,
            "UDF MODULES": PYTHON_MODULE,
            # A numpy.py beside a workbook from a mail must not be imported.
            "ADD_WORKBOOK_TO_PYTHONPATH": "false",
        }

    def install(self) -> None:
        """Copy the add-in and write the settings; Excel is neither needed nor started.

        Raises
        ------
        InputError
            Where a file is in use, or the path of the interpreter has letters unknown to the PC's code page.
        """
        settings = {**self.found_settings(), **self.values}
        lines = "".join(f'"{name}","{value}"\r\n' for name, value in settings.items())
        try:
            content = lines.encode(_ENCODING)
        except UnicodeEncodeError:
            raise InputError(
                f"{self.interpreter} has letters that VBA cannot read on this PC: install pyalloc elsewhere"
            ) from None
        write(self.addin, excel_addin())
        write(self.settings, content)

    def found_settings(self) -> dict[str, str]:
        """Return the settings that are there, none where there is no file."""
        try:
            text = self.settings.read_text(_ENCODING, errors="replace")
        except FileNotFoundError:
            return {}
        return {name.upper(): value for name, value in _LINE.findall(text)}
