"""Endpoints of workflows: lists, changes, import and export."""

import re
import uuid

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.core.errors import Invalid
from apps.workflows import selectors, services
from apps.workflows.api import serializers as data
from apps.workflows.api.documents import DocumentView, is_yaml
from apps.workflows.definition.parser import parse
from apps.workflows.definition.yaml_io import CONTENT_TYPES, export
from apps.workflows.models import Workflow
from apps.workflows.services.calls import check_calls

_ARCHIVED = {"false": False, "true": True, "all": None}
_DEFINITION = {
    "application/json": OpenApiTypes.OBJECT,
    "application/yaml": OpenApiTypes.STR,
}


def detail(workflow: Workflow, code: int = status.HTTP_200_OK) -> Response:
    """The answer that shows one workflow."""
    return Response(data.WorkflowDetail(workflow).data, status=code)


class WorkflowsView(DocumentView):
    """The organization's workflows."""

    required_role = "viewer"
    required_roles = {"post": "editor"}
    ordering = "-updated_at"
    ordering_fields = ("name", "created_at", "updated_at")

    @extend_schema(
        parameters=[data.WorkflowFilter, *data.PAGING],
        responses=data.WorkflowPage,
        operation_id="workflows_list",
    )
    def get(self, request: Request) -> Response:
        """List workflows; archived ones only when asked for."""
        given = self.filters(data.WorkflowFilter)
        given["archived"] = _ARCHIVED[given["archived"]]
        found = selectors.workflow_list(viewer=self.viewer, **given)
        return self.page(found, data.WorkflowOutput)

    @extend_schema(
        request={
            "application/json": data.WorkflowInput,
            "application/yaml": OpenApiTypes.STR,
        },
        responses={201: data.WorkflowDetail},
    )
    def post(self, request: Request) -> Response:
        """Create a workflow from a definition; every mistake in it is named."""
        sent = self.sent(data.WorkflowInput)
        sent["document"] = sent.pop("definition")
        with self.lines():
            workflow = services.workflow_create(
                by=self.viewer, source=self.source(), **sent
            )
        return detail(workflow, status.HTTP_201_CREATED)


class WorkflowView(DocumentView):
    """One workflow."""

    required_role = "editor"
    required_roles = {"get": "viewer"}

    @extend_schema(responses=data.WorkflowDetail)
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Show a workflow with its current definition."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        return detail(found)

    @extend_schema(
        parameters=[data.ChangeFilter],
        request={
            "application/json": data.WorkflowChange,
            "application/yaml": OpenApiTypes.STR,
        },
        responses=data.WorkflowDetail,
    )
    def patch(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Change a workflow, which makes a new version of it."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        sent = self.sent(data.WorkflowChange)
        if is_yaml(request):
            sent |= self.filters(data.ChangeFilter)
        if "definition" in sent:
            sent["document"] = sent.pop("definition")
        if "version" in sent:
            sent["expected_version"] = sent.pop("version")
        with self.lines():
            changed = services.workflow_update(
                workflow=found, by=self.viewer, source=self.source(), **sent
            )
        return detail(changed)

    @extend_schema(
        parameters=[data.ChangeFilter],
        request={
            "application/json": data.WorkflowChange,
            "application/yaml": OpenApiTypes.STR,
        },
        responses=data.WorkflowDetail,
    )
    def put(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Give a workflow another definition, which makes a new version of it."""
        if "definition" not in self.sent(data.WorkflowChange):
            error: dict[str, object] = {"path": "definition", "message": "is required"}
            raise Invalid(errors=[error])
        return self.patch(request, workflow_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Remove a workflow that was never executed; archive the others."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        services.workflow_delete(workflow=found, by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ValidateView(DocumentView):
    """Checks definitions and keeps nothing."""

    required_role = "viewer"

    @extend_schema(
        request={
            "application/json": data.DefinitionInput,
            "application/yaml": OpenApiTypes.STR,
        },
        responses=data.Verdict,
    )
    def post(self, request: Request) -> Response:
        """Check a definition; every mistake in it is named."""
        sent = self.sent(data.DefinitionInput)
        with self.lines():
            found = parse(sent["definition"])
            name = sent.get("name") or found.name
            check_calls(workflow_id=uuid.uuid4(), name=name, document=found.document)
        return Response({"valid": True})


class ImportView(DocumentView):
    """Takes exported definitions."""

    required_role = "editor"

    @extend_schema(
        parameters=[data.ImportFilter],
        request=_DEFINITION,
        responses={200: data.WorkflowDetail, 201: data.WorkflowDetail},
    )
    def post(self, request: Request) -> Response:
        """Make a workflow from an exported definition, sent as YAML or JSON."""
        replace = self.filters(data.ImportFilter)["replace"] == "true"
        with self.lines():
            workflow, is_new = services.workflow_import(
                by=self.viewer,
                document=request.data,
                replace=replace,
                source=self.source(),
            )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return detail(workflow, code)


class ExportView(ApiView):
    """Gives definitions as files."""

    required_role = "viewer"

    @extend_schema(
        parameters=[data.ExportFilter],
        responses={
            (200, "application/yaml"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request, workflow_id: uuid.UUID) -> HttpResponse:
        """Export a definition; importing it again changes nothing."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        asked = self.filters(data.ExportFilter)
        version = found.current_version
        if "version" in asked:
            version = selectors.version_get(workflow=found, number=asked["version"])
        text = export(version.document, asked["format"])
        name = re.sub(r"[^A-Za-z0-9]+", "-", found.name).strip("-").lower()
        file_name = f"{name[:80] or 'workflow'}.{asked['format']}"
        return HttpResponse(
            text,
            content_type=f"{CONTENT_TYPES[asked['format']]}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
        )

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        # The format comes from the query; any Accept header is welcome.
        return super().perform_content_negotiation(request, force=True)


class DuplicateView(ApiView):
    """Copies workflows."""

    required_role = "editor"

    @extend_schema(request=data.DuplicateInput, responses={201: data.WorkflowDetail})
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Make a copy of a workflow, with its current definition."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        name = self.body(data.DuplicateInput).get("name")
        copy = services.workflow_duplicate(workflow=found, by=self.viewer, name=name)
        return detail(copy, status.HTTP_201_CREATED)


class ArchiveView(ApiView):
    """Takes workflows out of use."""

    required_role = "editor"

    @extend_schema(request=None, responses=data.WorkflowDetail)
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Archive a workflow: it cannot be started or changed any more."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        return detail(services.workflow_archive(workflow=found, by=self.viewer))


class UnarchiveView(ApiView):
    """Brings workflows back."""

    required_role = "editor"

    @extend_schema(request=None, responses=data.WorkflowDetail)
    def post(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Bring an archived workflow back into use."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        return detail(services.workflow_unarchive(workflow=found, by=self.viewer))
