"""Endpoints of secrets: values go in and never come back."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.workflows import selectors, services
from apps.workflows.api import serializers as data
from apps.workflows.models import Secret


def _saved(secret: Secret, value: str | None, code: int) -> Response:
    shown = data.SecretOutput(secret).data
    return Response({**shown, "warnings": data.secret_warnings(value)}, status=code)


class SecretsView(ApiView):
    """The organization's secrets."""

    required_role = "viewer"
    required_roles = {"post": "editor"}
    ordering = "name"
    ordering_fields = ("name", "created_at", "updated_at", "last_used_at")

    @extend_schema(
        parameters=[data.SecretFilter, *data.PAGING],
        responses=data.SecretPage,
        operation_id="secrets_list",
    )
    def get(self, request: Request) -> Response:
        """List secrets, without their values."""
        given = self.filters(data.SecretFilter)
        found = selectors.secret_list(viewer=self.viewer, **given)
        return self.page(found, data.SecretOutput)

    @extend_schema(request=data.SecretInput, responses={201: data.SecretSaved})
    def post(self, request: Request) -> Response:
        """Create a secret; workflows use it as `{{ secrets.<name> }}`."""
        sent = self.body(data.SecretInput)
        secret = services.secret_create(by=self.viewer, **sent)
        return _saved(secret, sent["value"], status.HTTP_201_CREATED)


class SecretView(ApiView):
    """One secret, by its id or name."""

    required_role = "editor"
    required_roles = {"get": "viewer"}

    @extend_schema(responses=data.SecretOutput)
    def get(self, request: Request, reference: str) -> Response:
        """Show a secret, without its value."""
        secret = selectors.secret_get(viewer=self.viewer, reference=reference)
        return Response(data.SecretOutput(secret).data)

    @extend_schema(request=data.SecretChange, responses=data.SecretSaved)
    def patch(self, request: Request, reference: str) -> Response:
        """Give a secret another value or description."""
        secret = selectors.secret_get(viewer=self.viewer, reference=reference)
        sent = self.body(data.SecretChange)
        changed = services.secret_update(secret=secret, by=self.viewer, **sent)
        return _saved(changed, sent.get("value"), status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, reference: str) -> Response:
        """Remove a secret; workflows that name it will fail where they do."""
        secret = selectors.secret_get(viewer=self.viewer, reference=reference)
        services.secret_delete(secret=secret, by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)
