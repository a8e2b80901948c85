"""The seam to executors: every item once, few in flight, chunks that follow the time they take."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyalloc.errors import InputError, UnavailableError
from pyalloc.execution import CHUNK_SECONDS, IN_FLIGHT, Apart, Held, Here, hold, lent, let_go


class WorkerLostError(Exception):
    """What this file's executor raises for a task at which workers were lost."""


class Scripted(Executor):
    """Runs each task when it is handed over; what `fate` says of its items happens in its place."""

    def __init__(self, fate=lambda _: None):
        self.fate = fate
        self.chunks = []

    def submit(self, fn, /, *args):
        self.chunks.append(args[-1])
        future = Future()
        error = self.fate(args[-1])
        if isinstance(error, CancelledError):
            future.cancel()
            future.set_running_or_notify_cancel()
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(fn(*args))
        return future


def apart(executor, shared=None, workers=1):
    return Apart(executor, lambda: workers, shared, lost=(WorkerLostError,))


def times(factor, item):
    return factor * item


@given(st.lists(st.integers(), max_size=50), st.integers(1, 5))
def test_every_item_has_its_result_once_whoever_computes(items, workers):
    expected = [(item, 3 * item) for item in items]
    assert list(Here(3).computed(times, items, len(items))) == expected
    found = list(apart(Scripted(), 3, workers).computed(times, items, len(items)))
    assert sorted(found) == sorted(expected)


def test_any_executor_will_do():
    with ThreadPoolExecutor(2) as pool, lent(pool, 2)(7) as workforce:
        found = dict(workforce.computed(times, range(100), 100))
    assert found == {item: 7 * item for item in range(100)}


def test_items_are_read_no_further_ahead_than_there_are_hands():
    drawn = count()
    endless = (next(drawn) for _ in iter(int, 1))
    release = threading.Event()

    def slow(_, item):
        release.wait(5)
        return item

    with ThreadPoolExecutor(3) as pool:
        computed = apart(pool, workers=3).computed(slow, endless, 10**9)
        threading.Timer(0.2, release.set).start()
        next(computed)
        assert next(drawn) <= 3 * IN_FLIGHT + 1
        computed.close()


def test_chunks_begin_small_and_grow_to_the_time_that_they_are_to_take():
    executor = Scripted()

    def quick(_, item):
        time.sleep(CHUNK_SECONDS / 20)
        return item

    list(apart(executor).computed(quick, range(60), 10**6))
    sizes = [len(chunk) for chunk in executor.chunks]
    assert sizes[:2] == [1, 1]
    assert max(sizes) <= 20
    assert max(sizes) >= 8


def test_the_last_chunks_are_small_so_that_no_worker_waits_long_for_another():
    executor = Scripted()
    list(apart(executor, workers=2).computed(times_one, range(400), 400))
    assert max(len(chunk) for chunk in executor.chunks) <= 100
    assert len(executor.chunks[-1]) == 1


def times_one(_, item):
    return item


def test_an_error_costs_no_result_that_was_begun_and_begins_nothing_more():
    def refuse_the_third(_, item):
        if item == 2:
            raise InputError("no room")
        return item

    executor = Scripted()
    seen = []
    with pytest.raises(InputError, match="no room"):
        seen.extend(item for item, _ in apart(executor).computed(refuse_the_third, range(100), 100))
    begun = {item for chunk in executor.chunks for item in chunk}
    beside = next(set(chunk) for chunk in executor.chunks if 2 in chunk)
    assert begun - beside <= set(seen) <= begun - {2}
    assert len(begun) < 20


def test_the_item_at_which_workers_are_lost_alone_pays_for_it():
    executor = Scripted(lambda chunk: WorkerLostError() if 30 in chunk else None)
    found = dict(apart(executor).computed(times_one, range(50), 10**6, instead=lambda item: -item))
    assert found == {item: -30 if item == 30 else item for item in range(50)}
    with pytest.raises(WorkerLostError):
        list(apart(executor).computed(times_one, range(50), 10**6))


def test_an_executor_that_lets_go_of_its_tasks_ends_the_run_in_a_sentence():
    executor = Scripted(lambda chunk: CancelledError() if 3 in chunk else None)
    with pytest.raises(UnavailableError, match="the workers were lost"):
        list(apart(executor).computed(times_one, range(50), 50))


def test_a_worker_that_cannot_compute_says_so_in_place_of_results():
    hold("fit", 3)
    hold("unfit", 3, "has numpy 1.0 in place of 2.4")
    assert dict(apart(Scripted(), Held("fit")).computed(times, [1, 2], 2)) == {1: 3, 2: 6}
    with pytest.raises(UnavailableError, match=r"has numpy 1\.0 in place of 2\.4"):
        list(apart(Scripted(), Held("unfit")).computed(times, [1, 2], 2))
    for key in ("fit", "unfit"):
        let_go(key)


def test_whoever_waits_may_give_up():
    def give_up():
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool, pytest.raises(KeyboardInterrupt):
        list(apart(pool).computed(times_one, range(50), 50, on_wait=give_up))
