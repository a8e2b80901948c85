"""A defect met by a formula in Excel leaves its traceback where the user is told to look."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

import addin.functions  # noqa: F401  (fills the registry)
from addin.excel.answers import ERROR_MARK, excel_answer
from addin.excel.log import LOG_FILE, LogFile
from addin.spec import REGISTRY

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return the user's folder; errors of the functions go to the log in it."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    handler = LogFile(logging.ERROR)
    logging.getLogger("addin").addHandler(handler)
    yield tmp_path
    logging.getLogger("addin").removeHandler(handler)


@pytest.fixture
def broken(monkeypatch):
    def broken(_):
        raise ZeroDivisionError

    function = REGISTRY["DYNALLOC_REGIME"]
    monkeypatch.setitem(REGISTRY, "DYNALLOC_REGIME", replace(function, call=broken))


@pytest.mark.usefixtures("broken")
def test_a_defect_leaves_its_traceback_in_the_log(home):
    [[shown]] = excel_answer("DYNALLOC_REGIME", (0.5,))
    assert shown.startswith(f"{ERROR_MARK} #VALUE! DYNALLOC_REGIME failed unexpectedly (ZeroDivisionError)")
    said = (home / LOG_FILE).read_text(encoding="utf-8")
    assert "DYNALLOC_REGIME failed" in said
    assert "Traceback" in said
    assert said.rstrip().endswith("ZeroDivisionError")


def test_there_is_no_log_while_all_is_well_or_only_an_argument_is_wrong(home):
    assert excel_answer("ADJ_RETURN", (0.08, "high")) == [[0.1]]
    assert excel_answer("ADJ_RETURN", ("x", "high"))[0][0].startswith(ERROR_MARK)
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("broken")
def test_a_folder_that_takes_no_log_costs_no_answer(home):
    (home / LOG_FILE.parent).write_text("in the way")
    assert excel_answer("DYNALLOC_REGIME", (0.5,))[0][0].startswith(f"{ERROR_MARK} #VALUE!")


def test_the_users_guide_names_the_log():
    guide = (ROOT / "docs/excel.md").read_text(encoding="utf-8")
    assert "%USERPROFILE%\\" + "\\".join(LOG_FILE.parts) in guide
