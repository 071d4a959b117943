"""Stopping a step from outside, and only a step.

The supervisor (another process or thread) writes its order into the child's slot
and sends a signal; the handler raises `Interrupted` out of whatever the step does.
Outside a step's `run`, and where the engine commits, the signal is only
remembered, so none strikes inside a commit. Threads of `parallel` get no signals;
they are interrupted through CPython's asynchronous exceptions.
"""

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ParamSpec, TypeVar

SIGNAL = signal.SIGUSR2
# A thread asleep in C hears nothing: it wakes up this often to listen.
_NAP_S = 0.1

P = ParamSpec("P")
T = TypeVar("T")


class Interrupted(BaseException):
    """The step was stopped from outside; the slot says why."""


class Arm:
    """Whether one thread may be interrupted right now, and at the latest when.

    Attributes:
        armed: inside a step: an interrupt strikes at once.
        pending: an order came while it was not armed; it strikes at the next step.
        alarmed: the step's own deadline came while it was not armed.
        deadline: of the step that runs (`time.monotonic()`).
    """

    __slots__ = ("alarmed", "armed", "deadline", "ident", "pending")

    def __init__(self) -> None:
        self.armed = self.pending = self.alarmed = False
        self.deadline: float | None = None
        self.ident: int | None = None


class _Here(threading.local):
    """The calling thread's arm; None in the main thread."""

    arm: Arm | None = None


_main = Arm()
_here = _Here()
_lock = threading.Lock()


def _always() -> bool:
    return True


_is_meant: Callable[[], bool] = _always


def _on_signal(number: int, frame: FrameType | None) -> None:
    # It may have been sent to what ran in this process a moment ago.
    if not _is_meant():
        return
    _main.pending = True
    _strike()


def _on_alarm(number: int, frame: FrameType | None) -> None:
    if _main.deadline is None:
        return
    _main.alarmed = True
    _strike()


def _strike() -> None:
    if _main.armed:
        # Once only: whoever cleans up after it must not be struck again.
        _main.armed = _main.pending = _main.alarmed = False
        raise Interrupted


def install(is_meant: Callable[[], bool] = _always) -> None:
    """Handle the supervisor's signal and the step's own alarm in this process.

    Args:
        is_meant: whether an order stands for what runs now.
    """
    global _is_meant
    _is_meant = is_meant
    signal.signal(SIGNAL, _on_signal)
    signal.signal(signal.SIGALRM, _on_alarm)
    clear()


def clear() -> None:
    """Forget what came too late for the step it was meant for."""
    _main.armed = _main.pending = _main.alarmed = False


def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` so that it can be interrupted.

    Raises:
        Interrupted: it was, or an interrupt was already waiting.
    """
    arm = _here.arm
    if arm is not None:
        return _run_in_thread(arm, function, *args, **kwargs)
    # Armed before the look at what waits: a signal in between strikes by itself.
    _main.armed = True
    try:
        if _main.pending or _main.alarmed:
            _strike()
        return function(*args, **kwargs)
    finally:
        _main.armed = False


def _run_in_thread(
    arm: Arm, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    _rearm(arm)
    try:
        return function(*args, **kwargs)
    finally:
        with _lock:
            arm.armed = False
        _land()


def _rearm(arm: Arm) -> None:
    with _lock:
        arm.armed = not (arm.pending or arm.alarmed)
        if not arm.armed:
            arm.pending = arm.alarmed = False
            raise Interrupted


def _land() -> None:
    """Let an interrupt that is on its way arrive here and not behind the step."""
    for _ in range(3):
        pass


def run_until(
    deadline: float | None, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Like `run`, and interrupt it at `deadline` (`time.monotonic()`) by ourselves."""
    if deadline is None:
        return run(function, *args, **kwargs)
    left = deadline - time.monotonic()
    if left <= 0:
        raise Interrupted
    arm = _here.arm
    if arm is not None:
        return _until_in_thread(arm, deadline, function, *args, **kwargs)
    _main.deadline = deadline
    signal.setitimer(signal.ITIMER_REAL, left)
    try:
        return run(function, *args, **kwargs)
    finally:
        _main.deadline = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        _main.alarmed = False


def _until_in_thread(
    arm: Arm,
    deadline: float,
    function: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    arm.deadline = deadline
    try:
        return _run_in_thread(arm, function, *args, **kwargs)
    finally:
        with _lock:
            arm.deadline, arm.alarmed = None, False


@contextmanager
def shielded() -> Iterator[None]:
    """Inside a step: nothing is interrupted in here, what came strikes at the end.

    For transactions that the engine makes on behalf of a step.

    Raises:
        Interrupted: one came meanwhile.
    """
    arm = _here.arm or _main
    was_armed = arm.armed
    with _lock:
        arm.armed = False
    _land()
    try:
        yield
    except BaseException:
        # Its failure is what counts; a waiting interrupt strikes at the next step.
        with _lock:
            arm.armed = was_armed
        raise
    if was_armed and arm is not _main:
        _rearm(arm)
    elif was_armed:
        _main.armed = True
        if _main.pending or _main.alarmed:
            _strike()


def sleep(seconds: float) -> None:
    """`time.sleep` that can be interrupted in any thread."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(left if _here.arm is None else min(left, _NAP_S))


# --- threads of `parallel` ----------------------------------------------------------


def enter_thread(arm: Arm) -> None:
    """The calling thread can be interrupted by `arm` from now on."""
    _here.arm = arm
    arm.ident = threading.get_ident()


def leave_thread(arm: Arm) -> None:
    """The calling thread ends; nothing strikes it any more."""
    with _lock:
        arm.ident, arm.armed = None, False
    _land()


def interrupt_thread(arm: Arm) -> None:
    """Interrupt a thread of ours if it is inside a step; else before its next."""
    with _lock:
        if arm.armed:
            _throw(arm)
        else:
            arm.pending = True


def interrupt_overdue(arm: Arm) -> None:
    """Interrupt a thread of ours whose step's deadline has passed."""
    with _lock:
        if arm.deadline is None or time.monotonic() < arm.deadline:
            return
        if arm.armed:
            _throw(arm)
        else:
            arm.alarmed = True


def _throw(arm: Arm) -> None:
    if arm.ident is None:
        return
    arm.armed = False
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(arm.ident), ctypes.py_object(Interrupted)
    )
