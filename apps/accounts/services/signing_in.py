"""Signing in and out: passwords, refresh tokens, their families."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts import credentials, tokens
from apps.accounts.authentication import place_of, recent_organization
from apps.accounts.errors import Unauthenticated
from apps.accounts.models import SignIn, User
from apps.accounts.services import throttle
from apps.accounts.viewer import NO_ORGANIZATION
from apps.core import tenancy

GRACE = timedelta(seconds=10)
LONGEST = timedelta(days=90)
_KEPT_ROTATIONS = 10

_ROTATE = """
    UPDATE accounts_signin AS s SET
        counter = s.counter + 1,
        rotations = (ARRAY[clock_timestamp()] || s.rotations)[1:%(kept)s],
        expires_at = LEAST(now() + %(lifetime)s, s.created_at + %(longest)s)
    FROM accounts_user AS u
    WHERE s.id = %(id)s AND s.counter = %(counter)s AND s.revoked_at IS NULL
        AND s.expires_at > now() AND u.id = s.user_id AND u.is_active
        AND u.session_version = s.session_version
    RETURNING s.counter
"""


@dataclass(frozen=True)
class TokenPair:
    """What a client holds after signing in."""

    access: str
    refresh: str


def sign_in_start(
    user: User, *, organization_id: uuid.UUID | None, address: str | None = None
) -> TokenPair:
    """Tokens of a new sign-in of a user whose identity is proved."""
    sign_in = SignIn.objects.create(
        user=user,
        session_version=user.session_version,
        address=address,
        expires_at=timezone.now() + settings.REFRESH_TOKEN_LIFETIME,
    )
    return TokenPair(
        access=tokens.access_token(user, sign_in, organization_id),
        refresh=tokens.refresh_token(sign_in.id, 0),
    )


def password_check(email: str, password: str, *, address: str | None) -> User:
    """The user with this e-mail and password.

    Takes as long for an unknown e-mail as for a known one.

    Raises:
        Unauthenticated: no such pair.
        TooManyAttempts: too many failed before it.
    """
    stored = credentials.known_email(email)
    with throttle.attempt(stored or email, address) as attempt:
        user = User.objects.filter(email=stored).first() if stored else None
        attempt.has_succeeded = credentials.is_password_of(user, password)
    if user is None or not attempt.has_succeeded:
        raise Unauthenticated(
            "The e-mail address or the password is wrong.", code="wrong_credentials"
        )
    return user


def sign_in(
    *, email: str, password: str, organization: str | None, address: str | None
) -> TokenPair:
    """Tokens for a user who gives e-mail and password.

    Args:
        organization: slug of the organization to act in; the last used otherwise.

    Raises:
        Unauthenticated: no such pair.
        TooManyAttempts: too many failed before it.
        NotFound: no membership in `organization`.
    """
    user = password_check(email, password, address=address)
    with tenancy.system():
        organization_id = _chosen(user, organization)
        User.objects.filter(id=user.id).update(last_login=Now())
        return sign_in_start(user, organization_id=organization_id, address=address)


def _chosen(user: User, slug: str | None) -> uuid.UUID | None:
    """The organization that new tokens are for; one asked for is remembered."""
    if slug is None:
        return recent_organization(user)
    chosen = place_of(user, None, slug).organization_id
    if chosen not in (NO_ORGANIZATION, user.recent_organization):
        User.objects.filter(id=user.id).update(recent_organization=chosen)
    return chosen


def refresh(*, token: str, organization: str | None) -> TokenPair:
    """The next pair of tokens of a sign-in.

    The same refresh token gives the same new one for 10 seconds, since tabs race.
    Later it is taken for stolen, and all tokens of its sign-in end.

    Raises:
        Unauthenticated: forged, expired, revoked or reused.
        NotFound: no membership in `organization`.
    """
    sign_in_id, counter = tokens.read_refresh_token(token)
    with tenancy.system():
        if not _rotated(sign_in_id, counter) and not _in_grace(sign_in_id, counter):
            pair = None
            _revoke_reused(sign_in_id, counter)
        else:
            found = SignIn.objects.select_related("user").get(id=sign_in_id)
            organization_id = _chosen(found.user, organization)
            pair = TokenPair(
                access=tokens.access_token(found.user, found, organization_id),
                refresh=tokens.refresh_token(sign_in_id, counter + 1),
            )
    if pair is None:
        raise tokens.refused()
    return pair


def _rotated(sign_in_id: uuid.UUID, counter: int) -> bool:
    """Whether this call exchanged the token: one statement decides all races."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "id": sign_in_id,
            "counter": counter,
            "kept": _KEPT_ROTATIONS,
            "lifetime": settings.REFRESH_TOKEN_LIFETIME,
            "longest": LONGEST,
        }
        cursor.execute(_ROTATE, values)
        return cursor.fetchone() is not None


def _in_grace(sign_in_id: uuid.UUID, counter: int) -> bool:
    """Whether the token was exchanged less than 10 seconds ago by someone else."""
    row = (
        SignIn.objects.select_related("user")
        .filter(id=sign_in_id, revoked_at=None, expires_at__gt=Now())
        .filter(user__is_active=True)
        .annotate(database_now=Now())
        .first()
    )
    if row is None or row.session_version != row.user.session_version:
        return False
    exchanged = row.counter - counter - 1
    if not 0 <= exchanged < len(row.rotations):
        return False
    return bool(row.database_now - row.rotations[exchanged] < GRACE)


def _revoke_reused(sign_in_id: uuid.UUID, counter: int) -> None:
    older = SignIn.objects.filter(id=sign_in_id, counter__gt=counter, revoked_at=None)
    older.update(revoked_at=Now(), revoked_because="reused")


@transaction.atomic
def sign_out(*, token: str) -> None:
    """End the sign-in that a refresh token belongs to, with all its tokens.

    Raises:
        Unauthenticated: we did not make the token.
    """
    sign_in_id, _ = tokens.read_refresh_token(token)
    sign_in_end(sign_in_id)


def sign_in_end(sign_in_id: uuid.UUID) -> None:
    """End a sign-in; its access tokens are refused from now on."""
    open_ = SignIn.objects.filter(id=sign_in_id, revoked_at=None)
    open_.update(revoked_at=Now(), revoked_because="signed_out")


def page_token(
    user: User,
    *,
    sign_in_id: uuid.UUID | None,
    organization_id: uuid.UUID | None,
    address: str | None,
) -> tuple[str, SignIn]:
    """A token for the WebSocket of a page whose user signed in by cookie.

    Args:
        sign_in_id: the sign-in that the page's session used before, if any.
    """
    found = SignIn.objects.filter(
        Q(id=sign_in_id),
        user=user,
        revoked_at=None,
        session_version=user.session_version,
        expires_at__gt=timezone.now() + settings.ACCESS_TOKEN_LIFETIME,
    ).first()
    if found is None:
        found = SignIn.objects.create(
            user=user,
            session_version=user.session_version,
            address=address,
            expires_at=timezone.now() + settings.REFRESH_TOKEN_LIFETIME,
        )
    token = tokens.access_token(user, found, organization_id, kind=tokens.SocketAccess)
    return token, found
