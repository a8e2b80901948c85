"""Runs that are killed, disks that fill or cannot be written to: nothing is lost, nothing broken."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from pyalloc.marketdata.demo import write_demo_market
from workbooks.folder import LOCK_FILE, LOG_FILE
from workbooks.ledger import LEDGER_FILE
from workbooks.status import INTERRUPTED, run_status

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals and no mount")

SOAK = os.environ.get("PYALLOC_SOAK") == "1"
CLIENTS = 300 if SOAK else 150
KILLS = 20 if SOAK else 2

PYALLOC = [sys.executable, "-c", "import sys, pyalloc.cli; sys.exit(pyalloc.cli.main())"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Return the options that name a small market and a list of clients."""
    folder = tmp_path_factory.mktemp("inputs")
    market = write_demo_market(folder / "market", years=6 if SOAK else 4, stocks=11)
    rows = [f"K{i:03},Amber {i},{1 + i % 10},{1000 + i},{'ZXUA' if i % 3 else ''}" for i in range(CLIENTS)]
    listed = folder / "clients.csv"
    listed.write_text("\n".join(["client_id,name,risk,budget,exclude", *rows]), encoding="utf-8")
    return ["--market", str(market), "--clients", str(listed)]


def started(inputs, out, *options):
    command = [*PYALLOC, "generate", *inputs, "--out", str(out), "--jobs", "2", *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def ended(inputs, out, *options):
    """Run to the end; return the exit code and what was said."""
    run = started(inputs, out, *options)
    said, _ = run.communicate(timeout=250)
    return run.returncode, said


def workbooks_in(out):
    return {path.name: path.read_bytes() for path in out.glob("*.xlsx")}


@pytest.fixture(scope="module")
def undisturbed(inputs, tmp_path_factory):
    """Return the workbooks of a run that nothing befell, by name."""
    out = tmp_path_factory.mktemp("undisturbed")
    code, said = ended(inputs, out)
    assert code == 0, said
    return workbooks_in(out)


# --- kill -9 --------------------------------------------------------------------------------------------


def identities(out):
    """Return what tells each workbook from the one that takes its place."""
    found = ((path.name, path.stat()) for path in out.glob("K*.xlsx"))
    return {(name, stat.st_ino, stat.st_mtime_ns) for name, stat in found}


def kill_at_random(inputs, out, kill, chance):
    """Resume a run, and kill it while it starts or after some new workbooks, before it ends."""
    before = identities(out)
    new = chance.randint(0 if before else 1, max(1, CLIENTS // (2 * KILLS)))
    run = started(inputs, out, "--resume")
    while run.poll() is None and len(identities(out) - before) < new:
        time.sleep(0.002)
    time.sleep(chance.random() * (0.05 if new else 1.0))
    kill(run.pid, signal.SIGKILL)
    try:
        run.communicate(timeout=30)  # returns when the last process that holds the pipe has ended
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        raise
    assert run.returncode == -signal.SIGKILL


def assert_nothing_is_broken(out, undisturbed):
    """Every workbook is whole, and each that the ledger calls done is there with the bytes it records."""
    assert workbooks_in(out).items() <= undisturbed.items()
    found = run_status(out, verify=True)
    assert (found.missing, found.changed, found.strangers) == ((), (), ())
    assert found.done + found.failed + found.pending == CLIENTS


def assert_all_is_well(out, undisturbed):
    """The folder holds what an undisturbed run leaves, byte for byte, and the ledger agrees."""
    assert workbooks_in(out) == undisturbed
    assert {path.name for path in out.iterdir()} == {*undisturbed, LEDGER_FILE, LOG_FILE, LOCK_FILE}
    found = run_status(out, verify=True)
    assert found.is_well
    assert (found.done, found.unrecorded, found.strangers) == (CLIENTS, (), ())


@pytest.mark.parametrize("kill", [os.killpg, os.kill], ids=["all processes", "the driver"])
def test_a_killed_run_resumes_to_the_same_bytes(inputs, undisturbed, tmp_path, kill):
    chance = random.Random(1)
    for _ in range(KILLS):
        kill_at_random(inputs, tmp_path, kill, chance)
        assert_nothing_is_broken(tmp_path, undisturbed)
        assert run_status(tmp_path).state == INTERRUPTED
    code, said = ended(inputs, tmp_path, "--resume")
    assert code == 0, said
    assert_all_is_well(tmp_path, undisturbed)


# --- disks ----------------------------------------------------------------------------------------------


def mount(place, options):
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """Return a disk of its own, with room for a few workbooks."""
    if shutil.which("mount") is None or not mount(tmp_path, "size=800k"):
        pytest.skip("mounting a small disk is not permitted here")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_disk_that_fills_ends_the_run_in_a_sentence_and_it_resumes_when_there_is_room(
    inputs, undisturbed, disk
):
    code, said = ended(inputs, disk)
    assert code == 2
    assert said.count("\n") == 1
    assert "make some room" in said
    assert workbooks_in(disk)
    assert not list(disk.glob(".*"))
    assert_nothing_is_broken(disk, undisturbed)
    assert mount(disk, "remount,size=64m")
    code, said = ended(inputs, disk, "--resume")
    assert code == 0, said
    assert " 0 kept" not in said
    assert_all_is_well(disk, undisturbed)


def fill(disk):
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(1024))


def test_a_ledger_that_finds_no_room_leaves_the_earlier_one_whole(inputs, disk):
    assert ended(inputs, disk, "--only", "K001")[0] == 0
    fill(disk)
    code, said = ended(inputs, disk)
    assert code == 2
    assert "make some room" in said
    found = run_status(disk, verify=True)
    assert found.is_well
    assert found.done == 1


def test_a_disk_without_room_ends_the_run_in_a_sentence(inputs, disk):
    fill(disk)
    code, said = ended(inputs, disk)
    assert code == 2
    assert said.count("\n") == 1
    assert "make some room" in said
    assert workbooks_in(disk) == {}


def test_a_folder_that_cannot_be_written_to_ends_the_run_in_a_sentence_and_stays_as_it_is(inputs, disk):
    assert ended(inputs, disk, "--only", "K001")[0] == 0
    before = {path.name: path.read_bytes() for path in disk.iterdir()}
    assert mount(disk, "remount,ro")
    code, said = ended(inputs, disk)
    assert code == 2
    assert said.startswith(f"{disk} cannot be written to (Read-only file system): ")
    assert said.count("\n") == 1
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == before
    assert run_status(disk, verify=True).is_well
