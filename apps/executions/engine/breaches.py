"""Bounds of the machine that an execution may break, and how it ends by them."""

import contextlib
from dataclasses import dataclass

import psutil
from django.conf import settings

from apps.core.types import JsonObject
from apps.executions.engine.slots import Order


def _error(code: str, message: str, kind: str = "step") -> JsonObject:
    return {"code": code, "kind": kind, "message": message, "path": None}


# What an execution ends with that does not obey, or that no handler may follow.
ERRORS: dict[Order, JsonObject] = {
    Order.TIMEOUT: _error(
        "timeout",
        "The execution ran longer than its time limit and was killed.",
        kind="timeout",
    ),
    Order.MEMORY: _error(
        "too_much_memory", "The execution used more memory than it may."
    ),
    Order.CPU: _error(
        "too_much_cpu", "The execution used more processor time than it may."
    ),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child and all below it have.

    Attributes:
        memory_bytes: held by them alone.
        cpu_s: processor time since they were born, in seconds; that of their own
            children which have ended counts too.
    """

    memory_bytes: int
    cpu_s: float


def usage_of(process_id: int) -> Usage:
    """What the process and all below it use; nothing when it is gone."""
    memory, cpu = 0, 0.0
    with contextlib.suppress(psutil.Error):
        child = psutil.Process(process_id)
        for process in (child, *child.children(recursive=True)):
            with contextlib.suppress(psutil.Error), process.oneshot():
                info = process.memory_info()
                memory += info.rss - getattr(info, "shared", 0)
                cpu += sum(process.cpu_times()[:4])
    return Usage(memory, cpu)


def broken_by(now: Usage, before: Usage) -> Order | None:
    """Which bound an execution has broken, if any.

    Args:
        before: what its process used when it began.
    """
    if now.memory_bytes > settings.EXECUTION_MEMORY_BYTES:
        return Order.MEMORY
    if now.cpu_s - before.cpu_s > settings.EXECUTION_CPU.total_seconds():
        return Order.CPU
    return None
