"""What belongs to executions: files, waits, hooks and keys, to look at."""

from django.contrib import admin

from apps.core.operators.base import ReadOnlyAdmin
from apps.executions.models import Artifact, Hook, IdempotencyKey, Wait


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    """Files that executions made; where they are stored is not shown."""

    ids = ("id", "execution_id")
    list_display = ("name", "kind", "content_type", "bytes", "execution_id")
    exclude = ("file",)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """Which execution a caller's key has started; it opens nothing."""

    ids = ("id", "execution_id", "organization_id")
    list_display = ("id", "workflow_id", "execution_id", "created_at")
    exclude = ("fingerprint",)


@admin.register(Wait)
class WaitAdmin(ReadOnlyAdmin):
    """What parked steps wait for; what was answered may hold anything."""

    ids = ("id", "execution_id")
    list_display = ("kind", "path", "execution_id", "answered_at", "expires_at")
    exclude = ("answer", "details")


@admin.register(Hook)
class HookAdmin(ReadOnlyAdmin):
    """Workflows' own URLs, without the tokens in them."""

    ids = ("id", "organization_id")
    list_display = ("workflow_id", "organization_id", "is_enabled", "created_at")
    exclude = ("token_hash", "encrypted")
