"""Run the benchmarks named on the command line, or all of them."""

from __future__ import annotations

import os
import platform
from argparse import ArgumentParser
from importlib import import_module
from typing import Final

from workbooks.processes import ONE_THREAD

BENCHMARKS: Final = (
    "startup",
    "frontier",
    "ranker",
    "backtest",
    "workbooks",
    "batch",
    "scale",
    "addin",
    "calc",
)


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m benchmarks", description="Speed beside the peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}")
    asked = parser.parse_args().names
    if unknown := set(asked) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}")
    os.environ.update(ONE_THREAD)  # before anything loads numpy
    print(f"Python {platform.python_version()}, {platform.machine()}, one BLAS thread")
    for name in asked or BENCHMARKS:
        import_module(f"benchmarks.{name}").run()


if __name__ == "__main__":
    main()
