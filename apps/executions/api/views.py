"""Executions over REST: thin; the services decide."""

import uuid
from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.services import audit
from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.executions import retries, selectors, services
from apps.executions.api.serializers import (
    ArtifactOutput,
    ExecuteInput,
    ExecutionDetail,
    ExecutionFilter,
    ExecutionOutput,
    RetryInput,
    StepOutput,
)
from apps.executions.models import Execution
from apps.workflows.selectors import workflow_get

# Shown in the browser itself; anything else is handed out as a download, since a
# page of a foreign site must not run scripts under our origin.
_SHOWN = {"image/png", "image/jpeg", "text/plain", "application/json"}


def _audit(view: ApiView, action: str, execution: Execution, **facts: Any) -> None:
    after = {"workflow_id": str(execution.workflow_id), **facts}
    audit(
        viewer=view.viewer,
        action=f"execution.{action}",
        target_type="execution",
        target_id=execution.id,
        after=after,
    )


class Execute(ApiView):
    """Start an execution."""

    required_role = "operator"
    serializer_class = ExecuteInput

    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        data = self.body(ExecuteInput)
        key = request.headers.get("Idempotency-Key") or data.pop(
            "idempotency_key", None
        )
        execution = services.execution_start(
            workflow=workflow_get(viewer=self.viewer, workflow_id=workflow_id),
            inputs=data["inputs"],
            trigger="api",
            by=self.viewer,
            priority=data["priority"],
            dry_run=data["dry_run"],
            idempotency_key=key,
        )
        _audit(self, "start", execution, dry_run=data["dry_run"])
        return _accepted(execution.id)


class CancelWorkflow(ApiView):
    """Cancel all open executions of a workflow."""

    required_role = "operator"
    serializer_class = None

    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        workflow = workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        count = services.workflow_cancel(workflow=workflow, by=self.viewer)
        audit(
            viewer=self.viewer,
            action="workflow.cancel",
            target_type="workflow",
            target_id=workflow.id,
            after={"cancelled": count},
        )
        return Response({"cancelled": count}, status=status.HTTP_202_ACCEPTED)


class WorkflowStatus(ApiView):
    """How a workflow is doing right now."""

    required_role = "viewer"
    serializer_class = None

    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        found = selectors.workflow_status(
            workflow_get(viewer=self.viewer, workflow_id=workflow_id).id
        )
        found["open"] = ExecutionOutput(found["open"], many=True).data
        last = found["last"]
        found["last"] = ExecutionOutput(last).data if last else None
        return Response(found)


class EngineStatus(ApiView):
    """How busy the engine is: counts across organizations, nothing else."""

    required_role = "viewer"
    serializer_class = None

    def get(self, request: Request) -> Response:
        return Response(selectors.engine_status())


class Executions(ApiView):
    """List executions, newest first."""

    required_role = "viewer"
    ordering_fields = ("id", "queued_at", "started_at", "finished_at", "running_ms")
    serializer_class = ExecutionOutput

    def get(self, request: Request) -> Response:
        wanted = self.filters(ExecutionFilter)
        rows = selectors.execution_list(
            workflow_id=wanted.get("workflow"),
            statuses=wanted.get("status"),
            trigger=wanted.get("trigger"),
            parent_id=wanted.get("parent"),
            retry_of=wanted.get("retry_of"),
        )
        return self.page(rows, ExecutionOutput)


class ExecutionView(ApiView):
    """One execution."""

    required_role = "viewer"
    serializer_class = ExecutionDetail

    def get(self, request: Request, execution_id: uuid.UUID) -> Response:
        return Response(ExecutionDetail(selectors.execution_get(execution_id)).data)


class Steps(ApiView):
    """The steps of an execution, one row a path, in order."""

    required_role = "viewer"
    ordering = "position"
    serializer_class = StepOutput

    def get(self, request: Request, execution_id: uuid.UUID) -> Response:
        execution = selectors.execution_get(execution_id)
        return self.page(selectors.step_list(execution.id), StepOutput)


class Cancel(ApiView):
    """Stop an execution; again is harmless."""

    required_role = "operator"
    serializer_class = None

    def post(self, request: Request, execution_id: uuid.UUID) -> Response:
        execution = services.execution_cancel(
            execution=selectors.execution_get(execution_id), by=self.viewer
        )
        _audit(self, "cancel", execution)
        return _accepted(execution.id, code=status.HTTP_200_OK)


class Retry(ApiView):
    """Run an ended execution again, from the start or from one of its steps."""

    required_role = "operator"
    serializer_class = RetryInput

    def post(self, request: Request, execution_id: uuid.UUID) -> Response:
        data = self.body(RetryInput)
        again = retries.execution_retry(
            execution=selectors.execution_get(execution_id),
            by=self.viewer,
            from_=data["from"],
            version=data["version"],
            inputs=data["inputs"],
        )
        _audit(self, "retry", again, retry_of=str(execution_id))
        return _accepted(again.id)


class Artifacts(ApiView):
    """The files that an execution made."""

    required_role = "viewer"
    ordering = "id"
    serializer_class = ArtifactOutput

    def get(self, request: Request, execution_id: uuid.UUID) -> Response:
        execution = selectors.execution_get(execution_id)
        return self.page(selectors.artifact_list(execution.id), ArtifactOutput)


class ArtifactView(ApiView):
    """The content of an artifact."""

    required_role = "viewer"
    serializer_class = None

    def get(
        self, request: Request, execution_id: uuid.UUID, artifact_id: uuid.UUID
    ) -> FileResponse:
        execution = selectors.execution_get(execution_id)
        artifact = selectors.artifact_list(execution.id).filter(id=artifact_id).first()
        if artifact is None or not default_storage.exists(artifact.file):
            raise NotFound("There is no such artifact.")
        response = FileResponse(
            default_storage.open(artifact.file),
            content_type=artifact.content_type,
            as_attachment=artifact.content_type not in _SHOWN,
            filename=artifact.name,
        )
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response


def _accepted(execution_id: uuid.UUID, *, code: int = 202) -> Response:
    found = ExecutionDetail(selectors.execution_get(execution_id)).data
    location = f"/api/executions/{execution_id}"
    return Response(found, status=code, headers={"Location": location})
