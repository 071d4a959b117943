"""Executions over REST: thin; the services decide."""

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.viewer import Viewer
from apps.core.api.views import ApiView
from apps.executions import cancels, retries, selectors, services
from apps.executions.api import serializers as data
from apps.executions.api.finding import LABEL, found_page, is_search, sought_in
from apps.executions.api.pages import step_page
from apps.executions.models import Execution
from apps.executions.search import between, narrowed
from apps.workflows.selectors import workflow_get

# The query parameters of a list that is in one order only.
PAGING = [
    OpenApiParameter("limit", int, description="Rows of a page, up to 200."),
    OpenApiParameter("cursor", str, description="As in the `next` of a page."),
]


class Execute(ApiView):
    """Starts executions."""

    required_role = "operator"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The same key gives the same execution.",
            )
        ],
        request=data.ExecuteInput,
        responses={202: data.ExecutionDetail},
    )
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Start an execution; the body may be left out."""
        sent = self.body(data.ExecuteInput)
        in_body = sent.pop("idempotency_key", None)
        execution = services.execution_start(
            workflow=workflow_get(viewer=self.viewer, workflow_id=workflow_id),
            trigger="api",
            by=self.viewer,
            idempotency_key=request.headers.get("Idempotency-Key", in_body),
            **sent,
        )
        return _shown(self.viewer, execution.id, status.HTTP_202_ACCEPTED)


class CancelWorkflow(ApiView):
    """Stops what a workflow does."""

    required_role = "operator"

    @extend_schema(request=None, responses={202: data.CancelledOutput})
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Cancel all open executions of a workflow."""
        workflow = workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        count = cancels.workflow_cancel(workflow=workflow, by=self.viewer)
        return Response({"cancelled": count}, status=status.HTTP_202_ACCEPTED)


class WorkflowStatus(ApiView):
    """How a workflow is doing right now."""

    required_role = "viewer"

    @extend_schema(responses=data.WorkflowStatusOutput)
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Count a workflow's executions by status; show the open ones and the last."""
        workflow = workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        found = selectors.workflow_status(workflow.id)
        return Response(data.WorkflowStatusOutput(found).data)


class EngineStatus(ApiView):
    """How busy the engine is: counts across organizations, nothing else."""

    required_role = "viewer"

    @extend_schema(responses=data.EngineStatusOutput)
    def get(self, request: Request) -> Response:
        """Count what runs and what waits for a worker."""
        return Response(selectors.engine_status())


class Executions(ApiView):
    """The organization's executions."""

    required_role = "viewer"
    ordering_fields = ("id", "queued_at", "started_at", "finished_at", "running_ms")

    @extend_schema(
        operation_id="executions_list",
        parameters=[
            data.ExecutionFilter,
            LABEL,
            *PAGING,
            OpenApiParameter("ordering", str, description="A field; `-` turns it."),
        ],
        responses=data.ExecutionPage,
    )
    def get(self, request: Request) -> Response:
        """List executions, newest first.

        What no index knows (`label`, `user`, durations, `text`) is looked for among so
        many of the newest a page: it may have fewer rows than asked for, even none,
        and a `next`.
        """
        wanted = self.filters(data.ExecutionFilter)
        sought = sought_in(request, wanted)
        if is_search(request):
            return found_page(sought, request)
        rows = selectors.execution_list(
            workflow_id=wanted.get("workflow"),
            statuses=wanted.get("status"),
            trigger=wanted.get("trigger"),
            parent_id=wanted.get("parent"),
            retry_of=wanted.get("retry_of"),
        )
        rows = between(rows, sought.since, sought.until)
        return self.page(narrowed(rows, sought), data.ExecutionOutput)


class ExecutionView(ApiView):
    """One execution."""

    required_role = "viewer"

    @extend_schema(responses=data.ExecutionDetail)
    def get(self, request: Request, execution_id: uuid.UUID) -> Response:
        """Show an execution with its inputs, variables and outputs."""
        return _shown(self.viewer, execution_id, status.HTTP_200_OK)


class Steps(ApiView):
    """The steps of an execution."""

    required_role = "viewer"

    @extend_schema(
        operation_id="executions_steps_list",
        parameters=PAGING,
        responses=data.StepPage,
    )
    def get(self, request: Request, execution_id: uuid.UUID) -> Response:
        """List the steps in order, one row a path: its last attempt."""
        self.filters(data.PageFilter)
        execution = selectors.execution_get(execution_id)
        return step_page(selectors.step_list(execution.id), request)


class Cancel(ApiView):
    """Stops executions."""

    required_role = "operator"

    @extend_schema(request=None, responses=data.ExecutionDetail)
    def post(self, request: Request, execution_id: uuid.UUID) -> Response:
        """Cancel an execution and all that it started; again is harmless."""
        cancels.execution_cancel(
            execution=selectors.execution_get(execution_id), by=self.viewer
        )
        return _shown(self.viewer, execution_id, status.HTTP_200_OK)


class Retry(ApiView):
    """Runs ended executions again."""

    required_role = "operator"

    @extend_schema(request=data.RetryInput, responses={202: data.ExecutionDetail})
    def post(self, request: Request, execution_id: uuid.UUID) -> Response:
        """Run an ended execution again, from the start or from one of its steps."""
        sent = self.body(data.RetryInput)
        again = retries.execution_retry(
            execution=selectors.execution_get(execution_id),
            by=self.viewer,
            from_=sent["from"],
            version=sent["version"],
            inputs=sent["inputs"],
        )
        return _shown(self.viewer, again.id, status.HTTP_202_ACCEPTED)


def _shown(viewer: Viewer, execution_id: uuid.UUID, code: int) -> Response:
    found: Execution = selectors.execution_get(execution_id)
    headers = {}
    if code == status.HTTP_202_ACCEPTED:
        headers["Location"] = f"/api/executions/{execution_id}"
    shown = data.ExecutionDetail(found, context={"viewer": viewer})
    return Response(shown.data, status=code, headers=headers)
