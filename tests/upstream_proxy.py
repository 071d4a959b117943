"""Somebody else's proxy, HTTP and SOCKS 5 on one port, that keeps the contract."""

import base64
import contextlib
import socket
from collections.abc import Iterator

from apps.core.egress.relay import relay
from tests.raw_server import RawServer, read_exactly, read_head


class UpstreamProxy:
    """Looks up names as it is told to, and knows what it was asked for.

    Args:
        routes: `host:port` to the local port that stands for it.
        login: user and password that it wants.

    Attributes:
        asked: `connect host:port`, `get URL` or `socks host:port`, oldest first.
    """

    def __init__(
        self, routes: dict[str, int], login: tuple[str, str] | None = None
    ) -> None:
        self._routes, self._login = routes, login
        self.asked: list[str] = []
        self.server = RawServer(self._serve)

    @property
    def address(self) -> str:
        return self.server.address

    def _serve(self, client: socket.socket) -> None:
        if client.recv(1, socket.MSG_PEEK) == b"\x05":
            self._serve_socks(client)
        else:
            self._serve_http(client)

    def _serve_http(self, client: socket.socket) -> None:
        head = read_head(client)
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.asked.append(f"{method.lower()} {target}")
        if self._login and self._basic() not in head:
            client.sendall(b"HTTP/1.1 407 Sign in\r\nContent-Length: 0\r\n\r\n")
            return
        where = target.removeprefix("http://").partition("/")[0]
        port = self._routes.get(where if ":" in where else f"{where}:80")
        if port is None:
            client.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                path = target.removeprefix("http://").partition("/")[2]
                server.sendall(head.replace(target.encode(), f"/{path}".encode(), 1))
            relay(client, server, idle_timeout_s=10)

    def _basic(self) -> bytes:
        text = ":".join(self._login or ())
        return b"Basic " + base64.b64encode(text.encode())

    def _serve_socks(self, client: socket.socket) -> None:
        methods = read_exactly(client, read_exactly(client, 2)[1])
        if self._login:
            client.sendall(b"\x05\x02" if 2 in methods else b"\x05\xff")
            if 2 not in methods or not self._is_signed_in(client):
                return
        else:
            client.sendall(b"\x05\x00")
        *_, kind = read_exactly(client, 4)
        size = {1: 4, 4: 16}.get(kind) or read_exactly(client, 1)[0]
        name = read_exactly(client, size)
        host = name.decode() if kind == 3 else socket.inet_ntoa(name)
        port = int.from_bytes(read_exactly(client, 2))
        self.asked.append(f"socks {host}:{port}")
        there = self._routes.get(f"{host}:{port}")
        client.sendall(bytes([5, 0 if there else 2, 0, 1]) + bytes(6))
        if there is not None:
            with socket.create_connection(("127.0.0.1", there)) as server:
                relay(client, server, idle_timeout_s=10)

    def _is_signed_in(self, client: socket.socket) -> bool:
        read_exactly(client, 1)
        texts = [read_exactly(client, read_exactly(client, 1)[0]) for _ in range(2)]
        is_right = tuple(text.decode() for text in texts) == self._login
        client.sendall(b"\x01\x00" if is_right else b"\x01\x01")
        return is_right


@contextlib.contextmanager
def upstream_proxy(
    routes: dict[str, int], login: tuple[str, str] | None = None
) -> Iterator[UpstreamProxy]:
    """A running one."""
    made = UpstreamProxy(routes, login)
    made.server.start()
    try:
        yield made
    finally:
        made.server.stop()
