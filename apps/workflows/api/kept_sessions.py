"""Endpoints of what a workflow's browser keeps between executions."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.workflows import selectors, services
from apps.workflows.api import serializers as data


class KeptSessionsView(ApiView):
    """The kept sessions of a workflow."""

    required_role = "viewer"
    ordering = "name"
    ordering_fields = ("name", "saved_at", "used_at")

    @extend_schema(
        parameters=data.PAGING,
        responses=data.KeptSessionPage,
        operation_id="workflows_browser_sessions_list",
    )
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """List what the workflow's browser keeps, without what it holds."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        kept = selectors.kept_session_list(workflow=found)
        return self.page(kept, data.KeptSessionOutput)


class KeptSessionView(ApiView):
    """One kept session, by its name."""

    required_role = "editor"
    required_roles = {"get": "viewer"}

    @extend_schema(responses=data.KeptSessionOutput)
    def get(self, request: Request, workflow_id: uuid.UUID, name: str) -> Response:
        """Show a kept session, without what it holds."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        session = selectors.kept_session_get(workflow=found, name=name)
        return Response(data.KeptSessionOutput(session).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, workflow_id: uuid.UUID, name: str) -> Response:
        """Forget cookies and storage; the next execution begins without."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        session = selectors.kept_session_get(workflow=found, name=name)
        services.kept_session_delete(session=session, by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)
