"""Asking a proxy for a tunnel: by HTTP's CONNECT, or by SOCKS 5 (RFC 1928, 1929)."""

import contextlib
import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

from apps.core.egress.errors import ProxyRefused
from apps.core.egress.origins import Origin
from apps.core.egress.upstream import Upstream
from apps.core.errors import TemporaryFailure

_MOST_HEAD_BYTES = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_NO_LOGIN, _LOGIN = 0, 2
_NOT_ALLOWED = 2
_MOST_LOGIN_BYTES = 255
_REPLIES = {
    1: "it failed",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the connection was refused",
    6: "the time ran out",
    7: "it makes no such connections",
    8: "it knows no such addresses",
}


def open_tunnel(sock: socket.socket, upstream: Upstream, origin: Origin) -> None:
    """Make a connection to a proxy one to the server that lies behind.

    Raises:
        ProxyRefused: `proxy_auth_failed` or `proxy_refused`.
        TemporaryFailure: `proxy_failed` or `timeout`.
    """
    with _told():
        if upstream.takes_requests:
            _by_connect(sock, upstream, origin)
        else:
            _by_socks(sock, upstream, origin)


def login_refused() -> ProxyRefused:
    """The failure of a proxy that wants another user or password."""
    message = "The workflow's proxy refused the user and password."
    return ProxyRefused(message, code="proxy_auth_failed")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        message = "The workflow's proxy did not answer in time."
        raise TemporaryFailure(message, code="timeout") from error
    except OSError as error:
        raise _failed("it hung up") from error


def _failed(why: str) -> TemporaryFailure:
    message = f"The workflow's proxy made no connection: {why}."
    return TemporaryFailure(message, code="proxy_failed")


def _by_connect(sock: socket.socket, upstream: Upstream, origin: Origin) -> None:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    where = f"{host}:{origin.port}".encode()
    lines = [b"CONNECT %s HTTP/1.1" % where, b"Host: " + where]
    lines += [b"%s: %s" % header for header in upstream.authorization]
    sock.sendall(b"\r\n".join([*lines, b"", b""]))
    match = _STATUS.match(_head(sock))
    status = int(match[1]) if match else 0
    if 200 <= status < 300:
        return
    if status == 407:
        raise login_refused()
    if 400 <= status < 500:
        message = f"The workflow's proxy refused the server, with status {status}."
        raise ProxyRefused(message, status=status)
    raise _failed(f"status {status}" if status else "it does not speak HTTP")


def _head(sock: socket.socket) -> bytes:
    """An answer up to its empty line; what follows is the server's, and stays."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if len(head) > _MOST_HEAD_BYTES:
            raise _failed("its answer has no end")
        head += _read(sock, 1)
    return head


def _by_socks(sock: socket.socket, upstream: Upstream, origin: Origin) -> None:
    has_login = bool(upstream.username or upstream.password)
    methods = bytes([_NO_LOGIN, _LOGIN] if has_login else [_NO_LOGIN])
    sock.sendall(bytes([5, len(methods)]) + methods)
    version, method = _read(sock, 2)
    if version != 5:
        raise _failed("it does not speak SOCKS 5")
    if method == _LOGIN and has_login:
        _sign_in(sock, upstream)
    elif method != _NO_LOGIN:
        raise login_refused()
    sock.sendall(b"\x05\x01\x00" + _address(origin.host) + origin.port.to_bytes(2))
    _, reply, _, kind = _read(sock, 4)
    if reply == _NOT_ALLOWED:
        raise ProxyRefused("The workflow's proxy refused the server.")
    if reply != 0:
        raise _failed(_REPLIES.get(reply, f"reply {reply}"))
    # Where the proxy's own end is; nobody needs it.
    size = {1: 4, 4: 16}.get(kind) or _read(sock, 1)[0]
    _read(sock, size + 2)


def _sign_in(sock: socket.socket, upstream: Upstream) -> None:
    message = b"\x01"
    for text in (upstream.username, upstream.password):
        data = text.encode()
        if len(data) > _MOST_LOGIN_BYTES:
            raise login_refused()
        message += bytes([len(data)]) + data
    sock.sendall(message)
    if _read(sock, 2)[1] != 0:
        raise login_refused()


def _address(host: str) -> bytes:
    """A host as SOCKS writes it: names as they are, so the proxy looks them up."""
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode()
        return bytes([3, len(name)]) + name
    kind = b"\x01" if isinstance(address, IPv4Address) else b"\x04"
    return kind + address.packed


def _read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise _failed("it hung up")
        data += piece
    return data
