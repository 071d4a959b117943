"""Organizations: made by people, named by their admins."""

import secrets
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.accounts.models import Membership, Organization, User
from apps.accounts.roles import Role
from apps.accounts.services.trail import audit
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import Conflict, Invalid

_SLUG_LENGTH = 50
_ENDING_BYTES = 4
# What admins may change of their organization.
CHANGEABLE = (
    *("name", "slug", "max_concurrent"),
    *("keep_completed_days", "keep_failed_days", "keep_last"),
)


def _slug(name: str) -> str:
    """A slug for the name that no organization has yet."""
    wanted = slugify(name)[:_SLUG_LENGTH].strip("-_") or "organization"
    if not Organization.objects.filter(slug=wanted).exists():
        return wanted
    return f"{wanted}-{secrets.token_hex(_ENDING_BYTES)}"


def organization_create(
    *, name: str, owner: User, address: str | None = None
) -> Organization:
    """A new organization with its first owner."""
    with tenancy.system():
        organization = _inserted(name)
        Membership.objects.create(
            organization=organization, user=owner, role=Role.OWNER
        )
        User.objects.filter(id=owner.id).update(recent_organization=organization.id)
        owner.recent_organization = organization.id
        audit(
            viewer=Viewer(
                organization_id=organization.id,
                role=Role.OWNER,
                user=owner,
                address=address,
            ),
            action="organization.create",
            target_type="organization",
            target_id=organization.id,
            after={"name": organization.name, "slug": organization.slug},
        )
    return organization


def _inserted(name: str) -> Organization:
    try:
        with transaction.atomic():
            return Organization.objects.create(name=name, slug=_slug(name))
    except IntegrityError:
        # Another took the slug between the look and the insert.
        return Organization.objects.create(name=name, slug=_slug(name))


def organization_update(*, viewer: Viewer, **changes: Any) -> Organization:
    """Change the viewer's organization; what is not named stays.

    Args:
        changes: any of `CHANGEABLE`, checked for form and range already.

    Raises:
        Conflict: another organization has the slug.
        Invalid: the slug is none.
    """
    viewer.require(Role.ADMIN)
    organization = Organization.objects.select_for_update().get(
        id=viewer.organization_id
    )
    before = _facts(organization)
    for name in changes:
        if name not in CHANGEABLE:
            raise TypeError(f"no such field to change: {name}")
        setattr(organization, name, changes[name])
    after = _facts(organization)
    changed = [name for name in CHANGEABLE if before[name] != after[name]]
    if not changed:
        return organization
    _check_slug(changes.get("slug"))
    try:
        with transaction.atomic():
            organization.save(update_fields=changed)
    except IntegrityError as error:
        raise Conflict("Another organization has this slug.") from error
    audit(
        viewer=viewer,
        action="organization.update",
        target_type="organization",
        target_id=organization.id,
        before=before,
        after=after,
    )
    return organization


def _facts(organization: Organization) -> dict[str, Any]:
    return {name: getattr(organization, name) for name in CHANGEABLE}


def _check_slug(slug: str | None) -> None:
    if slug is not None and slug != slugify(slug):
        message = "must be lower-case letters, digits and hyphens"
        raise Invalid(errors=[{"path": "slug", "message": message}])
