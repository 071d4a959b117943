"""In which organization a signed-in person acts on the pages, and with which role."""

import uuid
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from apps.accounts.authentication import address_of
from apps.accounts.models import Membership, Organization, User
from apps.accounts.selectors import organization_list
from apps.accounts.viewer import NO_ORGANIZATION, Viewer
from apps.core import tenancy
from apps.core.errors import NotFound

_SESSION_KEY = "organization"
_MOST_MEMBERSHIPS = 1_000


@dataclass(frozen=True)
class Seat:
    """A signed-in person's place.

    Attributes:
        organization: where they act; None for a member of none.
        organizations: all that they could act in, by name.
    """

    viewer: Viewer
    organization: Organization | None
    organizations: tuple[Organization, ...]


def seat_of(request: HttpRequest) -> Seat | None:
    """Where the session's user acts; None when nobody is signed in."""
    user: User | AnonymousUser = request.user
    if not isinstance(user, User):
        return None
    memberships = _memberships(user)
    chosen = _chosen(request, user, memberships)
    viewer = Viewer(
        user=user,
        organization_id=chosen.organization_id if chosen else NO_ORGANIZATION,
        role=chosen.role if chosen else "",
        address=address_of(request),
    )
    organizations = sorted(
        (one.organization for one in memberships), key=lambda one: one.name.lower()
    )
    found = chosen.organization if chosen else None
    return Seat(viewer=viewer, organization=found, organizations=tuple(organizations))


def _memberships(user: User) -> list[Membership]:
    with tenancy.system():
        rows = organization_list(user=user).order_by("id")
        return list(rows[:_MOST_MEMBERSHIPS])


def _chosen(
    request: HttpRequest, user: User, memberships: list[Membership]
) -> Membership | None:
    """What the session names, else the organization used last, else the first."""
    by_id = {str(one.organization_id): one for one in memberships}
    for wanted in (request.session.get(_SESSION_KEY), str(user.recent_organization)):
        if wanted in by_id:
            return by_id[wanted]
    return memberships[0] if memberships else None


def take_seat(request: HttpRequest, seat: Seat, organization_id: uuid.UUID) -> None:
    """Act in another organization from now on, in this session.

    Raises:
        NotFound: the person is no member of it.
    """
    if organization_id not in {one.id for one in seat.organizations}:
        raise NotFound("You are not a member of this organization.")
    request.session[_SESSION_KEY] = str(organization_id)
