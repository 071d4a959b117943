"""Executions: the list, one of them live, a step of it, its log; cancel."""

from functools import cache
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.roles import Role
from apps.core.errors import Conflict
from apps.dashboard.logs import LEVELS, all_lines, level_of, newest_lines
from apps.dashboard.selectors import ExecutionPage, ExecutionRows
from apps.dashboard.selectors.execution import StepPage
from apps.dashboard.selectors.executions import Choices, filter_of
from apps.dashboard.views.base import STOP_POLLING, Page
from apps.dashboard.views.lists import search_page
from apps.dashboard.waits import waits_shown
from apps.executions import cancels, selectors


class Executions(Page):
    """All executions, newest first; the first page is live."""

    section = "executions"
    template = "dashboard/executions.html"
    parts = {"rows": "dashboard/parts/executions_rows.html"}

    def get(self, request: HttpRequest) -> HttpResponse:
        wanted = filter_of(request.GET)
        page = search_page(request, wanted)
        return self.show(
            rows=ExecutionRows(page.rows),
            page=page,
            filter=wanted,
            choices=Choices(self.viewer, wanted.wanted),
            may_pick=self.viewer.may(Role.OPERATOR),
            may_delete=self.viewer.may(Role.EDITOR),
        )


class ExecutionView(Page):
    """One execution, live until it ends."""

    section = "executions"
    template = "dashboard/execution.html"
    parts = {
        "live": "dashboard/parts/execution_live.html",
        "values": "dashboard/parts/execution_values.html",
    }

    def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        page = ExecutionPage(execution_id)
        is_over = self.request.htmx and page.execution.is_final
        return self.show(
            page=page,
            tab="timeline",
            waits=lambda: waits_shown(page.execution, self.viewer),
            status=STOP_POLLING if is_over else 200,
        )


class StepView(Page):
    """One step of an execution with all its attempts, alone or beside the others."""

    section = "executions"
    template = "dashboard/step.html"
    parts = {
        "step": "dashboard/parts/step_detail.html",
        "step-alone": "dashboard/parts/step_detail.html",
    }

    def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        path = request.GET.get("path", "").replace("\0", "")[:2_000]
        page = StepPage(execution_id, path)
        is_over = self.request.htmx.target == "step-alone" and page.execution.is_final
        return self.show(page=page, status=STOP_POLLING if is_over else 200)


class LogView(Page):
    """What happened, line by line."""

    section = "executions"
    template = "dashboard/logs.html"
    parts = {
        "execution-head": "dashboard/parts/execution_head.html",
        "log": "dashboard/parts/log_lines.html",
    }

    def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        page = ExecutionPage(execution_id)
        level = level_of(request.GET.get("level", ""))
        # The head alone needs no lines.
        newest = cache(lambda: newest_lines(page.execution, level))
        is_over = self.request.htmx and page.execution.is_final
        return self.show(
            page=page,
            tab="logs",
            level=level,
            levels=LEVELS,
            lines=lambda: newest()[0],
            has_more=lambda: newest()[1],
            status=STOP_POLLING if is_over else 200,
        )


class LogDownload(Page):
    """The whole log as a text file."""

    section = "executions"

    def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        execution = selectors.execution_get(execution_id)
        level = level_of(request.GET.get("level", ""))
        text = "".join(f"{line}\n" for line in all_lines(execution, level))
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{execution.id}.log"'
        response["X-Content-Type-Options"] = "nosniff"
        return response


class CancelExecution(Page):
    """Stop an execution."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        execution = selectors.execution_get(execution_id)
        try:
            cancels.execution_cancel(execution=execution, by=self.viewer)
        except Conflict as error:
            messages.warning(request, str(error))
        return redirect("dashboard:execution", execution_id)
