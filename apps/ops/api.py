"""Health over HTTP; public, counts only."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.executions.api.serializers import EngineStatusOutput
from apps.ops import health


class Answering(serializers.Serializer[Any]):
    """Whether a service that we stand on answers."""

    ok = serializers.BooleanField()


class SchedulerOutput(serializers.Serializer[Any]):
    """The process that starts what is due."""

    isRunning = serializers.BooleanField()
    scheduledJobs = serializers.IntegerField()


class WorkersOutput(serializers.Serializer[Any]):
    """The processes that run executions."""

    alive = serializers.IntegerField()


class WebsocketOutput(serializers.Serializer[Any]):
    """Who watches live."""

    connectedClients = serializers.IntegerField()
    activeRooms = serializers.IntegerField()


class ServicesOutput(serializers.Serializer[Any]):
    """The parts of the platform; without its database most cannot be asked."""

    database = Answering()
    broker = Answering()
    workflowEngine = EngineStatusOutput(required=False)
    scheduler = SchedulerOutput(required=False)
    workers = WorkersOutput(required=False)
    websocket = WebsocketOutput(required=False)


class HealthOutput(serializers.Serializer[Any]):
    """The state of the platform."""

    status = serializers.ChoiceField(choices=["ok", "degraded", "down"])
    services = ServicesOutput()


class LiveOutput(serializers.Serializer[Any]):
    """A process that answers."""

    status = serializers.CharField()


class Health(APIView):
    """The platform's state: 200 when requests can be accepted, else 503."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: HealthOutput, 503: HealthOutput})
    def get(self, request: Request) -> Response:
        """Show how the parts of the platform are."""
        found, is_up = health.health()
        return Response(found, status=200 if is_up else 503)


class Live(APIView):
    """Whether this process answers at all."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=LiveOutput)
    def get(self, request: Request) -> Response:
        """Say that this process answers."""
        return Response({"status": "ok"})
