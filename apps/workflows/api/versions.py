"""Endpoints of a workflow's versions."""

import uuid
from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.workflows import selectors, services
from apps.workflows.api import serializers as data
from apps.workflows.api.workflows import detail
from apps.workflows.definition.compare import compare


class VersionsView(ApiView):
    """All versions of a workflow."""

    required_role = "viewer"
    ordering = "-number"
    ordering_fields = ("number",)

    @extend_schema(
        parameters=data.PAGING,
        responses=data.VersionPage,
        operation_id="workflows_versions_list",
    )
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """List the versions of a workflow."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        return self.page(selectors.version_list(workflow=found), data.VersionOutput)


class VersionView(ApiView):
    """One version of a workflow."""

    required_role = "viewer"

    @extend_schema(responses=data.VersionDetail)
    def get(self, request: Request, workflow_id: uuid.UUID, number: int) -> Response:
        """Show a version with its definition."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        version = selectors.version_get(workflow=found, number=number)
        return Response(data.VersionDetail(version).data)


class RestoreView(ApiView):
    """Goes back to older versions."""

    required_role = "editor"

    @extend_schema(request=None, responses=data.WorkflowDetail)
    def post(self, request: Request, workflow_id: uuid.UUID, number: int) -> Response:
        """Make an older version's definition the current one, as a new version."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        version = selectors.version_get(workflow=found, number=number)
        restored = services.workflow_restore(
            workflow=found, version=version, by=self.viewer
        )
        return detail(restored)


class CompareView(ApiView):
    """Says what changed between two versions."""

    required_role = "viewer"

    @extend_schema(parameters=[data.CompareFilter], responses=data.Comparison)
    def get(self, request: Request, workflow_id: uuid.UUID) -> Response:
        """Compare two versions: what was added, removed, changed and moved."""
        found = selectors.workflow_get(viewer=self.viewer, workflow_id=workflow_id)
        asked = self.filters(data.CompareFilter)
        newer = asked.get("to", found.current_version.number)
        older = asked.get("from", max(1, newer - 1))
        before, after = (
            selectors.version_get(workflow=found, number=number).document
            for number in (older, newer)
        )
        changes = [asdict(change) for change in compare(before, after)]
        return Response({"from": older, "to": newer, "changes": changes})
