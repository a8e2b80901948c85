"""Ctrl-C ends a run between two clients."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress

import pytest

from workbooks.interrupts import interrupts_between_steps


class Finalised:
    """Interrupted where an exception is lost."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_for_the_next_step():
    reached = []
    with suppress(KeyboardInterrupt), interrupts_between_steps() as step:
        step()
        signal.raise_signal(signal.SIGINT)
        reached.append("the work in hand is finished")
        step()
        reached.append("the next is begun")
    assert reached == ["the work in hand is finished"]


def test_ctrl_c_inside_a_finaliser_is_not_lost():
    with interrupts_between_steps() as step:
        Finalised()
        with pytest.raises(KeyboardInterrupt):
            step()


def test_a_second_ctrl_c_is_not_waited_for():
    with interrupts_between_steps():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_ctrl_c_means_what_it_meant_before():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_between_steps():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_outside_the_main_thread_nothing_is_changed():
    found = []

    def run():
        with interrupts_between_steps() as step:
            step()
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
