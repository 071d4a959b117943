"""Artifacts over REST: what executions kept as evidence."""

import uuid

from django.core.files.storage import default_storage
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.core.text import has_controls
from apps.executions import selectors
from apps.executions.api.serializers import ArtifactOutput, ArtifactPage, PageFilter
from apps.executions.api.views import PAGING

# Shown in the browser itself; anything else is handed out as a download, since a
# page of a foreign site must not run scripts under our origin.
_SHOWN = frozenset({"image/png", "image/jpeg", "text/plain", "application/json"})
_UNKNOWN = "application/octet-stream"


class Artifacts(ApiView):
    """The files that an execution made."""

    required_role = "viewer"
    ordering = "id"

    @extend_schema(
        operation_id="executions_artifacts_list",
        parameters=PAGING,
        responses=ArtifactPage,
    )
    def get(self, request: Request, execution_id: uuid.UUID) -> Response:
        """List the artifacts of an execution, oldest first."""
        self.filters(PageFilter)
        execution = selectors.execution_get(execution_id)
        return self.page(selectors.artifact_list(execution.id), ArtifactOutput)


class ContentView(ApiView):
    """A view that hands out a file, whatever type the client asks for."""

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        # The type is the file's; only errors are rendered.
        return super().perform_content_negotiation(request, force=True)


class ArtifactView(ContentView):
    """The content of an artifact."""

    required_role = "viewer"

    @extend_schema(responses={(200, _UNKNOWN): OpenApiTypes.BINARY})
    def get(
        self, request: Request, execution_id: uuid.UUID, artifact_id: uuid.UUID
    ) -> FileResponse:
        """Download an artifact; pictures and plain texts are shown."""
        artifact = selectors.artifact_get(execution_id, artifact_id)
        try:
            content = default_storage.open(artifact.file)
        except FileNotFoundError as error:
            raise NotFound("The artifact's file is gone.") from error
        kind = artifact.content_type
        return sandboxed(
            FileResponse(
                content,
                # A page may have named it: no header may be made from it.
                content_type=_UNKNOWN if has_controls(kind, one_line=True) else kind,
                as_attachment=kind not in _SHOWN,
                filename=" ".join(artifact.name.split()) or "artifact",
            )
        )


def sandboxed(response: FileResponse) -> FileResponse:
    """The answer, with what keeps a browser from running anything in it."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
