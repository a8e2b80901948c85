"""The documentation runs as printed, its links resolve, and what it names exists."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import deque
from configparser import ConfigParser
from importlib import util
from pathlib import Path

import pytest

from pyalloc import InvestorProfile, MarketData, Policy, __version__, allocate
from pyalloc.cli import main
from pyalloc.marketdata.demo import write_demo_market
from pyalloc.names import TRACE
from workbooks.batch import run_batch
from workbooks.clients import read_clients
from workbooks.template.author import addresses_in
from workbooks.template.book import fill
from workbooks.template.facts import Recipient

ROOT = Path(__file__).resolve().parents[1]
README, CHANGELOG, MAKEFILE = (ROOT / name for name in ("README.md", "CHANGELOG.md", "Makefile"))
AUDIT, MATHEMATICS = ROOT / "docs" / "audit.md", ROOT / "docs" / "mathematics.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
OPTION = re.compile(r"--[a-z][a-z-]*")
EXTRAS = re.compile(r"\.\[([\w,]+)\]")
PLACEHOLDER = "COMMAND"

SOAK = os.environ.get("PYALLOC_SOAK") == "1"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def prose(page):
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def for_windows(line):
    return line.startswith(("py ", ".venv\\"))


def console_lines(page):
    return [line for language, text in blocks(page) if language == "console" for line in text.splitlines()]


# --- what is printed runs -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(demo_market_path, tmp_path_factory):
    """Return a folder as ``make demo`` leaves it, with two clients instead of 25."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(demo_market_path, folder / "demo" / "market")
    listed = (ROOT / "workbooks" / "examples" / "clients.csv").read_text(encoding="utf-8").splitlines()
    clients = folder / "demo" / "clients.csv"
    clients.write_text("\n".join([*listed[:3], ""]), encoding="utf-8")
    market = MarketData.from_path(folder / "demo" / "market")
    made = run_batch(market, read_clients(clients).only(["D002"]), folder / "demo" / "clients", jobs=1)
    assert made.counts.done == 1
    return folder


@each_page
def test_blocks_run_as_printed(page, place, monkeypatch, hosts_required):
    monkeypatch.chdir(place)
    for language, text in blocks(page):
        if language == "python":
            run([sys.executable, "-c", text], PYTHONPATH=str(ROOT))
        elif language == "console":
            for line in filter(None, text.splitlines()):
                check_line(line, hosts_required)
        else:
            assert language == "text"


def check_line(line, hosts_required):
    """Run a console line where that is cheap, else see that what it calls exists."""
    if for_windows(line):
        return
    program, *arguments = shlex.split(line, comments=True)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    elif program == "pyalloc":
        assert main(arguments) == 0
    elif program == "soffice":
        if shutil.which(program) is None and not hosts_required:
            pytest.skip("LibreOffice is not installed")
        run([program, *arguments], HOME=os.getcwd())
    else:
        pytest.fail(f"no rule says how to check {line!r}")


def run(command, **environment):
    ended = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_windows_installs_and_runs_what_make_does():
    lines = [line for line in console_lines(README) if for_windows(line)]
    by_hand, by_make = "\n".join(lines), MAKEFILE.read_text(encoding="utf-8")
    assert EXTRAS.search(by_hand)[1] == EXTRAS.search(by_make)[1]
    assert any(line.endswith("pyalloc demo") for line in lines)
    assert any(line.endswith("python -m pytest") for line in lines)


# --- what is named exists -------------------------------------------------------------------------------


