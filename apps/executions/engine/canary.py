"""A message that a worker sends to itself, to know that it can still hear.

A connection may be dead without anybody being told: the worker's process is up, the
broker answers others, and no message arrives. Each worker has a queue of its own;
what comes there is taken by its parent process at once, on the very connection by
which it takes executions, and needs no free child.
"""

import time
from collections.abc import Callable
from typing import Any

from kombu import Queue

from apps.executions.engine.broker import connect, message, queue_name
from apps.executions.engine.workers import Identity

TASK = "executions.canary"
STRATEGY = f"{__name__}:strategy"
# Nothing of a killed worker stays in the broker.
_KEPT_MS = 60_000

_heard_at: float | None = None


def heard_at() -> float | None:
    """When this worker last heard itself (`time.monotonic()`); None: never."""
    return _heard_at


def heard_ago_s() -> float | None:
    """How long ago that is."""
    return None if _heard_at is None else time.monotonic() - _heard_at


def queue_of(identity: Identity) -> str:
    """The name of the worker's own queue."""
    return f"{queue_name('canary')}.{identity.id}"


def consumed(identity: Identity) -> Queue:
    """The queue as Celery consumes it; it leaves no trace in the broker.

    Nothing is acknowledged: a worker that stops puts back what it has not
    acknowledged, and there it would stay for good.
    """
    return Queue(queue_of(identity), no_declare=True, no_ack=True)


def sing(client: Any, identity: Identity) -> None:
    """Send it, in place of an earlier one that was not heard.

    Raises:
        BrokerError: the broker does not answer.
    """
    queue = queue_of(identity)
    with client.pipeline() as pipe:
        pipe.delete(queue)
        pipe.lpush(queue, message(TASK, queue))
        pipe.pexpire(queue, _KEPT_MS)
        pipe.execute()


def hush(identity: Identity) -> None:
    """Remove it, once nothing is consumed and the connection is closed.

    A message that comes while the consumer ends is put back by Celery, and what is
    put back has no time to live.

    Raises:
        BrokerError: the broker does not answer.
    """
    client = connect()
    try:
        client.delete(queue_of(identity))
    finally:
        client.close()


def strategy(task: Any, app: Any, consumer: Any, **_: Any) -> Callable[..., None]:
    """How Celery's consumer handles the message: right there."""

    def hear(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
        global _heard_at
        _heard_at = time.monotonic()

    return hear
