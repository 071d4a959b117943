"""Routes of webhooks."""

from django.urls import path

from apps.webhooks import api

_ONE = "webhooks/<uuid:webhook_id>"

urlpatterns = [
    path("webhooks", api.Webhooks.as_view()),
    path(_ONE, api.WebhookView.as_view()),
    path(f"{_ONE}/rotate", api.Rotate.as_view()),
    path(f"{_ONE}/test", api.Test.as_view()),
    path(f"{_ONE}/replay", api.ReplayFailed.as_view()),
    path(f"{_ONE}/deliveries", api.Deliveries.as_view()),
    path(f"{_ONE}/deliveries/<uuid:delivery_id>", api.DeliveryView.as_view()),
    path(f"{_ONE}/deliveries/<uuid:delivery_id>/replay", api.Replay.as_view()),
]
