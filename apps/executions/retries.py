"""Running an ended execution again, from the start or from a step of it."""

import re
import uuid
from collections.abc import Mapping
from typing import Literal

from django.db import connection

from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Invalid
from apps.core.types import Json
from apps.executions import services
from apps.executions.models import Execution, StepRecord
from apps.steps.base import Steps
from apps.workflows import selectors as workflows
from apps.workflows.definition.model import Definition, Node
from apps.workflows.models import Workflow

_ITERATION = re.compile(r"\[\d+\]|~\d+")


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
        from_: `start`, `failed`, or the path of a recorded step.
        version: which version of the workflow to run; on another one the reuse ends
            at the first recorded step that it does not have in the same place.
        inputs: replace the old ones; None keeps them.

    Returns: the new execution; `reused_steps` says how many records it starts with.

    Raises:
        Conflict: the execution has not ended, or nothing failed in it.
        Invalid: no such step is recorded, or the inputs do not fit.
    """
    if not execution.is_final:
        raise Conflict("The execution has not ended yet.", code="execution_open")
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
    again.priority, again.dry_run = execution.priority, execution.dry_run
    again.timeout_ms, again.depth = execution.timeout_ms, execution.depth
    before = _cut(execution, from_)
    if version_id != execution.version_id:
        before = _same_until(execution, workflows.definition_of(version_id), before)
    again.reused_steps = _copy_records(execution, again.id, before)
    return services.accept(again)


def _cut(execution: Execution, from_: str) -> int:
    """The position before which records are reused."""
    if from_ == "start":
        return 0
    records = StepRecord.objects.filter(execution_id=execution.id)
    path: str | None = from_
    if from_ == "failed":
        path = (execution.error or {}).get("path") or _last_open(execution)
        if not path:
            raise Conflict(
                "No step failed in this execution; retry it from the start.",
                code="nothing_failed",
            )
    record = records.filter(path=path).first()
    if record is None:
        message = f"no step with the path {path!r} is recorded in this execution"
        raise Invalid(errors=[{"path": "from", "message": message}])
    return record.position


def _last_open(execution: Execution) -> str | None:
    """The step that a cancelled execution was at."""
    records = StepRecord.objects.filter(
        execution_id=execution.id, status__in=["cancelled", "failed", "unknown"]
    )
    last = records.order_by("-position").first()
    return last.path if last else None


def _same_until(execution: Execution, definition: Definition, before: int) -> int:
    """The first position at which the other version differs in path or type."""
    known = dict(_shapes(definition))
    records = StepRecord.objects.filter(
        execution_id=execution.id, position__lt=before
    ).order_by("position")
    for path, kind, position in records.values_list("path", "type", "position"):
        if known.get(_ITERATION.sub("", path)) != kind:
            return position
    return before


def _shapes(definition: Definition) -> list[tuple[str, str]]:
    """Each step's path without iterations, and its type."""
    found: list[tuple[str, str]] = []
    for steps in (definition.steps, definition.on_failure, definition.finally_):
        _collect(steps, "", found)
    return found


def _collect(steps: Steps, prefix: str, found: list[tuple[str, str]]) -> None:
    for node in steps.nodes:
        found.append((prefix + node.id, node.type))
        _collect_body(node, prefix, found)


def _collect_body(node: Node, prefix: str, found: list[tuple[str, str]]) -> None:
    if node.body is None:
        return
    inner = f"{prefix}{node.id}." if getattr(node.kind, "is_loop", False) else prefix
    for _, steps in node.body.bodies():
        _collect(steps, inner, found)


def _copy_records(execution: Execution, to: uuid.UUID, before: int) -> int:
    """Copy what is settled before a position; gives how many steps that are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO executions_steprecord (execution_id, organization_id, path,"
            " attempt, position, step_id, type, name, effect, status, is_final,"
            " started_at, duration_ms, output, output_packed, error, warnings,"
            " variables, state)"
            " SELECT %s, organization_id, path, attempt, position, step_id, type, name,"
            " effect, status, is_final, started_at, duration_ms, output,"
            " output_packed, error, warnings, variables, state"
            " FROM executions_steprecord WHERE execution_id = %s AND position < %s"
            " AND status IN ('completed', 'skipped', 'failed', 'unknown')",
            [to, execution.id, before],
        )
        cursor.execute(
            "SELECT count(*) FROM executions_steprecord WHERE execution_id = %s"
            " AND is_final",
            [to],
        )
        (count,) = cursor.fetchone()
    return int(count)
