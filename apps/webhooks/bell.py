"""Tells workers that deliveries are due; what is lost on the way is told again."""

import logging

from apps.executions.engine import broker
from apps.webhooks.leases import due_count

log = logging.getLogger(__name__)

TASK = "webhooks.serve"
POOL = "default"
# A longer queue is full of work, or nobody listens.
_MOST_WAITING = 200


def ring() -> int:
    """Ring once for each webhook that has something due; gives 0.

    Bells of which nothing came stay in the queue when no worker listens, so no more
    are added while it is longer than what is due.
    """
    count = due_count()
    if not count:
        return 0
    queue = broker.queue_name(POOL)
    message = broker.message(TASK, queue)
    try:
        client = broker.connect()
        with client:
            if broker.waiting(client, POOL) < _MOST_WAITING:
                broker.push(client, [(queue, message)] * count)
    except broker.BrokerError as error:
        log.warning("broker does not answer", extra={"error": repr(error)[:200]})
    return 0
