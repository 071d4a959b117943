"""Functions for the tests of bounded processes: well behaved and not."""

import ctypes
import hashlib
import os
import threading
import time
from datetime import UTC, datetime
from typing import Any

from apps.core.errors import Invalid, PermanentFailure


def add(left: int, right: int) -> int:
    return left + right


def moment() -> dict[str, Any]:
    return {"at": datetime(2026, 1, 2, tzinfo=UTC), "rows": [(1, b"x"), {2}]}


def fill_memory() -> int:
    return len([bytearray(1024 * 1024) for _ in range(2000)])


def spin() -> None:
    while True:
        pass


def spin_twice() -> None:
    """Two threads that do not wait for each other: twice the time on the processor."""
    block = bytes(4 * 1024 * 1024)

    def work() -> None:
        while True:
            hashlib.sha256(block)

    threading.Thread(target=work, daemon=True).start()
    work()


def sleep() -> None:
    time.sleep(60)


def refuse() -> None:
    raise PermanentFailure("no", code="refused", row=3)


def refuse_all() -> None:
    raise Invalid("bad", [{"path": "a", "message": "b"}])


def break_down() -> None:
    raise KeyError("gone")


def go_deep() -> Any:
    return go_deep()


def crash() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


def long_text(size: int) -> str:
    return "x" * size


def foreign_object() -> Any:
    return os.path.join


def environment() -> dict[str, str]:
    return dict(os.environ)


def own_pid(path: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    time.sleep(60)
