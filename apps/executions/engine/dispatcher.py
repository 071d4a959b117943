"""Rings the bell: tells the workers that an execution is queued.

The database is the queue; a message carries an execution's id and nothing else.
Losing one costs a few seconds, since idle workers look into the database and the
reconciler rings again. So nobody ever waits for the broker: messages are published
by a thread, and dropped when the broker does not take them.
"""

import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Sequence

from apps.executions.engine import broker
from apps.executions.engine.broker import BrokerError, queue_name

log = logging.getLogger(__name__)

TASK = "executions.run"
_LONGEST_BACKLOG = 20_000
_BATCH = 200
# While the broker is away it is tried this often; what comes in between is dropped.
_TRY_EVERY_S = 1.0

_Ring = tuple[uuid.UUID, str]


class _Bell:
    """One process's publisher thread."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self._waiting: queue.Queue[_Ring] = queue.Queue(_LONGEST_BACKLOG)
        self._away_until = 0.0
        threading.Thread(target=self._loop, name="bell", daemon=True).start()

    def ring(self, execution_id: uuid.UUID, pool: str) -> None:
        try:
            self._waiting.put_nowait((execution_id, pool))
        except queue.Full:
            log.warning("bell backlog full", extra={"execution_id": execution_id})

    def _loop(self) -> None:
        client = broker.connect()
        while True:
            rings = [self._waiting.get(), *self._more(_BATCH - 1)]
            if time.monotonic() < self._away_until:
                continue
            try:
                broker.push(client, _messages(rings))
            except BrokerError as error:
                self._give_up(rings, error)

    def _give_up(self, rings: list[_Ring], error: BrokerError) -> None:
        """Drop all that waits: published late, it would be told to nobody's use."""
        self._away_until = time.monotonic() + _TRY_EVERY_S
        rings += self._more(_LONGEST_BACKLOG)
        log.warning(
            "broker does not answer",
            extra={"dropped": len(rings), "error": repr(error)[:200]},
        )

    def _more(self, limit: int) -> list[_Ring]:
        found: list[_Ring] = []
        try:
            while len(found) < limit:
                found.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return found


_bell: _Bell | None = None
_making = threading.Lock()


def ring(execution_id: uuid.UUID, pool: str) -> None:
    """Tell the workers of `pool`, soon and without waiting for the broker."""
    global _bell
    bell = _bell
    if bell is None or bell.process_id != os.getpid():  # a fork has no threads
        with _making:
            bell = _bell
            if bell is None or bell.process_id != os.getpid():
                bell = _bell = _Bell()
    bell.ring(execution_id, pool)


def publish_to(queue: str, execution_id: str) -> None:
    """Publish one message, waiting for the broker a few seconds at most.

    Raises:
        BrokerError: it does not answer.
    """
    client = broker.connect()
    try:
        broker.push(client, [(queue, broker.message(TASK, queue, execution_id))])
    finally:
        client.close()


def _messages(rings: Sequence[_Ring]) -> list[tuple[str, str]]:
    found = []
    for execution_id, pool in rings:
        name = queue_name(pool)
        found.append((name, broker.message(TASK, name, str(execution_id))))
    return found
