"""Many clients of the WebSocket in one process, which check what they are told.

`python -m apps.ops.bench.watchers` reads one JSON object of what to do, prints a line
when all have subscribed, and when its input ends what all of them heard. It speaks the
protocol by hand: a library would take longer to read messages than the platform to
send them.
"""

import asyncio
import base64
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

_SLOWEST_MS = 60_000
# Handshakes under way at a time, as of people who come one after the other.
_AT_ONCE = 50
_MASK = b"\0\0\0\0"


def masked(text: bytes) -> bytes:
    """A text message of a client; its mask is zeros, which change nothing."""
    size = len(text)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe"
    return head + (b"" if size < 126 else size.to_bytes(2, "big")) + _MASK + text


PONG = masked(b'{"action":"pong"}')


@dataclass
class Tally:
    """What all clients heard.

    Attributes:
        by_ms: how many events came so many milliseconds after they were written.
    """

    events: int = 0
    gaps: int = 0
    doubled: int = 0
    reconnects: int = 0
    by_ms: list[int] = field(default_factory=lambda: [0] * (_SLOWEST_MS + 1))
    # The same bytes come to many: read once.
    known: dict[bytes, tuple[int, int, float]] = field(default_factory=dict)

    def read(self, text: bytes) -> tuple[int, int, float]:
        """Number, the one before, and when it was written."""
        if len(self.known) > 10_000:
            self.known.clear()
        found = json.loads(text)
        self.known[text] = read = found["id"], found["prev"], found["sent_at"]
        return read

    def shown(self, last: list[int]) -> dict[str, Any]:
        """As the benchmark reads it."""
        return {
            "events": self.events,
            "gaps": self.gaps,
            "doubled": self.doubled,
            "reconnects": self.reconnects,
            "p50_ms": self._percentile(0.5),
            "p99_ms": self._percentile(0.99),
            "max_ms": self._percentile(1.0),
            "last": sorted(set(last)),
        }

    def _percentile(self, share: float) -> int:
        rest = max(1, round(self.events * share))
        for ms, count in enumerate(self.by_ms):
            rest -= count
            if rest <= 0:
                return ms
        return _SLOWEST_MS


class Watcher(asyncio.Protocol):
    """One client; `ready` is done once it hears its channel."""

    def __init__(self, tally: Tally, order: dict[str, Any], channel: str) -> None:
        self.last = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tally = tally
        self._order = order
        self._channel = channel
        self._buffer = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's is of no class of asyncio's
        key = base64.b64encode(b"0123456789abcdef").decode()
        lines = (
            "GET /ws HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: rpa.v1, bearer.{self._order['token']}",
            "\r\n",
        )
        self._transport.write("\r\n".join(lines).encode())

    def connection_lost(self, error: Exception | None) -> None:
        self._tally.reconnects += 1
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before it was ready"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._is_open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            self._is_open = True
        self._buffer = self._frames(buffer, time.time())

    def _frames(self, buffer: bytes, now: float) -> bytes:
        """Read whole frames; gives what is left."""
        at, end = 0, len(buffer)
        while end - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                if end - at < 4:
                    break
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            if end < start + size:
                break
            if buffer[at] == 0x81:
                self._hear(buffer[start : start + size], now)
            at = start + size
        return buffer[at:]

    def _hear(self, text: bytes, now: float) -> None:
        tally = self._tally
        known = tally.known.get(text)
        if known is None:
            if not text.startswith(b'{"channel"'):
                self._answer(json.loads(text))
                return
            known = tally.read(text)
        number, prev, sent = known
        if number <= self.last:
            tally.doubled += 1
            return
        if prev > self.last:
            tally.gaps += 1
        self.last = number
        tally.events += 1
        tally.by_ms[min(max(int((now - sent) * 1000), 0), _SLOWEST_MS)] += 1

    def _answer(self, found: dict[str, Any]) -> None:
        if found["type"] == "ping":
            self._transport.write(PONG)
        elif found["type"] == "authenticated":
            asked = {"action": "subscribe", "channel": self._channel}
            self._transport.write(masked(json.dumps(asked).encode()))
        elif found["type"] == "subscribed":
            self.last = found["last_event_id"]
            self.ready.set_result(None)
        elif not self.ready.done():
            self.ready.set_exception(ConnectionError(str(found)))


async def _watch(order: dict[str, Any]) -> None:
    tally, loop, gate = Tally(), asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)
    ports, channels = order["ports"], order["channels"]

    async def connect(number: int) -> Watcher:
        async with gate:
            channel = channels[number % len(channels)]
            port = ports[number % len(ports)]
            _, made = await loop.create_connection(
                lambda: Watcher(tally, order, channel), "127.0.0.1", port
            )
            await made.ready
            return made

    began = time.monotonic()
    watchers = await asyncio.gather(*map(connect, range(order["clients"])))
    _say({"connected_s": round(time.monotonic() - began, 2)})
    await loop.run_in_executor(None, sys.stdin.read)
    _say(tally.shown([one.last for one in watchers]))


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_watch(json.loads(sys.stdin.readline())))
