"""What may be connected to: the public internet and what the operator adds."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_network

from apps.core.egress.addresses import (
    IPAddress,
    IPNetwork,
    embedded,
    parse_address,
    why_not_public,
)
from apps.core.egress.errors import EgressRefused, InvalidHost
from apps.core.egress.hosts import is_numeric, is_private_name, normalize_host

_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class Entry:
    """One allowed destination: a host name or a network, with or without a port."""

    host: str | None = None
    network: IPNetwork | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Entry":
        """Read `host`, `host:8000`, `10.0.0.0/8`, `10.0.0.0/8:5432` or `[::1]:8000`.

        Raises:
            ValueError: the text is none of these; the message quotes it.
        """
        host, port = _split(text)
        try:
            return cls(network=ip_network(host, strict=False), port=port)
        except ValueError:
            if "/" in host:
                raise ValueError(f"{text!r} is no valid network") from None
        try:
            return cls(host=normalize_host(host), port=port)
        except InvalidHost as error:
            raise ValueError(f"{text!r} is no host, address or network") from error

    def covers(self, host: str, port: int, addresses: list[IPAddress]) -> bool:
        """Whether a connection to `host`, which is one of `addresses`, is meant."""
        if self.port is not None and self.port != port:
            return False
        if self.network is None:
            return self.host == host
        return any(address in self.network for address in addresses)


@dataclass(frozen=True)
class Policy:
    """Public addresses are allowed, all others only when an entry names them.

    Args:
        allow: entries as `Entry.parse` reads them. A host name allows whatever it
            resolves to, so list only names whose DNS you trust.

    Raises:
        ValueError: an entry cannot be read.
    """

    allow: tuple[str, ...] = ()
    _entries: tuple[Entry, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        entries = tuple(Entry.parse(text) for text in self.allow)
        object.__setattr__(self, "_entries", entries)

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """The policy of a setting: entries separated by commas or white space."""
        return cls(tuple(filter(None, re.split(r"[,\s]+", text))))

    def check_address(self, ip: str | IPAddress, port: int, host: str) -> None:
        """Pass when `host`, which is at `ip`, may be connected to.

        Raises:
            EgressRefused: the address is not public and no entry allows it.
        """
        address = parse_address(ip) if isinstance(ip, str) else ip
        reason = why_not_public(address)
        if reason is None:
            return
        inner = embedded(address)
        faces: list[IPAddress] = [address] if inner is None else [address, inner]
        if any(entry.covers(host, port, faces) for entry in self._entries):
            return
        raise _refusal(host, port, address, reason)

    def check_name(self, host: str, port: int) -> None:
        """Pass when somebody else may connect to a name for us, and look it up.

        Raises:
            EgressRefused: no public host has such a name, and no entry allows it.
        """
        if not is_private_name(host):
            return
        if any(entry.covers(host, port, []) for entry in self._entries):
            return
        raise EgressRefused(
            f"Connection to {host} port {port} by a proxy, refused: private name. An "
            f"operator can allow it by adding {host}:{port} to EGRESS_ALLOW.",
            host=host,
            port=port,
            reason="private name",
        )


def _refusal(host: str, port: int, address: IPAddress, reason: str) -> EgressRefused:
    name = str(address) if is_numeric(host) else host
    where = f"[{name}]" if ":" in name else name
    at = "" if host == str(address) else f", found at {address}"
    return EgressRefused(
        f"Connection to {host} port {port}{at}, refused: {reason}, not a public one. "
        f"An operator can allow it by adding {where}:{port} to EGRESS_ALLOW.",
        host=host,
        port=port,
        address=str(address),
        reason=reason,
    )


def _split(text: str) -> tuple[str, int | None]:
    if text.count(":") > 1 and not text.startswith("["):
        return text, None
    match = _PORT.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no host, address or network")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(f"{text!r} has no valid port")
    return match["host"].removeprefix("[").removesuffix("]"), port
