"""What belongs to a workflow beside its steps: name, tags, URL, the end of its use."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Invalid
from apps.dashboard.selectors import WorkflowPage
from apps.dashboard.views.base import Page
from apps.dashboard.views.retrying import words_of
from apps.dashboard.views.workflows import WorkflowTab
from apps.executions import hooks
from apps.workflows import selectors as workflows
from apps.workflows import services
from apps.workflows.definition.yaml_io import export
from apps.workflows.models import Workflow


class WorkflowSettings(WorkflowTab):
    """What can be set, by those who may."""

    tab = "settings"
    template = "dashboard/workflow_settings.html"
    parts = {"settings": "dashboard/parts/workflow_settings.html"}
    roles = {"GET": Role.VIEWER, "POST": Role.EDITOR}

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        page = WorkflowPage(self.viewer, workflow_id)
        text = export(page.settings, "yaml") if page.settings else ""
        return self.show_tab(page, settings_text=text)

    def post(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        """Save name, description and tags, as a new version."""
        workflow = workflows.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        tags = [one.strip() for one in request.POST.get("tags", "").split(",")]
        try:
            services.workflow_update(
                workflow=workflow,
                by=self.viewer,
                name=request.POST.get("name", "").strip(),
                description=request.POST.get("description", "").strip(),
                tags=[one for one in tags if one],
                comment="Changed on the settings page",
            )
            messages.success(request, "Saved.")
        except (Conflict, Invalid) as error:
            messages.warning(request, words_of(error)[:500])
        return redirect("dashboard:workflow-settings", workflow_id)


def _archive(workflow: Workflow, by: Viewer) -> None:
    services.workflow_archive(workflow=workflow, by=by)


def _unarchive(workflow: Workflow, by: Viewer) -> None:
    services.workflow_unarchive(workflow=workflow, by=by)


def _make_hook(workflow: Workflow, by: Viewer) -> None:
    hooks.hook_make(workflow=workflow, by=by)


def _switch_hook(workflow: Workflow, by: Viewer) -> None:
    hook = hooks.hook_get(workflow)
    hooks.hook_switch(hook=hook, by=by, is_enabled=not hook.is_enabled)


def _delete_hook(workflow: Workflow, by: Viewer) -> None:
    hooks.hook_delete(hook=hooks.hook_get(workflow), by=by)


_ACTIONS: dict[str, tuple[str, Callable[[Workflow, Viewer], None]]] = {
    "archive": ("It is archived: nothing starts it any more.", _archive),
    "unarchive": ("It is back in use.", _unarchive),
    "hook-make": ("It has a new URL.", _make_hook),
    "hook-switch": ("Changed.", _switch_hook),
    "hook-delete": ("Its URL is gone for good.", _delete_hook),
}


class WorkflowAction(Page):
    """One thing done to a workflow as a whole."""

    http_method_names = ["post", "options"]
    roles = {"POST": Role.EDITOR}

    def post(
        self, request: HttpRequest, workflow_id: UUID, action: str
    ) -> HttpResponse:
        workflow = workflows.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        try:
            if action == "duplicate":
                made = services.workflow_duplicate(workflow=workflow, by=self.viewer)
                return redirect("dashboard:workflow-settings", made.id)
            if action == "delete":
                services.workflow_delete(workflow=workflow, by=self.viewer)
                messages.success(request, f"{workflow.name} is deleted.")
                return redirect("dashboard:workflows")
            if action not in _ACTIONS:
                raise Invalid("There is no such action.")
            said, act = _ACTIONS[action]
            act(workflow, self.viewer)
            messages.success(request, said)
        except (Conflict, Invalid) as error:
            messages.warning(request, words_of(error)[:500])
        return redirect("dashboard:workflow-settings", workflow_id)
