"""Workers in the operators' admin: to look at, and to drain."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.models import User
from apps.core.errors import RpaError
from apps.core.operators.base import ReadOnlyAdmin
from apps.executions import fleet
from apps.executions.models import Worker


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    """Workers that said they are there."""

    words = ("name",)
    list_display = (
        *("name", "pool", "state", "active", "capacity"),
        *("version", "last_seen_at", "heard_at"),
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
        self._ask(request, queryset, fleet.worker_drain, "Asked to drain.")

    @admin.action(description="Resume: take executions", permissions=["drain"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Let the chosen workers take executions again."""
        self._ask(request, queryset, fleet.worker_resume, "Asked to resume.")

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[Worker],
        ask: Callable[..., Worker],
        done: str,
    ) -> None:
        by = request.user if isinstance(request.user, User) else None
        for worker in queryset:
            try:
                ask(worker_id=worker.id, by=by)
            except RpaError as refusal:
                text = f"{worker.name}: {refusal}"
                self.message_user(request, text, messages.WARNING)
                continue
            # Workers belong to no organization, so this is their only trail.
            self.log_change(request, worker, done)
            self.message_user(request, f"{worker.name}: asked.", messages.SUCCESS)

    def has_drain_permission(self, request: HttpRequest) -> bool:
        """Those who might change workers, if anybody but they themselves could."""
        return bool(request.user.has_perm("executions.change_worker"))
