"""What every test may ask for: the reference data, the demo market, a fixed hypothesis profile."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest
from hypothesis import settings

import workbooks  # noqa: F401 (settles how openpyxl writes before a test imports it)
from pyalloc import MarketData

settings.register_profile("pyalloc", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("pyalloc")

_LONGEST = frozenset(
    f"test_{name}"
    for name in (
        "kill",
        "cluster",
        "workbook_oracle",
        "audit_edits",
        "functions_in_calc",
        "object_store",
        "audit",
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is alone with one of them at the end."""
    items.sort(key=lambda item: item.path.stem not in _LONGEST)


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


@pytest.fixture(scope="session")
def demo_market_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the demo market: 60 stocks, of which one is too young to be held."""
    from pyalloc.marketdata.demo import write_demo_market

    return write_demo_market(tmp_path_factory.mktemp("markets") / "demo")


@pytest.fixture(scope="session")
def demo_market(demo_market_path: Path) -> MarketData:
    """Return the demo market."""
    return MarketData.from_path(demo_market_path)


@pytest.fixture(scope="session")
def large_market(tmp_path_factory: pytest.TempPathFactory) -> MarketData:
    """Return a demo market of eighty stocks, above the sixty that a workbook can carry natively."""
    from pyalloc.marketdata.demo import write_demo_market

    return MarketData.from_path(write_demo_market(tmp_path_factory.mktemp("markets") / "large", stocks=80))


@pytest.fixture(scope="session")
def real_market(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> MarketData:
    """Return the market of real prices and macro rows that the example script builds."""
    script = Path(__file__).resolve().parents[1] / "docs/examples/real_market.py"
    folder = tmp_path_factory.mktemp("markets") / "real"
    runpy.run_path(str(script))["build_market"](shared_data, folder)
    return MarketData.from_path(folder)
