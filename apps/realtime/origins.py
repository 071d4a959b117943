"""Which sites' pages may connect.

No cookie counts on the socket, so a foreign page could do no more here than any
program without a token. It is refused all the same: a page that holds a token it
should not have gets no further.
"""

from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.http.request import validate_host

_TOKEN_NAMES = frozenset(
    {"token", "access_token", "access", "jwt", "bearer", "authorization", "ticket"}
    | {"api_key", "apikey", "key", "auth", "ws_token"}
)
_TOKEN_BEGINNINGS = ("eyJ", "rpa_")


def is_allowed(origin: str | None) -> bool:
    """Whether a page of this origin may connect; None: no browser asks.

    It is allowed when it is that of `PUBLIC_URL`, or its host is in `ALLOWED_HOSTS`.
    """
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    if origin.rstrip("/").lower() == _origin_of(settings.PUBLIC_URL):
        return True
    return validate_host(host, settings.ALLOWED_HOSTS)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def has_token(query: bytes) -> bool:
    """Whether an address holds a token, which so stands in the logs of others."""
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(
        name.lower() in _TOKEN_NAMES or value.startswith(_TOKEN_BEGINNINGS)
        for name, value in given
    )
