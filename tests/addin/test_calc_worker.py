"""LibreOffice's side and the worker speak over pipes: values, errors and names arrive; no death is final."""

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import addin.functions  # noqa: F401  (fills the registry)
from addin.calc import bridge
from addin.calc.bridge import Bridge, WorkerError
from addin.calls import answer
from benchmarks.measure import paired

WORKER = [sys.executable, "-P", "-m", "addin.calc.worker"]
MATRIX, VECTOR = ((2.0, 0.0), (0.0, 4.0)), ((1.0,), (2.0,))

MakeBridge = Callable[..., Bridge]


def no_names(_: str) -> None:
    """Answer for a document without defined names."""


@pytest.fixture
def make_bridge(tmp_path: Path) -> Iterator[MakeBridge]:
    made: list[Bridge] = []

    def make(*command: str) -> Bridge:
        made.append(Bridge(command or WORKER, str(tmp_path / "pyalloc.log")))
        return made[-1]

    yield make
    for each in made:
        worker = process_of(each)
        if worker is not None:
            worker.communicate()


def process_of(bridge: Bridge) -> subprocess.Popen[bytes] | None:
    return bridge._worker


def pid_of(bridge: Bridge) -> int:
    worker = process_of(bridge)
    assert worker is not None
    return worker.pid


# --- what is answered -----------------------------------------------------------------------------------


def test_values_and_rows_arrive_as_they_are_computed(make_bridge: MakeBridge) -> None:
    calc = make_bridge()
    assert calc.ask("ADJ_RETURN", (0.08, "high"), no_names) == answer("ADJ_RETURN", (0.08, "high"))
    assert calc.ask("DYNALLOC_REGIME", (0.5,), no_names) == "normal"
    assert calc.ask("CATEGORY_SOLVE", (MATRIX, VECTOR, None, None), no_names) == ((0.5,), (0.5,))


@pytest.mark.parametrize(
    ("function", "arguments", "number"),
    [
        ("ADJ_RETURN", ("x", "high"), 519),
        ("CATEGORY_SOLVE", (((1.0, 1.0), (1.0, 1.0)), VECTOR), 503),
        ("DYNALLOC_WEIGHTS", (), 32767),
    ],
)
def test_an_error_is_a_nan_that_carries_its_number_in_calc(
    function: str, arguments: tuple[Any, ...], number: int, make_bridge: MakeBridge
) -> None:
    shown = make_bridge().ask(function, arguments, no_names)
    value = shown[0][0] if isinstance(shown, tuple) else shown
    assert math.isnan(value)
    assert struct.unpack("<II", struct.pack("<d", value))[0] == number


def test_a_name_is_asked_for_and_one_that_is_missing_is_named(make_bridge: MakeBridge) -> None:
    asked: list[str] = []
    says = make_bridge().ask("DYNALLOC_WHY", ("DYNALLOC_WEIGHTS", *[None] * 6), asked.append)
    assert len(asked) == 1
    assert f"no name {asked[0]}" in says


def test_a_call_amid_the_reading_of_a_name_is_answered_first(make_bridge: MakeBridge) -> None:
    calc, inner = make_bridge(), []

    def cells_of(_: str) -> None:
        inner.append(calc.ask("ADJ_RETURN", (0.08, "low"), no_names))

    assert math.isnan(calc.ask("DYNALLOC_WEIGHTS", (), cells_of)[0][0])
    assert inner == [pytest.approx(0.07)]


def test_a_name_that_cannot_be_read_leaves_nothing_half_said(make_bridge: MakeBridge) -> None:
    calc = make_bridge()

    def cells_of(name: str) -> Any:
        raise RuntimeError(name)

    with pytest.raises(RuntimeError):
        calc.ask("DYNALLOC_WEIGHTS", (), cells_of)
    assert calc.ask("DYNALLOC_REGIME", (0.5,), no_names) == "normal"


# --- how it lives ---------------------------------------------------------------------------------------


def test_one_worker_answers_all_calls(make_bridge: MakeBridge) -> None:
    calc = make_bridge()
    calc.ask("DYNALLOC_REGIME", (0.5,), no_names)
    first = pid_of(calc)
    calc.ask("DYNALLOC_REGIME", (0.5,), no_names)
    assert pid_of(calc) == first


