"""Running an ended execution again, from the start or from a step of it."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Literal

from django.db import connection, transaction

from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.types import Json
from apps.executions import services
from apps.executions.models import Execution, StepRecord
from apps.executions.reuse import Outline, Recorded, Row, same_until
from apps.executions.trail import audit_of
from apps.workflows import selectors as workflows
from apps.workflows.models import Workflow


@transaction.atomic
def execution_retry(
    *,
    execution: Execution,
    by: Viewer | None,
    from_: str = "failed",
    version: Literal["same", "current"] = "same",
    inputs: Mapping[str, Json] | None = None,
) -> Execution:
    """Start a new execution that reuses what the old one recorded before a point.

    Args:
        from_: `start`, `failed` (where it failed or was cancelled), or the path of a
            recorded step.
        version: which version of the workflow to run; on another one the reuse ends
            at the first recorded step that it does not have in the same place.
        inputs: replace the old ones; None keeps them.

    Returns: the new execution; `reused_steps` says how many steps it need not run.

    Raises:
        Conflict: the execution has not ended, or nothing failed in it.
        NotFound: it was pruned just now.
        Invalid: no such step is recorded or in the version, or the inputs do not fit.
    """
    _hold(execution)
    workflow = Workflow.objects.get(id=execution.workflow_id)
    version_id = execution.version_id
    if version == "current":
        version_id = workflow.current_version_id
    again = services.prepare(
        workflow,
        execution.inputs if inputs is None else inputs,
        trigger="retry",
        by=by,
        version_id=version_id,
    )
    again.retry_of = execution.id
    again.has_masked_inputs = inputs is None and execution.has_masked_inputs
    again.priority, again.dry_run = execution.priority, execution.dry_run
    again.labels = execution.labels
    again.timeout_ms, again.depth = execution.timeout_ms, execution.depth
    if from_ != "start":
        again.reused_steps = _reuse(execution, again, from_)
    services.accept(again)
    audit_of(again, "retry", by, retry_of=str(execution.id), **{"from": from_})
    return again


def reused_steps(
    *,
    execution: Execution,
    from_: str = "failed",
    version: Literal["same", "current"] = "same",
) -> int:
    """How many recorded steps a retry would not run again, without starting it.

    Raises:
        Conflict, Invalid: as the retry itself would.
    """
    if from_ == "start":
        return 0
    version_id = execution.version_id
    if version == "current":
        version_id = Workflow.objects.get(id=execution.workflow_id).current_version_id
    kept, redone = _kept(execution, version_id, from_)
    return len(kept) - len(redone)


def _hold(execution: Execution) -> None:
    """Go on only with one that may be retried; it is not pruned while it is copied."""
    if not execution.is_final:
        raise Conflict("The execution has not ended yet.", code="execution_open")
    rows = Execution.objects.select_for_update(no_key=True, of=("self",))
    if not rows.filter(id=execution.id).exists():
        raise NotFound("There is no such execution.")
    if execution.test is not None:
        raise Conflict("It is the test of one step: test it again.", code="step_test")


def _reuse(execution: Execution, again: Execution, from_: str) -> int:
    """Copy the records that are kept; gives how many steps need not run again."""
    kept, redone = _kept(execution, again.version_id, from_)
    _copy(execution.id, again.id, kept, redone)
    return len(kept) - len(redone)


def _kept(
    execution: Execution, version_id: uuid.UUID, from_: str
) -> tuple[list[Row], list[Row]]:
    """The records that another version can start with, and those it goes on with."""
    outline = Outline(workflows.definition_of(execution.version_id))
    recorded = Recorded(_rows(execution), outline)
    kept = recorded.before(_point(execution, recorded, from_))
    if version_id != execution.version_id:
        current = Outline(workflows.definition_of(version_id))
        _check_point(from_, current)
        kept = same_until(kept, outline, current)
    return kept, [row for row in kept if recorded.is_redone(row)]


def _check_point(from_: str, outline: Outline) -> None:
    if from_ != "failed" and outline.place(from_) is None:
        message = f"the current version has no step with the path {from_[:200]!r}"
        raise Invalid(errors=[{"path": "from", "message": message}])


def _rows(execution: Execution) -> list[Row]:
    """The last attempt of each path."""
    records = StepRecord.objects.filter(execution_id=execution.id)
    found = records.order_by("path", "attempt").values_list(
        *("path", "attempt", "position", "status", "is_final"),
        *("error__code", "state__signals"),
    )
    rows = (
        Row(path, attempt, position, status, code is not None, is_final, bool(signals))
        for path, attempt, position, status, is_final, code, signals in found
    )
    return list({row.path: row for row in rows}.values())


def _point(execution: Execution, recorded: Recorded, from_: str) -> str | None:
    """The path to go on from; None: from where the execution ended."""
    if from_ == "failed":
        return _point_of_failure(execution, recorded)
    if from_ not in recorded.rows:
        message = f"no step with the path {from_[:200]!r} is recorded"
        raise Invalid(errors=[{"path": "from", "message": message}])
    return from_


def _point_of_failure(execution: Execution, recorded: Recorded) -> str | None:
    if execution.status == Execution.COMPLETED:
        raise Conflict(
            "Nothing failed in this execution; retry it from the start.",
            code="nothing_failed",
        )
    error = execution.error or {}
    if error.get("path") in recorded.rows:
        return str(error["path"])
    if error.get("code") == "stopped":
        return recorded.last_signal()
    return recorded.first_failure()


def _copy(
    source: uuid.UUID, to: uuid.UUID, kept: Sequence[Row], redone: Sequence[Row]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO executions_steprecord (execution_id, organization_id, path,"
            " attempt, position, step_id, type, name, effect, status, is_final,"
            " started_at, duration_ms, output, output_packed, error, warnings,"
            " variables, state)"
            " SELECT %s, organization_id, path, attempt, position, step_id, type, name,"
            " effect, CASE WHEN is_open THEN 'running' ELSE status END, is_final,"
            " started_at, CASE WHEN NOT is_open THEN duration_ms END, output,"
            " output_packed, CASE WHEN NOT is_open THEN error END, warnings,"
            " variables, state"
            " FROM (SELECT *, is_final AND path = ANY(%s) AS is_open"
            "  FROM executions_steprecord WHERE execution_id = %s AND path = ANY(%s))"
            " AS kept",
            [to, [row.path for row in redone], source, [row.path for row in kept]],
        )
