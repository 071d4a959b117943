"""Endpoint by which operators of the platform announce maintenance."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.services import maintenance
from apps.core.api.serializers import StrictSerializer, TextField
from apps.core.api.views import ApiView


class MaintenanceInput(StrictSerializer):
    """What is announced."""

    message = TextField(max_length=maintenance.LONGEST)
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField(required=False)


class MaintenanceOutput(serializers.Serializer[Any]):
    """Who is told."""

    organizations = serializers.IntegerField()


class Maintenance(ApiView):
    """Announcements of maintenance."""

    # Who may, the platform decides and no organization.
    required_role = "viewer"

    @extend_schema(
        operation_id="maintenance_announce",
        request=MaintenanceInput,
        responses={201: MaintenanceOutput},
    )
    def post(self, request: Request) -> Response:
        """Tell every organization of planned work on the platform. For operators."""
        sent = self.body(MaintenanceInput)
        told = maintenance.announce_as(self.viewer.user, **sent)
        return Response({"organizations": told}, status=status.HTTP_201_CREATED)
