"""Rings the bell: tells the workers that an execution is queued.

The database is the queue; a message carries an execution's id and nothing else.
Losing one costs a few seconds, since idle workers look into the database and the
reconciler rings again. So nobody ever waits for the broker: messages are published
by a thread, and dropped when the broker does not take them.
"""

import logging
import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from apps.core.per_process import PerProcess
from apps.executions.engine import broker
from apps.executions.engine.broker import BrokerError, queue_name

log = logging.getLogger(__name__)

TASK = "executions.run"
_LONGEST_BACKLOG = 20_000
_BATCH = 200
# While the broker is away it is tried this often; what comes in between is dropped.
_TRY_EVERY_S = 1.0


class _Ring(NamedTuple):
    """One message for a pool, or how many there are too many."""

    pool: str
    execution_id: uuid.UUID | None
    surplus: int = 0


class _Bell:
    """One process's publisher thread."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[_Ring] = queue.Queue(_LONGEST_BACKLOG)
        self._away_until = 0.0
        threading.Thread(target=self._loop, name="bell", daemon=True).start()

    def ring(self, execution_id: uuid.UUID, pool: str) -> None:
        self._put(_Ring(pool, execution_id))

    def unring(self, pool: str, count: int) -> None:
        self._put(_Ring(pool, None, count))

    def _put(self, ring: _Ring) -> None:
        try:
            self._waiting.put_nowait(ring)
        except queue.Full:
            extra = {"execution_id": ring.execution_id}
            log.warning("bell backlog full", extra=extra)

    def _loop(self) -> None:
        client = broker.connect()
        while True:
            rings = [self._waiting.get(), *self._more(_BATCH - 1)]
            if time.monotonic() < self._away_until:
                continue
            try:
                broker.push(client, _messages(rings))
                for pool, count in _surplus(rings).items():
                    broker.take_back(client, queue_name(pool), count)
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


_bell = PerProcess(_Bell)


def ring(execution_id: uuid.UUID, pool: str) -> None:
    """Tell the workers of `pool`, soon and without waiting for the broker."""
    _bell.get().ring(execution_id, pool)


def unring(pool: str, count: int) -> None:
    """Take back so many messages: as many executions were claimed without one.

    Which ones is all the same, since each only says that somebody should look.
    """
    _bell.get().unring(pool, count)


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
    for ring in rings:
        if ring.execution_id is not None:
            name = queue_name(ring.pool)
            text = broker.message(TASK, name, str(ring.execution_id))
            found.append((name, text))
    return found


def _surplus(rings: Sequence[_Ring]) -> Counter[str]:
    found: Counter[str] = Counter()
    for ring in rings:
        found[ring.pool] += ring.surplus
    return +found
