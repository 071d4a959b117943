"""Runs a function in a process of its own, with limits on memory, time and output.

Parsers of foreign content go here: what they do to their process, running out of
memory included, does not touch the worker. A new process is made for each call, so
nothing of one call is left for the next; it has no secrets in its environment.
"""

import importlib
import io
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from apps.core.errors import PermanentFailure, RpaError

_CHILD = str(Path(__file__).with_name("bounded_child.py"))
_MIB = 1024 * 1024
_SAFE = {
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
}


class BoundedCrash(Exception):
    """The function broke in a way it should not: a fault of ours, with its trace."""


class _PlainUnpickler(pickle.Unpickler):
    """Reads plain values only, so that a hostile answer cannot run anything."""

    def find_class(self, module: str, name: str) -> Any:
        if name in _SAFE.get(module, ()):
            return super().find_class(module, name)
        raise BoundedCrash(f"the answer holds a {module}.{name}")


def run_bounded(
    function: Callable[..., Any],
    *arguments: Any,
    memory_bytes: int = 512 * _MIB,
    seconds: float = 30.0,
    answer_bytes: int = 64 * _MIB,
) -> Any:
    """`function(*arguments)`, computed in a short-lived process.

    Args:
        function: stands at the top of a module that imports little, as each call
            imports it anew.
        arguments: what can be pickled.
        memory_bytes: what it may use beyond the bare interpreter (Linux).
        seconds: wall-clock time and processor time it may use, starting included.
        answer_bytes: size of the answer, which is made of plain values, and of each
            file that the function writes.

    Raises:
        PermanentFailure: `too_much_memory`, `too_slow`, `too_large`, `too_deep`, or
            `parser_crashed`.
        RpaError: what the function raised itself.
        BoundedCrash: any other exception in the function.
    """
    request = {
        "paths": [os.path.abspath(path) for path in sys.path],
        "module": function.__module__,
        "name": function.__name__,
        "arguments": pickle.dumps(arguments, protocol=5),
        "memory_bytes": memory_bytes,
        "cpu_s": max(1, math.ceil(seconds)),
        "answer_bytes": answer_bytes,
    }
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as answer:
        pickle.dump(request, question, protocol=5)
        question.seek(0)
        code = _run(question, answer, seconds)
        answer.seek(0)
        packed = answer.read(answer_bytes + 1)
    if code != 0:
        raise _death(code, memory_bytes)
    return _result(packed, memory_bytes, answer_bytes)


def _run(question: IO[bytes], answer: IO[bytes], seconds: float) -> int:
    """Start the child and wait for its end; gives its exit code.

    The lifeline is a pair of sockets: each side sees the other's end by it, ours
    without polling.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = _start(question, answer, theirs)
        try:
            ours.settimeout(seconds)
            ours.recv(1)
            return child.wait(timeout=5)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise PermanentFailure(
                f"Reading the content took longer than {seconds:g} s.", code="too_slow"
            ) from None
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def _start(
    question: IO[bytes], answer: IO[bytes], lifeline: socket.socket
) -> subprocess.Popen[bytes]:
    """The child; it stays in our process group, to end with it when that is killed."""
    return subprocess.Popen(  # noqa: S603 - fixed arguments
        [sys.executable, "-I", "-S", _CHILD, str(lifeline.fileno())],
        stdin=question,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        pass_fds=(lifeline.fileno(),),
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        cwd="/",
    )


def _death(code: int, memory_bytes: int) -> PermanentFailure:
    """What it means that the child ended without an answer."""
    if code == -signal.SIGXCPU:
        return PermanentFailure("Reading the content took too long.", code="too_slow")
    # Libraries in C and C++ abort when they get no memory.
    if code in (-signal.SIGABRT, -signal.SIGKILL):
        return _no_memory(memory_bytes)
    if code == -signal.SIGXFSZ:
        return PermanentFailure("The result is too large.", code="too_large")
    return PermanentFailure(
        "The content made its parser crash.", code="parser_crashed", exit_code=code
    )


def _no_memory(memory_bytes: int) -> PermanentFailure:
    return PermanentFailure(
        f"Reading the content takes more than {memory_bytes // _MIB} MiB of memory.",
        code="too_much_memory",
    )


def _result(packed: bytes, memory_bytes: int, answer_bytes: int) -> Any:
    answer = _PlainUnpickler(io.BytesIO(packed)).load()
    match answer:
        case ("returned", value):
            return value
        case ("raised", module, name, args, state):
            raise _ours(module, name, args, state)
        case ("memory",):
            raise _no_memory(memory_bytes)
        case ("depth",):
            raise PermanentFailure("The content is nested too deep.", code="too_deep")
        case ("size",):
            raise PermanentFailure(
                f"The result is larger than {answer_bytes // _MIB} MiB.",
                code="too_large",
            )
        case ("broke", kind, trace):
            raise BoundedCrash(f"{kind}: {trace}")
    raise BoundedCrash("the answer makes no sense")


def _ours(
    module: str, name: str, args: tuple[Any, ...], state: dict[str, Any]
) -> Exception:
    """The function's own error again, when it is one of ours."""
    kind = getattr(importlib.import_module(module), name, None)
    if not (isinstance(kind, type) and issubclass(kind, RpaError)):
        return BoundedCrash(f"{module}.{name}: {args}")
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error
