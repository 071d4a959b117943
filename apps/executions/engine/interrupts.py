"""Stopping a step from outside, and only a step.

The supervisor (another process or thread) writes its order into the child's slot
and sends a signal; the handler raises `Interrupted` out of whatever the step does.
Outside a step's `run` the signal is only remembered, so none strikes inside a
commit. Threads of `parallel` get no signals; they are interrupted through
CPython's asynchronous exceptions.
"""

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec, TypeVar

SIGNAL = signal.SIGUSR2

P = ParamSpec("P")
T = TypeVar("T")


class Interrupted(BaseException):
    """The step was stopped from outside; the slot says why."""


class _Arm:
    """Whether one thread may be interrupted right now, and at the latest when."""

    __slots__ = ("armed", "deadline", "pending")

    def __init__(self) -> None:
        self.armed = False
        self.pending = False
        self.deadline: float | None = None


_main = _Arm()
_threads: dict[int, _Arm] = {}
_threads_lock = threading.Lock()


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _main.armed:
        # Once only: whoever cleans up after it must not be struck again.
        _main.armed = False
        raise Interrupted
    _main.pending = True


def install() -> None:
    """Handle the supervisor's signal and the step's own alarm in this process."""
    signal.signal(SIGNAL, _on_signal)
    signal.signal(signal.SIGALRM, _on_signal)
    clear()


def clear() -> None:
    """Forget what came too late for the step it was meant for."""
    _main.armed = _main.pending = False


def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` so that it can be interrupted.

    Raises:
        Interrupted: it was, or an interrupt was already waiting.
    """
    arm = _arm()
    if arm.pending:
        arm.pending = False
        raise Interrupted
    arm.armed = True
    try:
        return function(*args, **kwargs)
    finally:
        arm.armed = False


def run_until(
    deadline: float | None, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Like `run`, and interrupt it at `deadline` (`time.monotonic()`) by ourselves."""
    if deadline is None:
        return run(function, *args, **kwargs)
    left = deadline - time.monotonic()
    if left <= 0:
        raise Interrupted
    is_main = threading.current_thread() is threading.main_thread()
    if is_main:
        signal.setitimer(signal.ITIMER_REAL, left)
    else:
        _arm().deadline = deadline
    try:
        return run(function, *args, **kwargs)
    finally:
        if is_main:
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            _arm().deadline = None


def _arm() -> _Arm:
    if threading.current_thread() is threading.main_thread():
        return _main
    with _threads_lock:
        return _threads.setdefault(threading.get_ident(), _Arm())


def interrupt_thread(thread: threading.Thread) -> None:
    """Interrupt a thread of ours if it is inside a step; else before its next."""
    ident = thread.ident
    if ident is None:
        return
    with _threads_lock:
        arm = _threads.setdefault(ident, _Arm())
        if not arm.armed:
            arm.pending = True
            return
        arm.armed = False
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(ident), ctypes.py_object(Interrupted)
    )


def interrupt_overdue(thread: threading.Thread) -> None:
    """Interrupt a thread of ours whose deadline has passed."""
    arm = _threads.get(thread.ident or 0)
    if arm is None or arm.deadline is None or time.monotonic() < arm.deadline:
        return
    arm.deadline = None
    interrupt_thread(thread)


def forget_thread() -> None:
    """Drop the calling thread's entry; idents are used again."""
    with _threads_lock:
        _threads.pop(threading.get_ident(), None)
