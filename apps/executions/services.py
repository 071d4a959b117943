"""Everything that changes an execution from outside the engine."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import Conflict, Invalid
from apps.core.ids import uuid7
from apps.core.text import has_controls
from apps.core.types import Json
from apps.events.models import Event
from apps.events.services import emit, emit_each
from apps.executions.engine import dispatcher, leases
from apps.executions.models import Execution, IdempotencyKey
from apps.workflows import selectors as workflows
from apps.workflows.definition.inputs import check_inputs
from apps.workflows.models import Workflow

LONGEST_KEY = 200


class KeyReused(Conflict):
    """The idempotency key was used with another request before."""

    code = "idempotency_key_reused"
    http_status = 422


def execution_start(
    *,
    workflow: Workflow,
    inputs: Mapping[str, Json] | None = None,
    trigger: str,
    by: Viewer | None = None,
    priority: int = 5,
    dry_run: bool = False,
    idempotency_key: str | None = None,
    parent_id: uuid.UUID | None = None,
    depth: int = 0,
    timeout: timedelta | None = None,
) -> Execution:
    """Accept an execution: once this has committed, it will run.

    It never waits for the broker: the row is the queue, the bell is rung after the
    commit. The same `idempotency_key` gives the same execution.

    Raises:
        Invalid: the inputs do not fit the workflow.
        Conflict: the workflow is archived, or the parent is being cancelled.
        KeyReused: the key came with other inputs before.
    """
    with tenancy.tenant(workflow.organization_id):
        known = _known(workflow, idempotency_key, inputs, dry_run=dry_run)
        if known is not None:
            return known
        if parent_id is not None:
            _hold_parent(parent_id)
        execution = prepare(workflow, inputs, trigger=trigger, by=by)
        execution.priority, execution.dry_run = priority, dry_run
        execution.parent_id, execution.depth = parent_id, depth
        if timeout is not None:
            execution.timeout_ms = round(timeout.total_seconds() * 1000)
        if idempotency_key is not None:
            winner = _keep_key(execution, idempotency_key, inputs, dry_run=dry_run)
            if winner is not None:
                return winner
        accept(execution)
        audit_of(execution, "start", by, trigger=trigger, dry_run=dry_run)
        return execution


def _hold_parent(parent_id: uuid.UUID) -> None:
    """Keep cancels of the parent out until its new child can be seen by them."""
    parent = Execution.objects.select_for_update(no_key=True, of=("self",))
    if not parent.filter(id=parent_id, cancel_requested_at=None).exists():
        raise Conflict("The parent is being cancelled.", code="parent_cancelled")


def audit_of(
    execution: Execution, action: str, by: Viewer | None, **facts: Json
) -> None:
    """Write what somebody did to an execution; schedules and the like are nobody."""
    if by is None:
        return
    audit(
        viewer=by,
        action=f"execution.{action}",
        target_type="execution",
        target_id=execution.id,
        after={"workflow_id": str(execution.workflow_id), **facts},
    )


def prepare(
    workflow: Workflow,
    inputs: Mapping[str, Json] | None,
    *,
    trigger: str,
    by: Viewer | None,
    version_id: uuid.UUID | None = None,
) -> Execution:
    """A checked execution, not yet saved; of the current version unless told.

    Raises:
        Invalid: the inputs do not fit the version.
        Conflict: the workflow is archived.
    """
    if workflow.is_archived:
        raise Conflict("The workflow is archived.", code="workflow_archived")
    version_id = version_id or workflow.current_version_id
    definition = workflows.definition_of(version_id)
    return Execution(
        id=uuid7(),
        organization_id=workflow.organization_id,
        workflow_id=workflow.id,
        version_id=version_id,
        trigger=trigger,
        triggered_by=by.user_id if by else None,
        inputs=check_inputs(definition, dict(inputs or {})),
        pool=definition.settings.pool,
    )


def accept(execution: Execution) -> Execution:
    """Save a prepared execution; its workers are told after the commit."""
    execution.save(force_insert=True)
    emit(
        "execution-queued",
        organization_id=execution.organization_id,
        workflow_id=execution.workflow_id,
        execution_id=execution.id,
    )
    transaction.on_commit(
        lambda: dispatcher.ring(execution.id, execution.pool), robust=True
    )
    return execution


# --- idempotency ----------------------------------------------------------------


def _fingerprint(inputs: Mapping[str, Json] | None, *, dry_run: bool) -> str:
    text = json.dumps([dict(inputs or {}), dry_run], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _known(
    workflow: Workflow,
    key: str | None,
    inputs: Mapping[str, Json] | None,
    *,
    dry_run: bool,
) -> Execution | None:
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or has_controls(key, one_line=True):
        message = f"must have 1 to {LONGEST_KEY} characters, none of them invisible"
        raise Invalid(errors=[{"path": "idempotency_key", "message": message}])
    row = IdempotencyKey.objects.filter(workflow_id=workflow.id, key=key).first()
    if row is None:
        return None
    if row.fingerprint != _fingerprint(inputs, dry_run=dry_run):
        raise KeyReused("This idempotency key came with another request before.")
    return Execution.objects.get(id=row.execution_id)


def _keep_key(
    execution: Execution,
    key: str,
    inputs: Mapping[str, Json] | None,
    *,
    dry_run: bool,
) -> Execution | None:
    """Keep the key; when somebody was faster, the execution that they started."""
    with connection.cursor() as cursor:
        # Waits for a concurrent transaction with the same key, then finds its row.
        cursor.execute(
            "INSERT INTO executions_idempotencykey"
            " (id, organization_id, workflow_id, key, fingerprint, execution_id)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                uuid7(),
                execution.organization_id,
                execution.workflow_id,
                key,
                _fingerprint(inputs, dry_run=dry_run),
                execution.id,
            ],
        )
        if cursor.rowcount == 1:
            return None
    workflow = Workflow.objects.get(id=execution.workflow_id)
    return _known(workflow, key, inputs, dry_run=dry_run)


# --- cancel -----------------------------------------------------------------------


def execution_cancel(*, execution: Execution, by: Viewer | None) -> Execution:
    """Ask an open execution to stop, with all that it started; again is harmless.

    One that is queued or waiting ends at once. A running one ends within 2 s: its
    worker's supervisor reads the request.

    Raises:
        Conflict: it has ended already, and not by a cancel.
    """
    with transaction.atomic():
        asked = _cancel_trees([execution.id], by.user_id if by else None)
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
        count = len(ids & _cancel_trees(ids, by.user_id if by else None))
        if by is not None:
            audit(
                viewer=by,
                action="workflow.cancel",
                target_type="workflow",
                target_id=workflow.id,
                after={"cancelled": count},
            )
    return count


# Rows are locked in one order, so that two cancels cannot wait for each other.
_CANCEL = """
    WITH RECURSIVE tree AS (
        SELECT unnest(%s::uuid[]) AS id
        UNION
        SELECT e.id FROM executions_execution e JOIN tree ON e.parent_id = tree.id),
    held AS (
        SELECT id FROM executions_execution
        WHERE id IN (SELECT id FROM tree)
            AND (status IN ('queued', 'waiting')
                OR status = 'running' AND cancel_requested_at IS NULL)
        ORDER BY id FOR NO KEY UPDATE)
    UPDATE executions_execution e SET
        cancel_requested_at = COALESCE(cancel_requested_at, clock_timestamp()),
        cancelled_by = COALESCE(cancelled_by, %s),
        status = CASE WHEN status = 'running' THEN status ELSE 'cancelled' END,
        reason = CASE WHEN status = 'running' THEN reason ELSE 'cancelled' END,
        due_at = CASE WHEN status = 'running' THEN due_at END,
        finished_at = CASE WHEN status <> 'running' THEN clock_timestamp() END
    FROM held WHERE e.id = held.id
    RETURNING e.id, e.status, e.organization_id, e.workflow_id, e.parent_id
"""


def _cancel_trees(
    roots: Iterable[uuid.UUID], user_id: uuid.UUID | None
) -> set[uuid.UUID]:
    """Cancel these and their open descendants; gives those asked just now."""
    asked: set[uuid.UUID] = set()
    wanted = list(roots)
    # Again until nothing is left: a child may have been committed while this waited
    # for its parent's row.
    while rows := _cancel_round(wanted, user_id):
        asked.update(row[0] for row in rows)
    return asked


def _cancel_round(
    roots: list[uuid.UUID], user_id: uuid.UUID | None
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL, [roots, user_id])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    ended = [row for row in rows if row[1] == Execution.CANCELLED]
    leases.close_records(*(row[0] for row in ended))
    for parent_id in {row[4] for row in ended} - {row[0] for row in rows}:
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
            for execution_id, _, organization_id, workflow_id, _ in ended
        ),
    )
    return rows
