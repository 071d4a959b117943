"""HTTP between the proxy's client and the servers it asks for, message by message.

Both sides are parsed (by h11), so that nothing reaches a server but whole requests
meant for it.
"""

import select
import socket
from collections.abc import Iterator
from html import escape
from http import HTTPStatus

import h11

from apps.core.egress.handshakes import login_refused
from apps.core.egress.origins import Origin
from apps.core.egress.relay import CapExceeded, relay
from apps.core.egress.upstream import Upstream

MAX_HEADER_BYTES = 64 * 1024
_READ_BYTES = 64 * 1024
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
    }
)
# Linux alone tells of a half-closed socket without reading from it.
_HUNG_UP: int = getattr(select, "POLLRDHUP", 0)

Headers = list[tuple[bytes, bytes]]


class ServerFailed(Exception):
    """The server answered with something that is not HTTP, or with nothing."""


class Peer:
    """One side of the proxy: a socket and what was understood of its bytes."""

    def __init__(
        self, sock: socket.socket, role: type[h11.CLIENT | h11.SERVER]
    ) -> None:
        self.sock = sock
        self.http = h11.Connection(role, max_incomplete_event_size=MAX_HEADER_BYTES)

    def send(self, event: h11.Event) -> None:
        """Write an event out."""
        if data := self.http.send(event):
            self.sock.sendall(data)

    def receive(self) -> None:
        """Wait for bytes and take them in."""
        self.http.receive_data(self.sock.recv(_READ_BYTES))

    def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """The next event, waiting for bytes when it takes some."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.receive()
        return event

    def events(self) -> Iterator[h11.Event]:
        """The events that the bytes taken in so far make up."""
        while True:
            event = self.http.next_event()
            if isinstance(event, type):  # NEED_DATA or PAUSED
                return
            yield event

    @property
    def unread(self) -> bytes:
        """Bytes after the end of HTTP, when another protocol follows."""
        return self.http.trailing_data[0]


class Exchange:
    """One request of a client, carried to a server, and the answer carried back.

    Args:
        max_bytes: of the answer's body; None for no limit.
        upstream: the server is this proxy, which takes whole URLs.
    """

    def __init__(
        self,
        client: Peer,
        server: Peer,
        *,
        idle_timeout_s: float,
        max_bytes: int | None,
        upstream: Upstream | None = None,
    ) -> None:
        self._client, self._server = client, server
        self._upstream = upstream
        self._idle_timeout_s = idle_timeout_s
        self._allowance = max_bytes
        self._is_asking = True
        self.has_answer = False
        self.is_done = False

    def run(self, request: h11.Request, origin: Origin, path: bytes) -> None:
        """Carry one request and its answer, and what follows an upgrade.

        Raises:
            ServerFailed: no sensible answer.
            ProxyRefused: the upstream proxy wants another user or password.
            CapExceeded: the answer is over `max_bytes`.
            OSError: the client is gone, or one side was silent too long.
        """
        self._server.send(_onward(request, origin, path, self._upstream))
        for event in self._client.events():
            self._upward(event)
        while not self.is_done:
            self._wait()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._server.sock, select.POLLIN)
        poll.register(self._client.sock, select.POLLIN if self._is_asking else _HUNG_UP)
        ready = dict(poll.poll(self._idle_timeout_s * 1000))
        if not ready:
            raise TimeoutError
        if self._server.sock.fileno() in ready:
            self._receive_answer()
        elif self._is_asking:
            self._client.receive()
            for event in self._client.events():
                self._upward(event)
        else:
            raise ConnectionAbortedError  # the client hung up while it waited

    def _upward(self, event: h11.Event) -> None:
        if isinstance(event, h11.Data | h11.EndOfMessage):
            self._server.send(event)
            self._is_asking = isinstance(event, h11.Data)
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionAbortedError

    def _receive_answer(self) -> None:
        try:
            self._server.receive()
            for event in self._server.events():
                self._downward(event)
        except (h11.RemoteProtocolError, ConnectionError) as error:
            raise ServerFailed from error

    def _downward(self, event: h11.Event) -> None:
        if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
            self._switch(event)
        elif isinstance(event, h11.InformationalResponse):
            self._client.send(event)
        elif isinstance(event, h11.Response):
            if self._upstream is not None and event.status_code == 407:
                raise login_refused()
            self.has_answer = True
            headers = _end_to_end(event.headers.raw_items())
            self._client.send(_response(event.status_code, headers, event.reason))
        elif isinstance(event, h11.Data):
            self._count(len(event.data))
            self._client.send(event)
        elif isinstance(event, h11.EndOfMessage):
            self._client.send(event)
            self.is_done = True
        elif isinstance(event, h11.ConnectionClosed):
            raise ServerFailed

    def _count(self, size: int) -> None:
        if self._allowance is not None:
            self._allowance -= size
            if self._allowance < 0:
                raise CapExceeded

    def _switch(self, event: h11.InformationalResponse) -> None:
        self.has_answer = self.is_done = True
        self._client.send(event)
        relay(
            self._client.sock,
            self._server.sock,
            idle_timeout_s=self._idle_timeout_s,
            max_bytes=self._allowance,
            from_client=self._client.unread,
            from_server=self._server.unread,
        )


def page(status: int, message: str, extra: Headers) -> tuple[h11.Event, ...]:
    """The events of a small HTML answer that says why there is no other."""
    phrase = HTTPStatus(status).phrase
    html = (
        f"<!doctype html><title>{phrase}</title><h1>{phrase}</h1>"
        f"<p>{escape(message)}</p>\n"
    ).encode()
    headers = [
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Content-Length", str(len(html)).encode()),
        (b"Cache-Control", b"no-store"),
        *extra,
    ]
    response = h11.Response(status_code=status, headers=headers, reason=phrase.encode())
    return response, h11.Data(data=html), h11.EndOfMessage()


def _onward(
    request: h11.Request, origin: Origin, path: bytes, upstream: Upstream | None
) -> h11.Request:
    headers = _end_to_end(request.headers.raw_items())
    headers = [item for item in headers if item[0].lower() != b"host"]
    headers.insert(0, (b"Host", origin.host_header.encode()))
    upgrade = [value for name, value in request.headers if name == b"upgrade"]
    if upgrade:
        headers += [(b"Connection", b"Upgrade"), (b"Upgrade", upgrade[0])]
    else:
        headers.append((b"Connection", b"close"))
    target = path
    if upstream is not None:
        target = str(origin).encode() + path
        headers += upstream.authorization
    return h11.Request(method=request.method, target=target, headers=headers)


def _response(status: int, headers: Headers, reason: bytes) -> h11.Response:
    return h11.Response(status_code=status, headers=headers, reason=reason)


def _end_to_end(headers: list[tuple[bytes, bytes]]) -> Headers:
    listed = [value for name, value in headers if name.lower() == b"connection"]
    named = {name.strip().lower() for value in listed for name in value.split(b",")}
    dropped = _HOP_BY_HOP | (named - {b"content-length", b"transfer-encoding"})
    return [item for item in headers if item[0].lower() not in dropped]
