"""The practice site in the operators' admin; its data is made up."""

from django.contrib import admin

from apps.core.operators.base import ReadOnlyAdmin
from apps.demo.models import DemoAttempt, DemoHook, DemoRound


@admin.register(DemoAttempt)
class DemoAttemptAdmin(ReadOnlyAdmin):
    """Attempts at the challenge."""

    list_display = ("id", "created_at", "finished_at")


@admin.register(DemoRound)
class DemoRoundAdmin(ReadOnlyAdmin):
    """Forms that were sent."""

    ids = ("id", "attempt_id")
    list_display = ("attempt", "number", "right", "created_at")
    list_select_related = ("attempt",)


@admin.register(DemoHook)
class DemoHookAdmin(ReadOnlyAdmin):
    """Bodies that were posted to the practice webhook."""

    list_display = ("id", "created_at")
