"""Webhooks in the operators' admin: read-only, organizations own them."""

from typing import Any

from django.contrib import admin

from apps.executions.admin import ReadOnly, UncountedPaginator
from apps.webhooks.models import Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnly, admin.ModelAdmin[Any]):
    """Webhooks, without their URLs and secrets."""

    fields = ("id", "name", "event_types", "status", "reason", "failing_since")
    readonly_fields = fields
    list_display = ("name", "organization_id", "status", "failing_since")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin[Any]):
    """Deliveries."""

    fields = ("id", "webhook_id", "event_id", "event_type", "status", "tries")
    readonly_fields = fields
    list_display = ("id", "event_type", "status", "tries", "due_at")
    paginator = UncountedPaginator
    show_full_result_count = False
