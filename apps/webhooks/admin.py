"""Webhooks in the operators' admin: read-only, organizations own them."""

from django.contrib import admin

from apps.core.operators.base import ReadOnlyAdmin
from apps.webhooks.models import Attempt, Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Webhooks, without their URLs and secrets."""

    ids = ("id", "organization_id")
    fields = ("id", "name", "event_types", "status", "reason", "failing_since")
    list_display = ("name", "organization_id", "status", "failing_since")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries, without what they carry."""

    ids = ("id", "webhook_id")
    fields = ("id", "webhook_id", "event_id", "event_type", "status", "tries")
    list_display = ("id", "event_type", "status", "tries", "due_at")


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    """Requests that were sent, without what was answered."""

    fields = ("id", "delivery_id", "number", "duration_ms", "status_code", "error")
    list_display = ("id", "number", "status_code", "error", "duration_ms")
