"""What a worker's consumer takes from the broker: all its queues, or none."""

import logging
from collections.abc import Sequence
from typing import Any

log = logging.getLogger(__name__)


class Intake:
    """Opens and closes the queues of executions; any thread may ask.

    Args:
        controller: Celery's worker.
        queues: the names of the queues.
    """

    def __init__(self, controller: Any, queues: Sequence[str]) -> None:
        self._controller = controller
        self._queues = tuple(queues)

    def keep(self, *, is_open: bool) -> None:
        """See to it; to be called again and again, since a reconnect may forget it."""
        consumer = self._controller.consumer
        chosen = self._controller.app.amqp.queues.consume_from
        if consumer is not None and any(
            (name in chosen) != is_open for name in self._queues
        ):
            # The consumer's thread alone may touch its connection.
            consumer.call_soon(self._open if is_open else self._close, consumer)

    def _open(self, consumer: Any) -> None:
        log.info("takes executions again")
        for name in self._queues:
            if consumer.task_consumer is None:  # it connects just now
                queues = consumer.app.amqp.queues
                queues.select_add(queues[name])
            else:
                consumer.add_task_queue(name)

    def _close(self, consumer: Any) -> None:
        log.info("takes no more executions")
        for name in self._queues:
            consumer.app.amqp.queues.deselect(name)
            if consumer.task_consumer is not None:
                consumer.task_consumer.cancel_by_queue(name)
