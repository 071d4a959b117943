"""The one door to the network: resolve once, check every answer, connect."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from apps.core.egress.errors import EgressRefused, InvalidHost
from apps.core.egress.hosts import is_numeric, normalize_host
from apps.core.egress.policy import Policy
from apps.core.errors import TemporaryFailure

log = logging.getLogger(__name__)

MAX_ADDRESSES_TRIED = 8
_LEAST_ATTEMPT_S = 0.25


class Address(NamedTuple):
    """One answer of a resolver, as `socket.connect` takes it."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


Resolver = Callable[[str, int], Sequence[Address]]


def resolve_by_system(host: str, port: int) -> list[Address]:
    """All addresses the operating system knows for a host.

    Raises:
        OSError: the name does not exist or nobody answers.
    """
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    wanted = (socket.AF_INET, socket.AF_INET6)
    found = [
        Address(family, (str(address[0]), int(address[1]), *address[2:]))
        for family, _, _, _, address in answers
        if family in wanted
    ]
    return list(dict.fromkeys(found))


def connect(
    host: str,
    port: int,
    *,
    policy: Policy,
    timeout: float | timedelta,
    resolve: Resolver = resolve_by_system,
) -> socket.socket:
    """A TCP connection to a host that the policy allows.

    The name is resolved once, and the socket goes to one of the very addresses that
    were checked, so a second, different DNS answer changes nothing.

    Args:
        timeout: seconds (or a timedelta) for look-up and connection together; it
            stays set on the socket.
        resolve: gives the addresses of a host.

    Raises:
        EgressRefused: one of the host's addresses is forbidden.
        InvalidHost: the host or port is malformed.
        TemporaryFailure: `dns_failed`, `connection_failed` or `timeout`.
    """
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    deadline = time.monotonic() + seconds
    addresses = checked_addresses(
        host, port, policy=policy, timeout=seconds, resolve=resolve
    )
    sock = _connect_any(addresses, normalize_host(host), port, deadline)
    sock.settimeout(seconds)
    return sock


def checked_addresses(
    host: str,
    port: int,
    *,
    policy: Policy,
    timeout: float,
    resolve: Resolver = resolve_by_system,
) -> list[Address]:
    """The host's addresses, a few at most, once the policy allows all it has.

    For libraries that open their sockets themselves and can be told to which address:
    with the name alone they would ask again, and may get another answer.

    Args:
        timeout: seconds for the look-up.

    Raises:
        EgressRefused, InvalidHost, TemporaryFailure: as `connect`.
    """
    name = normalize_host(host)
    if not 1 <= port <= 65535:
        raise InvalidHost(f"{port} is no valid port.", host=name)
    addresses = _look_up(name, port, resolve, time.monotonic() + timeout)
    for address in addresses:
        _check(policy, address, name, port)
    return addresses[:MAX_ADDRESSES_TRIED]


def _check(policy: Policy, address: Address, name: str, port: int) -> None:
    try:
        policy.check_address(address.sockaddr[0], port, name)
    except EgressRefused as refusal:
        extra = {"action": "egress_refused", **refusal.details}
        log.warning("Refused an outbound connection", extra=extra)
        raise


def _look_up(name: str, port: int, resolve: Resolver, deadline: float) -> list[Address]:
    if is_numeric(name):
        return resolve_by_system(name, port)
    answers: list[Address] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            answers.extend(resolve(name, port))
        except (OSError, UnicodeError) as error:
            failures.append(error)

    # The C resolver has no time limit of its own, so it gets a thread to hang in.
    thread = threading.Thread(target=ask, name="egress-resolve", daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if thread.is_alive():
        raise _dns_failed(name, "no answer in time")
    if failures:
        raise _dns_failed(name, str(failures[0])) from failures[0]
    if not answers:
        raise _dns_failed(name, "it has no address")
    return answers


def _dns_failed(name: str, why: str) -> TemporaryFailure:
    message = f"The address of {name} could not be looked up: {why}."
    return TemporaryFailure(message, code="dns_failed", host=name)


def _connect_any(
    addresses: Sequence[Address], name: str, port: int, deadline: float
) -> socket.socket:
    last: OSError | None = None
    for index, address in enumerate(addresses):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        # An address that swallows packets must leave time for the next one.
        share = max(left / (len(addresses) - index), min(left, _LEAST_ATTEMPT_S))
        try:
            return _connect_one(address, share)
        except OSError as error:
            last = error
    raise _not_connected(name, port, last) from last


def _connect_one(address: Address, timeout_s: float) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


def _not_connected(name: str, port: int, last: OSError | None) -> TemporaryFailure:
    if last is None or isinstance(last, TimeoutError):
        message = f"{name} did not accept a connection on port {port} in time."
        return TemporaryFailure(message, code="timeout", host=name, port=port)
    why = last.strerror or type(last).__name__
    message = f"{name} could not be reached on port {port}: {why}."
    return TemporaryFailure(message, code="connection_failed", host=name, port=port)
