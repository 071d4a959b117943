"""Rings the bell: tells the workers that an execution is queued.

The database is the queue; a message carries an execution's id and nothing else.
Losing one costs a few seconds, since the reconciler rings again. So nobody ever
waits for the broker: messages are published by a thread, and dropped when the
broker does not take them.
"""

import logging
import os
import queue
import threading
import uuid

from celery import current_app
from django.conf import settings

log = logging.getLogger(__name__)

TASK = "executions.run"
_LONGEST_BACKLOG = 20_000


def queue_name(pool: str) -> str:
    """The Celery queue of a worker pool."""
    instance = settings.RPA_INSTANCE
    return f"{instance}.{pool}" if instance else pool


class _Bell:
    """One process's publisher thread."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self._waiting: queue.Queue[tuple[uuid.UUID, str]] = queue.Queue(
            _LONGEST_BACKLOG
        )
        threading.Thread(target=self._loop, name="bell", daemon=True).start()

    def ring(self, execution_id: uuid.UUID, pool: str) -> None:
        try:
            self._waiting.put_nowait((execution_id, pool))
        except queue.Full:
            log.warning("bell backlog full", extra={"execution_id": execution_id})

    def _loop(self) -> None:
        while True:
            execution_id, pool = self._waiting.get()
            try:
                publish(execution_id, pool)
            except Exception as error:
                # Any error of any broker client: the reconciler rings again.
                log.warning(
                    "broker does not answer",
                    extra={"execution_id": execution_id, "error": repr(error)[:200]},
                )


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


def publish(execution_id: uuid.UUID, pool: str) -> None:
    """Publish one message, waiting for the broker a few seconds at most.

    Raises:
        kombu.exceptions.OperationalError: it does not answer.
    """
    current_app.send_task(
        TASK, args=[str(execution_id)], queue=queue_name(pool), ignore_result=True
    )
