"""The endpoint that tries one step."""

import uuid
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import tenancy
from apps.core.api.serializers import StrictSerializer
from apps.core.api.views import ApiView
from apps.core.documents import Marks
from apps.core.errors import Invalid
from apps.core.types import JsonObject
from apps.executions import step_tests
from apps.executions.api.serializers import (
    ErrorOutput,
    EvidenceOutput,
    evidence_shown,
)
from apps.executions.inbound.waiting import waiting
from apps.workflows.definition.marks import with_lines
from apps.workflows.definition.yaml_io import read
from apps.workflows.selectors import workflow_get


class StepTestInput(StrictSerializer):
    """One step of a workflow, and the values to try it with."""

    step = serializers.CharField(max_length=200, help_text="The step's id.")
    variables = serializers.DictField(required=False, default=dict)
    steps = serializers.DictField(
        required=False, default=dict, help_text="Outputs of other steps, by id."
    )
    names = serializers.DictField(
        required=False,
        default=dict,
        help_text="What blocks around it would give, such as `row` and `loop`.",
    )
    inputs = serializers.DictField(required=False, default=dict)
    dry_run = serializers.BooleanField(required=False, default=False)
    definition = serializers.JSONField(
        required=False,
        default=None,
        help_text="An edit that is not saved; as text it is read as YAML.",
    )


class StepTestOutput(serializers.Serializer[Any]):
    """How the step ended."""

    id = serializers.UUIDField(help_text="The execution that ran it.")
    status = serializers.CharField()
    output = serializers.JSONField(allow_null=True)
    error = ErrorOutput(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())
    duration_ms = serializers.IntegerField(allow_null=True)
    evidence = EvidenceOutput(many=True)


class StepTestStarted(serializers.Serializer[Any]):
    """The execution that runs the step."""

    id = serializers.UUIDField()


class StepTestView(ApiView):
    """Tries one step."""

    required_role = "editor"

    @extend_schema(
        request=StepTestInput,
        responses={200: StepTestOutput, 202: StepTestStarted},
    )
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Run one step with given values; 202 when it takes longer than 30 s."""
        sent = self.body(StepTestInput)
        document = sent.pop("definition")
        marks: Marks = {}
        if isinstance(document, str):
            document, marks = read(document, "yaml")
        workflow = workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        test = step_tests.StepTest(**sent, document=document)
        try:
            execution = step_tests.step_test_start(
                workflow=workflow, by=self.viewer, test=test
            )
        except Invalid as error:
            with_lines(error, marks)
            raise
        return Response(
            {"id": str(execution.id)},
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/executions/{execution.id}"},
        )

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer with the result, if it comes in time.

        Only here has the transaction ended that accepts the execution.
        """
        response = super().dispatch(request, *args, **kwargs)
        if response.status_code == status.HTTP_202_ACCEPTED:
            found = self._result(uuid.UUID(response.data["id"]))
            if found is not None:
                response.data = found
                response.status_code = status.HTTP_200_OK
                del response["Location"]
        return response

    def _result(self, execution_id: uuid.UUID) -> JsonObject | None:
        # Others need the connection more than who only waits.
        connection.close_if_unusable_or_obsolete()
        seconds = settings.HOOK_WAIT.total_seconds()
        if not async_to_sync(_has_ended)(execution_id, seconds):
            return None
        with tenancy.tenant(self.viewer.organization_id):
            found = step_tests.step_test_result(execution_id)
            return found | {"evidence": evidence_shown(found["evidence"])}


async def _has_ended(execution_id: uuid.UUID, seconds: float) -> bool:
    waits = waiting()
    await waits.ready()
    return await waits.ended(execution_id, seconds, look=True) is not None
