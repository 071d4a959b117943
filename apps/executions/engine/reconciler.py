"""Finds what was not heard and starts it again; safe in any number.

Losing all of Redis, a message, a worker or this process itself so costs only time.
"""

import logging
import uuid
from collections.abc import Sequence

from django.db import connection

from apps.core import tenancy
from apps.core.trips import Statement, one_trip
from apps.executions.engine import broker, leases, limits
from apps.executions.engine.dispatcher import ring

log = logging.getLogger(__name__)

# A queued execution that no worker took within this time may have been missed.
HEARD_WITHIN_S = 3
RING_AGAIN_S = 10
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


def reconcile() -> None:
    """Take back expired leases and ring again for what was not heard."""
    for freed in leases.free_expired():
        log.warning("lease expired", extra={"execution_id": freed.execution_id})
        if freed.status == "queued":
            ring(freed.execution_id, freed.pool)
    limits.release_overlooked()
    _ring_again()


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
