"""Invitations: sent by admins, accepted once by the address they name."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts import credentials, tokens
from apps.accounts.models import Invitation, Membership, User
from apps.accounts.roles import Role, rank
from apps.accounts.services.trail import audit
from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict, Forbidden, NotFound

LIFETIME = timedelta(days=7)


@dataclass(frozen=True)
class SentInvitation:
    """A new invitation with the token that is shown this one time."""

    invitation: Invitation
    token: str


def invitation_create(*, viewer: Viewer, email: str, role: str) -> SentInvitation:
    """Invite an address to the viewer's organization.

    Raises:
        Forbidden: the role is above the viewer's.
        Conflict: the address is a member's already.
        Invalid: it is no e-mail address.
    """
    viewer.require(Role.ADMIN)
    user = viewer.require_user()
    if rank(role) > viewer.rank:
        raise Forbidden("You cannot give a role above your own.", code="role_too_low")
    address = credentials.normalized_email(email)
    members = Membership.objects.filter(organization_id=viewer.organization_id)
    if members.filter(user__email=address).exists():
        raise Conflict("This address is a member's already.")
    token = tokens.random_token()
    invitation = Invitation.objects.create(
        organization_id=viewer.organization_id,
        email=address,
        role=role,
        token_hash=tokens.hashed(token),
        invited_by=user,
        expires_at=timezone.now() + LIFETIME,
    )
    audit(
        viewer=viewer,
        action="invitation.create",
        target_type="invitation",
        target_id=invitation.id,
        after={"email": address, "role": role},
    )
    return SentInvitation(invitation, token)


def invitation_revoke(*, viewer: Viewer, invitation_id: uuid.UUID) -> None:
    """Take back an invitation that is open.

    Raises:
        NotFound: no such invitation is open.
    """
    viewer.require(Role.ADMIN)
    open_ = Invitation.objects.filter(
        id=invitation_id,
        organization_id=viewer.organization_id,
        accepted_at=None,
        revoked_at=None,
    )
    if not open_.update(revoked_at=Now()):
        raise NotFound("There is no such open invitation.")
    audit(
        viewer=viewer,
        action="invitation.revoke",
        target_type="invitation",
        target_id=invitation_id,
    )


def invitation_locked(token: str) -> Invitation:
    """The open invitation of a token, held until the transaction ends.

    It is good only while the one who sent it could still send it.

    Raises:
        NotFound: unknown, used, revoked, expired, or its sender lost the right.
    """
    found = (
        Invitation.objects.select_for_update(of=("self",))
        .select_related("organization")
        .filter(token_hash=tokens.hashed(token), accepted_at=None, revoked_at=None)
        .filter(expires_at__gt=Now())
        .first()
    )
    if found is not None and _sender_still_may(found):
        return found
    raise NotFound(
        "The invitation does not exist, was used, or has expired.",
        code="invitation_not_valid",
    )


def _sender_still_may(invitation: Invitation) -> bool:
    sender = Membership.objects.filter(
        organization_id=invitation.organization_id,
        user_id=invitation.invited_by_id,
        user__is_active=True,
    ).first()
    if sender is None:
        return False
    return rank(sender.role) >= max(rank(Role.ADMIN), rank(invitation.role))


def invitation_use(
    invitation: Invitation, *, user: User, address: str | None
) -> Membership:
    """Make `user` a member as a locked invitation says.

    Raises:
        Forbidden: the invitation is for another address.
        Conflict: the user is a member already.
    """
    if user.email != invitation.email:
        raise Forbidden(
            "The invitation is for another e-mail address.", code="invitation_email"
        )
    membership, is_new = Membership.objects.get_or_create(
        organization_id=invitation.organization_id,
        user=user,
        defaults={"role": invitation.role},
    )
    if not is_new:
        raise Conflict("You are a member of this organization already.")
    Invitation.objects.filter(id=invitation.id).update(accepted_at=Now())
    User.objects.filter(id=user.id).update(
        recent_organization=invitation.organization_id
    )
    user.recent_organization = invitation.organization_id
    audit(
        viewer=Viewer(
            organization_id=invitation.organization_id,
            role=invitation.role,
            user=user,
            address=address,
        ),
        action="invitation.accept",
        target_type="invitation",
        target_id=invitation.id,
        after={"email": user.email, "role": invitation.role},
    )
    return membership
