"""Workflows: the list, one of them, its executions, and starting it."""

from functools import cache
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse

from apps.accounts.roles import Role
from apps.core.errors import Invalid
from apps.dashboard.run_form import inputs_of, run_form, sent_texts, with_errors
from apps.dashboard.selectors import ExecutionRows, WorkflowPage, WorkflowRows
from apps.dashboard.selectors.executions import filter_of
from apps.dashboard.selectors.workflows import tags_offered
from apps.dashboard.views.base import Page
from apps.dashboard.views.lists import list_page, search_page
from apps.executions.labels import read_lines
from apps.executions.services import execution_start
from apps.workflows import selectors as workflows
from apps.workflows.definition.yaml_io import export

# Key, label and route of the tabs; the editor's is there when its page is.
TABS = (
    ("overview", "Overview", "dashboard:workflow"),
    ("runs", "Runs", "dashboard:workflow-runs"),
    ("editor", "Editor", "dashboard:workflow-editor"),
    ("versions", "Versions", "dashboard:workflow-versions"),
    ("schedules", "Schedules", "dashboard:workflow-schedules"),
    ("settings", "Settings", "dashboard:workflow-settings"),
)


def tabs_of(workflow_id: UUID) -> list[tuple[str, str, str]]:
    """Key, label and address of each tab of a workflow's pages."""
    found = []
    for key, label, route in TABS:
        try:
            found.append((key, label, reverse(route, args=[workflow_id])))
        except NoReverseMatch:
            continue
    return found


class WorkflowTab(Page):
    """One of the pages about a workflow: all have the same head and tabs."""

    section = "workflows"
    tab = "overview"

    def show_tab(self, page: WorkflowPage, **context: Any) -> HttpResponse:
        """The page below the workflow's head."""
        return self.show(
            page=page,
            tab=self.tab,
            tabs=tabs_of(page.workflow.id),
            may_edit=self.viewer.may(Role.EDITOR),
            **context,
        )


class Workflows(Page):
    """The workflows in use, by name."""

    section = "workflows"
    template = "dashboard/workflows.html"
    parts = {
        "list": "dashboard/parts/workflows_rows.html",
        "tags": "dashboard/parts/workflow_tags.html",
    }

    def get(self, request: HttpRequest) -> HttpResponse:
        search = _text(request, "search", 200)
        tag = _text(request, "tag", 100)
        is_archived = "archived" in request.GET
        found = workflows.workflow_list(
            viewer=self.viewer, search=search, tag=tag, archived=is_archived
        )
        page = list_page(request, found, ordering="name")
        return self.show(
            # Each is read by the part that shows it.
            rows=cache(lambda: WorkflowRows(page.rows)),
            tags=cache(lambda: tags_offered(self.viewer, is_archived=is_archived)),
            page=page,
            search=search,
            tag=tag,
            is_archived=is_archived,
            may_edit=self.viewer.may(Role.EDITOR),
        )


def _text(request: HttpRequest, name: str, longest: int) -> str:
    return request.GET.get(name, "").replace("\0", "")[:longest]


class WorkflowView(WorkflowTab):
    """One workflow: how it does, its run form, its definition."""

    template = "dashboard/workflow.html"
    parts = {
        "workflow-head": "dashboard/parts/workflow_head.html",
        "recent": "dashboard/parts/workflow_recent.html",
        "definition": "dashboard/parts/workflow_definition.html",
        "doing": "dashboard/parts/workflow_doing.html",
    }

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        page = WorkflowPage(self.viewer, workflow_id, number_of(request, "version"))
        return self.show_workflow(page)

    def show_workflow(self, page: WorkflowPage, status: int = 200) -> HttpResponse:
        """The page; its definition stands there as the YAML that people write."""
        return self.show_tab(
            page,
            definition=lambda: export(page.version.document, "yaml"),
            is_chosen="version" in self.request.GET,
            status=status,
        )


def number_of(request: HttpRequest, name: str) -> int | None:
    """The number of a version in the address.

    Raises:
        Invalid: it is no number.
    """
    text = request.GET.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid("The version must be a whole number.")
    return int(text)


class WorkflowRuns(WorkflowTab):
    """All executions of a workflow, newest first; the first page is live."""

    tab = "runs"
    template = "dashboard/workflow_runs.html"
    parts = {"rows": "dashboard/parts/runs_rows.html"}

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        page = WorkflowPage(self.viewer, workflow_id)
        sent = QueryDict(mutable=True)
        sent.update(
            {"state": request.GET.get("state", ""), "workflow": str(workflow_id)}
        )
        wanted = filter_of(sent)
        found = search_page(request, wanted)
        return self.show_tab(
            page, rows=ExecutionRows(found.rows), found=found, filter=wanted
        )


class WorkflowSchedules(WorkflowTab):
    """When it starts by itself: a frame until there are schedules."""

    tab = "schedules"
    template = "dashboard/workflow_schedules.html"

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        return self.show_tab(WorkflowPage(self.viewer, workflow_id))


class RunWorkflow(WorkflowView):
    """Start a workflow with what its form sent."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        page = WorkflowPage(self.viewer, workflow_id)
        definition = workflows.definition(page.workflow.current_version)
        texts, labels = sent_texts(request.POST), request.POST.get("labels", "")
        try:
            execution = execution_start(
                workflow=page.workflow,
                inputs=inputs_of(definition, texts),
                labels=read_lines(labels),
                trigger="manual",
                by=self.viewer,
                idempotency_key=request.POST.get("key") or None,
                dry_run=bool(request.POST.get("dry_run")),
            )
        except Invalid as error:
            page.form = with_errors(run_form(definition, texts), error.errors)
            page.form.labels = labels
            return self.show_workflow(page, status=error.http_status)
        return redirect("dashboard:execution", execution.id)
