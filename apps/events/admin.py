"""Events in the operators' admin: written with what they tell of, never changed."""

from django.contrib import admin

from apps.core.operators.base import ReadOnlyAdmin
from apps.events.models import Event, Numbering, Progress


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened; what an event carries is its organization's own."""

    ids = ("id", "workflow_id", "organization_id", "user_id")
    list_display = ("type", "seq", "organization_id", "execution_id", "created_at")
    exclude = ("payload",)


@admin.register(Numbering)
class NumberingAdmin(ReadOnlyAdmin):
    """The last number given to an event."""

    plural = "Numbering"
    ids = ()
    list_display = ("id", "last")


@admin.register(Progress)
class ProgressAdmin(ReadOnlyAdmin):
    """How far each subscriber has been told."""

    plural = "Progress of subscribers"
    ids = ()
    list_display = ("name", "last")
