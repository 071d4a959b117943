"""Reads a URL once, strictly, into the place to connect to."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from apps.core.egress.errors import InvalidHost
from apps.core.egress.hosts import normalize_host
from apps.core.errors import PermanentFailure

MAX_URL_LENGTH = 32 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Parsers disagree on what these mean before the path, so nobody gets to guess.
_AMBIGUOUS = re.compile(r"[\\\s]")


class Origin(NamedTuple):
    """Scheme, host and port: what a connection and its secrets belong to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}"

    @property
    def host_header(self) -> str:
        """The value of the `Host` header."""
        name = self.host.partition("%")[0]
        name = f"[{name}]" if ":" in name else name
        if self.port == DEFAULT_PORTS[self.scheme]:
            return name
        return f"{name}:{self.port}"

    def keeps_secrets_of(self, other: "Origin") -> bool:
        """Whether what was sent to `other` may be sent here after a redirect."""
        if self == other:
            return True
        upgrade = (other.scheme, other.port, self.scheme, self.port)
        return self.host == other.host and upgrade == ("http", 80, "https", 443)


def parse_origin(url: str) -> Origin:
    """Where a URL leads.

    Raises:
        PermanentFailure: `invalid_url`, not an http(s) URL that every reader would
            understand alike.
    """
    if len(url) > MAX_URL_LENGTH:
        raise _invalid(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if _CONTROL.search(url):
        raise _invalid("The URL has a control character in it.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _invalid(f"The URL cannot be read: {error}.") from error
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise _invalid(f"Only http and https URLs are possible, not {scheme[:20]!r}.")
    if _AMBIGUOUS.search(parts.netloc):
        raise _invalid("The URL has a backslash or space before its path.")
    return _origin(scheme, parts.netloc, port)


def _origin(scheme: str, netloc: str, port: int | None) -> Origin:
    host = netloc.rpartition("@")[2]
    if port is not None or host.endswith(":"):
        host = host.rpartition(":")[0]
    if port == 0:
        raise _invalid("The URL has no valid port.")
    try:
        return Origin(scheme, normalize_host(host), port or DEFAULT_PORTS[scheme])
    except InvalidHost as error:
        raise _invalid(f"The URL has no valid host: {error}") from error


def _invalid(message: str) -> PermanentFailure:
    return PermanentFailure(message, code="invalid_url")
