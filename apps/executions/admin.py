"""Executions in the operators' admin: read-only, the engine owns them."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, NotFound
from apps.executions import fleet, selectors
from apps.executions.cancels import execution_cancel
from apps.executions.engine import masking
from apps.executions.models import Artifact, Execution, Worker


class UncountedPaginator(Paginator[Any]):
    """Pages without `count(*)`, which takes seconds on a million rows."""

    LOOKED_AT = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, counting no further than `LOOKED_AT`."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.LOOKED_AT].count())


class ReadOnly:
    """Rows that only the engine writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _KnownWords(admin.SimpleListFilter):
    """A filter whose choices are known: asking a million rows for them takes long."""

    words: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, word) for word in self.words]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        word = self.value()
        name = str(self.parameter_name)
        return queryset.filter(**{name: word}) if word else queryset


class StatusFilter(_KnownWords):
    """Executions of one status."""

    title = parameter_name = "status"
    words = Execution.STATUSES


class TriggerFilter(_KnownWords):
    """Executions started in one way."""

    title = parameter_name = "trigger"
    words = Execution.TRIGGERS


@admin.register(Execution)
class ExecutionAdmin(ReadOnly, admin.ModelAdmin[Execution]):
    """Executions with their steps and artifacts."""

    list_display = ("id", "workflow", "status", "reason", "trigger", "queued_at")
    list_filter = (StatusFilter, TriggerFilter)
    list_select_related = ("workflow",)
    list_per_page = 50
    # The search is by id: see `get_search_results`.
    search_fields = ("id",)
    search_help_text = "The id of an execution or of its workflow."
    ordering = ("-id",)
    paginator = UncountedPaginator
    show_full_result_count = False
    actions = ("cancel",)
    fields = (
        "workflow",
        "version",
        "status",
        "reason",
        "failure",
        "trigger",
        "queued_at",
        "started_at",
        "finished_at",
        "running_ms",
        "lease_owner",
        "deliveries",
        "inputs",
        "results",
        "steps",
        "artifacts",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Execution]:
        """Without the large documents; a page about one execution asks for them."""
        return super().get_queryset(request).defer("inputs", "variables", "outputs")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Executions whose id or workflow's id was typed in."""
        if not search_term.strip():
            return queryset, False
        try:
            wanted = uuid.UUID(search_term.strip())
        except ValueError:
            return queryset.none(), False
        return queryset.filter(Q(id=wanted) | Q(workflow_id=wanted)), False

    @admin.display(description="error")
    def failure(self, execution: Execution) -> SafeString:
        return _pre(masking.conceal(execution.error))

    @admin.display(description="variables and outputs")
    def results(self, execution: Execution) -> SafeString:
        variables, outputs = selectors.results(execution)
        return _pre({"variables": variables, "outputs": outputs})

    @admin.display(description="steps")
    def steps(self, execution: Execution) -> SafeString:
        rows = selectors.step_list(execution.id).defer("output", "output_packed")[:500]
        cells = (
            (
                record.path,
                record.name or record.type,
                record.status,
                record.attempt,
                f"{(record.duration_ms or 0) / 1000:.2f} s",
                (record.error or {}).get("message", ""),
            )
            for record in rows
        )
        body = format_html_join(
            "",
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td>"
            "<td>{}</td><td>{}</td></tr>",
            cells,
        )
        return format_html(
            "<table><thead><tr><th>Path</th><th>Step</th><th>State</th>"
            "<th>Attempt</th><th>Time</th><th>Error</th></tr></thead>"
            "<tbody>{}</tbody></table>",
            body,
        )

    @admin.display(description="artifacts")
    def artifacts(self, execution: Execution) -> SafeString:
        rows = Artifact.objects.filter(execution_id=execution.id).order_by("id")[:100]
        return format_html_join(
            "",
            "<div>{} ({}, {} bytes)</div>",
            ((a.name, a.path, a.bytes) for a in rows),
        )

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Execution]) -> None:
        """Cancel the open ones among the chosen executions."""
        count = 0
        for execution in queryset.filter(status__in=Execution.OPEN).order_by("id"):
            try:
                execution_cancel(execution=execution, by=_operator(request, execution))
            except Conflict:
                continue  # it ended meanwhile
            count += 1
        self.message_user(request, f"{count} asked to stop.", messages.SUCCESS)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Those who might change executions, if anybody but the engine could."""
        return bool(request.user.has_perm("executions.change_execution"))


def _operator(request: HttpRequest, execution: Execution) -> Viewer | None:
    """The operator, for the trail of the execution's organization."""
    if not isinstance(request.user, User):
        return None
    return Viewer(
        organization_id=execution.organization_id, role=Role.OWNER, user=request.user
    )


@admin.register(Worker)
class WorkerAdmin(ReadOnly, admin.ModelAdmin[Worker]):
    """Workers that said they are there."""

    list_display = (
        "name",
        "pool",
        "state",
        "active",
        "capacity",
        "version",
        "last_seen_at",
        "heard_at",
    )
    ordering = ("name",)
    actions = ("drain", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        """With what state each is in."""
        return fleet.worker_list()

    @admin.display(description="state")
    def state(self, worker: Any) -> str:
        return str(worker.state)

    @admin.action(description="Drain: take no more", permissions=["drain"])
    def drain(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Let the chosen workers finish what they have and take no more."""
        self._ask(request, queryset, fleet.worker_drain)

    @admin.action(description="Resume: take executions", permissions=["drain"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Let the chosen workers take executions again."""
        self._ask(request, queryset, fleet.worker_resume)

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[Worker],
        ask: Callable[..., Worker],
    ) -> None:
        by = request.user if isinstance(request.user, User) else None
        for worker in queryset:
            try:
                ask(worker_id=worker.id, by=by)
            except (Conflict, NotFound) as refusal:
                text = f"{worker.name}: {refusal}"
                self.message_user(request, text, messages.WARNING)
            else:
                self.message_user(request, f"{worker.name}: asked.", messages.SUCCESS)

    def has_drain_permission(self, request: HttpRequest) -> bool:
        """Those who might change workers, if anybody but they themselves could."""
        return bool(request.user.has_perm("executions.change_worker"))


def _pre(value: Any) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html("<pre>{}</pre>", text[:100_000])
