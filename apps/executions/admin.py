"""Executions in the operators' admin: read-only, the engine owns them."""

import json
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.executions import selectors
from apps.executions.engine import masking
from apps.executions.models import Artifact, Execution, Worker
from apps.executions.services import execution_cancel


class UncountedPaginator(Paginator):
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


@admin.register(Execution)
class ExecutionAdmin(ReadOnly, admin.ModelAdmin):
    """Executions with their steps and artifacts."""

    list_display = ("id", "workflow", "status", "reason", "trigger", "queued_at")
    list_filter = ("status", "trigger", "pool")
    list_select_related = ("workflow",)
    list_per_page = 50
    search_fields = ("=id",)
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

    @admin.action(description="Cancel", permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: Any) -> None:
        for execution in queryset.filter(status__in=Execution.OPEN):
            execution_cancel(execution=execution, by=None)


@admin.register(Worker)
class WorkerAdmin(ReadOnly, admin.ModelAdmin):
    """Workers that said they are there."""

    list_display = ("name", "pool", "capacity", "version", "last_seen_at")
    ordering = ("name",)


def _pre(value: Any) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html("<pre>{}</pre>", text[:100_000])
