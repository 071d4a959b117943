"""What the proxy does with one connection of its client."""

import contextlib
import socket
from collections.abc import Iterator
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import h11

from apps.core.egress.errors import EgressRefused, ProxyRefused
from apps.core.egress.forward import Exchange, Headers, Peer, ServerFailed, page
from apps.core.egress.origins import Origin, parse_origin
from apps.core.egress.relay import CapExceeded, relay
from apps.core.egress.upstream import Upstream
from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure

_DRAIN_BYTES = 1024 * 1024
_DRAIN_TIMEOUT_S = 2.0


class Way(NamedTuple):
    """A connection that leads to a server.

    Attributes:
        upstream: the proxy at its end, which takes whole requests; None: the server.
    """

    sock: socket.socket
    upstream: Upstream | None = None


class Gate(Protocol):
    """Where a visit gets its connections and limits from."""

    idle_timeout_s: float
    max_bytes: int | None

    def dial(self, origin: Origin, *, is_plain: bool = False) -> Way:
        """A connection that the policy allows.

        Args:
            is_plain: it is for one HTTP request, not for a tunnel.
        """

    def note(self, origin: Origin, reason: str) -> None:
        """Remember what was refused or cut."""


class Visit:
    """The requests that arrive on one connection, until it ends."""

    def __init__(self, sock: socket.socket, gate: Gate) -> None:
        self._client = Peer(sock, h11.SERVER)
        self._gate = gate

    def serve(self) -> None:
        """Answer requests until the client is gone or framing is lost."""
        try:
            while self._serve_one():
                self._client.http.start_next_cycle()
        except OSError:
            return  # the client went away or was silent too long
        except h11.RemoteProtocolError as error:
            self._refuse_nonsense(error)

    def _serve_one(self) -> bool:
        request = self._client.next_event()
        if not isinstance(request, h11.Request):
            return False
        if request.method == b"CONNECT":
            self._tunnel(request)
            return False
        self._forward(request)
        http = self._client.http
        return http.our_state is h11.DONE and http.their_state is h11.DONE

    def _tunnel(self, request: h11.Request) -> None:
        try:
            origin = _tunnel_origin(request.target)
            server = self._gate.dial(origin).sock
        except RpaError as error:
            self._answer(error, [(b"Connection", b"close")])
            return
        with server, self._cut_at_cap(origin):
            self._client.send(
                h11.Response(status_code=200, headers=[], reason=b"Connected")
            )
            relay(
                self._client.sock,
                server,
                idle_timeout_s=self._gate.idle_timeout_s,
                max_bytes=self._gate.max_bytes,
                from_client=self._client.unread,
            )

    def _forward(self, request: h11.Request) -> None:
        try:
            origin, path = _target(request.target)
            server, upstream = self._gate.dial(origin, is_plain=True)
        except RpaError as error:
            self._answer(error, [])
            self._drain()
            return
        with server, self._cut_at_cap(origin):
            exchange = Exchange(
                self._client,
                Peer(server, h11.CLIENT),
                idle_timeout_s=self._gate.idle_timeout_s,
                max_bytes=self._gate.max_bytes,
                upstream=upstream,
            )
            try:
                exchange.run(request, origin, path)
            except ProxyRefused as error:
                self._answer(error, [])
            except ServerFailed:
                if not exchange.has_answer:
                    message = f"{origin} gave no valid answer."
                    self._answer(TemporaryFailure(message, code="bad_response"), [])

    @contextlib.contextmanager
    def _cut_at_cap(self, origin: Origin) -> Iterator[None]:
        try:
            yield
        except CapExceeded:
            limit = self._gate.max_bytes
            self._gate.note(origin, f"more than {limit} bytes in one answer")

    def _answer(self, error: RpaError, extra: Headers) -> None:
        status, reason = _verdict(error)
        for event in page(status, str(error), [*extra, reason]):
            self._client.send(event)

    def _drain(self) -> None:
        # A body left unread would reset the connection under the page just sent.
        sock, http, drained = self._client.sock, self._client.http, 0
        sock.settimeout(_DRAIN_TIMEOUT_S)
        while http.their_state is h11.SEND_BODY and drained < _DRAIN_BYTES:
            event = self._client.next_event()
            drained += len(event.data) if isinstance(event, h11.Data) else 0
        sock.settimeout(self._gate.idle_timeout_s)

    def _refuse_nonsense(self, error: h11.RemoteProtocolError) -> None:
        if self._client.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        message = "The proxy could not read the request."
        close = [(b"Connection", b"close")]
        with contextlib.suppress(OSError):
            for event in page(error.error_status_hint, message, close):
                self._client.send(event)


def _verdict(error: RpaError) -> tuple[int, tuple[bytes, bytes]]:
    if isinstance(error, EgressRefused):
        return 403, (b"X-Egress-Refused", error.reason.encode())
    code = (b"X-Egress-Error", error.code.encode())
    if isinstance(error, PermanentFailure) and not isinstance(error, ProxyRefused):
        return 400, code
    return (504 if error.code == "timeout" else 502), code


def _tunnel_origin(target: bytes) -> Origin:
    authority = target.decode("ascii", "replace")
    if any(mark in authority for mark in "/?#@"):
        raise PermanentFailure(f"{authority[:100]!r} is no host and port.")
    return parse_origin(f"https://{authority}")


def _target(target: bytes) -> tuple[Origin, bytes]:
    url = target.decode("latin-1")
    scheme, mark, rest = url.partition("://")
    if scheme.lower() not in ("http", "ws") or not mark:
        raise PermanentFailure(
            "The proxy takes whole http URLs, and CONNECT for all else.",
            code="invalid_url",
        )
    url = f"http://{rest}"
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parse_origin(url), path.encode("latin-1")
