"""What the endpoints of webhooks take and show."""

from typing import Any

from rest_framework import serializers

from apps.core.api.serializers import FilterSerializer, LineField, StrictSerializer
from apps.events.types import TYPES
from apps.executions.api.serializers import Page
from apps.webhooks import selectors
from apps.webhooks.models import Attempt, Delivery, Webhook

_BY_HAND = (Webhook.Status.ACTIVE, Webhook.Status.PAUSED)
SETTABLE = [(one.value, one.label) for one in _BY_HAND]
_URL_MAX = 2_048
_OVERLAP_H, _OVERLAP_MAX_H = 24, 7 * 24


class WebhookInput(StrictSerializer):
    """A new webhook."""

    name = LineField(max_length=100)
    url = LineField(max_length=_URL_MAX)
    event_types = serializers.ListField(
        child=serializers.ChoiceField(choices=TYPES), min_length=1, max_length=50
    )


class WebhookChange(StrictSerializer):
    """A change of a webhook."""

    name = LineField(max_length=100, required=False)
    url = LineField(max_length=_URL_MAX, required=False)
    event_types = serializers.ListField(
        child=serializers.ChoiceField(choices=TYPES),
        min_length=1,
        max_length=50,
        required=False,
    )
    status = serializers.ChoiceField(
        choices=SETTABLE,
        required=False,
        help_text="While it is paused, deliveries wait.",
    )


class RotateInput(StrictSerializer):
    """How a secret is replaced."""

    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=_OVERLAP_MAX_H,
        default=_OVERLAP_H,
        help_text="So long messages are signed by the old secret, too.",
    )


class ReplayInput(StrictSerializer):
    """Which failed deliveries are sent again."""

    since = serializers.DateTimeField()


class WebhookOutput(serializers.ModelSerializer[Webhook]):
    """A webhook."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            *("id", "name", "url", "event_types", "status", "reason"),
            *("failing_since", "old_secret_until", "created_at"),
        )
        read_only_fields = fields

    def get_url(self, hook: Webhook) -> str:
        return selectors.webhook_url(hook)


class NewSecret(serializers.Serializer[Any]):
    """A signing secret."""

    secret = serializers.CharField(help_text="Shown only this once.")


class WebhookMade(WebhookOutput):
    """A new webhook with its secret."""

    secret = serializers.CharField(help_text="Shown only this once.")

    class Meta(WebhookOutput.Meta):
        fields = (*WebhookOutput.Meta.fields, "secret")
        read_only_fields = fields


class DeliveryOutput(serializers.ModelSerializer[Delivery]):
    """An event for a webhook."""

    message_id = serializers.CharField(read_only=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            *("id", "message_id", "event_type", "status", "tries"),
            *("due_at", "ended_at", "created_at"),
        )
        read_only_fields = fields


class AttemptOutput(serializers.ModelSerializer[Attempt]):
    """One request and the first KiB of its answer."""

    class Meta:
        model = Attempt
        fields = (
            *("number", "created_at", "duration_ms", "status_code"),
            *("error", "answer"),
        )
        read_only_fields = fields


class DeliveryDetail(DeliveryOutput):
    """An event for a webhook, its body, and the last attempts, newest first."""

    attempts = serializers.SerializerMethodField()

    class Meta(DeliveryOutput.Meta):
        fields = (*DeliveryOutput.Meta.fields, "body", "attempts")
        read_only_fields = fields

    def get_attempts(self, delivery: Delivery) -> list[dict[str, Any]]:
        newest = selectors.attempt_list(delivery).order_by("-id")[:50]
        return [dict(one) for one in AttemptOutput(newest, many=True).data]


class ReplayOutput(serializers.Serializer[Any]):
    """How many are sent again."""

    deliveries = serializers.IntegerField()


class DeliveryFilter(FilterSerializer):
    """Query parameters of the list of deliveries."""

    status = serializers.ChoiceField(choices=Delivery.Status.choices, required=False)
    type = serializers.CharField(required=False, help_text="An event type.")


class WebhookPage(Page):
    """A page of webhooks."""

    results = WebhookOutput(many=True)


class DeliveryPage(Page):
    """A page of deliveries."""

    results = DeliveryOutput(many=True)
