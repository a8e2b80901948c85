"""Install the extension into LibreOffice, through its own package manager."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from addin.calc.build import FILE_NAME, OLDEST, build_extension
from pyalloc.errors import InputError

_USUAL_FOLDERS: Final = (
    r"C:\Program Files\LibreOffice\program",
    "/Applications/LibreOffice.app/Contents/MacOS",
)
"""Where LibreOffice is on systems that do not put it on the PATH."""


def install_extension() -> str:
    """Install the extension for this user of LibreOffice; for every user, where root does.

    Its functions are answered by this Python. An extension installed before is replaced.

    Returns
    -------
    str
        What was done; where LibreOffice is not on this machine, what would be.

    Raises
    ------
    InputError
        Where LibreOffice is too old, or refuses the extension.
    """
    manager = shutil.which("unopkg", path=os.pathsep.join((os.environ.get("PATH", ""), *_USUAL_FOLDERS)))
    command = [manager or "unopkg", "add", "--force", "--suppress-license"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--shared")  # LibreOffice installs nothing for root alone
    if manager is None:
        return (
            f"Nothing was done, for LibreOffice is not on this machine; where it is, {OLDEST} or newer, "
            f"this would run {' '.join(command)} {FILE_NAME}"
        )
    _check_release(manager)
    with TemporaryDirectory() as folder:
        extension = build_extension(Path(folder))
        done = subprocess.run([*command, str(extension)], capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        says = " ".join(done.stderr.split())
        raise InputError(f"LibreOffice refused the extension ({says}): close LibreOffice and run this again")
    return (
        "The functions are installed: start LibreOffice anew, not from a shell with an active virtual "
        "environment, and type =DYNALLOC_VERSION() into a cell."
    )


def _check_release(manager: str) -> None:
    """Refuse a LibreOffice that loses the functions' names in .xlsx files."""
    release = _release(manager)
    if release is None or _ordered(release) < _ordered(OLDEST):
        raise InputError(
            f"LibreOffice {release or 'of unknown release'} loses the functions' names in .xlsx files: "
            f"install {OLDEST} or newer, then run this again"
        )


def _release(manager: str) -> str | None:
    """Return the release of the LibreOffice that a package manager belongs to."""
    soffice = shutil.which("soffice", path=str(Path(manager).resolve().parent))
    if soffice is None:
        return None
    said = subprocess.run([soffice, "--version"], capture_output=True, text=True).stdout  # noqa: S603
    found = re.search(r"\d+\.\d+", said)
    return found and found[0]


def _ordered(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))
