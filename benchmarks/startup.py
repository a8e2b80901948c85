"""How long a fresh Python takes until pyalloc is there: what a spreadsheet waits for when it starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Final

from benchmarks.measure import paired, show

ROUNDS: Final = 7
REFERENCE: Final = "import pandas"
PROGRAMS: Final = {
    "Python alone": "pass",
    "import pyalloc": "import pyalloc",
    "import pyalloc.macro, .stocks, .category": "import pyalloc.macro, pyalloc.stocks, pyalloc.category",
    "pyalloc --help": "from pyalloc.cli import main; main(['--help'])",
    REFERENCE: REFERENCE,
    "import sklearn.covariance": "import sklearn.covariance",
    "import cvxcla": "import cvxcla",
}


def run() -> None:
    """Time each program in processes of its own."""
    seconds = paired({name: _process(program) for name, program in PROGRAMS.items()}, ROUNDS)
    show(f"Start-up, whole processes, ratio to {REFERENCE}", seconds, REFERENCE)


def _process(program: str) -> Callable[[], object]:
    command = [sys.executable, "-c", program]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
