"""Which workers there are: each says every few seconds that it is alive."""

import os
import socket
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import QuerySet, Sum
from django.db.models.functions import Now

from apps.core.ids import uuid7
from apps.executions.models import Worker

VERSION = "0.1.0"
ALIVE_FOR = timedelta(seconds=20)
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is: host and process, its pool, how many it runs at a time."""

    pool: str
    capacity: int
    host: str = field(default_factory=socket.gethostname)
    process_id: int = field(default_factory=os.getpid)

    @property
    def name(self) -> str:
        return f"{self.pool}@{self.host}:{self.process_id}"


def say_alive(identity: Identity) -> None:
    """Write that this worker is there, by the database's clock."""
    Worker.objects.update_or_create(
        name=identity.name,
        defaults={"last_seen_at": Now()},
        create_defaults={
            "id": uuid7(),
            "host": identity.host,
            "process_id": identity.process_id,
            "pool": identity.pool,
            "capacity": identity.capacity,
            "version": VERSION,
            "last_seen_at": Now(),
        },
    )


def say_gone(identity: Identity) -> None:
    """Remove a worker that ended in order, and those long silent."""
    Worker.objects.filter(name=identity.name).delete()
    Worker.objects.filter(last_seen_at__lt=Now() - FORGOTTEN_AFTER).delete()


def _alive() -> QuerySet[Worker]:
    return Worker.objects.filter(last_seen_at__gt=Now() - ALIVE_FOR)


def alive_count() -> int:
    """How many workers said within the last seconds that they are there."""
    return _alive().count()


def total_capacity() -> int:
    """How many executions all living workers run at a time; 0 without workers."""
    return _alive().aggregate(total=Sum("capacity"))["total"] or 0
