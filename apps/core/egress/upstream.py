"""A proxy of somebody else's that connections go out by, after our own checks.

The proxy itself is a destination like any other. What it connects to is its business:
it looks the names up, in a network that is not ours. So of a target only that is
checked which needs no look-up: addresses, and names that cannot be public ones.
"""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from apps.core.egress.dialing import resolve_by_system
from apps.core.egress.errors import InvalidHost
from apps.core.egress.hosts import is_numeric, normalize_host
from apps.core.egress.origins import Origin
from apps.core.egress.policy import Policy

Scheme = Literal["http", "socks5"]
_SERVER = re.compile(r"(?P<scheme>http|socks5)://(?P<host>[^/?#@\s]+):(?P<port>\d+)/?")


class Server(NamedTuple):
    """Where a proxy listens, and what it speaks."""

    scheme: Scheme
    host: str
    port: int


def parse_server(text: str) -> Server:
    """Read `http://host:port` or `socks5://host:port`.

    Raises:
        ValueError: it is neither.
    """
    match = _SERVER.fullmatch(text)
    if match is None:
        raise ValueError("must be http://host:port or socks5://host:port")
    try:
        host, port = normalize_host(match["host"]), urlsplit(text).port
    except (InvalidHost, ValueError) as error:
        raise ValueError("must name a valid host and port") from error
    if not port:
        raise ValueError("must name a valid port")
    scheme: Scheme = "http" if match["scheme"] == "http" else "socks5"
    return Server(scheme, host, port)


@dataclass(frozen=True)
class Upstream:
    """A proxy to go out by, and for which hosts not to.

    Args:
        bypass: host names; `*.example.com` stands for all below that name.
    """

    server: Server
    username: str = ""
    password: str = field(default="", repr=False)
    bypass: tuple[str, ...] = ()

    @property
    def takes_requests(self) -> bool:
        """Whether it carries plain HTTP requests, beside tunnels."""
        return self.server.scheme == "http"

    @property
    def authorization(self) -> list[tuple[bytes, bytes]]:
        """The header that signs in to an HTTP proxy, if it needs one."""
        if not (self.username or self.password):
            return []
        login = b64encode(f"{self.username}:{self.password}".encode())
        return [(b"Proxy-Authorization", b"Basic " + login)]

    def passes_by(self, host: str) -> bool:
        """Whether a host is connected to without the proxy."""
        return any(_fits(host, pattern.lower()) for pattern in self.bypass)


def checked_target(origin: Origin, policy: Policy) -> Origin:
    """What the proxy may be asked for, addresses in their usual form.

    Raises:
        EgressRefused: the policy forbids it.
    """
    if not is_numeric(origin.host):
        policy.check_name(origin.host, origin.port)
        return origin
    # Reads the text, asks nobody.
    address = str(resolve_by_system(origin.host, origin.port)[0].sockaddr[0])
    policy.check_address(address, origin.port, origin.host)
    return origin._replace(host=address.partition("%")[0])


def _fits(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
