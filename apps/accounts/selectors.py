"""Reads: each takes the viewer and gives what they may see."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    User,
)
from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer


def organization_list(*, user: User) -> QuerySet[Membership]:
    """Memberships of a user with their organizations; needs `tenancy.system()`."""
    return Membership.objects.filter(user=user).select_related("organization")


def organization_get(*, viewer: Viewer) -> Organization | None:
    """The viewer's organization, None for a member of none."""
    return Organization.objects.filter(id=viewer.organization_id).first()


def member_list(*, viewer: Viewer) -> QuerySet[Membership]:
    """Members of the viewer's organization."""
    viewer.require(Role.VIEWER)
    rows = Membership.objects.filter(organization_id=viewer.organization_id)
    return rows.select_related("user")


def invitation_list(*, viewer: Viewer) -> QuerySet[Invitation]:
    """Invitations that were not taken back."""
    viewer.require(Role.ADMIN)
    rows = Invitation.objects.filter(organization_id=viewer.organization_id)
    return rows.filter(revoked_at=None).select_related("invited_by")


def api_key_list(*, viewer: Viewer) -> QuerySet[ApiKey]:
    """API keys that were not revoked."""
    viewer.require(Role.ADMIN)
    return ApiKey.objects.filter(
        organization_id=viewer.organization_id, revoked_at=None
    )


def audit_list(
    *,
    viewer: Viewer,
    since: datetime | None = None,
    until: datetime | None = None,
    **equal: Any,
) -> QuerySet[AuditEntry]:
    """The audit trail of the viewer's organization.

    Args:
        equal: columns and the values they must have.
    """
    viewer.require(Role.ADMIN)
    rows = AuditEntry.objects.filter(organization_id=viewer.organization_id, **equal)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    return rows
