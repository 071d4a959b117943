"""Interrupts strike steps, and nothing but steps."""

import contextlib
import os
import signal
import threading
import time

import pytest

from apps.executions.engine import interrupts
from apps.executions.engine.interrupts import Arm, Interrupted


@pytest.fixture(autouse=True)
def handlers():
    before = signal.getsignal(interrupts.SIGNAL), signal.getsignal(signal.SIGALRM)
    interrupts.install()
    yield
    interrupts.install()
    signal.signal(interrupts.SIGNAL, before[0])
    signal.signal(signal.SIGALRM, before[1])


def strike():
    os.kill(os.getpid(), interrupts.SIGNAL)


def striking_soon(after_s=0.05):
    timer = threading.Timer(after_s, strike)
    timer.start()
    return timer


def test_a_blocked_step_is_interrupted():
    timer = striking_soon()
    with pytest.raises(Interrupted):
        interrupts.run(time.sleep, 60)
    timer.join()


def test_outside_of_a_step_a_signal_waits_for_the_next_one():
    strike()
    ran = []
    with pytest.raises(Interrupted):
        interrupts.run(ran.append, 1)
    assert interrupts.run(ran.append, 2) is None
    assert ran == [2]


def test_a_step_is_struck_once_so_that_it_can_clean_up():
    cleaned = []

    def step():
        try:
            strike()
            time.sleep(60)
        finally:
            strike()
            time.sleep(0.01)
            cleaned.append(True)

    with pytest.raises(Interrupted):
        interrupts.run(step)
    assert cleaned == [True]


def test_a_shielded_part_is_finished_first():
    done = []

    def step():
        with interrupts.shielded():
            strike()
            done.append("committed")
        done.append("never")

    with pytest.raises(Interrupted):
        interrupts.run(step)
    assert done == ["committed"]


def test_a_shielded_part_that_fails_tells_its_failure():
    def step():
        with interrupts.shielded():
            strike()
            raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        interrupts.run(step)


def test_a_shield_outside_of_a_step_changes_nothing():
    with interrupts.shielded():
        strike()
    with pytest.raises(Interrupted):
        interrupts.run(int)


def test_a_step_ends_at_its_deadline():
    with pytest.raises(Interrupted):
        interrupts.run_until(time.monotonic() + 0.05, time.sleep, 60)


def test_a_deadline_that_has_passed_lets_nothing_start():
    ran = []
    with pytest.raises(Interrupted):
        interrupts.run_until(time.monotonic() - 1, ran.append, 1)
    assert ran == []


def test_an_alarm_never_strikes_a_later_step():
    for _ in range(2_000):
        with contextlib.suppress(Interrupted):
            interrupts.run_until(time.monotonic() + 0.00003, int)
        assert interrupts.run(int) == 0


def test_an_alarm_inside_a_shield_strikes_at_its_end():
    done = []

    def step():
        with interrupts.shielded():
            time.sleep(0.1)
            done.append("committed")
        done.append("never")

    with pytest.raises(Interrupted):
        interrupts.run_until(time.monotonic() + 0.02, step)
    assert done == ["committed"]


def test_a_signal_that_was_meant_for_another_is_ignored():
    interrupts.install(lambda: False)
    strike()
    assert interrupts.run(int) == 0


def test_clearing_forgets_what_came_too_late():
    strike()
    interrupts.clear()
    assert interrupts.run(int) == 0


# --- threads ------------------------------------------------------------------------


class Branch(threading.Thread):
    """Runs `work` in a thread with an arm; keeps what it raised."""

    def __init__(self, work):
        super().__init__()
        self.work, self.arm, self.raised = work, Arm(), None
        self.start()

    def run(self):
        interrupts.enter_thread(self.arm)
        try:
            self.work(self)
        except BaseException as error:
            self.raised = error
        finally:
            interrupts.leave_thread(self.arm)


def test_a_pause_in_a_thread_is_interrupted():
    inside = threading.Event()

    def work(branch):
        interrupts.run(lambda: (inside.set(), interrupts.sleep(60)))

    branch = Branch(work)
    assert inside.wait(10)
    interrupts.interrupt_thread(branch.arm)
    branch.join(10)
    assert isinstance(branch.raised, Interrupted)


def test_a_thread_between_steps_is_struck_before_the_next():
    ready, go_on, ran = threading.Event(), threading.Event(), []

    def work(branch):
        ready.set()
        go_on.wait(10)
        interrupts.run(ran.append, 1)

    branch = Branch(work)
    assert ready.wait(10)
    interrupts.interrupt_thread(branch.arm)
    go_on.set()
    branch.join(10)
    assert (type(branch.raised), ran) == (Interrupted, [])


def test_the_deadline_of_a_thread_is_kept_by_who_watches_it():
    def work(branch):
        interrupts.run_until(time.monotonic() + 0.1, interrupts.sleep, 60)

    branch = Branch(work)
    while branch.is_alive():
        interrupts.interrupt_overdue(branch.arm)
        branch.join(0.01)
    assert isinstance(branch.raised, Interrupted)


def test_no_interrupt_leaks_out_of_a_step_of_a_thread():
    """Struck at any moment, it arrives inside `run` or waits for the next step."""
    leaks, stop = [], threading.Event()

    def work(branch):
        while not stop.is_set():
            try:
                interrupts.run(sum, range(50))
            except Interrupted:
                continue
            try:
                sum(range(200))
            except Interrupted:
                leaks.append(1)

    branch = Branch(work)
    for _ in range(3_000):
        interrupts.interrupt_thread(branch.arm)
    stop.set()
    branch.join(10)
    assert (leaks, branch.raised) == ([], None)


def test_a_thread_that_has_ended_is_not_struck():
    branch = Branch(lambda branch: None)
    branch.join(10)
    interrupts.interrupt_thread(branch.arm)
    assert branch.raised is None
