"""Webhooks over REST, for admins and owners."""

from apps.webhooks.api.deliveries import Deliveries, DeliveryView, Replay, ReplayFailed
from apps.webhooks.api.webhooks import Rotate, Test, Webhooks, WebhookView

__all__ = [
    "Deliveries",
    "DeliveryView",
    "Replay",
    "ReplayFailed",
    "Rotate",
    "Test",
    "WebhookView",
    "Webhooks",
]
