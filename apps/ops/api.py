"""Health over HTTP; public, counts only."""

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.ops import health


class Health(APIView):
    """The platform's state: 200 when requests can be accepted, else 503."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = None

    def get(self, request: Request) -> Response:
        found, is_up = health.health()
        return Response(found, status=200 if is_up else 503)


class Live(APIView):
    """Whether this process answers at all."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = None

    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})
