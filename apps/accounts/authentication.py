"""Finding out who asks: by access token, API key, or the pages' session cookie.

Each needs two queries at most and looks across organizations (in
`tenancy.system()`), since who may see what is only known afterwards.
"""

import ipaddress
import uuid
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import authentication
from rest_framework.request import Request

from apps.accounts import tokens
from apps.accounts.models import ApiKey, Membership, SignIn, User
from apps.accounts.viewer import NO_ORGANIZATION, Viewer
from apps.core import tenancy
from apps.core.errors import NotFound

_USED_RESOLUTION = timedelta(minutes=1)
_MAX_SLUG = 63


class _Place(NamedTuple):
    """The organization that someone acts in, with their role there."""

    organization_id: uuid.UUID
    role: str


def address_of(request: HttpRequest | Request) -> str | None:
    """The caller's network address, as the server (not a header) tells it."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def asked_organization(request: HttpRequest | Request) -> str | None:
    """The slug in the header `X-Organization`, if any."""
    slug: str | None = request.META.get("HTTP_X_ORGANIZATION")
    return slug


def _unknown_organization() -> NotFound:
    return NotFound("You are not a member of this organization.")


def place_of(user: User, organization_id: uuid.UUID | None, slug: str | None) -> _Place:
    """Where `user` acts: the organization of that slug, else the one given.

    Raises:
        NotFound: no membership in the organization of the slug.
        Unauthenticated: no longer a member of the token's organization.
    """
    if slug is None and organization_id is None:
        return _Place(NO_ORGANIZATION, "")
    if slug is not None and not _is_slug(slug):
        raise _unknown_organization()
    which = Q(organization__slug=slug) if slug else Q(organization_id=organization_id)
    membership = Membership.objects.filter(which, user_id=user.id).first()
    if membership is not None:
        return _Place(membership.organization_id, membership.role)
    if slug is not None:
        raise _unknown_organization()
    raise tokens.refused()


def _is_slug(text: str) -> bool:
    return 0 < len(text) <= _MAX_SLUG and text.isascii() and text.isprintable()


def viewer_by_token(
    token: str, *, organization: str | None = None, address: str | None = None
) -> Viewer:
    """Who holds this access token.

    Args:
        organization: slug of another organization of the user to act in.

    Raises:
        Unauthenticated: the token is no good, or its sign-in has ended.
        NotFound: no membership in `organization`.
    """
    claims = tokens.read_access_token(token)
    return viewer_by_claims(claims, organization=organization, address=address)


def viewer_by_claims(
    claims: dict[str, Any],
    *,
    organization: str | None = None,
    address: str | None = None,
) -> Viewer:
    """Who holds a genuine token with these claims; else as `viewer_by_token`."""
    with tenancy.system():
        sign_in = (
            SignIn.objects.select_related("user")
            .filter(id=claims["sid"], user_id=claims["sub"], revoked_at=None)
            .filter(expires_at__gt=Now(), user__is_active=True)
            .filter(session_version=F("user__session_version"))
            .first()
        )
        if sign_in is None or sign_in.user.session_version != claims["ver"]:
            raise tokens.refused()
        place = place_of(sign_in.user, claims["org"], organization)
    return Viewer(
        user=sign_in.user, sign_in_id=sign_in.id, address=address, **place._asdict()
    )


def viewer_by_key(
    key: str, *, organization: str | None = None, address: str | None = None
) -> Viewer:
    """Which program holds this API key.

    Raises:
        Unauthenticated: unknown, expired or revoked.
        NotFound: the key belongs to another organization than asked for.
    """
    if len(key) > tokens.MAX_TOKEN_LENGTH or not key.startswith(tokens.API_KEY_PREFIX):
        raise tokens.refused()
    with tenancy.system():
        found = (
            ApiKey.objects.select_related("organization")
            .filter(key_hash=tokens.hashed(key), revoked_at=None)
            .filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
            .first()
        )
        if found is None:
            raise tokens.refused()
        if organization not in (None, found.organization.slug):
            raise _unknown_organization()
        _note_use(found)
    return Viewer(
        organization_id=found.organization_id,
        role=found.role,
        api_key_id=found.id,
        scopes=frozenset(found.scopes),
        address=address,
    )


def _note_use(key: ApiKey) -> None:
    """Keep when the key was used last, at most once a minute."""
    limit = timezone.now() - _USED_RESOLUTION
    if key.last_used_at is None or key.last_used_at < limit:
        unused = Q(last_used_at=None) | Q(last_used_at__lt=limit)
        ApiKey.objects.filter(unused, id=key.id).update(last_used_at=Now())


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <access token>`."""

    def authenticate(self, request: Request) -> tuple[Any, Viewer] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if not header:
            return None
        if scheme.lower() != "bearer":
            raise tokens.refused()
        viewer = viewer_by_token(
            token.strip(),
            organization=asked_organization(request),
            address=address_of(request),
        )
        return viewer.user, viewer

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`X-API-Key: rpa_…`."""

    def authenticate(self, request: Request) -> tuple[Any, Viewer] | None:
        key = request.META.get("HTTP_X_API_KEY")
        if key is None:
            return None
        viewer = viewer_by_key(
            key, organization=asked_organization(request), address=address_of(request)
        )
        return None, viewer


class CookieAuthentication(authentication.SessionAuthentication):
    """The session cookie of the pages, with its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Viewer] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user: User = found[0]
        slug = asked_organization(request)
        with tenancy.system():
            known = None if slug is not None else recent_organization(user)
            place = place_of(user, known, slug)
        return user, Viewer(user=user, address=address_of(request), **place._asdict())


def recent_organization(user: User) -> uuid.UUID | None:
    """The organization used last if the user is still a member, else the first.

    Needs `tenancy.system()`.
    """
    rows = Membership.objects.filter(user_id=user.id).order_by("id")
    ids = list(rows.values_list("organization_id", flat=True)[:1_000])
    if user.recent_organization in ids:
        return user.recent_organization
    return ids[0] if ids else None
