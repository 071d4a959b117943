"""Where browsers of other machines are had, and whether that is set up safely."""

import base64
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Place:
    """Where a driver or a grid listens.

    Attributes:
        address: without user and password.
        secret: the password, for basic authentication; None: none is asked for.
        proxy_host: by which name its browsers reach our egress proxy.
    """

    address: str
    user: str = ""
    secret: str | None = field(default=None, repr=False)
    proxy_host: str = ""

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.address).netloc

    @property
    def headers(self) -> list[str]:
        """What a connection past the driver's own has to say first."""
        if self.secret is None:
            return []
        packed = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        return [f"Authorization: Basic {packed}"]


def read_place(url: str, *, listen: str, proxy_host: str) -> Place:
    """The place that the operator named; errors as `problems` finds them.

    Args:
        listen: the address that our egress proxy listens on.
        proxy_host: how it is reached from there; empty: by that address, or by this
            machine's name when it listens on all of them.

    Raises:
        ValueError: the URL is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("SELENIUM_REMOTE_URL must be http://host:port or https://")
    host = parts.netloc.rpartition("@")[2]
    secret = None if parts.password is None else unquote(parts.password)
    reached = proxy_host or (
        socket.gethostname() if ip_address(listen).is_unspecified else listen
    )
    return Place(
        address=f"{parts.scheme}://{host}{parts.path.rstrip('/')}",
        user=unquote(parts.username or ""),
        secret=secret,
        proxy_host=reached,
    )


def problems(url: str, *, listen: str, peers: str, proxy_host: str) -> list[str]:
    """What is wrong with the settings of browsers elsewhere; empty: nothing.

    All of a browser's traffic takes our egress proxy, which must be reachable from
    there, and not by anybody else.
    """
    try:
        is_local = ip_address(listen).is_loopback
    except ValueError:
        return ["EGRESS_PROXY_LISTEN must be an IP address of this machine, or 0.0.0.0"]
    found = []
    try:
        networks = read_networks(peers)
    except ValueError as error:
        return [f"EGRESS_PROXY_PEERS must be addresses or networks, by comma: {error}"]
    if not is_local and not networks:
        found.append(
            f"the egress proxy would be open to all on {listen}: name the machines of "
            "the grid in EGRESS_PROXY_PEERS"
        )
    if not url:
        return found
    try:
        place = read_place(url, listen=listen, proxy_host=proxy_host)
    except ValueError as error:
        return [*found, str(error)]
    if is_local and not _is_loopback(urlsplit(place.address).hostname or ""):
        found.append(
            f"browsers at {place.host} cannot reach the egress proxy on {listen}: set "
            "EGRESS_PROXY_LISTEN, EGRESS_PROXY_PEERS and, where the name of this "
            "machine is not known there, EGRESS_PROXY_HOST"
        )
    return found


def read_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Networks by comma; a single address is one, too.

    Raises:
        ValueError: one of them is none; the message quotes it.
    """
    parts = (part.strip() for part in text.split(","))
    return [ip_network(part, strict=False) for part in parts if part]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
