"""Endpoints of a workflow's own URL."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.serializers import StrictSerializer
from apps.core.api.views import ApiView
from apps.executions import hooks
from apps.executions.models import Hook
from apps.workflows.models import Workflow
from apps.workflows.selectors import workflow_get


class HookInput(StrictSerializer):
    """A change of a hook."""

    is_enabled = serializers.BooleanField()


class HookOutput(serializers.Serializer[Any]):
    """A workflow's own URL."""

    url = serializers.URLField(help_text="Whoever knows it may start the workflow.")
    is_enabled = serializers.BooleanField()
    created_at = serializers.DateTimeField()


def _shown(hook: Hook, code: int = status.HTTP_200_OK) -> Response:
    found = {
        "url": hooks.hook_url(hook),
        "is_enabled": hook.is_enabled,
        "created_at": hook.created_at,
    }
    return Response(HookOutput(found).data, status=code)


class HookView(ApiView):
    """The URL by which programs outside start a workflow."""

    required_role = "editor"
    required_roles = {"get": "operator"}

    def _workflow(self, workflow_id: uuid.UUID) -> Workflow:
        return workflow_get(viewer=self.viewer, workflow_id=workflow_id)

    @extend_schema(responses=HookOutput)
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Show the URL."""
        return _shown(hooks.hook_get(self._workflow(workflow_id)))

    @extend_schema(request=None, responses={200: HookOutput, 201: HookOutput})
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Make the URL (201), or replace it by a new one (200)."""
        workflow = self._workflow(workflow_id)
        hook, is_new = hooks.hook_make(workflow=workflow, by=self.viewer)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return _shown(hook, code)

    @extend_schema(request=HookInput, responses=HookOutput)
    def patch(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Switch the URL off or on."""
        hook = hooks.hook_get(self._workflow(workflow_id))
        sent = self.body(HookInput)
        return _shown(hooks.hook_switch(hook=hook, by=self.viewer, **sent))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Take the URL away for good."""
        hook = hooks.hook_get(self._workflow(workflow_id))
        hooks.hook_delete(hook=hook, by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)
