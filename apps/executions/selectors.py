"""Reading executions: what a viewer's organization may see (row level security)."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from apps.core import tenancy
from apps.core.errors import NotFound
from apps.core.types import Json, JsonObject
from apps.executions.counts import workflow_counts
from apps.executions.engine import masking, workers
from apps.executions.models import Artifact, Execution, StepRecord, Wait
from apps.executions.progress import output_of, progress

# More can only be branches of `parallel`.
MOST_WAITS = 100

# What starts the test of one step.
TEST = "test"


def execution_list(
    *,
    workflow_id: uuid.UUID | None = None,
    statuses: list[str] | None = None,
    trigger: str | None = None,
    parent_id: uuid.UUID | None = None,
    retry_of: uuid.UUID | None = None,
) -> QuerySet[Execution]:
    """Executions of the current organization, filtered.

    Tests of one step are shown only when they are asked for by their trigger.
    """
    wanted = {
        "workflow_id": workflow_id,
        "status__in": statuses,
        "trigger": trigger,
        "parent_id": parent_id,
        "retry_of": retry_of,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    rows = Execution.objects.filter(**given)
    if trigger is None:
        rows = rows.exclude(trigger=TEST)
    # Large documents stay out of lists.
    return rows.select_related("workflow", "version").defer(
        "inputs", "variables", "outputs", "test", "version__document_text"
    )


def execution_get(execution_id: uuid.UUID) -> Execution:
    """One execution of the current organization.

    Raises:
        NotFound: there is none that the viewer may know of.
    """
    rows = Execution.objects.select_related("workflow", "version")
    found = rows.defer("version__document_text").filter(id=execution_id).first()
    if found is None:
        raise NotFound("There is no such execution.")
    return found


def step_list(execution_id: uuid.UUID) -> QuerySet[StepRecord]:
    """One row a path: its last attempt, in the order in which steps were reached."""
    rows = StepRecord.objects.filter(execution_id=execution_id)
    # All attempts of a path have its position, so the index gives both at once.
    return rows.order_by("position", "-attempt").distinct("position")


def step_output(record: StepRecord) -> Json:
    """A record's output for people: secrets as `***`."""
    return masking.conceal(output_of(record))


def results(execution: Execution) -> tuple[JsonObject, JsonObject]:
    """The variables and outputs as they stand now, secrets as `***`."""
    variables, found = execution.variables, execution.outputs
    # One that was never begun has no records, unless it goes on with another's.
    has_records = execution.started_at is not None or execution.retry_of is not None
    if has_records and execution.status in {Execution.QUEUED, Execution.RUNNING}:
        variables, found = progress(execution)
    return masking.conceal(variables), masking.conceal(found)


def open_waits(execution: Execution) -> list[Wait]:
    """What an execution waits for outside, oldest first."""
    if execution.is_final or execution.started_at is None:
        return []
    rows = Wait.objects.filter(execution_id=execution.id)
    open_ = rows.filter(answered_at=None, closed_at=None)
    return list(open_.order_by("id")[:MOST_WAITS])


def artifact_list(execution_id: uuid.UUID) -> QuerySet[Artifact]:
    """Artifacts of an execution, oldest first."""
    return Artifact.objects.filter(execution_id=execution_id)


Evidence = dict[tuple[str, int], list[Artifact]]


def evidence_of(execution_id: uuid.UUID, paths: Iterable[str]) -> Evidence:
    """What was kept of these steps, by path and attempt.

    What was done again after a crash has left evidence twice: the later one counts.
    """
    rows = artifact_list(execution_id).exclude(kind="").filter(path__in=paths)
    last = {(one.path, one.attempt, one.kind): one for one in rows.order_by("id")}
    found: Evidence = {}
    for (path, attempt, _), artifact in last.items():
        found.setdefault((path, attempt), []).append(artifact)
    return found


def artifact_get(execution_id: uuid.UUID, artifact_id: uuid.UUID) -> Artifact:
    """One artifact of an execution.

    Raises:
        NotFound: there is none that the viewer may know of.
    """
    found = artifact_list(execution_id).filter(id=artifact_id).first()
    if found is None:
        raise NotFound("There is no such artifact.")
    return found


def engine_status() -> dict[str, int]:
    """How busy the engine is, across organizations: counts only.

    Returns: `{activeExecutions, queuedExecutions, maxConcurrent}`.
    """
    with tenancy.system():
        counts: dict[str, Any] = Execution.objects.filter(
            status__in=Execution.OPEN
        ).aggregate(
            active=Count("id", filter=Q(status="running")),
            queued=Count("id", filter=Q(status="queued")),
        )
        capacity = workers.total_capacity()
    return {
        "activeExecutions": counts["active"],
        "queuedExecutions": counts["queued"],
        "maxConcurrent": capacity or settings.WORKFLOW_MAX_CONCURRENT,
    }


def workflow_status(workflow_id: uuid.UUID) -> JsonObject:
    """Counts of a workflow's executions by status, the open ones and the last."""
    counts = workflow_counts(workflow_id)
    executions = execution_list().order_by("-id")
    last = executions.filter(id=counts.last).first() if counts.last else None
    return {
        "workflow_id": str(workflow_id),
        "executions": counts.by_status,
        "open": executions.filter(id__in=counts.open),
        "last": last,
    }
