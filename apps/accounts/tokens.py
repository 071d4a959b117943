"""The three kinds of secrets that callers hold: access, refresh, random.

Access tokens are signed statements (JWT). Refresh tokens are derived from their
sign-in's key and their number, so the same one can be made again without being
stored. Random ones (API keys, invitations) are stored as hashes.
"""

import hashlib
import hmac
import secrets
import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from apps.accounts.errors import Unauthenticated
from apps.accounts.models import SignIn, User

MAX_TOKEN_LENGTH = 4_096
API_KEY_PREFIX, REFRESH_PREFIX = "rpa_", "rpr_"
SHOWN_LENGTH = 12
_ALGORITHM = str(settings.SIMPLE_JWT["ALGORITHM"])
_AUDIENCE = str(settings.SIMPLE_JWT["AUDIENCE"])
_ISSUER = str(settings.SIMPLE_JWT["ISSUER"])
_REFUSED = "The token is not valid or has expired."
# What a token that is ours by signature but odd inside makes the libraries raise.
_ODD = (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError)


def refused() -> Unauthenticated:
    """The one error for all tokens that are no good; it does not say why."""
    return Unauthenticated(_REFUSED, code="token_not_valid")


def _key(purpose: str) -> bytes:
    """A key of our own for each purpose, from the installation's secret."""
    secret = str(settings.SECRET_KEY).encode()
    return hmac.digest(secret, f"rpa.accounts.{purpose}".encode(), "sha256")


class KeyedBackend(TokenBackend):
    """Signs with a named key and takes only tokens that name it."""

    @property
    def key_id(self) -> str:
        """The name of the signing key, which tells nothing about the key."""
        return hmac.digest(_key("access"), b"kid", "sha256").hex()[:16]

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        return jwt.encode(
            claims, _key("access"), self.algorithm, headers={"kid": self.key_id}
        )

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        if jwt.get_unverified_header(token).get("kid") != self.key_id:
            raise jwt.InvalidTokenError("unknown key")
        claims: dict[str, Any] = jwt.decode(
            token,
            _key("access"),
            algorithms=[self.algorithm],
            audience=self.audience,
            issuer=self.issuer,
            options={"require": ["exp", "iat", "jti", "sub", "aud", "iss"]},
        )
        return claims


class Access(AccessToken):
    """Says for ten minutes who signed in, for which organization, by which sign-in."""

    lifetime = settings.ACCESS_TOKEN_LIFETIME

    @property
    def token_backend(self) -> TokenBackend:
        return KeyedBackend(_ALGORITHM, "", "", _AUDIENCE, _ISSUER)


class SocketAccess(Access):
    """Like an access token, but good for the WebSocket alone."""

    token_type = "socket"  # noqa: S105  # the name of a kind


def access_token(
    user: User,
    sign_in: SignIn,
    organization_id: uuid.UUID | None,
    lifetime: timedelta | None = None,
    *,
    kind: type[Access] = Access,
) -> str:
    """A new access token of a sign-in."""
    token = kind()
    if lifetime is not None:
        token.set_exp(lifetime=lifetime)
    token["sub"] = str(user.id)
    token["org"] = str(organization_id) if organization_id else None
    token["sid"] = str(sign_in.id)
    token["ver"] = user.session_version
    return str(token)


def read_access_token(text: str, *kinds: type[Access]) -> dict[str, Any]:
    """The claims of a genuine access token that has not expired.

    `sub` and `sid` are UUIDs, `org` is one or None, `ver` and `exp` are numbers.

    Args:
        kinds: other kinds that are taken too.

    Raises:
        Unauthenticated: it is anything else.
    """
    if len(text) > MAX_TOKEN_LENGTH:
        raise refused()
    for kind in kinds:
        with suppress(Unauthenticated):
            return _claims(text, kind)
    return _claims(text, Access)


def _claims(text: str, kind: type[Access]) -> dict[str, Any]:
    try:
        claims = dict(kind(text).payload)  # type: ignore[arg-type]  # stubs want a Token
        return {
            "sub": uuid.UUID(claims["sub"]),
            "sid": uuid.UUID(claims["sid"]),
            "org": uuid.UUID(claims["org"]) if claims["org"] else None,
            "ver": int(claims["ver"]),
            "exp": int(claims["exp"]),
        }
    except (TokenError, jwt.PyJWTError, AttributeError, *_ODD) as error:
        raise refused() from error


def refresh_token(sign_in_id: uuid.UUID, counter: int) -> str:
    """The refresh token number `counter` of a sign-in; always the same one."""
    text = f"{sign_in_id.hex}.{counter}"
    proof = hmac.digest(_key("refresh"), text.encode(), "sha256").hex()
    return f"{REFRESH_PREFIX}{text}.{proof}"


def read_refresh_token(text: str) -> tuple[uuid.UUID, int]:
    """The sign-in and number of a refresh token that we made.

    Raises:
        Unauthenticated: we did not make it.
    """
    parts = text.removeprefix(REFRESH_PREFIX).split(".")
    if len(text) > MAX_TOKEN_LENGTH or len(parts) != 3 or len(parts[1]) > 9:
        raise refused()
    try:
        sign_in_id, counter = uuid.UUID(parts[0]), int(parts[1])
    except ValueError as error:
        raise refused() from error
    expected = refresh_token(sign_in_id, counter)
    if not hmac.compare_digest(expected.encode(), text.encode(errors="replace")):
        raise refused()
    return sign_in_id, counter


def random_token(prefix: str = "") -> str:
    """A new secret with 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """What is stored of a random token; it has no need for a slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
