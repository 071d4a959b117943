"""Endpoints of organizations, members, invitations, API keys and the audit trail."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import permissions, selectors
from apps.accounts.api import serializers as io
from apps.accounts.models import ApiKey, AuditEntry, Invitation, Membership
from apps.accounts.services import invitations, keys, members, organizations
from apps.core import tenancy
from apps.core.api.serializers import FilterSerializer
from apps.core.api.views import ApiView, ApiViewSet
from apps.core.errors import NotFound


class OrganizationViews(ApiViewSet[Membership]):
    """The organizations of the signed-in user."""

    required_role = permissions.ANYONE
    serializer_class = io.MyOrganizationOutput

    def list(self, request: Request) -> Response:
        self.filters(FilterSerializer)
        with tenancy.system():
            rows = selectors.organization_list(user=self.viewer.user)
            return self.page(rows, io.MyOrganizationOutput)

    @extend_schema(request=io.OrganizationInput, responses={201: io.OrganizationOutput})
    def create(self, request: Request) -> Response:
        made = organizations.organization_create(
            name=self.body(io.OrganizationInput)["name"],
            owner=self.viewer.user,
            address=self.viewer.address,
        )
        return Response(io.OrganizationOutput(made).data, status=201)


class CurrentOrganization(ApiView):
    """The organization that the request is about."""

    required_roles = {"get": "viewer", "patch": "admin"}

    @extend_schema(responses=io.CurrentOrganizationOutput)
    def get(self, request: Request) -> Response:
        found = selectors.organization_get(viewer=self.viewer)
        if found is None:
            raise NotFound("The organization does not exist.")
        return Response(io.CurrentOrganizationOutput(found).data)

    @extend_schema(
        request=io.OrganizationChange, responses=io.CurrentOrganizationOutput
    )
    def patch(self, request: Request) -> Response:
        changed = organizations.organization_update(
            viewer=self.viewer, **self.body(io.OrganizationChange)
        )
        return Response(io.CurrentOrganizationOutput(changed).data)


class MemberViews(ApiViewSet[Membership]):
    """Members of the organization; the services decide who may change whom."""

    required_role = "viewer"
    serializer_class = io.MemberOutput
    ordering_fields = ("created_at", "role")
    ordering = "id"

    def list(self, request: Request) -> Response:
        self.filters(FilterSerializer)
        return self.page(selectors.member_list(viewer=self.viewer), io.MemberOutput)

    @extend_schema(request=io.MemberChange)
    def partial_update(self, request: Request, id: uuid.UUID) -> Response:
        changed = members.member_update(
            viewer=self.viewer, membership_id=id, **self.body(io.MemberChange)
        )
        return Response(io.MemberOutput(changed).data)

    def destroy(self, request: Request, id: uuid.UUID) -> Response:
        members.member_remove(viewer=self.viewer, membership_id=id)
        return Response(status=204)


class InvitationViews(ApiViewSet[Invitation]):
    """Invitations of the organization."""

    required_role = "admin"
    serializer_class = io.InvitationOutput
    ordering_fields = ("created_at", "expires_at", "email")

    def list(self, request: Request) -> Response:
        self.filters(FilterSerializer)
        rows = selectors.invitation_list(viewer=self.viewer)
        return self.page(rows, io.InvitationOutput)

    @extend_schema(request=io.InvitationInput, responses={201: io.SentInvitationOutput})
    def create(self, request: Request) -> Response:
        sent = invitations.invitation_create(
            viewer=self.viewer, **self.body(io.InvitationInput)
        )
        shown = io.InvitationOutput(sent.invitation).data
        return Response({**shown, "token": sent.token}, status=201)

    def destroy(self, request: Request, id: uuid.UUID) -> Response:
        invitations.invitation_revoke(viewer=self.viewer, invitation_id=id)
        return Response(status=204)


class ApiKeyViews(ApiViewSet[ApiKey]):
    """API keys of the organization."""

    required_role = "admin"
    serializer_class = io.ApiKeyOutput
    ordering_fields = ("created_at", "name", "last_used_at")

    def list(self, request: Request) -> Response:
        self.filters(FilterSerializer)
        return self.page(selectors.api_key_list(viewer=self.viewer), io.ApiKeyOutput)

    def retrieve(self, request: Request, id: uuid.UUID) -> Response:
        found = selectors.api_key_list(viewer=self.viewer).filter(id=id).first()
        if found is None:
            raise NotFound("There is no such API key.")
        return Response(io.ApiKeyOutput(found).data)

    @extend_schema(request=io.ApiKeyInput, responses={201: io.NewApiKeyOutput})
    def create(self, request: Request) -> Response:
        made = keys.api_key_create(viewer=self.viewer, **self.body(io.ApiKeyInput))
        shown = io.ApiKeyOutput(made.api_key).data
        return Response({**shown, "key": made.key}, status=201)

    @extend_schema(request=io.ApiKeyChange)
    def partial_update(self, request: Request, id: uuid.UUID) -> Response:
        changed = keys.api_key_update(
            viewer=self.viewer, key_id=id, changes=self.body(io.ApiKeyChange)
        )
        return Response(io.ApiKeyOutput(changed).data)

    def destroy(self, request: Request, id: uuid.UUID) -> Response:
        keys.api_key_revoke(viewer=self.viewer, key_id=id)
        return Response(status=204)


class AuditViews(ApiViewSet[AuditEntry]):
    """Who changed what in the organization."""

    required_role = "admin"
    serializer_class = io.AuditOutput
    ordering_fields = ("created_at",)

    @extend_schema(parameters=[io.AuditFilter])
    def list(self, request: Request) -> Response:
        filters = self.filters(io.AuditFilter)
        rows = selectors.audit_list(viewer=self.viewer, **filters)
        return self.page(rows, io.AuditOutput)
