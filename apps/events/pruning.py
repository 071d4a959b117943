"""Deletes published events that are old."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from apps.core import tenancy

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one batch has deleted.

    Attributes:
        until: the number to go on after; None: nothing more is due.
    """

    events: int
    until: int | None


# Numbers follow time but for a few seconds, so the first stretch without an old
# event is the end.
_PRUNE = """
    WITH seen AS MATERIALIZED (
        SELECT id, seq, created_at
            < clock_timestamp() - make_interval(secs => %(kept_s)s) AS is_due
        FROM events_event WHERE seq > %(after)s ORDER BY seq LIMIT %(batch)s),
    held AS MATERIALIZED (
        SELECT e.id FROM events_event e JOIN seen ON seen.id = e.id
        WHERE seen.is_due AND %(for_real)s FOR UPDATE OF e SKIP LOCKED),
    gone AS (
        DELETE FROM events_event e USING held WHERE e.id = held.id RETURNING 1)
    SELECT (SELECT count(*) FROM gone), count(*), max(seq) FROM seen WHERE is_due
"""


def prune_batch(*, kept: timedelta, after: int, dry_run: bool = False) -> Pruned:
    """Delete some published events older than `kept`, those with low numbers first.

    Numbers are never given again. In a dry run they are only counted.
    """
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            _PRUNE,
            {
                "kept_s": kept.total_seconds(),
                "after": after,
                "batch": BATCH,
                "for_real": not dry_run,
            },
        )
        gone, due, until = cursor.fetchone()
    return Pruned(due if dry_run else gone, until)
