"""Request headers: what callers may set, and what stays behind on a redirect."""

import re
from collections.abc import Collection, Mapping

from requests.structures import CaseInsensitiveDict

from apps.core.errors import PermanentFailure
from apps.core.http.limits import MAX_HEADER_BYTES

MAX_HEADERS = 100
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# These frame the message or speak to the next machine: they are the client's.
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SECRET = frozenset({"authorization", "cookie"})


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The caller's headers, once they are fit to be sent.

    Raises:
        PermanentFailure: `invalid_header`; the message names the header, never its
            value.
    """
    checked = {str(name): str(value) for name, value in (headers or {}).items()}
    for name, value in checked.items():
        _check(name, value)
    size = sum(len(name) + len(value) + 4 for name, value in checked.items())
    if len(checked) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        limit = f"{MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together"
        raise _invalid(f"The request has more than {limit}.")
    return checked


def _check(name: str, value: str) -> None:
    shown = repr(name[:60])
    if not _NAME.fullmatch(name):
        raise _invalid(f"{shown} is no valid header name.")
    if name.lower() in _OURS:
        raise _invalid(f"The header {shown} is set by the client itself.")
    if not _VALUE.fullmatch(value):
        raise _invalid(
            f"The value of header {shown} has characters that cannot be sent."
        )


def without_secrets(
    headers: Mapping[str, str], secret_headers: Collection[str]
) -> CaseInsensitiveDict[str]:
    """The headers that another host may see."""
    secret = _SECRET | {name.lower() for name in secret_headers}
    kept = {
        name: value for name, value in headers.items() if name.lower() not in secret
    }
    return CaseInsensitiveDict(kept)


def _invalid(message: str) -> PermanentFailure:
    return PermanentFailure(message, code="invalid_header")
