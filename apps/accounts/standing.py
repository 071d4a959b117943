"""Who holds a connection that stays open, and whether they still may.

A request proves who asks each time; a connection proves it once, and is looked at
again and again: all of a process in one query of each kind.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db import connection

from apps.accounts import tokens
from apps.accounts.authentication import viewer_by_claims, viewer_by_key
from apps.accounts.viewer import Viewer
from apps.core import tenancy

# A role may be empty: signed in, but no member any more.
_SIGN_INS = """
    SELECT asked.sign_in, asked.organization, COALESCE(m.role, '')
    FROM unnest(%s::uuid[], %s::uuid[]) AS asked (sign_in, organization)
    JOIN accounts_signin s ON s.id = asked.sign_in
    JOIN accounts_user u ON u.id = s.user_id
    LEFT JOIN accounts_membership m
        ON m.user_id = u.id AND m.organization_id = asked.organization
    WHERE s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active
        AND u.session_version = s.session_version
"""
_KEYS = """
    SELECT id, role, scopes FROM accounts_apikey
    WHERE id = ANY(%s) AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > now())
"""


Key = tuple[uuid.UUID | None, uuid.UUID]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a connection, and until when their proof is good."""

    viewer: Viewer
    expires_at: datetime | None = None

    @property
    def key(self) -> Key:
        """What the proof stands on: the sign-in or API key, and the organization."""
        viewer = self.viewer
        return viewer.sign_in_id or viewer.api_key_id, viewer.organization_id

    def is_same_as(self, other: "Holder") -> bool:
        """Whether both are one person or program in one organization."""
        ours, theirs = self.viewer, other.viewer
        return (ours.user_id, ours.api_key_id) == (
            theirs.user_id,
            theirs.api_key_id,
        ) and ours.organization_id == theirs.organization_id


def holder_of(token: str, *, address: str | None = None) -> Holder:
    """Who gives this access token, token of a page, or API key.

    Raises:
        Unauthenticated: it is no good, or what it stands on has ended.
    """
    if token.startswith(tokens.API_KEY_PREFIX):
        return Holder(viewer_by_key(token, address=address))
    claims = tokens.read_access_token(token, tokens.SocketAccess)
    viewer = viewer_by_claims(claims, address=address)
    return Holder(viewer, datetime.fromtimestamp(claims["exp"], UTC))


def still(holders: Iterable[Holder]) -> dict[Key, Viewer]:
    """The viewers as they are now, by `Holder.key`; without those who have ended."""
    known = {holder.key: holder.viewer for holder in holders}
    people = [viewer for viewer in known.values() if viewer.api_key_id is None]
    keys = [viewer.api_key_id for viewer in known.values() if viewer.api_key_id]
    with tenancy.system(), connection.cursor() as cursor:
        roles: dict[Key, str] = {}
        if people:
            sign_ins = [one.sign_in_id for one in people]
            places = [one.organization_id for one in people]
            cursor.execute(_SIGN_INS, [sign_ins, places])
            roles = {(row[0], row[1]): row[2] for row in cursor.fetchall()}
        scopes: dict[uuid.UUID, tuple[str, list[str]]] = {}
        if keys:
            cursor.execute(_KEYS, [keys])
            scopes = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    found: dict[Key, Viewer] = {}
    for key, viewer in known.items():
        if key in roles:
            found[key] = replace(viewer, role=roles[key])
        elif viewer.api_key_id is not None and viewer.api_key_id in scopes:
            role, allowed = scopes[viewer.api_key_id]
            found[key] = replace(viewer, role=role, scopes=frozenset(allowed))
    return found
