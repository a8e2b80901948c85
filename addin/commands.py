"""The commands that bring the functions into a spreadsheet program: addin build, install and doctor."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

Host = Literal["excel", "calc"]
HostName = Annotated[Host, typer.Argument(help="The spreadsheet program.")]

NOT_WELL = 1
"""Exit code of a doctor who found something to cure."""


def register(app: typer.Typer, live_template: Callable[[], bytes]) -> None:
    """Add the commands to the command line.

    Parameters
    ----------
    app : typer.Typer
    live_template : callable
        Makes a workbook of the live flavour, which a build for Excel carries the functions into.
    """
    commands = typer.Typer(help="Bring the spreadsheet functions to Excel or Calc.", no_args_is_help=True)

    @commands.command(epilog="Example:\n\npyalloc addin build excel --out dist")
    def build(
        host: HostName,
        out: Annotated[Path, typer.Option(help="Folder for the files; made if need be.")] = Path("dist"),
    ) -> None:
        """Build the add-in; neither Excel nor Calc is needed for it."""
        for path in _build(host, out, live_template):
            print(path)

    @commands.command(epilog="Example:\n\npyalloc addin install excel")
    def install(host: HostName) -> None:
        """Install the add-in for this user and this Python."""
        _install(host)

    @commands.command(epilog="Example:\n\npyalloc addin doctor")
    def doctor() -> None:
        """Look at every part between a formula in Excel and its answer, and name the cure of what fails."""
        raise typer.Exit(_examine())

    app.add_typer(commands, name="addin")


def _build(host: Host, out: Path, live_template: Callable[[], bytes]) -> tuple[Path, ...]:
    if host == "calc":
        from addin.calc.build import build_extension

        return (build_extension(out),)
    from addin.excel.build import build_excel

    return build_excel(out, live_template())


def _install(host: Host) -> None:
    if host == "calc":
        from addin.calc.install import install_extension

        print(install_extension())
        return
    from addin.excel.install import ON_WINDOWS, Installation

    installation = Installation.of(os.environ)
    if ON_WINDOWS:
        installation.install()
        print(f"The add-in is {installation.addin}.\nIts settings are {installation.settings}.")
        print("Start Excel anew and type =DYNALLOC_VERSION() into a cell.")
    else:
        print(f"Nothing was done, for this is no Windows PC; there it would copy {installation.addin}")
        print(f"and write {installation.settings} to say that {installation.interpreter} answers.")


def _examine() -> int:
    from addin.excel.doctor import findings
    from addin.excel.install import Installation

    well = True
    for finding in findings(Installation.of(os.environ)):
        print(finding, flush=True)
        well &= finding.is_well
    return 0 if well else NOT_WELL
