"""Executions in the operators' admin: read-only, the engine owns them."""

from collections import defaultdict
from collections.abc import Callable
from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.authentication import address_of
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import RpaError
from apps.core.operators.base import KnownWords, ReadOnlyAdmin, preformatted
from apps.executions import selectors
from apps.executions.cancels import execution_cancel
from apps.executions.engine import masking
from apps.executions.models import Artifact, Execution
from apps.executions.retries import execution_retry

MOST_LINKS = 10


class StatusFilter(KnownWords):
    """Executions of one status."""

    title = parameter_name = "status"
    choices_known = Execution.STATUSES


class TriggerFilter(KnownWords):
    """Executions started in one way."""

    title = parameter_name = "trigger"
    choices_known = Execution.TRIGGERS


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    """Executions with their steps and artifacts."""

    ids = ("id", "workflow_id", "parent_id", "retry_of")
    list_display = ("id", "workflow", "status", "reason", "trigger", "queued_at")
    list_filter = (StatusFilter, TriggerFilter)
    search_help_text = "Id of an execution or workflow"
    ordering = ("-id",)
    # All are done in one transaction, which must end in time.
    MOST_CHOSEN: ClassVar[int] = 100
    actions = ("retry", "cancel")
    fields = (
        "workflow",
        "version",
        "status",
        "reason",
        "failure",
        "trigger",
        "labels",
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
        rows: QuerySet[Execution] = super().get_queryset(request)
        # Names by a query of their own: joined, the planner may sort all rows first.
        rows = rows.prefetch_related("workflow")
        return rows.defer("inputs", "variables", "outputs")

    @admin.display(description="error")
    def failure(self, execution: Execution) -> SafeString:
        return preformatted(masking.conceal(execution.error))

    @admin.display(description="variables and outputs")
    def results(self, execution: Execution) -> SafeString:
        variables, outputs = selectors.results(execution)
        return preformatted({"variables": variables, "outputs": outputs})

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
            '<div class="op-steps" tabindex="0"><table><thead><tr><th>Path</th>'
            "<th>Step</th><th>State</th><th>Attempt</th><th>Time</th><th>Error</th></tr></thead>"
            "<tbody>{}</tbody></table></div>",
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

    @admin.action(description="Retry from the failed step", permissions=["cancel"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Execution]) -> None:
        """Start the chosen ended executions again, where they failed."""
        self._each(request, queryset, execution_retry, "started again")

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Execution]) -> None:
        """Cancel the open ones among the chosen executions."""
        self._each(request, queryset, execution_cancel, "asked to stop")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Execution],
        act: Callable[..., Execution],
        done: str,
    ) -> None:
        """Do it to each, and say what was done and what was not, and why."""
        chosen = list(execution_rows(queryset)[: self.MOST_CHOSEN + 1])
        if len(chosen) > self.MOST_CHOSEN:
            text = f"Nothing was done: choose at most {self.MOST_CHOSEN}."
            self.message_user(request, text, messages.ERROR)
            return
        made, refused = [], defaultdict[str, list[str]](list)
        for execution in chosen:
            try:
                with tenancy.tenant(execution.organization_id):
                    made.append(
                        act(execution=execution, by=_operator(request, execution))
                    )
            except RpaError as refusal:
                refused[str(refusal)].append(str(execution.id))
                continue
            self.log_change(request, execution, done.capitalize() + ".")
        for reason, ids in refused.items():
            text = f"{len(ids)} not {done}: {reason} ({', '.join(ids)})"
            self.message_user(request, text, messages.WARNING)
        level = messages.SUCCESS if made else messages.WARNING
        news = [one for one in made if one not in chosen]
        text = format_html("{} {}. {}", len(made), done, _links(news[:MOST_LINKS]))
        self.message_user(request, text, level)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Those who might change executions, if anybody but the engine could."""
        return bool(request.user.has_perm("executions.change_execution"))


def _links(executions: list[Execution]) -> SafeString:
    """The way to executions that an action has made."""
    route = "admin:executions_execution_change"
    rows = ((reverse(route, args=[one.id]), one.id) for one in executions)
    return format_html_join(" ", '<a href="{}" class="underline">{}</a>', rows)


def execution_rows(queryset: QuerySet[Execution]) -> QuerySet[Execution]:
    """The chosen rows, whole: what is done to them reads their inputs."""
    return queryset.defer(None).order_by("id")


def _operator(request: HttpRequest, execution: Execution) -> Viewer | None:
    """The operator, for the trail of the execution's organization."""
    if not isinstance(request.user, User):
        return None
    return Viewer(
        organization_id=execution.organization_id,
        role=Role.OWNER,
        user=request.user,
        address=address_of(request),
    )
