"""Which IP addresses are ordinary public ones, and what the others are."""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from apps.core.egress.errors import InvalidHost

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

# Own list after the IANA special-purpose registries: `is_global` differs between
# Python's patch releases and passes the cloud hosts and the transition prefixes.
_SPECIAL_V4 = {
    "168.63.129.16/32": "cloud platform address",
    "169.254.169.254/32": "cloud metadata address",
    "100.100.100.200/32": "cloud metadata address",
    "192.0.0.192/32": "cloud metadata address",
    "0.0.0.0/8": "address of this host",
    "127.0.0.0/8": "loopback address",
    "10.0.0.0/8": "private address",
    "172.16.0.0/12": "private address",
    "192.168.0.0/16": "private address",
    "100.64.0.0/10": "carrier-grade NAT address",
    "169.254.0.0/16": "link-local address",
    "192.0.0.0/24": "reserved address",
    "192.0.2.0/24": "documentation address",
    "192.88.99.0/24": "6to4 relay address",
    "198.18.0.0/15": "benchmark address",
    "198.51.100.0/24": "documentation address",
    "203.0.113.0/24": "documentation address",
    "224.0.0.0/4": "multicast address",
    "240.0.0.0/4": "reserved address",
}
_SPECIAL_V6 = {
    "::/128": "address of this host",
    "::1/128": "loopback address",
    "::ffff:0:0:0/96": "translated IPv4 address",
    "::/96": "IPv4-compatible address",
    "64:ff9b:1::/48": "local NAT64 address",
    "100::/64": "discard-only address",
    "2001::/32": "Teredo address",
    "2001::/23": "reserved address",
    "2001:db8::/32": "documentation address",
    "2002::/16": "6to4 address",
    "3fff::/20": "documentation address",
    "fd00:ec2::254/128": "cloud metadata address",
    "fc00::/7": "private address",
    "fe80::/10": "link-local address",
    "fec0::/10": "site-local address",
    "ff00::/8": "multicast address",
}
_SPECIAL: list[tuple[IPNetwork, str]] = [
    (ip_network(text), reason) for text, reason in (_SPECIAL_V4 | _SPECIAL_V6).items()
]
_UNICAST_V6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32_BITS = [
    _MAPPED,
    _NAT64,
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("64:ff9b:1::/96"),
]


def parse_address(text: str) -> IPAddress:
    """The address that `text` spells out; a zone id (`%eth0`) is left out.

    Raises:
        InvalidHost: it is no IP address in its usual form.
    """
    try:
        return ip_address(text.partition("%")[0])
    except ValueError as error:
        raise InvalidHost(f"{text!r} is no IP address.") from error


def embedded(address: IPAddress) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address carries to a translator or tunnel."""
    if isinstance(address, IPv4Address) or int(address) <= 1:  # :: and ::1
        return None
    if any(address in network for network in _LOW_32_BITS):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else None


def why_not_public(address: IPAddress) -> str | None:
    """What is special about an address; None for ordinary public ones.

    Mapped and NAT64 addresses are judged by the IPv4 address in them, since networks
    without IPv4 reach every IPv4 site through NAT64. Other tunnels are refused.
    """
    inner = embedded(address)
    if inner is not None and (reason := why_not_public(inner)):
        return f"{reason} ({inner})"
    if inner is not None and (address in _MAPPED or address in _NAT64):
        return None
    for network, reason in _SPECIAL:
        if address in network:
            return reason
    if isinstance(address, IPv6Address) and address not in _UNICAST_V6:
        return "reserved address"
    return None if address.is_global else "reserved address"
