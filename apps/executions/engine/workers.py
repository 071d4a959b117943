"""Which workers there are: each says every few seconds that it is alive."""

import os
import socket
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Sum
from django.db.models.functions import Now

from apps.core.ids import uuid7
from apps.executions.models import Worker

VERSION = "0.1.0"
ALIVE_FOR = timedelta(seconds=20)
FORGOTTEN_AFTER = timedelta(days=1)
# Handed on by a worker that starts itself anew, so that it stays the same worker.
SAME_WORKER = "RPA_WORKER_ID"


def _own_id() -> uuid.UUID:
    known = os.environ.pop(SAME_WORKER, None)
    return uuid.UUID(known) if known else uuid7()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is: host and process, its pools, how many it runs at a time."""

    pool: str
    capacity: int
    host: str = field(default_factory=socket.gethostname)
    process_id: int = field(default_factory=os.getpid)
    id: uuid.UUID = field(default_factory=_own_id)

    @property
    def name(self) -> str:
        return f"{self.pool}@{self.host}:{self.process_id}"


_ALIVE = """
    UPDATE executions_worker SET last_seen_at = clock_timestamp(), active = %(active)s,
        heard_at = COALESCE(
            clock_timestamp() - make_interval(secs => %(heard_ago_s)s), heard_at)
    WHERE id = %(id)s RETURNING drain_requested_at IS NOT NULL
"""
# A name comes again when a container starts again: then it is another worker's.
_ENROLL = """
    INSERT INTO executions_worker
        (id, name, host, process_id, pool, capacity, active, version)
    VALUES (%(id)s, %(name)s, %(host)s, %(process_id)s, %(pool)s, %(capacity)s,
        %(active)s, %(version)s)
    ON CONFLICT (name) DO UPDATE SET id = EXCLUDED.id, capacity = EXCLUDED.capacity,
        active = EXCLUDED.active, version = EXCLUDED.version, heard_at = NULL,
        drain_requested_at = NULL, created_at = clock_timestamp(),
        last_seen_at = clock_timestamp()
"""


def say_alive(
    identity: Identity, *, active: int = 0, heard_ago_s: float | None = None
) -> bool:
    """Write that this worker is there; gives whether somebody wants it drained.

    Args:
        active: how many executions it runs.
        heard_ago_s: how long ago it heard from the broker; None: not yet.
    """
    values: dict[str, Any] = {
        "id": identity.id,
        "name": identity.name,
        "host": identity.host,
        "process_id": identity.process_id,
        "pool": identity.pool,
        "capacity": identity.capacity,
        "version": VERSION,
        "active": active,
        "heard_ago_s": heard_ago_s,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ALIVE, values)
        if (row := cursor.fetchone()) is not None:
            return bool(row[0])
        cursor.execute(_ENROLL, values)
    return False


def say_gone(identity: Identity) -> None:
    """Remove a worker that ended in order, and those long silent."""
    Worker.objects.filter(id=identity.id).delete()
    Worker.objects.filter(last_seen_at__lt=Now() - FORGOTTEN_AFTER).delete()


def _alive() -> QuerySet[Worker]:
    return Worker.objects.filter(last_seen_at__gt=Now() - ALIVE_FOR)


def alive_count() -> int:
    """How many workers said within the last seconds that they are there."""
    return _alive().count()


def total_capacity() -> int:
    """How many executions all living workers run at a time; 0 without workers."""
    return _alive().aggregate(total=Sum("capacity"))["total"] or 0
