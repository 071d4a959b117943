"""Running an ended execution again: the dialog's answer, and what it would reuse."""

from collections.abc import Mapping
from typing import Literal, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.roles import Role
from apps.core.errors import Conflict, Invalid, RpaError
from apps.core.text import is_storable
from apps.core.types import JsonObject
from apps.dashboard.run_form import fill, inputs_of, sent_texts, with_errors
from apps.dashboard.selectors import ExecutionPage
from apps.dashboard.views.base import Page
from apps.executions import selectors
from apps.executions.models import Execution
from apps.executions.retries import execution_retry, reused_steps
from apps.workflows import selectors as workflows

Version = Literal["same", "current"]
_LONGEST_PATH = 2_000


def start_in(sent: Mapping[str, str]) -> tuple[str, Version]:
    """Where to start, and which version to use. A path that was typed goes first.

    Raises:
        Invalid: there is no such choice.
    """
    start = sent.get("path", "").strip() or sent.get("from", "failed")
    if len(start) > _LONGEST_PATH or not is_storable(start):
        message = f"must be text of {_LONGEST_PATH} characters at most"
        raise Invalid(errors=[{"path": "from", "message": message}])
    version = sent.get("version", "same")
    if version not in ("same", "current"):
        raise Invalid("version must be one of same, current.")
    return start, cast(Version, version)


class RetryExecution(Page):
    """The form by itself; sent, the execution runs again."""

    section = "executions"
    template = "dashboard/retry.html"
    roles = {"GET": Role.OPERATOR, "POST": Role.OPERATOR}

    def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        return self.show(page=ExecutionPage(execution_id))

    def post(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        execution = selectors.execution_get(execution_id)
        texts = sent_texts(request.POST) if request.POST.get("edit") else None
        try:
            start, version = start_in(request.POST)
            again = execution_retry(
                execution=execution,
                by=self.viewer,
                from_=start,
                version=version,
                inputs=None if texts is None else _inputs(execution, version, texts),
            )
        except Conflict as error:
            messages.warning(request, str(error))
            return redirect("dashboard:execution", execution_id)
        except Invalid as error:
            return self._refused(execution_id, error)
        return redirect("dashboard:execution", again.id)

    def _refused(self, execution_id: UUID, error: Invalid) -> HttpResponse:
        page, sent = ExecutionPage(execution_id), self.request.POST
        if page.retry_inputs is not None:
            fill(page.retry_inputs, sent_texts(sent))
            with_errors(page.retry_inputs, error.errors)
        return self.show(
            page=page,
            problem=words_of(error),
            path_problem=_about_start(error) if sent.get("path") else "",
            chosen=sent,
            is_edited="edit" in sent or not _about_start(error),
            status=error.http_status,
        )


def _about_start(error: Invalid) -> str:
    """What is wrong with where to start."""
    found = [str(one["message"]) for one in error.errors if one["path"] == "from"]
    return "; ".join(found)


def _inputs(
    execution: Execution, version: Version, texts: Mapping[str, str]
) -> JsonObject:
    version_id = execution.version_id
    if version == "current":
        version_id = execution.workflow.current_version_id
    return inputs_of(workflows.definition_of(version_id), texts)


class RetryPreview(Page):
    """How many steps a retry would reuse: a sentence for the dialog."""

    roles = {"GET": Role.OPERATOR}
    template = "dashboard/parts/retry_preview.html"

    def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponse:
        execution = selectors.execution_get(execution_id)
        try:
            start, version = start_in(request.GET)
            count = reused_steps(execution=execution, from_=start, version=version)
        except RpaError as error:
            return self.show(problem=words_of(error), count=0)
        return self.show(problem="", count=count)


def words_of(error: RpaError) -> str:
    """What was wrong, with each mistake."""
    found = error.errors if isinstance(error, Invalid) else []
    more = [f"{one.get('path')} {one.get('message')}" for one in found]
    return "; ".join([str(error), *more])