@each_page
def test_relative_links_resolve(page):
    targets = [link.partition("#")[0] for link in LINK.findall(prose(page)) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def options_of(capsys, *command):
    assert main([*command, "--help"]) == 0
    return set(OPTION.findall(capsys.readouterr().out))


@pytest.fixture
def options(capsys):
    """Return the options of every command by its name, and those before it by none."""
    known = {"": options_of(capsys)}
    commands = (
        *("addin", "allocate", "audit", "backtest", "data", "demo", "generate"),
        *("rank", "recompute", "status", "template"),
    )
    known |= {command: known[""] | options_of(capsys, command) for command in commands}
    known["data"] |= options_of(capsys, "data", "fetch") | options_of(capsys, "data", "check")
    return known


@each_page
def test_commands_and_options_are_those_of_the_help(page, options):
    shown = [*SPAN.findall(prose(page)), *console_lines(page)]
    for line in shown:
        words = line.split()
        if words[0] == "pyalloc":
            command = next((word for word in words[1:] if not word.startswith("-")), "")
            assert command in (*options, PLACEHOLDER), line
            assert set(OPTION.findall(line)) <= options.get(command, options[""]), line
        elif words[0].startswith("--"):
            anywhere = set().union(*options.values()) | script_options()
            assert set(OPTION.findall(line)) <= anywhere, line


def script_options():
    return set(OPTION.findall((ROOT / "docs" / "examples" / "real_market.py").read_text(encoding="utf-8")))


def policy_keys():
    policy = Policy()
    parts = [getattr(policy, name) for name in Policy.model_fields]
    tables = [part for part in parts if dataclasses.is_dataclass(part)]
    return {*Policy.model_fields, *(field.name for table in tables for field in dataclasses.fields(table))}


@pytest.mark.parametrize("page", [AUDIT, MATHEMATICS], ids=lambda page: page.name)
def test_quantities_are_traced_defined_names_or_policy_keys(page, book):
    written = {span for span in SPAN.findall(prose(page)) if re.fullmatch(r"[a-z]+_\w+", span)}
    models = {"bayes_stein", "hist_gradient_boosting", "random_forest"}
    assert written
    assert written <= {*TRACE, *book.names, *policy_keys(), *models}


def test_the_changelog_speaks_of_this_version():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    version = setup["metadata"]["version"]
    assert version == __version__
    headings = re.findall(r"^## (\S+)", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in (version, "Unreleased")


def test_the_measured_constants_are_those_of_the_script(shared_data, monkeypatch):
    script = ROOT / "docs" / "examples" / "real_market.py"
    spec = util.spec_from_file_location("real_market_of_the_docs", script)
    real_market = util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, real_market)
    spec.loader.exec_module(real_market)
    table = real_market.comparison(real_market.stress_constants(shared_data))
    page = MATHEMATICS.read_text(encoding="utf-8")
    assert [figure for figure in table["recomputed"] if figure not in page] == []


def test_the_record_of_the_rankers_is_what_the_script_finds(shared_data, real_market, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    monkeypatch.delitem(sys.modules, "real_market", raising=False)
    spec = util.spec_from_file_location("ranking_of_the_docs", ROOT / "docs" / "examples" / "ranking.py")
    script = util.module_from_spec(spec)
    spec.loader.exec_module(script)
    models = ("momentum", "ridge", "hist_gradient_boosting", *(("random_forest",) if SOAK else ()))
    monkeypatch.setattr(script, "MODELS", models)
    page = MATHEMATICS.read_text(encoding="utf-8")
    for row in script.rows(shared_data, real_market):
        if row[""] == "ridge, embargo of 3 months":
            continue  # says no more than the row of ridge
        shown = [value for name, value in row.items() if name not in ("", "stocks")]
        line = " | ".join(str(value).replace("-", "−") for value in shown).rstrip()
        assert f"| {line} |" in page, row[""]


@pytest.mark.soak
def test_the_backtest_of_real_prices_is_what_the_script_finds(real_market, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    monkeypatch.delitem(sys.modules, "real_market", raising=False)
    spec = util.spec_from_file_location("backtest_of_the_docs", ROOT / "docs" / "examples" / "backtest.py")
    script = util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = (ROOT / "docs" / "backtest.md").read_text(encoding="utf-8").lower()
    for result in script.backtests(real_market):
        for row in (*script.statistics(result), *script.dynamics(result)):
            shown = [value for name, value in row.items() if name != "risk"]
            line = " | ".join(shown).replace("-", "−").replace(" through time", "").lower()
            assert f"| {line} |" in page, row


# --- what is claimed holds ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = write_demo_market(tmp_path_factory.mktemp("docs") / "small", years=6, stocks=11)
    allocation = allocate(MarketData.from_path(folder).at(), profile=InvestorProfile(risk="high"))
    return fill(allocation, Recipient("C1", "Sample Client"))[0]


REFERENCE = re.compile(
    r"(?<![\w$])(?:([A-Z][a-z]+)!)?\$?([A-Z]{1,3})\$?(\d+)(?::\$?([A-Z]{1,3})\$?(\d+))?(?![\w(])"
    r"|\b([a-z]\w*)\b"
)


def precedents(book):
    """Return the cells that each formula reads, by (sheet, address)."""
    names = {name: tuple(re.sub("['$]", "", area).split("!")) for name, area in book.names.items()}
    reads = {}
    for sheet, at, cell in book.cells("formula"):
        areas = set()
        for other, left, top, right, bottom, name in REFERENCE.findall(re.sub('"[^"]*"', "", cell.text)):
            if name in names:
                areas.add(names[name])
            elif not name:
                areas.add((other or sheet, f"{left}{top}:{right or left}{bottom or top}"))
        found = {
            (home, place)
            for home, area in areas
            for place in addresses_in(area if ":" in area else f"{area}:{area}")
        }
        if cell.text:
            reads.update(((sheet, place), found) for place in addresses_in(cell.array or f"{at}:{at}"))
    return reads


def changes_of_sheet(start, reads):
    """Return how many changes of sheet each cell behind `start` is away, at least."""
    away, waiting = {start: 0}, deque([start])
    while waiting:
        cell = waiting.popleft()
        for read in reads.get(cell, ()):
            steps = away[cell] + (read[0] != cell[0])
            if steps < away.get(read, steps + 1):
                away[read] = steps
                waiting.append(read)
    return away


def test_every_figure_of_the_summary_is_at_most_three_changes_of_sheet_from_its_inputs(book):
    assert "at most three changes of sheet" in AUDIT.read_text(encoding="utf-8")
    reads = precedents(book)
    sources = {(sheet, at) for sheet, at, cell in book.cells() if cell.kind in ("input", "solved")}
    figures = [(sheet, at) for sheet, at, _ in book.cells("formula") if sheet == "Summary"]
    assert figures
    for figure in figures:
        away = changes_of_sheet(figure, reads)
        assert max(away[cell] for cell in away.keys() & sources) <= 3, figure


# --- what must not be in the repository -----------------------------------------------------------------

MACHINE = re.compile(r"(?<![\w.~-])/(?:[w]ork|[r]oot|[h]ome)\b")
REGISTRY = re.compile(r"py[p]i\.|python[h]osted|ana[c]onda\.org|[n]pmjs|proxy\.go[l]ang")


def test_no_file_names_a_path_of_a_machine_or_a_package_registry():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("only a git checkout knows which files belong to it")
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    offenders = []
    for name in listed:
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            continue
        offenders += [
            f"{name}: {match[0]}" for match in (MACHINE.search(text), REGISTRY.search(text)) if match
        ]
    assert offenders == []
