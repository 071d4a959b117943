"""The operators' view of workflows and secrets; changes go through the services."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.core.operators.base import ReadOnlyAdmin
from apps.workflows.models import KeptSession, Secret, Workflow, WorkflowVersion


@admin.register(Workflow)
class WorkflowAdmin(ReadOnlyAdmin):
    """Workflows of all organizations."""

    list_display = ("name", "organization_id", "archived_at", "updated_at")
    ids = ("id", "organization_id")
    exclude = ("current_version",)


@admin.register(WorkflowVersion)
class WorkflowVersionAdmin(ReadOnlyAdmin):
    """Versions of all workflows."""

    list_display = ("workflow", "number", "comment", "created_at")
    list_select_related = ("workflow",)
    ids = ("id", "workflow_id")


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    """Secrets of all organizations; not even their encrypted values are shown."""

    list_display = ("name", "organization_id", "last_used_at", "updated_at")
    ids = ("id", "organization_id")
    fields = (
        *("id", "organization_id", "name", "description"),
        *("created_by", "created_at", "updated_at", "last_used_at"),
    )


@admin.register(KeptSession)
class KeptSessionAdmin(ReadOnlyAdmin):
    """What browsers of workflows keep: can be deleted, what it holds is not shown."""

    list_display = ("name", "workflow", "organization_id", "size_bytes", "used_at")
    list_select_related = ("workflow",)
    ids = ("id", "workflow_id", "organization_id")
    fields = (
        *("id", "organization_id", "workflow", "name", "cookies", "sites"),
        *("size_bytes", "execution_id", "created_at", "saved_at", "used_at"),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Signing out in a hurry must not need the owner."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
