"""What people keep of the pages, in the operators' admin: read-only."""

from django.contrib import admin

from apps.core.operators.base import ReadOnlyAdmin
from apps.dashboard.models import SavedFilter


@admin.register(SavedFilter)
class SavedFilterAdmin(ReadOnlyAdmin):
    """Filters of executions that people have saved."""

    ids = ("id", "organization_id")
    list_display = ("name", "organization_id", "user_id")
