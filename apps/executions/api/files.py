"""The organization's files over REST: what workflows read and write."""

import mimetypes
from collections.abc import Iterator

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.services import audit
from apps.core.api.serializers import FilterSerializer
from apps.core.api.views import ApiView
from apps.core.errors import Conflict, NotFound, PermanentFailure
from apps.core.workspace import Workspace

_PIECE = 256 * 1024


class RawParser(BaseParser):
    """Hands on the body as it comes, whatever its type."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None):  # type: ignore[no-untyped-def]  # DRF's signature
        return stream


class FileFilter(FilterSerializer):
    """Query parameters of the list of files."""

    path = serializers.CharField(required=False, default="")
    pattern = serializers.CharField(required=False, default="*", max_length=200)
    recursive = serializers.BooleanField(required=False, default=True)


class Files(ApiView):
    """List the organization's files."""

    required_role = "viewer"
    serializer_class = None

    def get(self, request: Request) -> Response:
        wanted = self.filters(FileFilter)
        found = _workspace(self).list(
            wanted["path"], wanted["pattern"], recursive=wanted["recursive"]
        )
        return Response({"results": found, "next": None})


class File(ApiView):
    """Read, write or delete one file."""

    required_roles = {"get": "viewer", "put": "editor", "delete": "editor"}
    parser_classes = [RawParser]
    serializer_class = None

    def get(self, request: Request, name: str) -> FileResponse:
        try:
            handle = _workspace(self).open_read(name)
        except PermanentFailure as error:
            if error.code == "file_not_found":
                raise NotFound(str(error)) from error
            raise
        guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
        response = FileResponse(
            handle,
            content_type=guessed,
            as_attachment=True,
            filename=name.rsplit("/", 1)[-1],
        )
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def put(self, request: Request, name: str) -> Response:
        workspace = _workspace(self)
        if workspace.exists(name) and request.headers.get("If-None-Match") == "*":
            raise Conflict("The file exists already.", code="file_exists")
        written = workspace.write_stream(name, _pieces(request))
        audit(
            viewer=self.viewer,
            action="file.write",
            target_type="file",
            target_id=name,
            after={"bytes": written},
        )
        body = {"path": name, "bytes": written}
        return Response(body, status=status.HTTP_201_CREATED)

    def delete(self, request: Request, name: str) -> Response:
        _workspace(self).delete(name)
        audit(
            viewer=self.viewer,
            action="file.delete",
            target_type="file",
            target_id=name,
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


def _pieces(request: Request) -> Iterator[bytes]:
    stream = request.data
    while piece := stream.read(_PIECE):
        yield piece


def _workspace(view: ApiView) -> Workspace:
    return Workspace(
        default_storage,
        view.viewer.organization_id,
        max_bytes=settings.FILE_MAX_BYTES,
    )
