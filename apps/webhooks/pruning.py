"""Deletes deliveries that ended long ago, with their attempts."""

from datetime import timedelta

from django.conf import settings
from django.db import connection

from apps.core import heartbeats, tenancy

BATCH = 1_000
NAME, EVERY = "pruner of deliveries", timedelta(hours=1)

_PRUNE = """
    DELETE FROM webhooks_delivery WHERE id IN (
        SELECT id FROM webhooks_delivery
        WHERE ended_at < clock_timestamp() - make_interval(secs => %s)
        ORDER BY ended_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""


def prune_if_due() -> int:
    """Once an hour, delete what is due; gives 0."""
    kept = settings.RETENTION_DELIVERIES_DAYS
    if kept is not None and heartbeats.claim(NAME, every=EVERY):
        while prune_batch(kept) == BATCH:
            pass
    return 0


def prune_batch(kept: timedelta) -> int:
    """Delete some that ended more than `kept` ago; gives how many."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_PRUNE, [kept.total_seconds(), BATCH])
        return int(cursor.rowcount)
