"""All files that an execution made, page by page."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.dashboard.selectors import ExecutionPage
from apps.dashboard.selectors.execution import artifacts_shown
from apps.dashboard.views.base import STOP_POLLING, Page
from apps.dashboard.views.lists import list_page


class ExecutionArtifacts(Page):
    """What its own page has no place for."""

    section = "executions"
    template = "dashboard/artifacts.html"
    parts = {
        "execution-head": "dashboard/parts/execution_head.html",
        "artifacts": "dashboard/parts/artifacts_page.html",
    }

    def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        page = ExecutionPage(execution_id)
        rows = artifacts_shown(execution_id)
        is_over = self.request.htmx and page.execution.is_final
        return self.show(
            page=page,
            tab="artifacts",
            found=list_page(request, rows, ordering="id"),
            status=STOP_POLLING if is_over else 200,
        )
