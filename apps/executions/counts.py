"""Counting a workflow's executions at a price that does not grow with them."""

import uuid

from django.db import connection

from apps.executions.models import Execution

# Ended ones are counted among so many of the newest.
NEWEST = 10_000
SHOWN = 20

_OPEN = """
    WITH open AS MATERIALIZED (
        SELECT id, status FROM executions_execution
        WHERE workflow_id = %s AND status IN ('queued', 'running', 'waiting')
            AND trigger <> 'test')
    SELECT status, count(*), (array_agg(id ORDER BY id DESC))[1:%s]
    FROM open GROUP BY status
"""
_ENDED = """
    SELECT status, count(*) FROM (
        SELECT status, trigger FROM executions_execution
        WHERE workflow_id = %s ORDER BY id DESC LIMIT %s) AS newest
    WHERE status IN ('completed', 'failed', 'cancelled') AND trigger <> 'test'
    GROUP BY status
"""


def workflow_counts(workflow_id: uuid.UUID) -> tuple[dict[str, int], list[uuid.UUID]]:
    """Executions of a workflow by status, and its newest open ones.

    Open ones are counted exactly, however old; ended ones among the workflow's
    newest `NEWEST`. Tests of one step are left out.
    """
    counts = dict.fromkeys(Execution.STATUSES, 0)
    open_: list[uuid.UUID] = []
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [workflow_id, SHOWN])
        for status, count, newest in cursor.fetchall():
            counts[status] = count
            open_ += newest
        cursor.execute(_ENDED, [workflow_id, NEWEST])
        counts |= dict(cursor.fetchall())
    return counts, sorted(open_, reverse=True)[:SHOWN]
