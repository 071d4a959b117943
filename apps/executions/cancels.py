"""Stopping open executions, with all that they started."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict
from apps.events.models import Event
from apps.events.services import emit_each
from apps.executions.engine import leases, limits
from apps.executions.models import Execution
from apps.executions.trail import audit_of
from apps.workflows.models import Workflow


def execution_cancel(*, execution: Execution, by: Viewer | None) -> Execution:
    """Ask an open execution to stop, with all that it started; again is harmless.

    One that is queued or waiting ends at once. A running one ends within 2 s: its
    worker's supervisor reads the request.

    Raises:
        Conflict: it has ended already, and not by a cancel.
    """
    with transaction.atomic():
        asked = cancel_trees([execution.id], by.user_id if by else None)
        execution.refresh_from_db()
        if execution.id in asked:
            audit_of(execution, "cancel", by)
        elif execution.status in {Execution.COMPLETED, Execution.FAILED}:
            raise Conflict(
                f"The execution has ended already: {execution.status}.",
                code="execution_ended",
            )
    return execution


def workflow_cancel(*, workflow: Workflow, by: Viewer | None) -> int:
    """Cancel all open executions of a workflow; gives how many were asked to stop."""
    open_ = Execution.objects.filter(workflow_id=workflow.id, status__in=Execution.OPEN)
    ids = set(open_.values_list("id", flat=True))
    with transaction.atomic():
        count = len(ids & cancel_trees(ids, by.user_id if by else None))
        if by is not None:
            audit(
                viewer=by,
                action="workflow.cancel",
                target_type="workflow",
                target_id=workflow.id,
                after={"cancelled": count},
            )
    return count


def make_room(execution: Execution) -> None:
    """Cancel the oldest open ones under its limit, so that it may take their place."""
    # Of two at once the later one sees the earlier, and supersedes it.
    limits.hold_room(execution.limit_key)
    open_ = Execution.objects.filter(
        limit_key=execution.limit_key, status__in=Execution.OPEN
    )
    newest_first = list(open_.order_by("-id").values_list("id", flat=True))
    superseded = newest_first[(execution.limit_size or 1) - 1 :]
    if superseded:
        cancel_trees(superseded, None)


# Rows are locked in one order, parents before their children, so that nobody waits for
# each other; those of the parents too, which are woken afterwards.
_CANCEL = """
    WITH RECURSIVE tree AS (
        SELECT unnest(%s::uuid[]) AS id
        UNION
        SELECT e.id FROM executions_execution e JOIN tree ON e.parent_id = tree.id),
    parents AS (
        SELECT e.parent_id AS id FROM executions_execution e JOIN tree ON e.id = tree.id
        WHERE e.parent_id IS NOT NULL),
    held AS (
        SELECT id FROM executions_execution
        WHERE id IN (SELECT id FROM tree UNION SELECT id FROM parents)
            AND status IN ('queued', 'running', 'waiting')
        ORDER BY id FOR NO KEY UPDATE)
    UPDATE executions_execution e SET
        cancel_requested_at = COALESCE(cancel_requested_at, clock_timestamp()),
        cancelled_by = COALESCE(cancelled_by, %s),
        status = CASE WHEN status = 'running' THEN status ELSE 'cancelled' END,
        reason = CASE WHEN status = 'running' THEN reason ELSE 'cancelled' END,
        due_at = CASE WHEN status = 'running' THEN due_at END, is_held = false,
        finished_at = CASE WHEN status <> 'running' THEN clock_timestamp() END
    FROM held WHERE e.id = held.id AND e.id IN (SELECT id FROM tree)
        AND (e.status IN ('queued', 'waiting')
            OR e.status = 'running' AND e.cancel_requested_at IS NULL)
    RETURNING e.id, e.status, e.organization_id, e.workflow_id, e.parent_id, e.limit_key
"""


def cancel_trees(
    roots: Iterable[uuid.UUID], user_id: uuid.UUID | None
) -> set[uuid.UUID]:
    """Cancel these and their open descendants; gives those asked just now."""
    asked: set[uuid.UUID] = set()
    keys: set[str] = set()
    wanted = list(roots)
    # Again until nothing is left: a child may have been committed while this waited
    # for its parent's row.
    while rows := _cancel_round(wanted, user_id):
        asked.update(row[0] for row in rows)
        keys.update(row[5] for row in rows if row[1] == Execution.CANCELLED)
    # Rows first, then keys, wherever both are held.
    limits.release(keys)
    return asked


def _cancel_round(
    roots: list[uuid.UUID], user_id: uuid.UUID | None
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL, [roots, user_id])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    ended = [row for row in rows if row[1] == Execution.CANCELLED]
    leases.close_records(*(row[0] for row in ended))
    leases.tell_waiting(*(row[0] for row in ended))
    parents = {row[4] for row in ended if row[4]} - {row[0] for row in rows}
    for parent_id in sorted(parents):
        leases.wake(parent_id)
    emit_each(
        "execution-cancelled",
        (
            Event(
                organization_id=organization_id,
                workflow_id=workflow_id,
                execution_id=execution_id,
                payload={"reason": "cancelled"},
            )
            for execution_id, _, organization_id, workflow_id, *_ in ended
        ),
    )
    return rows