def test_a_worker_that_died_is_replaced_at_the_next_call(make_bridge: MakeBridge) -> None:
    calc = make_bridge()
    calc.ask("DYNALLOC_REGIME", (0.5,), no_names)
    worker = process_of(calc)
    assert worker is not None
    worker.kill()
    worker.wait()
    assert calc.ask("DYNALLOC_REGIME", (0.5,), no_names) == "normal"
    assert pid_of(calc) != worker.pid


def test_a_worker_that_dies_amid_a_call_fails_that_call_alone(make_bridge: MakeBridge) -> None:
    calc = make_bridge()

    def cells_of(_: str) -> None:
        worker = process_of(calc)
        assert worker is not None
        worker.kill()

    with pytest.raises(WorkerError, match="ended before it answered"):
        calc.ask("DYNALLOC_WEIGHTS", (), cells_of)
    assert calc.ask("DYNALLOC_REGIME", (0.5,), no_names) == "normal"


def test_a_python_that_is_gone_is_named_with_the_cure(make_bridge: MakeBridge) -> None:
    with pytest.raises(WorkerError, match=r"nowhere/python does not start .*run pyalloc addin install calc"):
        make_bridge("nowhere/python").ask("DYNALLOC_REGIME", (0.5,), no_names)


def test_a_worker_that_cannot_answer_is_tried_once_and_says_why_in_the_log(
    make_bridge: MakeBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calc = make_bridge(sys.executable, "-c", "import pyalloc_that_is_gone")
    for _ in range(3):
        with pytest.raises(WorkerError, match=r"pyalloc\.log may say why"):
            calc.ask("DYNALLOC_REGIME", (0.5,), no_names)
    log = tmp_path / "pyalloc.log"
    assert log.read_text(encoding="utf-8").count("No module named 'pyalloc_that_is_gone'") == 1
    monkeypatch.setattr(bridge, "RETRY_SECONDS", 0.0)
    with pytest.raises(WorkerError):
        calc.ask("DYNALLOC_REGIME", (0.5,), no_names)
    assert log.read_text(encoding="utf-8").count("No module named") == 2


def test_the_worker_ends_with_the_pipe() -> None:
    worker = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    worker.communicate(timeout=20)
    assert worker.returncode == 0


def test_an_answer_that_takes_too_long_is_given_up(make_bridge: MakeBridge, tmp_path: Path) -> None:
    program = (
        "import time; from addin.calc import worker; worker.LONGEST_ANSWER = 0.2;"
        "worker.shown = lambda *_: time.sleep(60); worker.main()"
    )
    started = monotonic()
    with pytest.raises(WorkerError):
        make_bridge(sys.executable, "-c", program).ask("DYNALLOC_REGIME", (0.5,), no_names)
    assert monotonic() - started < 20
    assert "in <lambda>" in (tmp_path / "pyalloc.log").read_text(encoding="utf-8")


def test_what_is_printed_amid_a_call_goes_to_the_log(make_bridge: MakeBridge, tmp_path: Path) -> None:
    program = (
        "from addin.calc import worker; shown = worker.shown;"
        "worker.shown = lambda *call: print('chatter', flush=True) or shown(*call); worker.main()"
    )
    assert make_bridge(sys.executable, "-c", program).ask("DYNALLOC_REGIME", (0.5,), no_names) == "normal"
    assert (tmp_path / "pyalloc.log").read_text(encoding="utf-8") == "chatter\n"


# --- what it starts with --------------------------------------------------------------------------------


def test_nothing_is_imported_from_the_folder_libreoffice_runs_in(
    make_bridge: MakeBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "addin.py").write_text("raise SystemExit('an addin of another kind')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert make_bridge().ask("DYNALLOC_REGIME", (0.5,), no_names) == "normal"


def test_the_variables_of_libreoffices_own_python_do_not_reach_the_worker(
    make_bridge: MakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "nowhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "nowhere")
    assert make_bridge().ask("DYNALLOC_REGIME", (0.5,), no_names) == "normal"


def test_the_worker_is_ready_soon_and_loads_no_more_than_it_needs() -> None:
    heavy = ("sklearn", "scipy.optimize", "typer", "openpyxl", "pandas", "xlwings")
    program = f"import sys, addin.calc.worker; print(*(n for n in {heavy!r} if n in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []

    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run(command, stdin=subprocess.DEVNULL, check=True, env=dict(os.environ))

    numpy = [sys.executable, "-c", "import numpy"]
    seconds = paired({"worker": run(*WORKER), "numpy": run(*numpy)}, rounds=5)
    assert min(seconds["worker"]) <= 4 * min(seconds["numpy"])
