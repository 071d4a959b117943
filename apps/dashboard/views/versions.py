"""A workflow's versions: what changed, and going back."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.roles import Role
from apps.core.errors import Conflict, Invalid
from apps.dashboard.differences import Difference, difference
from apps.dashboard.selectors import WorkflowPage
from apps.dashboard.views.base import Page
from apps.dashboard.views.retrying import words_of
from apps.dashboard.views.workflows import WorkflowTab, number_of
from apps.workflows import selectors as workflows
from apps.workflows.models import Workflow
from apps.workflows.services import workflow_restore


class WorkflowVersions(WorkflowTab):
    """All versions, and the difference of two."""

    tab = "versions"
    template = "dashboard/workflow_versions.html"
    parts = {"versions": "dashboard/parts/workflow_versions.html"}

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        page = WorkflowPage(self.viewer, workflow_id)
        newest = page.workflow.current_version.number
        to = number_of(request, "to") or newest
        from_ = number_of(request, "from") or max(to - 1, 1)
        found = _difference(page.workflow, from_, to)
        return self.show_tab(page, difference=found, from_number=from_, to_number=to)


def _difference(workflow: Workflow, from_: int, to: int) -> Difference | None:
    """None when they are the same version."""
    if from_ == to:
        return None
    before = workflows.version_get(workflow=workflow, number=from_)
    after = workflows.version_get(workflow=workflow, number=to)
    return difference(before, after)


class RestoreVersion(Page):
    """Make an older version's document the current one."""

    http_method_names = ["post", "options"]
    roles = {"POST": Role.EDITOR}

    def post(
        self, request: HttpRequest, workflow_id: UUID, number: int
    ) -> HttpResponse:
        workflow = workflows.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        version = workflows.version_get(workflow=workflow, number=number)
        try:
            after = workflow_restore(workflow=workflow, version=version, by=self.viewer)
            now = after.current_version.number
            text = f"Version {number} is restored: it is version {now} now."
            messages.success(request, text)
        except (Conflict, Invalid) as error:
            messages.warning(request, words_of(error)[:500])
        return redirect("dashboard:workflow-versions", workflow_id)
