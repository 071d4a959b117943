"""Executions: the list, one of them live, cancel and retry."""

from typing import Literal, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.core.errors import Conflict, Invalid
from apps.dashboard.selectors import (
    ExecutionPage,
    ExecutionRows,
    executions_in,
    workflow_names,
)
from apps.dashboard.views.base import STOP_POLLING, Page
from apps.dashboard.views.lists import list_page
from apps.dashboard.waits import waits_shown
from apps.dashboard.wording import SHOWN_STATES
from apps.executions import cancels, selectors
from apps.executions.retries import execution_retry


class Executions(Page):
    """All executions, newest first; the first page is live."""

    section = "executions"
    template = "dashboard/executions.html"
    parts = {"rows": "dashboard/parts/executions_rows.html"}

    def get(self, request: HttpRequest) -> HttpResponse:
        state, workflow_id = request.GET.get("state", ""), _workflow(request)
        found = executions_in(state=state, workflow_id=workflow_id)
        page = list_page(request, found, ordering="-id")
        return self.show(
            rows=ExecutionRows(page.rows),
            page=page,
            state=state,
            states=SHOWN_STATES,
            workflow_id=workflow_id,
            workflows=lambda: workflow_names(self.viewer),
        )


def _workflow(request: HttpRequest) -> UUID | None:
    text = request.GET.get("workflow", "")
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Invalid("The workflow must be an id.") from error


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
            waits=lambda: waits_shown(page.execution, self.viewer),
            status=STOP_POLLING if is_over else 200,
        )


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


class RetryExecution(Page):
    """Run an ended execution again."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        execution = selectors.execution_get(execution_id)
        start = _choice(request, "from", ("failed", "start"))
        version = _choice(request, "version", ("same", "current"))
        try:
            again = execution_retry(
                execution=execution,
                by=self.viewer,
                from_=start,
                version=cast(Literal["same", "current"], version),
            )
        except (Conflict, Invalid) as error:
            messages.warning(request, _words(error))
            return redirect("dashboard:execution", execution_id)
        return redirect("dashboard:execution", again.id)


def _choice(request: HttpRequest, name: str, known: tuple[str, ...]) -> str:
    value = request.POST.get(name, known[0])
    if value not in known:
        raise Invalid(f"{name} must be one of {', '.join(known)}.")
    return value


def _words(error: Conflict | Invalid) -> str:
    found = error.errors if isinstance(error, Invalid) else []
    more = [f"{one.get('path')} {one.get('message')}" for one in found]
    return "; ".join([str(error), *more])
