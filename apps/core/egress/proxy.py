"""A forward proxy that puts a browser under the egress policy."""

import contextlib
import logging
import socket
import socketserver
import sys
import threading
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, NamedTuple, cast

from apps.core.egress.addresses import IPAddress, IPNetwork
from apps.core.egress.dialing import Resolver, connect, resolve_by_system
from apps.core.egress.errors import EgressRefused
from apps.core.egress.handshakes import open_tunnel
from apps.core.egress.origins import Origin
from apps.core.egress.policy import Policy
from apps.core.egress.upstream import Upstream, checked_target
from apps.core.egress.visits import Visit, Way

log = logging.getLogger(__name__)

REFUSALS_KEPT = 200
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Refusal(NamedTuple):
    """A connection that the policy or a limit ended."""

    host: str
    port: int
    reason: str


class EgressProxy:
    """An HTTP proxy for one browser: plain requests, CONNECT tunnels, WebSockets.

    Each connection has a thread, which sleeps in `poll` and holds the interpreter's
    lock only to hand buffers on. Start it after any fork.

    Args:
        idle_timeout: silence after which a connection is closed.
        max_connections: further ones are answered 503.
        max_bytes: of one response's body or one tunnel's incoming bytes.
        upstream: the proxy that connections go out by; None: straight to the network.
        listen: the address to listen on.
        peers: who may use it besides this machine itself. Browsers cannot sign in to
            a proxy, so for all others it is closed: an open one would serve anybody.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        connect_timeout: timedelta = timedelta(seconds=15),
        idle_timeout: timedelta = timedelta(minutes=5),
        max_connections: int = 256,
        max_bytes: int | None = None,
        resolve: Resolver = resolve_by_system,
        upstream: Upstream | None = None,
        listen: str = "127.0.0.1",
        peers: Sequence[IPNetwork] = (),
    ) -> None:
        self._policy, self._resolve = policy, resolve
        self._upstream = upstream
        self.listen, self._peers = listen, tuple(peers)
        self._connect_timeout_s = connect_timeout.total_seconds()
        self.idle_timeout_s = idle_timeout.total_seconds()
        self.max_connections = max_connections
        self.max_bytes = max_bytes
        self._refusals: deque[Refusal] = deque(maxlen=REFUSALS_KEPT)
        self._server: _Server | None = None

    @property
    def refusals(self) -> list[Refusal]:
        """The latest refused connections, oldest first."""
        return list(self._refusals)

    def start(self) -> tuple[str, int]:
        """Begin to listen; gives host and port by which this process reaches it."""
        if self._server is None:
            self._server = _Server(self)
            self._server.start()
        host, port = self._server.server_address[:2]
        is_anywhere = ip_address(str(host)).is_unspecified
        return "127.0.0.1" if is_anywhere else str(host), int(port)

    def stop(self) -> None:
        """End all connections and stop to listen; a second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> "EgressProxy":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def serves(self, client: str) -> bool:
        """Whether who connects from that address may use it."""
        address: IPAddress = ip_address(client.partition("%")[0])
        # A socket for both families shows IPv4 clients as mapped addresses.
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_loopback or str(address) == self.listen:
            return True
        return any(address in network for network in self._peers)

    def dial(self, origin: Origin, *, is_plain: bool = False) -> Way:
        """The way to a server that the policy allows; refusals are noted."""
        try:
            way = self._way(origin, is_plain)
        except EgressRefused as refusal:
            self.note(origin, refusal.reason)
            raise
        way.sock.settimeout(self.idle_timeout_s)
        return way

    def _way(self, origin: Origin, is_plain: bool) -> Way:
        upstream = self._upstream
        if upstream is None or upstream.passes_by(origin.host):
            return Way(self._connect(origin.host, origin.port))
        target = checked_target(origin, self._policy)
        sock = self._to_upstream(upstream)
        if is_plain and upstream.takes_requests:
            return Way(sock, upstream)
        try:
            open_tunnel(sock, upstream, target)
        except BaseException:
            sock.close()
            raise
        return Way(sock)

    def _to_upstream(self, upstream: Upstream) -> socket.socket:
        try:
            return self._connect(upstream.server.host, upstream.server.port)
        except EgressRefused as refusal:
            refusal.details["reason"] = f"the workflow's proxy has a {refusal.reason}"
            raise

    def _connect(self, host: str, port: int) -> socket.socket:
        return connect(
            host,
            port,
            policy=self._policy,
            timeout=self._connect_timeout_s,
            resolve=self._resolve,
        )

    def note(self, origin: Origin, reason: str) -> None:
        """Remember a connection that was refused or cut."""
        self._refusals.append(Refusal(origin.host, origin.port, reason))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: EgressProxy) -> None:
        self._proxy = proxy
        self._open: set[socket.socket] = set()
        if ":" in proxy.listen:
            self.address_family = socket.AF_INET6
        super().__init__((proxy.listen, 0), socketserver.BaseRequestHandler)

    def start(self) -> None:
        threading.Thread(
            target=self.serve_forever, args=(0.1,), name="egress-proxy", daemon=True
        ).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def verify_request(self, request: object, client_address: object) -> bool:
        client = cast(tuple[str, int], client_address)[0]
        if self._proxy.serves(client):
            return True
        extra = {"action": "egress_proxy_refused", "client": client}
        log.warning("A stranger asked the egress proxy", extra=extra)
        return False

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._open) < self._proxy.max_connections:
            self._open.add(request)
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.sendall(_BUSY)
        self.shutdown_request(request)

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(self._proxy.idle_timeout_s)
        # Head and body go out one by one: the second would wait 40 ms for the
        # browser's word that it has the first.
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Visit(request, self._proxy).serve()

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        extra = {"action": "egress_proxy_failed"}
        log.error("Egress proxy failed", exc_info=sys.exception(), extra=extra)
