"""The extension goes into LibreOffice through its own package manager, or a sentence says why not."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from addin.calc.install import install_extension
from pyalloc.errors import InputError

if os.name != "posix":
    pytest.skip("the stand-ins for LibreOffice's programs are shell scripts", allow_module_level=True)

MakeOffice = Callable[..., Path]


@pytest.fixture
def make_office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeOffice:
    """Return a function that puts a LibreOffice on the PATH, and returns where it copies an extension to."""

    def make(says: str, unopkg: str = "") -> Path:
        program = tmp_path / "office" / "program"
        program.mkdir(parents=True)
        taken = tmp_path / "taken.oxt"
        scripts = {
            "soffice": f"echo '{says}'",
            "unopkg": unopkg or f'for last; do :; done; cp "$last" "{taken}"',
        }
        for name, script in scripts.items():
            (program / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (program / name).chmod(stat.S_IRWXU)
        links = tmp_path / "bin"
        links.mkdir()
        (links / "unopkg").symlink_to(program / "unopkg")
        monkeypatch.setenv("PATH", str(links), prepend=os.pathsep)
        return taken

    return make


def test_the_extension_is_handed_to_libreoffice(make_office: MakeOffice) -> None:
    taken = make_office("LibreOffice 25.2.3.2 520(Build:2)")
    assert "=DYNALLOC_VERSION()" in install_extension()
    with zipfile.ZipFile(taken) as archive:
        assert "XPyAlloc.idl" in archive.namelist()


@pytest.mark.parametrize("says", ["LibreOffice 26.8.0.1 (x86)", "LibreOffice 25.8.1.1"])
def test_later_releases_are_welcome(says: str, make_office: MakeOffice) -> None:
    make_office(says)
    assert "installed" in install_extension()


@pytest.mark.parametrize(
    ("says", "shown"),
    [("LibreOffice 7.4.7.2", "7.4"), ("LibreOffice 24.8.1", "24.8"), ("", "of unknown release")],
)
def test_an_older_libreoffice_is_refused_in_one_sentence(
    says: str, shown: str, make_office: MakeOffice
) -> None:
    taken = make_office(says)
    with pytest.raises(InputError) as refused:
        install_extension()
    assert str(refused.value) == (
        f"LibreOffice {shown} loses the functions' names in .xlsx files: "
        "install 25.2 or newer, then run this again"
    )
    assert not taken.exists()


def test_what_libreoffice_says_against_it_is_passed_on(make_office: MakeOffice) -> None:
    make_office("LibreOffice 25.2.3", unopkg="echo 'ERROR: the profile is locked' >&2; exit 1")
    with pytest.raises(InputError, match=r"refused the extension \(ERROR: the profile is locked\): close"):
        install_extension()


def test_without_libreoffice_it_is_said_what_would_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = install_extension()
    assert said.startswith("Nothing was done, for LibreOffice is not on this machine")
    assert "unopkg add --force --suppress-license" in said
