"""Loops of the platform, and what operators did in the admin."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry

from apps.core.models import Heartbeat
from apps.core.operators.base import ReadOnlyAdmin


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Loops that said they are alive."""

    ids = ()
    words = ("name",)
    list_display = ("name", "beat_at")


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """What operators did here; what concerns an organization is in its trail too."""

    ids = ("user_id",)
    list_display = ("action_time", "user", "object_repr", "change_message")
    list_select_related = ("user", "content_type")
