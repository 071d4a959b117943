"""What the page of one execution shows."""

import uuid
from collections.abc import Sequence
from functools import cached_property

from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from apps.core.errors import NotFound, RpaError
from apps.core.types import Json
from apps.dashboard.curl import start_command
from apps.dashboard.run_form import RunForm, filled_form
from apps.dashboard.selectors.retry_points import RetryPoints, retry_points
from apps.dashboard.selectors.rows import starters
from apps.dashboard.timeline import Timeline, timeline
from apps.executions import selectors as executions
from apps.executions.engine import masking
from apps.executions.models import Artifact, Execution, StepRecord
from apps.workflows import selectors as workflows
from apps.workflows.definition.outline import find_steps
from apps.workflows.models import WorkflowVersion

FIRST_STEPS, LAST_STEPS = 600, 400
ARTIFACTS_SHOWN = 60
RETRIES_SHOWN, ATTEMPTS_SHOWN = 20, 50


def artifacts_shown(execution_id: uuid.UUID) -> QuerySet[Artifact]:
    """What steps made, and pictures; other evidence stands at its step."""
    rows = executions.artifact_list(execution_id)
    return rows.filter(kind__in=["", "screenshot"])


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
    def _artifacts(self) -> tuple[list[Artifact], int]:
        """The newest ones, and how many came before them."""
        rows = artifacts_shown(self.execution.id)
        newest = list(rows.order_by("-id")[: ARTIFACTS_SHOWN + 1])
        if len(newest) <= ARTIFACTS_SHOWN:
            return newest[::-1], 0
        return newest[:ARTIFACTS_SHOWN][::-1], rows.count() - ARTIFACTS_SHOWN

    @property
    def artifacts(self) -> list[Artifact]:
        """The newest ones, oldest first: the last picture is often of the failure."""
        return self._artifacts[0]

    @property
    def hidden_artifacts(self) -> int:
        """How many came before those that are shown."""
        return self._artifacts[1]

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
    def can_retry(self) -> bool:
        """Whether it can be run again at all."""
        return self.execution.is_final and self.execution.test is None

    @cached_property
    def current_version(self) -> int:
        """The number of the workflow's version that is in use now."""
        current = self.execution.workflow.current_version_id
        rows = WorkflowVersion.objects.filter(id=current)
        return rows.values_list("number", flat=True).get()

    @cached_property
    def retries(self) -> list[Execution]:
        """What was started as a retry of this one, the oldest first."""
        rows = executions.execution_list(retry_of=self.execution.id)
        return list(rows.order_by("id")[:RETRIES_SHOWN])

    @cached_property
    def retry_points(self) -> RetryPoints:
        """The steps that a retry may start at."""
        failed = (self.execution.error or {}).get("path")
        return retry_points(self.execution.id, failed)

    @cached_property
    def retry_inputs(self) -> RunForm | None:
        """The form of its inputs, filled; None where they hold secrets."""
        inputs = self.execution.inputs
        if self.execution.has_masked_inputs or masking.conceal(inputs) != inputs:
            return None
        try:
            found = workflows.definition_of(self.execution.version_id)
        except RpaError:
            return None
        return filled_form(found, inputs)

    @cached_property
    def curl(self) -> str:
        """The command that starts the same by REST, secrets as `***`."""
        return start_command(self.execution)


class StepPage:
    """One step of an execution: all attempts, with what each left."""

    def __init__(self, execution_id: uuid.UUID, path: str) -> None:
        self.execution = executions.execution_get(execution_id)
        self.path = path
        rows = StepRecord.objects.filter(execution_id=execution_id, path=path)
        self.attempts = list(rows.defer("state").order_by("-attempt")[:ATTEMPTS_SHOWN])
        if not self.attempts:
            raise NotFound("The execution has no such step.")
        kept = executions.evidence_of(execution_id, [path])
        for one in self.attempts:
            one.shown = executions.step_output(one)  # type: ignore[attr-defined]
            found = kept.get((path, one.attempt), [])
            one.evidence = found  # type: ignore[attr-defined]  # for the template

    @property
    def last(self) -> StepRecord:
        """The attempt that counts."""
        return self.attempts[0]

    @cached_property
    def params(self) -> Json:
        """What its definition says, as people wrote it; None when it is not found."""
        version = self.execution.version
        for found in find_steps(version.document):
            if found.raw.get("id") == self.last.step_id:
                return found.raw.get("params")
        return None
