"""Finds what was not heard and starts it again; safe in any number.

Losing all of Redis, a message, a worker or this process itself so costs only time.
"""

import logging
import uuid
from collections.abc import Sequence

from django.db import connection

from apps.core import tenancy
from apps.core.outages import Calm
from apps.core.trips import Statement, one_trip
from apps.executions.engine import broker, leases, limits
from apps.executions.engine.dispatcher import ring

log = logging.getLogger(__name__)

# A queued execution that no worker took within this time may have been missed.
HEARD_WITHIN_S = 3
RING_AGAIN_S = 10
# With a lease of 30 s a killed worker's work still goes on within 45 s.
CALM_S = 10.0
BATCH = 1_000


def wake_due() -> int:
    """Queue the parked executions whose time has come; gives how many."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE executions_execution SET status = 'queued', due_at = NULL,"
            " reason = '', rung_at = clock_timestamp()"
            " WHERE id IN (SELECT id FROM executions_execution"
            "  WHERE status = 'waiting' AND due_at <= clock_timestamp()"
            "  ORDER BY due_at FOR UPDATE SKIP LOCKED LIMIT %s)"
            " RETURNING id, pool",
            [BATCH],
        )
        woken = cursor.fetchall()
    _ring_all(woken)
    return len(woken)


class Reconciler:
    """Rings again for what was not heard, and takes back expired leases.

    After an outage of the database it gives workers time to come back first: they may
    hold the results of what they did meanwhile.

    Args:
        calm_s: so long the database has to answer before a lease is taken back.
    """

    def __init__(self, calm_s: float = CALM_S) -> None:
        self._calm = Calm(calm_s)

    def __call__(self) -> None:
        """One round."""
        with self._calm.asking():
            _ring_again()
        if self._calm:
            _take_back()


def _take_back() -> None:
    for freed in leases.free_expired():
        log.warning("lease expired", extra={"execution_id": freed.execution_id})
        if freed.status == "queued":
            ring(freed.execution_id, freed.pool)


def look_twice() -> None:
    """Let go what should have been let go before; a net below what is meant to hold."""
    limits.release_overlooked()
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_WAKE_OVERLOOKED)
        if woken := cursor.rowcount:
            log.warning("overlooked parents woken", extra={"count": woken})


# Their child has ended since they last looked, and nobody told them.
_WAKE_OVERLOOKED = """
    UPDATE executions_execution e SET due_at = clock_timestamp()
    WHERE status = 'waiting' AND due_at IS NULL AND EXISTS (
        SELECT 1 FROM executions_execution child WHERE child.parent_id = e.id
            AND child.finished_at > e.claimed_at
            AND child.finished_at < clock_timestamp() - interval '10 s')
"""


def _ring_again() -> None:
    for pool, unheard in _unheard().items():
        messages = _messages(pool)
        if messages is None:
            # Nobody would hear it. The next round after its return rings for all.
            return
        # With at least one message for each, those rows are only waiting their turn.
        if messages < unheard:
            _ring_all(_mark_rung(pool))


def _unheard() -> dict[str, int]:
    """How many executions of each pool may have been missed; counts no further
    than is rung for in one round."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pool, count(*) FROM (SELECT pool FROM executions_execution"
            " WHERE status = 'queued' AND NOT is_held"
            " AND (due_at IS NULL OR due_at <= now())"
            " AND queued_at < now() - make_interval(secs => %s)"
            " AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %s))"
            " LIMIT %s) missed GROUP BY pool",
            [HEARD_WITHIN_S, RING_AGAIN_S, BATCH],
        )
        return dict(cursor.fetchall())


def is_any_missed(pools: Sequence[str]) -> bool:
    """Whether something is queued that a free worker would long have taken."""
    (found,) = one_trip(
        Statement(
            "SELECT EXISTS (SELECT 1 FROM executions_execution"
            " WHERE status = 'queued' AND NOT is_held AND pool = ANY(%s)"
            " AND (due_at IS NULL OR due_at <= now())"
            " AND COALESCE(rung_at, queued_at) < now() - make_interval(secs => %s))",
            [list(pools), HEARD_WITHIN_S],
        ),
        organization_id=None,
    )
    return bool(found[0][0])


def _messages(pool: str) -> int | None:
    """Messages in the broker for the pool; None when it does not answer."""
    client = broker.connect()
    try:
        return broker.waiting(client, pool)
    except broker.BrokerError:
        return None
    finally:
        client.close()


def _mark_rung(pool: str) -> list[tuple[uuid.UUID, str]]:
    """Those to ring for. Which is claimed first, the claims decide, not the bell."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE executions_execution SET rung_at = clock_timestamp()"
            " WHERE id IN (SELECT id FROM executions_execution"
            "  WHERE status = 'queued' AND NOT is_held AND pool = %s"
            "  AND (due_at IS NULL OR due_at <= now())"
            "  AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %s))"
            "  ORDER BY order_at, id FOR UPDATE SKIP LOCKED LIMIT %s)"
            " RETURNING id, pool",
            [pool, RING_AGAIN_S, BATCH],
        )
        return list(cursor.fetchall())


def _ring_all(rows: list[tuple[uuid.UUID, str]]) -> None:
    for execution_id, pool in rows:
        ring(execution_id, pool)
