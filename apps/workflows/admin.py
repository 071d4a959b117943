"""The operators' view of workflows and secrets; changes go through the services."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from apps.workflows.models import KeptSession, Secret, Workflow, WorkflowVersion

if TYPE_CHECKING:  # Django's class takes no parameter at run time
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class _ReadOnly(_Admin):
    """Shows rows and changes none: each change needs its version and audit entry."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Workflow)
class WorkflowAdmin(_ReadOnly):
    """Workflows of all organizations."""

    list_display = ("name", "organization_id", "archived_at", "updated_at")
    search_fields = ("name", "organization_id", "id")
    list_select_related = ("current_version",)


@admin.register(WorkflowVersion)
class WorkflowVersionAdmin(_ReadOnly):
    """Versions of all workflows."""

    list_display = ("workflow", "number", "comment", "created_at")
    list_select_related = ("workflow",)
    search_fields = ("workflow__name", "workflow__id", "id")


@admin.register(Secret)
class SecretAdmin(_ReadOnly):
    """Secrets of all organizations; not even their encrypted values are shown."""

    list_display = ("name", "organization_id", "last_used_at", "updated_at")
    search_fields = ("name", "organization_id", "id")
    fields = (
        *("id", "organization_id", "name", "description"),
        *("created_by", "created_at", "updated_at", "last_used_at"),
    )


@admin.register(KeptSession)
class KeptSessionAdmin(_ReadOnly):
    """What browsers of workflows keep: can be deleted, what it holds is not shown."""

    list_display = ("name", "workflow", "organization_id", "size_bytes", "used_at")
    list_select_related = ("workflow",)
    search_fields = ("name", "workflow__name", "workflow__id", "organization_id")
    fields = (
        *("id", "organization_id", "workflow", "name", "cookies", "sites"),
        *("size_bytes", "execution_id", "created_at", "saved_at", "used_at"),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Signing out in a hurry must not need the owner."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
