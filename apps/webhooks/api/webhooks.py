"""Endpoints of webhooks themselves."""

import uuid
from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.executions.api.views import PAGING
from apps.webhooks import selectors
from apps.webhooks.api import serializers
from apps.webhooks.models import Webhook
from apps.webhooks.services import deliveries, webhooks


class OfWebhooks(ApiView):
    """Endpoints about one webhook of the viewer's organization."""

    required_role = "admin"

    def hook(self, webhook_id: uuid.UUID) -> Webhook:
        """The webhook that the address names."""
        return selectors.webhook_get(viewer=self.viewer, webhook_id=webhook_id)


class Webhooks(OfWebhooks):
    """The webhooks of the organization."""

    @extend_schema(
        operation_id="webhooks_list",
        parameters=PAGING,
        responses=serializers.WebhookPage,
    )
    def get(self, request: Request) -> Response:
        """List the webhooks, newest first."""
        found = selectors.webhook_list(viewer=self.viewer)
        return self.page(found, serializers.WebhookOutput)

    @extend_schema(
        operation_id="webhooks_create",
        request=serializers.WebhookInput,
        responses={201: serializers.WebhookMade},
    )
    def post(self, request: Request) -> Response:
        """Have events sent to a URL. The secret is shown only in this answer."""
        sent = self.body(serializers.WebhookInput)
        hook, secret = webhooks.webhook_create(viewer=self.viewer, **sent)
        shown = {**serializers.WebhookOutput(hook).data, "secret": secret}
        return Response(shown, status=status.HTTP_201_CREATED)


class WebhookView(OfWebhooks):
    """One webhook."""

    @extend_schema(operation_id="webhooks_get", responses=serializers.WebhookOutput)
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Show a webhook."""
        return Response(serializers.WebhookOutput(self.hook(webhook_id)).data)

    @extend_schema(
        operation_id="webhooks_update",
        request=serializers.WebhookChange,
        responses=serializers.WebhookOutput,
    )
    def patch(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Change a webhook, pause it, or let it go on."""
        sent = self.body(serializers.WebhookChange)
        hook = webhooks.webhook_update(
            viewer=self.viewer, hook=self.hook(webhook_id), **sent
        )
        return Response(serializers.WebhookOutput(hook).data)

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def delete(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Delete a webhook with the log of its deliveries."""
        webhooks.webhook_delete(viewer=self.viewer, hook=self.hook(webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Rotate(OfWebhooks):
    """Replaces the secret."""

    @extend_schema(
        operation_id="webhooks_rotate",
        request=serializers.RotateInput,
        responses=serializers.NewSecret,
    )
    def post(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Make a new secret; the old one signs as well for the overlap."""
        overlap = timedelta(hours=self.body(serializers.RotateInput)["overlap_hours"])
        secret = webhooks.webhook_rotate(
            viewer=self.viewer, hook=self.hook(webhook_id), overlap=overlap
        )
        return Response({"secret": secret})


class Test(OfWebhooks):
    """Sends a test event."""

    @extend_schema(
        operation_id="webhooks_test",
        request=None,
        responses={202: serializers.DeliveryOutput},
    )
    def post(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Have a test event sent, once."""
        made = deliveries.webhook_test(viewer=self.viewer, hook=self.hook(webhook_id))
        shown = serializers.DeliveryOutput(made).data
        return Response(shown, status=status.HTTP_202_ACCEPTED)
