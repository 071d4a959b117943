"""Outbound connections: every socket that leaves the platform is checked here."""

from apps.core.egress.dialing import (
    Address,
    Resolver,
    checked_addresses,
    connect,
    resolve_by_system,
)
from apps.core.egress.errors import EgressRefused, InvalidHost
from apps.core.egress.hosts import normalize_host
from apps.core.egress.policy import Policy

__all__ = [
    "Address",
    "EgressRefused",
    "InvalidHost",
    "Policy",
    "Resolver",
    "checked_addresses",
    "connect",
    "normalize_host",
    "resolve_by_system",
]
