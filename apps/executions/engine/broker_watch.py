"""Knows in a worker's parent whether the broker answers, and whether we hear it."""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings

from apps.executions.engine import broker, canary
from apps.executions.engine.slots import Flag, SlotTable
from apps.executions.engine.workers import Identity

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
SING_EVERY_S = 10.0
# The broker counts as away when it has not answered for so long ...
AWAY_AFTER_S = 3.0
# ... and as back when it has answered for so long and we have heard from it, since
# the consumer may take its time to connect: until then both ways are open.
BACK_AFTER_S = 10.0


class BrokerWatch:
    """Raises the flag `OUTAGE` in `table`; calls `on_deaf` when nothing is heard.

    A worker is deaf when the broker took its canaries and none was heard for
    `WORKER_DEAF_AFTER`, though it was ready to hear them all that time: a worker
    without a free child consumes nothing, nor does one that stops.

    Args:
        is_full: whether it consumes nothing because no child is free.
        on_deaf: what to do then; it may never return.
    """

    def __init__(
        self,
        table: SlotTable,
        identity: Identity,
        *,
        is_full: Callable[[], bool],
        on_deaf: Callable[[], None],
    ) -> None:
        self._table = table
        self._identity = identity
        self._is_full = is_full
        self._on_deaf = on_deaf
        self._client = broker.connect()
        now = time.monotonic()
        self._answered = self._failed = self._listening_since = now
        self._sung: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="broker", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def _loop(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Exception:
                # Without this thread nobody would notice that we are deaf.
                log.exception("broker watch stumbled")
        self._client.close()

    def look(self) -> None:
        """Ask the broker once; act on what follows from its answer."""
        try:
            self._ask()
        except broker.BrokerError as error:
            self._failed = time.monotonic()
            self._listening_since = self._failed
            if self._failed - self._answered > AWAY_AFTER_S:
                self._say_away(error)
            return
        self._answered = now = time.monotonic()
        if self._table.has(Flag.OUTAGE) and self._is_back(now):
            self._table.set(Flag.OUTAGE, to=False)
            log.info("broker answers again")
        if self._is_deaf(now):
            self._on_deaf()

    def _ask(self) -> None:
        now = time.monotonic()
        every_s = min(SING_EVERY_S, settings.WORKER_DEAF_AFTER.total_seconds() / 4)
        if self._sung is None or now - self._sung >= every_s:
            canary.sing(self._client, self._identity)
            self._sung = now
        else:
            self._client.ping()

    def _say_away(self, error: Exception) -> None:
        if not self._table.has(Flag.OUTAGE):
            log.warning("broker does not answer", extra={"error": repr(error)[:200]})
        self._table.set(Flag.OUTAGE, to=True)

    def _is_back(self, now: float) -> bool:
        has_heard = (canary.heard_at() or 0.0) > self._failed
        return has_heard and now - self._failed > BACK_AFTER_S

    def _is_deaf(self, now: float) -> bool:
        if self._is_full() or self._table.has(Flag.STOPPING):
            self._listening_since = now
        silent_since = max(self._listening_since, canary.heard_at() or 0.0)
        return now - silent_since > settings.WORKER_DEAF_AFTER.total_seconds()
