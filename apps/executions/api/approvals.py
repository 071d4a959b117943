"""Approvals over REST."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.pagination import CursorPagination
from apps.core.api.serializers import FilterSerializer, StrictSerializer, TextField
from apps.core.api.views import ApiView
from apps.core.types import Json
from apps.executions import approvals
from apps.executions.approvers import is_approver
from apps.executions.engine import masking
from apps.executions.models import Wait


class ApprovalFilter(FilterSerializer):
    """Query parameters of the list of approvals."""

    status = serializers.ChoiceField(choices=approvals.STATUSES, required=False)
    execution = serializers.UUIDField(required=False)


class DecideInput(StrictSerializer):
    """Body of `POST /api/approvals/:id/decide`."""

    decision = serializers.ChoiceField(choices=["approved", "denied"])
    reason = TextField(
        required=False, default="", allow_blank=True, max_length=approvals.MAX_REASON
    )


class ApprovalOutput(serializers.ModelSerializer[Wait]):
    """An approval: what is asked, of whom, and what was said."""

    status = serializers.CharField(source="state")
    workflow_id = serializers.UUIDField()
    workflow_name = serializers.CharField()
    title = serializers.SerializerMethodField()
    message = serializers.SerializerMethodField()
    approvers = serializers.SerializerMethodField()
    allow_own = serializers.BooleanField(source="details.allow_own")
    requested_at = serializers.DateTimeField(source="created_at")
    decided_at = serializers.DateTimeField(source="answered_at", allow_null=True)
    decided_by = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()
    can_decide = serializers.SerializerMethodField()

    class Meta:
        model = Wait
        fields = (
            "id",
            "status",
            "execution_id",
            "path",
            "workflow_id",
            "workflow_name",
            "title",
            "message",
            "approvers",
            "allow_own",
            "requested_at",
            "expires_at",
            "decided_at",
            "decided_by",
            "reason",
            "can_decide",
        )
        read_only_fields = fields

    def get_title(self, wait: Wait) -> str:
        return str(masking.conceal(wait.details["title"]))

    def get_message(self, wait: Wait) -> str:
        return str(masking.conceal(wait.details["message"]))

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_approvers(self, wait: Wait) -> Json:
        """Addresses and roles; empty: members with the role operator or higher."""
        return wait.details["approvers"]

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_decided_by(self, wait: Wait) -> Json:
        return (wait.answer or {}).get("by")

    def get_reason(self, wait: Wait) -> str:
        return str((wait.answer or {}).get("reason", ""))

    def get_can_decide(self, wait: Wait) -> bool:
        """Whether the one who asks may decide it now."""
        is_pending = wait.state == approvals.PENDING  # type: ignore[attr-defined]  # annotated
        return is_pending and is_approver(wait.details, self.context["viewer"])


class ApprovalPage(serializers.Serializer[Any]):
    """A page of approvals."""

    results = ApprovalOutput(many=True)
    next = serializers.URLField(allow_null=True)


class Approvals(ApiView):
    """The organization's approvals."""

    required_role = "viewer"
    ordering_fields = ("id", "expires_at")

    @extend_schema(
        operation_id="approvals_list",
        parameters=[
            ApprovalFilter,
            OpenApiParameter("limit", int, description="Rows of a page, up to 200."),
            OpenApiParameter("cursor", str, description="As in the `next` of a page."),
            OpenApiParameter("ordering", str, description="A field; `-` turns it."),
        ],
        responses=ApprovalPage,
    )
    def get(self, request: Request) -> Response:
        """List approvals, newest first."""
        wanted = self.filters(ApprovalFilter)
        rows = approvals.approval_list(
            status=wanted.get("status"), execution_id=wanted.get("execution")
        )
        paginator = CursorPagination()
        found = paginator.paginate_queryset(rows, request, view=self)
        shown = ApprovalOutput(found, many=True, context={"viewer": self.viewer})
        return paginator.get_paginated_response(shown.data)


class ApprovalView(ApiView):
    """One approval."""

    required_role = "viewer"

    @extend_schema(responses=ApprovalOutput)
    def get(self, request: Request, approval_id: uuid.UUID) -> Response:
        """Show what is asked, of whom, and what was said."""
        found = approvals.approval_get(approval_id)
        return Response(ApprovalOutput(found, context={"viewer": self.viewer}).data)


class Decide(ApiView):
    """Decisions."""

    # Whom a workflow names may decide whatever their role is; the service looks.
    required_role = "viewer"

    @extend_schema(request=DecideInput, responses=ApprovalOutput)
    def post(self, request: Request, approval_id: uuid.UUID) -> Response:
        """Approve or deny; the execution goes on. 409 when it was decided already."""
        sent = self.body(DecideInput)
        decided = approvals.approval_decide(
            approval=approvals.approval_get(approval_id), by=self.viewer, **sent
        )
        return Response(ApprovalOutput(decided, context={"viewer": self.viewer}).data)
