"""Members of an organization and their roles."""

import uuid

from django.db.models.functions import Now

from apps.accounts.models import ApiKey, Membership, Organization
from apps.accounts.roles import Role, rank
from apps.accounts.services.trail import audit
from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Forbidden, NotFound


def _locked(viewer: Viewer, membership_id: uuid.UUID) -> Membership:
    """The membership; all changes in one organization go one after the other."""
    Organization.objects.select_for_update().get(id=viewer.organization_id)
    found = (
        Membership.objects.select_related("user")
        .filter(id=membership_id, organization_id=viewer.organization_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such member.")
    return found


def _keep_an_owner(membership: Membership) -> None:
    others = Membership.objects.filter(
        organization_id=membership.organization_id, role=Role.OWNER
    ).exclude(id=membership.id)
    if membership.role == Role.OWNER and not others.exists():
        raise Conflict("An organization keeps at least one owner.", code="last_owner")


def _fresh_rank(viewer: Viewer) -> int:
    """The viewer's rank as it stands behind the lock: it may just have changed."""
    if viewer.user is None:
        viewer.require(Role.ADMIN)
        return viewer.rank
    own = Membership.objects.filter(
        organization_id=viewer.organization_id, user=viewer.user
    ).first()
    return rank(own.role) if own else 0


def _may_change(viewer: Viewer, membership: Membership, role: str | None) -> None:
    """Nobody touches those above, makes anyone more than themselves, or themselves."""
    is_self = viewer.user_id == membership.user_id
    own = _fresh_rank(viewer)
    if own < rank(Role.ADMIN) and not (is_self and own):
        raise Forbidden("This needs the role admin.", required_role=Role.ADMIN)
    limit = rank(membership.role) if is_self else own
    if rank(membership.role) > own or (role is not None and rank(role) > limit):
        raise Forbidden("Your role is too low for this.", code="role_too_low")


def member_update(*, viewer: Viewer, membership_id: uuid.UUID, role: str) -> Membership:
    """Give a member another role.

    Raises:
        NotFound: no such member.
        Forbidden: the member is or would be above the viewer.
        Conflict: it is the last owner.
    """
    membership = _locked(viewer, membership_id)
    _may_change(viewer, membership, role)
    before = membership.role
    if before == role:
        return membership
    _keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _revoke_keys(membership, above=rank(role))
    audit(
        viewer=viewer,
        action="member.update",
        target_type="member",
        target_id=membership.id,
        before={"email": membership.user.email, "role": before},
        after={"email": membership.user.email, "role": role},
    )
    return membership


def member_remove(*, viewer: Viewer, membership_id: uuid.UUID) -> None:
    """Take a member out of the organization; members may also leave themselves.

    API keys that the member made end with the membership.

    Raises:
        NotFound: no such member.
        Forbidden: the member is above the viewer.
        Conflict: it is the last owner.
    """
    membership = _locked(viewer, membership_id)
    _may_change(viewer, membership, None)
    _keep_an_owner(membership)
    _revoke_keys(membership, above=0)
    membership.delete()
    audit(
        viewer=viewer,
        action="member.remove",
        target_type="member",
        target_id=membership_id,
        before={"email": membership.user.email, "role": membership.role},
    )


def _revoke_keys(membership: Membership, *, above: int) -> None:
    """End the keys that a member made and that may more than is right now."""
    roles = [role for role in Role.values if rank(role) > above]
    ApiKey.objects.filter(
        organization_id=membership.organization_id,
        created_by_id=membership.user_id,
        role__in=roles,
        revoked_at=None,
    ).update(revoked_at=Now())
