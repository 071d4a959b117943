"""Finds what was not heard and starts it again; safe in any number.

Losing all of Redis, a message, a worker or this process itself so costs only time.
"""

import logging
import uuid

import redis
from django.conf import settings
from django.db import connection

from apps.core import tenancy
from apps.executions.engine import leases
from apps.executions.engine.dispatcher import queue_name, ring

log = logging.getLogger(__name__)

# A queued execution that no worker took within this time may have been missed.
HEARD_WITHIN_S = 5
RING_AGAIN_S = 20
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
    _ring_again()


def _ring_again() -> None:
    for pool, unheard in _unheard().items():
        # With at least one message for each, those rows are only waiting their turn.
        if unheard and _messages(pool) < unheard:
            _ring_all(_mark_rung(pool))


def _unheard() -> dict[str, int]:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pool, count(*) FROM executions_execution"
            " WHERE status = 'queued' AND (due_at IS NULL OR due_at <= now())"
            " AND queued_at < now() - make_interval(secs => %s)"
            " AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %s))"
            " GROUP BY pool",
            [HEARD_WITHIN_S, RING_AGAIN_S],
        )
        return dict(cursor.fetchall())


def _messages(pool: str) -> int:
    """Messages in the broker for the pool; 0 when it does not answer."""
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
    )
    try:
        return int(client.llen(queue_name(pool)))
    except redis.RedisError:
        return 0
    finally:
        client.close()


def _mark_rung(pool: str) -> list[tuple[uuid.UUID, str]]:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE executions_execution SET rung_at = clock_timestamp()"
            " WHERE id IN (SELECT id FROM executions_execution"
            "  WHERE status = 'queued' AND pool = %s"
            "  AND (due_at IS NULL OR due_at <= now())"
            "  AND (rung_at IS NULL OR rung_at < now() - make_interval(secs => %s))"
            "  ORDER BY priority DESC, id FOR UPDATE SKIP LOCKED LIMIT %s)"
            " RETURNING priority, id",
            [pool, RING_AGAIN_S, BATCH],
        )
        marked = cursor.fetchall()
    # An UPDATE gives its rows in the order in which it met them.
    marked.sort(key=lambda row: (-row[0], row[1]))
    return [(execution_id, pool) for _, execution_id in marked]


def _ring_all(rows: list[tuple[uuid.UUID, str]]) -> None:
    for execution_id, pool in rows:
        ring(execution_id, pool)
