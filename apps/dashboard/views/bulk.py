"""Many executions at once, and filters that people keep."""

from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Invalid, NotFound, RpaError
from apps.dashboard import services
from apps.dashboard.selectors.executions import filter_of
from apps.dashboard.views.base import Page
from apps.executions import selectors
from apps.executions.cancels import execution_cancel
from apps.executions.deleting import MOST_AT_ONCE, executions_delete
from apps.executions.models import Execution
from apps.executions.retries import execution_retry


def _retry(execution: Execution, by: Viewer) -> None:
    start = "start" if execution.status == Execution.COMPLETED else "failed"
    execution_retry(execution=execution, by=by, from_=start)


def _cancel(execution: Execution, by: Viewer) -> None:
    if execution.is_final:
        raise Conflict("The execution has ended already.")
    execution_cancel(execution=execution, by=by)


_EACH: dict[str, tuple[str, Callable[[Execution, Viewer], None]]] = {
    "retry": ("retried", _retry),
    "cancel": ("cancelled", _cancel),
}


def _query_of(text: str) -> str:
    """The fields of a filter in a query string, and nothing else of it."""
    return filter_of(QueryDict(text)).query


def _back(query: str, cursor: str = "") -> HttpResponse:
    """To the list, at the page that begins at the cursor."""
    place = urlencode({"cursor": cursor}) if cursor else ""
    fields = "&".join(filter(None, (query, place)))
    return redirect(reverse("dashboard:executions") + (f"?{fields}" if fields else ""))


class BulkAction(Page):
    """Retry, cancel or delete what was chosen in the list."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        action, ids = request.POST.get("action", ""), _ids(request)
        if not ids:
            messages.warning(request, "Choose some executions first.")
        elif action == "delete":
            self._delete(ids)
        elif action in _EACH:
            self._do(action, ids)
        else:
            raise Invalid("Choose to retry, to cancel or to delete.")
        query = _query_of(request.POST.get("query", ""))
        return _back(query, request.POST.get("cursor", ""))

    def _do(self, action: str, ids: list[UUID]) -> None:
        done, act = _EACH[action]
        problems: list[str] = []
        for execution_id in ids:
            try:
                # One that fails must not undo the others.
                with transaction.atomic():
                    act(selectors.execution_get(execution_id), self.viewer)
            except NotFound:
                problems.append("one is not there any more")
            except RpaError as error:
                problems.append(str(error))
        self._say(f"{len(ids) - len(problems)} of {len(ids)} {done}", problems)

    def _delete(self, ids: list[UUID]) -> None:
        gone = executions_delete(ids=ids, by=self.viewer)
        left = len(ids) - gone
        problems = ["what is open, or needed by an open one, is not deleted"]
        self._say(f"{gone} of {len(ids)} deleted", problems if left else [])

    def _say(self, text: str, problems: list[str]) -> None:
        if not problems:
            messages.success(self.request, f"{text}.")
            return
        reasons = " ".join(dict.fromkeys(problems))
        messages.warning(self.request, f"{text}: {reasons}"[:500])


def _ids(request: HttpRequest) -> list[UUID]:
    texts = request.POST.getlist("id")
    if len(texts) > MOST_AT_ONCE:
        raise Invalid(f"Choose {MOST_AT_ONCE} executions at most.")
    try:
        return list(dict.fromkeys(UUID(text) for text in texts))
    except ValueError as error:
        raise Invalid("An execution's id is none.") from error


class SaveFilter(Page):
    """Keep the filter that the list shows now."""

    http_method_names = ["post", "options"]
    roles = {"POST": Role.VIEWER}

    def post(self, request: HttpRequest) -> HttpResponse:
        query = _query_of(request.POST.get("query", ""))
        try:
            services.filter_save(
                by=self.viewer, name=request.POST.get("name", ""), query=query
            )
        except (Conflict, Invalid) as error:
            messages.warning(request, str(error))
        return _back(query)


class DeleteFilter(Page):
    """Forget a filter."""

    http_method_names = ["post", "options"]
    roles = {"POST": Role.VIEWER}

    def post(self, request: HttpRequest, filter_id: UUID) -> HttpResponse:
        services.filter_delete(by=self.viewer, filter_id=filter_id)
        return _back("")
