"""What the pages of workflows show."""

import uuid
from dataclasses import dataclass
from functools import cached_property

from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core.errors import Invalid
from apps.core.types import JsonObject
from apps.dashboard.run_form import RunForm, run_form
from apps.dashboard.selectors.rows import ExecutionRows, people
from apps.dashboard.wording import state_of
from apps.executions import history, hooks
from apps.executions import selectors as executions
from apps.executions.models import Execution, Hook
from apps.workflows import selectors as workflows
from apps.workflows.models import KeptSession, Workflow, WorkflowVersion

SPARKS, VERSIONS_SHOWN, RECENT, TAGS_OFFERED = 20, 100, 8, 40


def form_of(version: WorkflowVersion) -> RunForm | None:
    """The form that starts a version; None when it cannot run any more."""
    try:
        return run_form(workflows.definition(version))
    except Invalid:
        return None


@dataclass(frozen=True, slots=True)
class Sparks:
    """The last executions of a workflow, the oldest first, by their states.

    Attributes:
        words: the same for who cannot see it.
    """

    states: tuple[str, ...]

    @property
    def bars(self) -> list[tuple[int, str]]:
        """Place and state of each bar, from left to right."""
        return [(at * 5, state) for at, state in enumerate(self.states)]

    @property
    def words(self) -> str:
        good = self.states.count(Execution.COMPLETED)
        return f"{good} of the last {len(self.states)} completed"


def _sparks(last: list[history.Last]) -> Sparks:
    error = {True: {"kind": "platform"}, False: None}
    return Sparks(
        tuple(state_of(one.status, error[one.is_crash]) for one in last[::-1])
    )


class WorkflowRows:
    """Workflows of a table, with how each ran lately and how it is started."""

    def __init__(self, rows: list[Workflow]) -> None:
        lately = history.last_of_each([row.id for row in rows], count=SPARKS)
        last = _executions([found[0].id for found in lately.values() if found])
        versions = WorkflowVersion.objects.in_bulk(
            [row.current_version_id for row in rows]
        )
        for row in rows:
            form = form_of(versions[row.current_version_id])
            row.last = last.get(row.id)  # type: ignore[attr-defined]
            row.sparks = _sparks(lately[row.id])  # type: ignore[attr-defined]
            row.form = form  # type: ignore[attr-defined]  # for the template
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags to choose from, by name.

    Attributes:
        has_more: there are others, which fewer workflows have.
    """

    shown: list[str]
    has_more: bool


def tags_offered(viewer: Viewer, *, is_archived: bool) -> Tags:
    """The tags that most of the organization's workflows have."""
    found = workflows.tag_list(viewer=viewer, archived=is_archived)
    tags = list(found[: TAGS_OFFERED + 1])
    return Tags(sorted(tags[:TAGS_OFFERED]), has_more=len(tags) > TAGS_OFFERED)


def _executions(ids: list[uuid.UUID]) -> dict[uuid.UUID, Execution]:
    found = executions.execution_list().filter(id__in=ids)
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
        """The newest versions, with who saved each."""
        rows = workflows.version_list(workflow=self.workflow).order_by("-number")
        found = list(rows[:VERSIONS_SHOWN])
        names = people({one.created_by for one in found if one.created_by})
        for one in found:
            author = names.get(one.created_by) if one.created_by else None
            one.author = author or ""  # type: ignore[attr-defined]  # for the template
        return found

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
    def status(self) -> JsonObject:
        """Counts by state; ended ones among the newest."""
        return executions.workflow_status(self.workflow.id)

    @cached_property
    def counts(self) -> list[tuple[str, int]]:
        """States that there are, with how many."""
        return [(state, n) for state, n in self.status["executions"].items() if n]

    @cached_property
    def sparks(self) -> Sparks:
        key = self.workflow.id
        return _sparks(history.last_of_each([key], count=SPARKS)[key])

    @cached_property
    def recent(self) -> ExecutionRows:
        rows = executions.execution_list(workflow_id=self.workflow.id)
        return ExecutionRows(list(rows.order_by("-id")[:RECENT]))

    @cached_property
    def kept_sessions(self) -> list[KeptSession]:
        """What its browser left for the next executions."""
        return list(workflows.kept_session_list(workflow=self.workflow)[:50])

    @cached_property
    def settings(self) -> JsonObject:
        """The settings as they stand in the current version."""
        found: JsonObject = self.workflow.current_version.document.get("settings", {})
        return found
