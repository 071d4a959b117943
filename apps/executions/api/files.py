"""The organization's files over REST: what workflows read and write."""

import contextlib
from collections.abc import Iterator

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.services import audit
from apps.core.api.views import ApiView
from apps.core.errors import Conflict, Invalid, NotFound, PermanentFailure, TooLarge
from apps.core.workspace import Workspace
from apps.executions.api.artifacts import ContentView, sandboxed
from apps.executions.api.pages import file_page
from apps.executions.api.serializers import FileOutput, FilePage, PageFilter
from apps.executions.api.views import PAGING

_PIECE_BYTES = 256 * 1024
_CONTENT = "application/octet-stream"


class FileTooLarge(TooLarge):
    """The content is larger than a file may be."""

    code = "file_too_large"


class FileFilter(PageFilter):
    """Query parameters of the list of files."""

    path = serializers.CharField(
        required=False, default="", allow_blank=True, trim_whitespace=False
    )
    pattern = serializers.CharField(
        required=False, default="*", max_length=200, trim_whitespace=False
    )
    recursive = serializers.BooleanField(required=False, default=True)


class Files(ApiView):
    """The organization's files."""

    required_role = "viewer"

    @extend_schema(
        operation_id="files_list", parameters=[FileFilter, *PAGING], responses=FilePage
    )
    def get(self, request: Request) -> Response:
        """List files, by path."""
        wanted = self.filters(FileFilter)
        with _answered("path"):
            found = _workspace(self).list(
                wanted["path"], wanted["pattern"], recursive=wanted["recursive"]
            )
        return file_page(found, request)


class File(ContentView):
    """One file."""

    required_role = "editor"
    required_roles = {"get": "viewer"}

    @extend_schema(responses={(200, _CONTENT): OpenApiTypes.BINARY})
    def get(self, request: Request, name: str) -> FileResponse:
        """Download a file."""
        with _answered("name"):
            content = _workspace(self).open_read(name)
        file_name = name.rsplit("/", 1)[-1]
        return sandboxed(FileResponse(content, as_attachment=True, filename=file_name))

    @extend_schema(
        request={_CONTENT: OpenApiTypes.BINARY},
        responses={200: FileOutput, 201: FileOutput},
    )
    def put(self, request: Request, name: str) -> Response:
        """Write a file; with `If-None-Match: *` only when there is none."""
        _check_body(request)
        may_replace = request.headers.get("If-None-Match") != "*"
        with _answered("name"):
            workspace = _workspace(self)
            is_new = not workspace.exists(name)
            workspace.write_stream(name, _pieces(request), overwrite=may_replace)
            written = workspace.stat(name)
        _audit(self, "write", name, {"bytes": written["bytes"]})
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(written, status=code)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Remove a file."""
        with _answered("name"):
            _workspace(self).delete(name)
        _audit(self, "delete", name, None)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def initialize_request(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> Request:
        # The content may be larger than memory: it is read piece by piece, and a body
        # sent in chunks is not looked at before.
        request.META.setdefault("CONTENT_LENGTH", "")
        return super().initialize_request(request, *args, **kwargs)


def _check_body(request: Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        message = "Compressed request bodies are not accepted."
        raise exceptions.UnsupportedMediaType("", message)
    length = request.headers.get("Content-Length") or "0"
    if length.isdigit() and int(length[:20]) > settings.FILE_MAX_BYTES:
        limit = settings.FILE_MAX_BYTES
        raise FileTooLarge(f"A file may have {limit} bytes.", limit=limit)


def _pieces(request: Request) -> Iterator[bytes]:
    while piece := request._request.read(_PIECE_BYTES):
        yield piece


@contextlib.contextmanager
def _answered(field: str) -> Iterator[None]:
    """Give the workspace's errors the statuses of HTTP."""
    try:
        yield
    except PermanentFailure as error:
        if error.code == "file_not_found":
            raise NotFound(str(error), code=error.code) from error
        if error.code == "file_exists":
            raise Conflict(str(error), code=error.code) from error
        if error.code == "file_too_large":
            limit = settings.FILE_MAX_BYTES
            raise FileTooLarge(str(error), limit=limit) from error
        faults: list[dict[str, object]] = [{"path": field, "message": str(error)}]
        raise Invalid(str(error), faults, code=error.code) from error


def _audit(view: ApiView, action: str, name: str, facts: dict[str, int] | None) -> None:
    audit(
        viewer=view.viewer,
        action=f"file.{action}",
        target_type="file",
        # The column is made for ids; the whole path stands in the facts.
        target_id=name[-64:],
        after={"path": name, **(facts or {})},
    )


def _workspace(view: ApiView) -> Workspace:
    return Workspace(
        default_storage,
        view.viewer.organization_id,
        max_bytes=settings.FILE_MAX_BYTES,
    )
