"""What became of executions lately: reads whose price is bounded."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from apps.core.ids import uuid7_floor
from apps.executions import selectors
from apps.executions.models import Execution

# Executions that one look at a time counts at most: the newest ones.
MOST_COUNTED = 20_000
LATE_AFTER = timedelta(minutes=1)

# A few steps in the index by workflow for each; `BETWEEN` one value and itself leaves
# the planner no other.
_LAST = """
    SELECT asked.id, last.id, last.status, last.crashed
    FROM unnest(%s::uuid[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT e.id, e.status, e.error ->> 'kind' = 'platform' AS crashed
        FROM executions_execution e
        WHERE e.workflow_id BETWEEN asked.id AND asked.id AND e.trigger <> 'test'
        ORDER BY e.workflow_id, e.id DESC LIMIT %s) AS last
"""
_OVER_TIME = """
    WITH newest AS (
        SELECT queued_at, status, error FROM executions_execution
        WHERE id >= %(since)s AND trigger <> 'test'
        ORDER BY id DESC LIMIT %(most)s)
    SELECT date_bin(%(step)s, queued_at, %(start)s), CASE
        WHEN status = 'failed' AND error ->> 'kind' = 'platform' THEN 'crashed'
        ELSE status END AS state, count(*)
    FROM newest GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Last:
    """One of the last executions of a workflow."""

    id: uuid.UUID
    status: str
    is_crash: bool


def last_of_each(
    workflow_ids: Collection[uuid.UUID], *, count: int
) -> dict[uuid.UUID, list[Last]]:
    """The newest executions of these workflows, newest first."""
    found: dict[uuid.UUID, list[Last]] = {one: [] for one in workflow_ids}
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [list(workflow_ids), count])
        for workflow_id, id_, status, is_crash in cursor.fetchall():
            found[workflow_id].append(Last(id_, status, bool(is_crash)))
    return {
        key: sorted(rows, key=lambda row: row.id, reverse=True)
        for key, rows in found.items()
    }


@dataclass(frozen=True, slots=True)
class OverTime:
    """How many executions were accepted, by time and by state as it is shown.

    Attributes:
        is_cut: there were more than are counted: the newest `MOST_COUNTED`.
    """

    counts: dict[datetime, dict[str, int]]
    is_cut: bool


def over_time(start: datetime, step: timedelta) -> OverTime:
    """Counts of what was accepted since `start`, in parts as long as `step`."""
    values: dict[str, Any] = {
        "since": uuid7_floor(start),
        "start": start,
        "step": step,
        "most": MOST_COUNTED,
    }
    counts: dict[datetime, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_OVER_TIME, values)
        for moment, state, count in cursor.fetchall():
            counts.setdefault(moment, {})[state] = count
    total = sum(sum(one.values()) for one in counts.values())
    return OverTime(counts, is_cut=total >= MOST_COUNTED)


def late(now: datetime) -> QuerySet[Execution]:
    """Open executions that should be further than they are, oldest first."""
    before = now - LATE_AFTER
    rows = selectors.execution_list(statuses=sorted(Execution.OPEN))
    queued = Q(status=Execution.QUEUED, is_held=False, queued_at__lt=before)
    parked = Q(status=Execution.WAITING, due_at__lt=before)
    silent = Q(status=Execution.RUNNING, lease_until__lt=now)
    stopping = Q(status=Execution.RUNNING, cancel_requested_at__lt=before)
    return rows.filter(queued | parked | silent | stopping).order_by("id")
