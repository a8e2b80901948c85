"""What every test may ask for: the reference data, the demo market, a fixed hypothesis profile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("pyalloc", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("pyalloc")

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of reference data, which is not part of the project."""
    if not _SHARED.is_dir():
        pytest.skip("the reference data is not on this machine")
    return _SHARED


@pytest.fixture(scope="session")
def hosts_required() -> bool:
    """Return whether a missing spreadsheet program is a failure (continuous integration) or a skip."""
    return os.environ.get("PYALLOC_REQUIRE_HOSTS") == "1"
