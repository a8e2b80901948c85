"""What the tests against real spreadsheet programs share: one LibreOffice Calc per test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.calc_host import CalcHost, HostMissingError, find_calc


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as one that runs a real spreadsheet program."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.host)


@pytest.fixture(scope="session")
def calc(hosts_required: bool) -> Iterator[CalcHost]:
    """Return LibreOffice Calc, which starts when a test first asks it something."""
    try:
        program = find_calc()
    except HostMissingError as missing:
        (pytest.fail if hosts_required else pytest.skip)(str(missing))
    with CalcHost(program) as host:
        yield host
