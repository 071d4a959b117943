"""What the pages show, read in a fixed number of queries."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core.errors import Invalid
from apps.core.types import Json
from apps.dashboard.run_form import RunForm, run_form
from apps.dashboard.timeline import Timeline, timeline
from apps.dashboard.wording import CRASHED, SHOWN_STATES
from apps.executions import hooks
from apps.executions import selectors as executions
from apps.executions.engine import masking
from apps.executions.models import Artifact, Execution, Hook, StepRecord
from apps.workflows import selectors as workflows
from apps.workflows.models import Workflow, WorkflowVersion

DAY, WEEK = timedelta(days=1), timedelta(days=7)
RECENT, OPEN_SHOWN, FAILURES_READ, ATTENTION = 12, 20, 50, 5
FIRST_STEPS, LAST_STEPS = 600, 400
ARTIFACTS_SHOWN = 60
WORKFLOWS_OFFERED = 500
_PLATFORM = Q(status=Execution.FAILED, error__kind="platform")


def first_id_of(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of a moment: rows younger than it have larger ids."""
    milliseconds = int(moment.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | 0b10 << 62)


def executions_in(
    *, state: str = "", workflow_id: uuid.UUID | None = None
) -> QuerySet[Execution]:
    """Executions in a state as it is shown, of one workflow if asked.

    Raises:
        Invalid: there is no such state.
    """
    if state and state not in SHOWN_STATES:
        known = ", ".join(SHOWN_STATES)
        raise Invalid(f"The state {state[:50]!r} is none of {known}.")
    rows = executions.execution_list(workflow_id=workflow_id)
    if state == CRASHED:
        return rows.filter(_PLATFORM)
    if state == Execution.FAILED:
        own = Q(error=None) | Q(error__kind=None) | ~Q(error__kind="platform")
        return rows.filter(own, status=state)
    return rows.filter(status=state) if state else rows


def counts_since(moment: datetime) -> list[tuple[str, int]]:
    """How many executions began since then, by the state as it is shown."""
    totals = {
        state: Count("id", filter=Q(status=state)) for state in Execution.STATUSES
    }
    rows = Execution.objects.filter(id__gte=first_id_of(moment))
    rows = rows.exclude(trigger=executions.TEST)
    found = rows.aggregate(**totals, crashed=Count("id", filter=_PLATFORM))
    found[Execution.FAILED] -= found[CRASHED]
    return [(state, found[state]) for state in SHOWN_STATES]


def starters(rows: Iterable[Execution]) -> dict[uuid.UUID, str]:
    """Names of the people who started these executions."""
    ids = {row.triggered_by for row in rows if row.triggered_by is not None}
    return people(ids)


