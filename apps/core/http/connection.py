"""An HTTP/1.1 connection whose socket is checked and whose every wait is bounded.

It stands on `http.client`, not on urllib3: another package may replace urllib3 with a
fork that opens sockets in other ways (QUIC, Alt-Svc), past the egress guard.
"""

import io
import select
import socket
import ssl
from collections.abc import Callable
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any

from apps.core.egress.origins import Origin
from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.http.limits import MAX_HEADER_BYTES, Deadline, Limits

SEND_BYTES = 64 * 1024

Dial = Callable[[str, int, float], socket.socket]


class _Reader(io.RawIOBase):
    """Bytes of a socket, until the deadline and within the header budget."""

    def __init__(self, wire: "_Wire") -> None:
        super().__init__()
        self._wire = wire
        self.header_budget: int | None = MAX_HEADER_BYTES
        self.is_paused = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_paused:
            return None
        count = self._wire.receive_into(buffer)
        if self.header_budget is not None:
            if not count:  # `http.client` would take cut headers for whole ones
                raise RemoteDisconnected("end of stream within the headers")
            self.header_budget -= count
            if self.header_budget < 0:
                message = f"The answer's headers are over {MAX_HEADER_BYTES} bytes."
                raise PermanentFailure(message, code="bad_response")
        return count


class _Buffer(io.BufferedReader):
    """What one response is read from; tells at its end whether bytes were left."""

    def __init__(self, reader: _Reader, wire: "_Wire") -> None:
        super().__init__(reader)
        self._reader, self._wire = reader, wire

    def close(self) -> None:
        if not self.closed:
            self._reader.is_paused = True
            self._wire.has_leftover |= bool(self.peek(1))
        super().close()
        self._wire.reading_done()


class _Wire:
    """The part of a socket that `http.client` uses, each call under the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.sock = sock
        self.deadline = deadline
        self.has_leftover = False
        self.reader: _Reader | None = None
        self._is_closing = False

    def receive_into(self, buffer: Any) -> int:
        self.sock.settimeout(self.deadline.left_s())
        return self.sock.recv_into(buffer)

    def sendall(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), SEND_BYTES):
            self.sock.settimeout(self.deadline.left_s())
            self.sock.sendall(view[start : start + SEND_BYTES])

    def makefile(self, mode: str) -> _Buffer:
        self.reader = _Reader(self)
        return _Buffer(self.reader, self)

    def reading_done(self) -> None:
        self.reader = None
        if self._is_closing:
            self.sock.close()

    def close(self) -> None:
        # `http.client` lets go of the socket while a last body is still being read.
        self._is_closing = True
        if self.reader is None:
            self.sock.close()


class GuardedConnection(HTTPConnection):
    """One connection to one origin, through the egress guard only.

    Args:
        dial: gives a checked, connected socket for host, port and seconds.
        tls: how to verify the server; None for plain HTTP.
    """

    sock: Any
    _wire: _Wire | None = None

    def __init__(
        self, origin: Origin, limits: Limits, dial: Dial, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(origin.host, origin.port)
        self.origin = origin
        self.limits = limits
        self._dial, self._tls = dial, tls

    def connect(self) -> None:
        """Open the socket, TLS included.

        Raises:
            EgressRefused: the address is forbidden.
            OSError: no connection, or no agreement on TLS.
        """
        deadline = self.limits.deadline
        patience = min(self.limits.connect_timeout_s, deadline.left_s())
        sock = self._dial(self.origin.host, self.origin.port, patience)
        if self._tls is not None:
            sock = self._secure(self._tls, sock, min(patience, deadline.left_s()))
        self.sock = self._wire = _Wire(sock, deadline)

    def _secure(
        self, tls: ssl.SSLContext, sock: socket.socket, timeout_s: float
    ) -> ssl.SSLSocket:
        name = self.origin.host.partition("%")[0]
        try:
            sock.settimeout(timeout_s)
            return tls.wrap_socket(sock, server_hostname=name)
        except TimeoutError as error:
            sock.close()
            message = f"{self.origin} did not agree on TLS in time."
            raise TemporaryFailure(message, code="timeout") from error
        except BaseException:
            sock.close()
            raise

    def use_for(self, limits: Limits) -> None:
        """Put the next exchange under other limits."""
        self.limits = limits
        if self.sock is not None:
            self.sock.deadline = limits.deadline

    def headers_done(self) -> None:
        """From here on the body's own limit counts."""
        if self._wire is not None and self._wire.reader is not None:
            self._wire.reader.header_budget = None

    def abandon(self) -> None:
        """Close the socket now, whoever still reads from it."""
        self.close()
        if self._wire is not None:
            self._wire.sock.close()

    @property
    def is_quiet(self) -> bool:
        """Open, with nothing unread: fit to carry another request."""
        if self.sock is None or self.sock.has_leftover:
            return False
        poll = select.poll()
        poll.register(self.sock.sock, select.POLLIN)
        return not poll.poll(0)
