"""Calls of resume URLs: the URL itself is the proof, so nobody signs in."""

import uuid
from collections.abc import Iterator
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.core.errors import TooLarge
from apps.executions import resuming
from apps.executions.inbound.calls import read_call

MAX_BYTES = 1024 * 1024


class ResumedOutput(serializers.Serializer[Any]):
    """The execution that goes on."""

    id = serializers.UUIDField()


class _Resuming(ApiView):
    """An endpoint that takes any body and any content type that is text."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def resume(self, token: str, path: str) -> Response:
        """Hand the request to the step that waits for it."""
        request = self.request
        call = read_call(
            "POST",
            _headers(request),
            request.META.get("QUERY_STRING", "").encode("latin-1", "replace"),
            _body(request),
        )
        answer = {"body": call.body, "headers": call.headers, "query": call.query}
        execution_id: uuid.UUID = resuming.wait_resume(
            token=token, path=path, answer=answer
        )
        return Response({"id": execution_id}, status=status.HTTP_202_ACCEPTED)


class Resume(_Resuming):
    """The URL of an execution, for one of its steps."""

    @extend_schema(
        operation_id="resume",
        auth=[],
        request=OpenApiTypes.ANY,
        responses={202: ResumedOutput},
    )
    def post(self, request: Request, token: str) -> Response:
        """Let an execution go on that waits for a call, or will; works once."""
        return self.resume(token, "")


class StepResume(_Resuming):
    """The URL of one step of an execution."""

    @extend_schema(
        operation_id="resume_step",
        auth=[],
        request=OpenApiTypes.ANY,
        responses={202: ResumedOutput},
    )
    def post(self, request: Request, token: str, path: str) -> Response:
        """Let the step at a path go on that waits for a call, or will; works once."""
        return self.resume(token, path)


def _body(request: Request) -> bytes:
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        declared = 0
    if declared > MAX_BYTES or len(request._request.body) > MAX_BYTES:
        raise TooLarge(f"The body is larger than {MAX_BYTES} bytes.")
    return request._request.body


def _headers(request: Request) -> Iterator[tuple[bytes, bytes]]:
    for name, text in request.headers.items():
        yield name.encode("latin-1"), text.encode("latin-1", "replace")
