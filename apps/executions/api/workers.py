"""The platform's workers over REST: every member sees them, operators drain them."""

import uuid

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.serializers import FilterSerializer
from apps.core.api.views import ApiView
from apps.executions import fleet
from apps.executions.api.serializers import Page
from apps.executions.api.views import PAGING
from apps.executions.models import Worker


class WorkerOutput(serializers.ModelSerializer[Worker]):
    """A worker process and how it is doing."""

    pools = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=fleet.STATES, read_only=True)
    started_at = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = Worker
        fields = (
            "id",
            "name",
            "host",
            "pool",
            "pools",
            "capacity",
            "active",
            "version",
            "state",
            "started_at",
            "last_seen_at",
            "heard_at",
            "drain_requested_at",
        )
        read_only_fields = fields

    def get_pools(self, worker: Worker) -> list[str]:
        return worker.pool.split(",")


class WorkerPage(Page):
    """A page of workers."""

    results = WorkerOutput(many=True)


class WorkerFilter(FilterSerializer):
    """Query parameters of the list of workers."""

    pool = serializers.CharField(required=False, help_text="Those that serve it.")
    state = serializers.ChoiceField(choices=fleet.STATES, required=False)


class Workers(ApiView):
    """The workers of the platform."""

    required_role = "viewer"
    ordering_fields = ("id", "last_seen_at")

    @extend_schema(
        operation_id="workers_list",
        parameters=[
            WorkerFilter,
            *PAGING,
            OpenApiParameter("ordering", str, description="A field; `-` turns it."),
        ],
        responses=WorkerPage,
    )
    def get(self, request: Request) -> Response:
        """List the workers, with what they run and whether they are alive."""
        wanted = self.filters(WorkerFilter)
        return self.page(fleet.worker_list(**wanted), WorkerOutput)


class Drain(ApiView):
    """Takes a worker out of service, and back."""

    # Which of them may, the platform decides and no organization.
    required_role = "viewer"

    @extend_schema(operation_id="workers_drain", request=None, responses=WorkerOutput)
    def post(self, request: Request, worker_id: uuid.UUID) -> Response:
        """Let a worker finish what it has and take no more. For operators."""
        worker = fleet.worker_drain(worker_id=worker_id, by=self.viewer.user)
        return Response(WorkerOutput(worker).data)

    @extend_schema(operation_id="workers_resume", request=None, responses=WorkerOutput)
    def delete(self, request: Request, worker_id: uuid.UUID) -> Response:
        """Let a drained worker take executions again. For operators."""
        worker = fleet.worker_resume(worker_id=worker_id, by=self.viewer.user)
        return Response(WorkerOutput(worker).data)
