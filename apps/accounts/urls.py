"""Addresses of accounts, below `/api/`."""

from typing import Any

from django.urls import path

from apps.accounts.api import maintenance, organizations, signing_in

_LIST: dict[str, Any] = {"get": "list"}
_ALL: dict[str, Any] = {"get": "list", "post": "create"}
_END: dict[str, Any] = {"delete": "destroy"}
_CHANGE: dict[str, Any] = {"patch": "partial_update", "delete": "destroy"}

urlpatterns = [
    path("auth/register", signing_in.Register.as_view()),
    path("auth/token", signing_in.Token.as_view()),
    path("auth/token/refresh", signing_in.Refresh.as_view()),
    path("auth/logout", signing_in.Logout.as_view()),
    path("auth/me", signing_in.Me.as_view()),
    path("auth/ws-token", signing_in.PageToken.as_view()),
    path("auth/invitations/accept", signing_in.AcceptInvitation.as_view()),
    path("organizations", organizations.OrganizationViews.as_view(_ALL)),
    path("organizations/current", organizations.CurrentOrganization.as_view()),
    path("members", organizations.MemberViews.as_view(_LIST)),
    path("members/<uuid:id>", organizations.MemberViews.as_view(_CHANGE)),
    path("invitations", organizations.InvitationViews.as_view(_ALL)),
    path("invitations/<uuid:id>", organizations.InvitationViews.as_view(_END)),
    path("api-keys", organizations.ApiKeyViews.as_view(_ALL)),
    path(
        "api-keys/<uuid:id>",
        organizations.ApiKeyViews.as_view({"get": "retrieve", **_CHANGE}),
    ),
    path("maintenance", maintenance.Maintenance.as_view()),
    path("audit", organizations.AuditViews.as_view(_LIST)),
]
