"""Workflows: the list, one of them, and starting it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.core.errors import Invalid
from apps.dashboard.run_form import inputs_of, run_form, sent_texts, with_errors
from apps.dashboard.selectors import WorkflowPage, WorkflowRows
from apps.dashboard.views.base import Page
from apps.dashboard.views.lists import list_page
from apps.executions.services import execution_start
from apps.workflows import selectors as workflows
from apps.workflows.definition.yaml_io import export


class Workflows(Page):
    """The workflows in use, by name."""

    section = "workflows"
    template = "dashboard/workflows.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        search = request.GET.get("search", "").replace("\0", "")[:200]
        found = workflows.workflow_list(viewer=self.viewer, search=search)
        page = list_page(request, found, ordering="name")
        return self.show(rows=WorkflowRows(page.rows), page=page, search=search)


class WorkflowView(Page):
    """One workflow: its definition, versions, last executions, and its run form."""

    section = "workflows"
    template = "dashboard/workflow.html"
    parts = {"recent": "dashboard/parts/workflow_recent.html"}

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        page = WorkflowPage(self.viewer, workflow_id, _number(request))
        return self.show_workflow(page)

    def show_workflow(self, page: WorkflowPage, status: int = 200) -> HttpResponse:
        """The page; its definition stands there as the YAML that people write."""
        return self.show(
            page=page, definition=export(page.version.document, "yaml"), status=status
        )


def _number(request: HttpRequest) -> int | None:
    text = request.GET.get("version", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid("The version must be a whole number.")
    return int(text)


class RunWorkflow(WorkflowView):
    """Start a workflow with what its form sent."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        page = WorkflowPage(self.viewer, workflow_id)
        definition = workflows.definition(page.workflow.current_version)
        texts = sent_texts(request.POST)
        try:
            execution = execution_start(
                workflow=page.workflow,
                inputs=inputs_of(definition, texts),
                trigger="manual",
                by=self.viewer,
                idempotency_key=request.POST.get("key") or None,
            )
        except Invalid as error:
            page.form = with_errors(run_form(definition, texts), error.errors)
            return self.show_workflow(page, status=error.http_status)
        return redirect("dashboard:execution", execution.id)
