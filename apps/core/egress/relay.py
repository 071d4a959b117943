"""Carries bytes between two sockets until both sides are done."""

import select
import socket
from dataclasses import dataclass, field

BUFFER_BYTES = 256 * 1024
_READ_BYTES = 64 * 1024


class CapExceeded(Exception):
    """More bytes came from the server than are allowed."""


@dataclass
class _Flow:
    """One direction, with what was read and not yet written."""

    source: socket.socket
    sink: socket.socket
    cap: int | None = None
    pending: bytearray = field(default_factory=bytearray)
    has_ended: bool = False
    is_closed: bool = False

    @property
    def wants_more(self) -> bool:
        return not self.has_ended and len(self.pending) < BUFFER_BYTES

    def read(self) -> None:
        try:
            data = self.source.recv(_READ_BYTES)
        except BlockingIOError:
            return
        self.has_ended = not data
        self.take(data)

    def take(self, data: bytes) -> None:
        if self.cap is not None:
            self.cap -= len(data)
            if self.cap < 0:
                raise CapExceeded
        self.pending += data

    def write(self) -> None:
        if self.pending:
            try:
                sent = self.sink.send(memoryview(self.pending)[:_READ_BYTES])
            except BlockingIOError:
                return
            del self.pending[:sent]
        if self.has_ended and not self.pending and not self.is_closed:
            self.is_closed = True
            self.sink.shutdown(socket.SHUT_WR)


def relay(
    client: socket.socket,
    server: socket.socket,
    *,
    idle_timeout_s: float,
    max_bytes: int | None = None,
    from_client: bytes = b"",
    from_server: bytes = b"",
) -> None:
    """Carry bytes both ways; at most 256 KiB wait in each direction.

    Ends when both sides have closed, one is gone, or nothing moves for
    `idle_timeout_s`. The sockets are left open, without blocking.

    Args:
        max_bytes: how much may come from the server.
        from_client: bytes already read from the client; `from_server` likewise.

    Raises:
        CapExceeded: the server sent more than `max_bytes`.
    """
    upward, downward = _Flow(client, server), _Flow(server, client, max_bytes)
    for sock in (client, server):
        sock.setblocking(False)
    try:
        upward.take(from_client)
        downward.take(from_server)
        _pump((upward, downward), idle_timeout_s)
    except OSError:
        return  # one side is gone, so there is nobody to tell


def _pump(flows: tuple[_Flow, _Flow], idle_timeout_s: float) -> None:
    sides = _Sides(flows)
    for flow in flows:
        flow.write()
    while not all(flow.is_closed for flow in flows):
        ready = sides.wait(idle_timeout_s)
        if not ready:
            return
        for descriptor, event in ready:
            inward, outward = sides.from_[descriptor], sides.to[descriptor]
            if event & ~select.POLLOUT and inward.wants_more:
                inward.read()
                inward.write()
            if event & ~select.POLLIN:
                outward.write()


class _Sides:
    """Both sockets in one poll, each for what its flows want of it now."""

    def __init__(self, flows: tuple[_Flow, _Flow]) -> None:
        self.from_ = {flow.source.fileno(): flow for flow in flows}
        self.to = {flow.sink.fileno(): flow for flow in flows}
        self._poll = select.poll()
        self._masks = dict.fromkeys(self.from_, 0)

    def wait(self, timeout_s: float) -> list[tuple[int, int]]:
        for descriptor, mask in self._masks.items():
            wanted = select.POLLIN if self.from_[descriptor].wants_more else 0
            wanted |= select.POLLOUT if self.to[descriptor].pending else 0
            if wanted != mask:
                self._masks[descriptor] = wanted
                self._watch(descriptor, wanted)
        return self._poll.poll(timeout_s * 1000)

    def _watch(self, descriptor: int, wanted: int) -> None:
        # A closed side reports a hang-up for ever, even when nothing is wanted of it.
        if wanted:
            self._poll.register(descriptor, wanted)
        else:
            self._poll.unregister(descriptor)