def people(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of these users, their e-mail addresses where they gave none."""
    if not ids:
        return {}
    found = User.objects.filter(id__in=ids).values_list("id", "name", "email")
    return {key: name or email for key, name, email in found}


def steps_at(rows: Iterable[Execution]) -> dict[uuid.UUID, StepRecord]:
    """The step that each open one of these executions is at."""
    ids = [row.id for row in rows if not row.is_final]
    if not ids:
        return {}
    open_ = StepRecord.objects.filter(
        execution_id__in=ids, status__in=[StepRecord.RUNNING, StepRecord.WAITING]
    )
    light = open_.only("execution_id", "path", "attempt", "name", "type", "position")
    return {one.execution_id: one for one in light.order_by("position")}


class ExecutionRows:
    """Executions of a table, with who started them and where they are."""

    def __init__(self, rows: list[Execution]) -> None:
        names, at = starters(rows), steps_at(rows)
        for row in rows:
            starter = names.get(row.triggered_by) if row.triggered_by else None
            row.starter = starter  # type: ignore[attr-defined]  # for the template
            row.at = at.get(row.id)  # type: ignore[attr-defined]  # for the template
        self.rows = rows

    @property
    def is_moving(self) -> bool:
        """Whether any of them has not ended."""
        return any(not row.is_final for row in self.rows)


class Home:
    """What the first page shows; each part is read when it is shown."""

    @cached_property
    def counts(self) -> list[tuple[str, int]]:
        """The last 24 hours by state."""
        return counts_since(timezone.now() - DAY)

    @cached_property
    def total(self) -> int:
        return sum(count for _, count in self.counts)

    @cached_property
    def recent(self) -> ExecutionRows:
        """What is open and what began last, newest first."""
        rows = executions.execution_list()
        open_ = rows.filter(status__in=Execution.OPEN).order_by("-id")[:OPEN_SHOWN]
        last = rows.order_by("-id")[:RECENT]
        found = {row.id: row for row in (*open_, *last)}
        return ExecutionRows(sorted(found.values(), key=lambda row: row.id)[::-1])

    @cached_property
    def failures(self) -> list[tuple[Execution, int]]:
        """The last failure of each workflow this week, and how many there were."""
        rows = executions.execution_list(statuses=[Execution.FAILED])
        since = first_id_of(timezone.now() - WEEK)
        found: dict[uuid.UUID, list[Execution]] = {}
        for row in rows.filter(id__gte=since).order_by("-id")[:FAILURES_READ]:
            found.setdefault(row.workflow_id, []).append(row)
        return [(same[0], len(same)) for same in found.values()][:ATTENTION]


class ExecutionPage:
    """One execution; each part is read when it is shown."""

    def __init__(self, execution_id: uuid.UUID) -> None:
        self.execution = executions.execution_get(execution_id)

    @cached_property
    def _records(self) -> tuple[Sequence[StepRecord], int]:
        """The records to show, and how many stand between the first and the last."""
        rows = executions.step_list(self.execution.id)
        rows = rows.annotate(waits_for=KeyTextTransform("reason", "state")).defer(
            "output", "output_packed", "variables", "state"
        )
        first = list(rows[: FIRST_STEPS + LAST_STEPS + 1])
        if len(first) <= FIRST_STEPS + LAST_STEPS:
            return first, 0
        last = list(rows.order_by("-position", "-attempt")[:LAST_STEPS])[::-1]
        hidden = rows.count() - FIRST_STEPS - LAST_STEPS
        return first[:FIRST_STEPS] + last, hidden

    @cached_property
    def timeline(self) -> Timeline:
        records = self._records[0]
        paths = [one.path for one in records]
        kept = executions.evidence_of(self.execution.id, paths)
        for one in records:
            found = kept.get((one.path, one.attempt), [])
            one.evidence = found  # type: ignore[attr-defined]  # for the template
        return timeline(self.execution, records, timezone.now())

    @property
    def hidden_steps(self) -> int:
        """How many steps in the middle are left out."""
        return self._records[1]

    @cached_property
    def failed_step(self) -> StepRecord | None:
        """The step that the execution's error names."""
        path = (self.execution.error or {}).get("path")
        if not path:
            return None
        found = executions.step_list(self.execution.id).filter(path=path)
        return found.only("path", "name", "type", "attempt", "execution_id").first()

    @cached_property
    def artifacts(self) -> list[Artifact]:
        """What steps made, and pictures; other evidence stands at its step."""
        rows = executions.artifact_list(self.execution.id).order_by("id")
        rows = rows.filter(kind__in=["", "screenshot"])
        return list(rows[:ARTIFACTS_SHOWN])

    @cached_property
    def values(self) -> list[tuple[str, Json]]:
        """Inputs, variables and outputs, with secrets as `***`."""
        variables, outputs = executions.results(self.execution)
        inputs = masking.conceal(self.execution.inputs)
        return [("Inputs", inputs), ("Variables", variables), ("Outputs", outputs)]

    @cached_property
    def starter(self) -> str:
        return next(iter(starters([self.execution]).values()), "")

    @cached_property
    def can_go_on(self) -> bool:
        """Whether a retry can begin where it failed."""
        return self.execution.status in {Execution.FAILED, Execution.CANCELLED}

    @cached_property
    def current_version(self) -> int:
        """The number of the workflow's version that is in use now."""
        current = self.execution.workflow.current_version_id
        rows = WorkflowVersion.objects.filter(id=current)
        return rows.values_list("number", flat=True).get()


def form_of(version: WorkflowVersion) -> RunForm | None:
    """The form that starts a version; None when it cannot run any more."""
    try:
        return run_form(workflows.definition(version))
    except Invalid:
        return None


class WorkflowRows:
    """Workflows of a table, with how each ran last and how it is started."""

    def __init__(self, rows: list[Workflow]) -> None:
        last = _last_executions(rows)
        versions = WorkflowVersion.objects.in_bulk(
            [row.current_version_id for row in rows]
        )
        for row in rows:
            form = form_of(versions[row.current_version_id])
            row.last = last.get(row.id)  # type: ignore[attr-defined]
            row.form = form  # type: ignore[attr-defined]  # for the template
        self.rows = rows


def _last_executions(rows: list[Workflow]) -> dict[uuid.UUID, Execution]:
    """The newest execution of each workflow: one step in an index for each."""
    newest = Execution.objects.filter(workflow_id=OuterRef("pk")).order_by("-id")
    newest = newest.exclude(trigger=executions.TEST)
    ids = Workflow.objects.filter(id__in=[row.id for row in rows]).values_list(
        Subquery(newest.values("id")[:1]), flat=True
    )
    found = executions.execution_list().filter(id__in=[one for one in ids if one])
    return {one.workflow_id: one for one in found}


class WorkflowPage:
    """One workflow, at its current version or another."""

    def __init__(
        self, viewer: Viewer, workflow_id: uuid.UUID, number: int | None = None
    ) -> None:
        self.viewer = viewer
        self.workflow = workflows.workflow_get(viewer=viewer, workflow_id=workflow_id)
        self.version = self.workflow.current_version
        if number is not None:
            self.version = workflows.version_get(workflow=self.workflow, number=number)
        self.form = form_of(self.workflow.current_version)

    @cached_property
    def versions(self) -> list[WorkflowVersion]:
        rows = workflows.version_list(workflow=self.workflow).order_by("-number")
        return list(rows[:50])

    @cached_property
    def hook(self) -> Hook | None:
        """The workflow's own URL, for those who may see it."""
        if not self.viewer.may(Role.OPERATOR):
            return None
        return hooks.hook_find(self.workflow)

    @property
    def hook_url(self) -> str:
        return hooks.hook_url(self.hook) if self.hook else ""

    @cached_property
    def recent(self) -> ExecutionRows:
        rows = executions.execution_list(workflow_id=self.workflow.id)
        return ExecutionRows(list(rows.order_by("-id")[:10]))


def workflow_names(viewer: Viewer) -> list[tuple[uuid.UUID, str]]:
    """The workflows to choose from in a filter."""
    rows = workflows.workflow_list(viewer=viewer, archived=None).order_by("name")
    return list(rows.values_list("id", "name")[:WORKFLOWS_OFFERED])
