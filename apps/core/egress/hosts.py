"""One spelling for every host name, before anything is resolved or compared."""

import re
import socket
from ipaddress import IPv6Address

import idna

from apps.core.egress.errors import InvalidHost

MAX_HOST_LENGTH = 253
# Docker and Windows names carry underscores, so these are more than DNS allows.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Set aside for private networks, or widely used for them (RFC 6761, 6762, 8375).
_PRIVATE_ENDS = frozenset(
    {
        "corp",
        "home",
        "home.arpa",
        "internal",
        "intranet",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "private",
    }
)
_ZONE = re.compile(r"(?:25)?[A-Za-z0-9_.~-]{1,32}")


def normalize_host(host: str) -> str:
    """The host in lower case and ASCII, without brackets and trailing dot.

    IPv6 addresses come out in their short form; number forms of IPv4 (`127.1`,
    `0x7f.1`) stay as written, for the resolver to read.

    Raises:
        InvalidHost: empty, too long, or with characters that no host has.
    """
    if host.startswith("[") or ":" in host:
        return _normalize_v6(host)
    name = host if host.isascii() else _to_ascii(host)
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > MAX_HOST_LENGTH or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidHost(f"{host[:100]!r} is no valid host name.")
    return name


def _to_ascii(host: str) -> str:
    # Full-width digits and dots become plain ones here, so "127.0.0.1" has no twins.
    try:
        return idna.encode(host, uts46=True, transitional=False).decode()
    except idna.IDNAError as error:
        raise InvalidHost(f"{host[:100]!r} is no valid host name.") from error


def _normalize_v6(host: str) -> str:
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    text, mark, zone = inner.partition("%")
    try:
        address = IPv6Address(text)
    except ValueError as error:
        raise InvalidHost(f"{host[:100]!r} is no valid IPv6 address.") from error
    if mark and not _ZONE.fullmatch(zone):
        raise InvalidHost(f"{host[:100]!r} has no valid zone.")
    # In a URL the zone's "%" is written "%25".
    return f"{address}%{zone.removeprefix('25')}" if mark else str(address)


def is_numeric(host: str) -> bool:
    """Whether the resolver reads `host` as an address, without asking anybody."""
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


def is_private_name(host: str) -> bool:
    """Whether a name, as `normalize_host` gives it, can only be a private network's."""
    labels = host.split(".")
    ends = {labels[-1], ".".join(labels[-2:])}
    return len(labels) == 1 or not ends.isdisjoint(_PRIVATE_ENDS)
