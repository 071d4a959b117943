"""The short-lived process of `bounded.run_bounded`; started as a script.

It imports as little as it can, since each call pays for it. The request stands on
standard input, the answer goes to standard output, both as pickles. The argument
is the number of a socket that the parent holds open for as long as it lives.
"""

import importlib
import os
import pickle
import resource
import sys
import threading
import traceback
from typing import Any


def _end_with_parent(lifeline: int) -> None:
    """Nobody waits for the answer once the parent is gone."""
    os.read(lifeline, 1)
    os._exit(1)


def _used_address_space() -> int:
    """Bytes of address space in use; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _lower(kind: int, limit: int, *, grace: int = 0) -> None:
    """Set a limit for good, the hard one by `grace` higher; a lower one stays."""
    most = limit + grace
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(kind, (min(limit, most), most))


def _limit(memory_bytes: int, cpu_s: int, answer_bytes: int) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    # At the hard limit the kernel kills, which looks like a lack of memory.
    _lower(resource.RLIMIT_CPU, cpu_s, grace=1)
    _lower(resource.RLIMIT_FSIZE, answer_bytes)
    # What is loaded by now is not the function's; the limit is for its work.
    if sys.platform == "linux":
        _lower(resource.RLIMIT_AS, _used_address_space() + memory_bytes)


def _find(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _described(error: BaseException) -> tuple[Any, ...]:
    """The error as plain values; the parent decides what becomes of it."""
    kind = type(error)
    if kind.__module__.startswith("apps."):
        return "raised", kind.__module__, kind.__qualname__, error.args, vars(error)
    return "broke", kind.__name__, "".join(traceback.format_exception(error)[-20:])


def _answer(request: dict[str, Any]) -> tuple[Any, ...]:
    try:
        function = _find(request["module"], request["name"])
        arguments = pickle.loads(request["arguments"])  # noqa: S301 - our parent's
        _limit(request["memory_bytes"], request["cpu_s"], request["answer_bytes"])
        return "returned", function(*arguments)
    except MemoryError:
        return ("memory",)
    except RecursionError:
        return ("depth",)
    except Exception as error:
        return _described(error)


def _packed(answer: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps(answer, protocol=5)
    except MemoryError:
        return pickle.dumps(("memory",))
    except Exception as error:
        return pickle.dumps(("broke", type(error).__name__, str(error)[:1000]))


def main() -> None:
    """Answer one request and end."""
    request = pickle.load(sys.stdin.buffer)  # noqa: S301 - our parent's
    sys.path[:] = request["paths"]
    lifeline = int(sys.argv[1])
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    packed = _packed(_answer(request))
    if len(packed) > request["answer_bytes"]:
        packed = pickle.dumps(("size",))
    with open(1, "wb", closefd=False) as answer:
        answer.write(packed)
    os._exit(0)


if __name__ == "__main__":
    main()
