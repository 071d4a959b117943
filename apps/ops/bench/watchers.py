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
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvloop

_SLOWEST_MS = 60_000
# Handshakes under way at a time, as of people who come one after the other.
_AT_ONCE = 50
_MASK = b"\0\0\0\0"
_TEXT, _CLOSE = 0x81, 0x88
# A connection that ended without a word of the server.
_NO_CODE = 1006


def masked(text: bytes) -> bytes:
    """A text message of a client; its mask is zeros, which change nothing."""
    size = len(text)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe"
    return head + (b"" if size < 126 else size.to_bytes(2, "big")) + _MASK + text


PONG = masked(b'{"action":"pong"}')


@dataclass(frozen=True, slots=True)
class Batch:
    """What the same bytes mean to each client that gets them.

    Attributes:
        times: when its events were written, and how many at each.
    """

    prev: int
    first: int
    last: int
    times: tuple[tuple[float, int], ...]


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
    # The same bytes come to many: read once, one by one and as they come together.
    known: dict[bytes, tuple[int, int, float]] = field(default_factory=dict)
    batches: dict[bytes, Batch] = field(default_factory=dict)

    def read(self, text: bytes) -> tuple[int, int, float]:
        """Number, the one before, and when it was written."""
        if len(self.known) > 10_000:
            self.known.clear()
        found = json.loads(text)
        # The platform's own events say when, but not when they were sent.
        sent = found.get("sent_at")
        if sent is None:
            sent = datetime.fromisoformat(found["timestamp"]).timestamp()
        self.known[text] = read = found["id"], found["prev"], sent
        return read

    def keep(self, data: bytes, heard: list[tuple[int, int, float]]) -> None:
        """Remember bytes that were these events and nothing else."""
        ids, prevs = [one[0] for one in heard], [one[1] for one in heard]
        if not heard or prevs[1:] != ids[:-1]:
            return
        if len(self.batches) > 1_000:
            self.batches.clear()
        times = tuple(Counter(one[2] for one in heard).items())
        self.batches[data] = Batch(prevs[0], ids[0], ids[-1], times)

    def late(self, seconds: float, count: int) -> None:
        """So many events came after so long."""
        self.events += count
        self.by_ms[min(max(int(seconds * 1000), 0), _SLOWEST_MS)] += count

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
    """One client.

    Attributes:
        last: the last event it has heard.
        ready: done once it hears its channel.
        ended: done once its connection has ended, with the code it was closed with.
    """

    def __init__(
        self,
        tally: Tally,
        order: dict[str, Any],
        channel: str,
        after: int | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.last = after or 0
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self._after = after
        self._code = _NO_CODE
        self._tally = tally
        self._order = order
        self._channel = channel
        self._buffer = b""
        self._is_open = False
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport  # uvloop's is of no class of asyncio's
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
        if not self.ended.done():
            self.ended.set_result(self._code)

    def data_received(self, data: bytes) -> None:
        batch = None if self._buffer else self._tally.batches.get(data)
        if batch is not None and batch.prev <= self.last < batch.first:
            now, self.last = time.time(), batch.last
            for sent, count in batch.times:
                self._tally.late(now - sent, count)
            return
        buffer = self._buffer + data if self._buffer else data
        if not self._is_open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            self._is_open = True
        was_whole = buffer == data
        self._buffer, heard = self._frames(buffer, time.time())
        if was_whole and not self._buffer and heard is not None:
            self._tally.keep(data, heard)

    def _frames(
        self, buffer: bytes, now: float
    ) -> tuple[bytes, list[tuple[int, int, float]] | None]:
        """Read whole frames; gives what is left, and the events if all were that."""
        at, end, is_pure = 0, len(buffer), True
        heard = []
        while end - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                if end - at < 4:
                    break
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            if end < start + size:
                break
            event = self._event(buffer[start : start + size], buffer[at])
            if event is None:
                is_pure = False
            else:
                heard.append(event)
                self._count(event, now)
            at = start + size
        return buffer[at:], heard if is_pure else None

    def _event(self, text: bytes, kind: int) -> tuple[int, int, float] | None:
        known = self._tally.known.get(text)
        if kind == _CLOSE:
            self._code = int.from_bytes(text[:2], "big") or _NO_CODE
            self._transport.close()
        if known is not None or kind != _TEXT:
            return known
        if text.startswith(b'{"channel"'):
            # Hints of steps are in no sequence.
            return self._tally.read(text) if b'"prev":' in text else None
        self._answer(json.loads(text))
        return None

    def _count(self, event: tuple[int, int, float], now: float) -> None:
        number, prev, sent = event
        if number <= self.last:
            self._tally.doubled += 1
            return
        if prev > self.last:
            self._tally.gaps += 1
        self.last = number
        self._tally.late(now - sent, 1)

    def _answer(self, found: dict[str, Any]) -> None:
        if found["type"] == "ping":
            self._transport.write(PONG)
        elif found["type"] == "authenticated":
            asked: dict[str, Any] = {"action": "subscribe", "channel": self._channel}
            if self._after is not None:
                asked["last_event_id"] = self._after
            self._transport.write(masked(json.dumps(asked).encode()))
        elif found["type"] == "subscribed":
            self.last = found["last_event_id"]
            self.ready.set_result(None)
            self.begun()
        elif not self.ready.done():
            self.ready.set_exception(ConnectionError(str(found)))

    def leave(self) -> bool:
        """Hang up without a word; gives whether there was a connection to end."""
        if self._transport is None or self.ended.done():
            return False
        self._transport.abort()
        return True

    def begun(self) -> None:
        """It hears its channel; for those who do something else from then on."""


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
