"""Counting a workflow's executions at a price that does not grow with them."""

import uuid
from dataclasses import dataclass

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
# `BETWEEN` one value and itself, and the first part of the order, leave the planner
# only the index by workflow: with `=` it may walk all executions by id.
_ENDED = """
    SELECT status, count(*), (array_agg(id ORDER BY id DESC))[1] FROM (
        SELECT id, status, trigger FROM executions_execution
        WHERE workflow_id BETWEEN %(id)s AND %(id)s
        ORDER BY workflow_id, id DESC LIMIT %(newest)s) AS newest
    WHERE status IN ('completed', 'failed', 'cancelled') AND trigger <> 'test'
    GROUP BY status
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """A workflow's executions, but for tests of one step.

    Attributes:
        by_status: open ones exactly, however old; ended ones among the workflow's
            newest `NEWEST`.
        open: the newest open ones, newest first.
        last: the newest one of all.
    """

    by_status: dict[str, int]
    open: list[uuid.UUID]
    last: uuid.UUID | None


def workflow_counts(workflow_id: uuid.UUID) -> Counts:
    """Counts of a workflow's executions."""
    by_status = dict.fromkeys(Execution.STATUSES, 0)
    open_: list[uuid.UUID] = []
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [workflow_id, SHOWN])
        for status, count, newest in cursor.fetchall():
            by_status[status] = count
            open_ += newest
        cursor.execute(_ENDED, {"id": workflow_id, "newest": NEWEST})
        ended = cursor.fetchall()
    by_status |= {status: count for status, count, _ in ended}
    last = max([*open_, *(row[2] for row in ended)], default=None)
    return Counts(by_status, sorted(open_, reverse=True)[:SHOWN], last)
