"""Endpoints of what was sent, and of sending it again."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.executions.api.views import PAGING
from apps.webhooks import selectors
from apps.webhooks.api import serializers
from apps.webhooks.api.webhooks import OfWebhooks
from apps.webhooks.services import deliveries


class Deliveries(OfWebhooks):
    """What was or is to be sent to a webhook."""

    @extend_schema(
        operation_id="webhooks_deliveries_list",
        parameters=[serializers.DeliveryFilter, *PAGING],
        responses=serializers.DeliveryPage,
    )
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """List the deliveries, newest first."""
        wanted = self.filters(serializers.DeliveryFilter)
        found = selectors.delivery_list(self.hook(webhook_id), **wanted)
        return self.page(found, serializers.DeliveryOutput)


class DeliveryView(OfWebhooks):
    """One delivery."""

    @extend_schema(
        operation_id="webhooks_deliveries_get", responses=serializers.DeliveryDetail
    )
    def get(
        self, request: Request, webhook_id: uuid.UUID, delivery_id: uuid.UUID
    ) -> Response:
        """Show a delivery with its body and its attempts."""
        found = selectors.delivery_get(self.hook(webhook_id), delivery_id)
        return Response(serializers.DeliveryDetail(found).data)


class Replay(OfWebhooks):
    """Sends one delivery again."""

    @extend_schema(
        operation_id="webhooks_deliveries_replay",
        request=None,
        responses={202: serializers.DeliveryOutput},
    )
    def post(
        self, request: Request, webhook_id: uuid.UUID, delivery_id: uuid.UUID
    ) -> Response:
        """Have a delivery sent again, under the same `webhook-id`."""
        hook = self.hook(webhook_id)
        found = selectors.delivery_get(hook, delivery_id)
        again = deliveries.delivery_replay(
            viewer=self.viewer, hook=hook, delivery=found
        )
        shown = serializers.DeliveryOutput(again).data
        return Response(shown, status=status.HTTP_202_ACCEPTED)


class ReplayFailed(OfWebhooks):
    """Sends all that failed again."""

    @extend_schema(
        operation_id="webhooks_replay",
        request=serializers.ReplayInput,
        responses={202: serializers.ReplayOutput},
    )
    def post(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Have everything sent again that failed since a time."""
        since = self.body(serializers.ReplayInput)["since"]
        count = deliveries.failed_replay(
            viewer=self.viewer, hook=self.hook(webhook_id), since=since
        )
        return Response({"deliveries": count}, status=status.HTTP_202_ACCEPTED)
