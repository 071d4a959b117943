"""Announcing to organizations that the platform will be worked on."""

import uuid
from collections.abc import Collection
from datetime import datetime

from apps.accounts.models import Organization, User
from apps.core import tenancy
from apps.core.errors import Forbidden, Invalid
from apps.core.types import JsonObject
from apps.events.models import Event
from apps.events.services import emit_each
from apps.events.types import MAINTENANCE

LONGEST = 1_000
_RIGHT = "accounts.change_organization"


def announce_as(
    user: User | None,
    *,
    message: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    only: Collection[uuid.UUID] | None = None,
) -> int:
    """Announce it in the name of a user; gives how many organizations are told.

    Raises:
        Forbidden: the user is no operator of the platform, or one who may not change
            organizations.
        Invalid: as for `announce`.
    """
    if user is None or not (user.is_staff and user.has_perm(_RIGHT)):
        raise Forbidden("Only operators of the platform may announce maintenance.")
    return announce(message=message, starts_at=starts_at, ends_at=ends_at, only=only)


def announce(
    *,
    message: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    only: Collection[uuid.UUID] | None = None,
) -> int:
    """Tell every organization, or those named alone; gives how many are told.

    Raises:
        Invalid: the message is empty or too long, it ends before it starts, or one
            of those named does not exist: then nobody is told.
    """
    if not 0 < len(message.strip()) <= LONGEST:
        raise _wrong("message", f"must have from 1 to {LONGEST} characters")
    if starts_at and ends_at and ends_at <= starts_at:
        raise _wrong("ends_at", "must be after starts_at")
    payload: JsonObject = {
        "message": message.strip(),
        "startsAt": starts_at.isoformat() if starts_at else None,
        "endsAt": ends_at.isoformat() if ends_at else None,
    }
    with tenancy.system():
        found = _organizations(only)
        told = [Event(organization_id=one, payload=payload) for one in found]
        emit_each(MAINTENANCE, told)
    return len(found)


def _organizations(only: Collection[uuid.UUID] | None) -> list[uuid.UUID]:
    rows = Organization.objects.all()
    if only is not None:
        rows = rows.filter(id__in=only)
    found = list(rows.values_list("id", flat=True))
    if only is not None and len(found) != len(set(only)):
        raise _wrong("organizations", "must be there, each of them")
    return found


def _wrong(path: str, message: str) -> Invalid:
    return Invalid(errors=[{"path": path, "message": message}])
