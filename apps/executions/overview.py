"""What operators look at first: queues, failures and what does not move.

The caller's scope decides whose rows are seen. Each answer looks at a bounded number
of rows, so it costs the same with a million.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from apps.core.ids import uuid7_floor
from apps.executions.models import Execution

LOOKED_AT = 10_000
SHOWN = 20
_LATE = timedelta(seconds=60)

_QUEUES = """
    SELECT pool, count(*) FILTER (WHERE NOT is_held), count(*) FILTER (WHERE is_held),
        min(queued_at) FILTER (WHERE NOT is_held)
    FROM (SELECT pool, is_held, queued_at FROM executions_execution
        WHERE status = 'queued' LIMIT %s) AS queued
    GROUP BY pool ORDER BY pool
"""
_FAILURES = """
    SELECT COALESCE(error->>'kind', ''), COALESCE(error->>'code', ''), count(*)
    FROM (SELECT status, error FROM executions_execution WHERE id >= %s
        ORDER BY id DESC LIMIT %s) AS newest
    WHERE status = 'failed' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %s
"""


@dataclass(frozen=True)
class Queue:
    """What one pool has to do; `held` ones wait for others under their limit."""

    pool: str
    ready: int
    held: int
    oldest: datetime | None


@dataclass(frozen=True)
class Failures:
    """How many executions ended by one kind of error."""

    kind: str
    code: str
    count: int


@dataclass(frozen=True)
class Stuck:
    """An execution that should have moved, and what it waits for."""

    execution: Execution
    why: str


def queues() -> list[Queue]:
    """The queue of each pool, among the first `LOOKED_AT` that are queued."""
    return [Queue(*row) for row in _rows(_QUEUES, [LOOKED_AT])]


def failures(since: timedelta = timedelta(days=1)) -> list[Failures]:
    """Errors of executions accepted since then, most frequent first."""
    first = uuid7_floor(timezone.now() - since)
    return [Failures(*row) for row in _rows(_FAILURES, [first, LOOKED_AT, SHOWN])]


def stuck() -> list[Stuck]:
    """Open executions whose worker, waker or cancel is late by a minute."""
    late = timezone.now() - _LATE
    is_stuck = (
        Q(status=Execution.RUNNING, lease_until__lt=late)
        | Q(status=Execution.WAITING, due_at__lt=late)
        | Q(status__in=Execution.OPEN, cancel_requested_at__lt=late)
    )
    rows = Execution.objects.filter(is_stuck, status__in=Execution.OPEN)
    rows = rows.select_related("workflow").order_by(F("due_at").asc(nulls_last=True))
    shown = rows.defer("inputs", "variables", "outputs")[:SHOWN]
    return [Stuck(one, _why(one, late)) for one in shown]


def _why(execution: Execution, late: datetime) -> str:
    asked = execution.cancel_requested_at
    if asked is not None and asked < late:
        return "does not obey its cancel"
    if execution.status == Execution.RUNNING:
        return "its lease has expired: is beat alive?"
    return "is due and was not woken: is beat alive?"


def _rows(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
