"""The way to one client: writes never wait, and what waits for it is bounded."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Protocol

from apps.realtime.frames import Chunk
from apps.realtime.serving import EXTENSION, DirectWebSocket

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TOO_SLOW = 4408
_DRAIN_EVERY_S = 0.02


class Wire(Protocol):
    """The way to one client."""

    def write(self, chunk: Chunk) -> None:
        """Send it after all before it; cuts a client that reads too little."""

    def close(self, code: int, reason: str) -> None:
        """End the connection after what was written."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""

    @property
    def waiting_bytes(self) -> int:
        """What was written and not yet taken."""


async def drained(wire: Wire, below: int, patience_s: float) -> None:
    """Return when less than `below` bytes wait; cuts a client that takes nothing."""
    clock = asyncio.get_running_loop().time
    least, give_up = wire.waiting_bytes, clock() + patience_s
    while wire.waiting_bytes > below and not wire.is_closed:
        await asyncio.sleep(_DRAIN_EVERY_S)
        if wire.waiting_bytes < least:
            least, give_up = wire.waiting_bytes, clock() + patience_s
        elif clock() > give_up:
            wire.close(TOO_SLOW, "too slow")


class DirectWire:
    """Writes to the connection itself: see `serving`."""

    def __init__(self, connection: DirectWebSocket, most_bytes: int) -> None:
        self._connection = connection
        self._most = most_bytes
        self.is_closed = False

    def write(self, chunk: Chunk) -> None:
        if self.is_closed:
            return
        connection = self._connection
        if connection.waiting_bytes > self._most:
            self.close(TOO_SLOW, "too slow")
        else:
            connection.write_frames(chunk.data)

    def close(self, code: int, reason: str) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._connection.close_with(code, reason)

    @property
    def waiting_bytes(self) -> int:
        return self._connection.waiting_bytes


class QueuedWire:
    """Sends by ASGI alone, under any server: a queue, and a task that empties it."""

    def __init__(self, send: Send, most_bytes: int) -> None:
        self._send = send
        self._most = most_bytes
        self._waiting: deque[bytes] = deque()
        self._has_some = asyncio.Event()
        self._end: tuple[int, str] | None = None
        self.is_closed = False
        self.waiting_bytes = 0
        self._task = asyncio.create_task(self._work())

    def write(self, chunk: Chunk) -> None:
        if self.is_closed:
            return
        if self.waiting_bytes > self._most:
            self._forget()
            self.close(TOO_SLOW, "too slow")
            return
        self._waiting.extend(chunk.texts)
        self.waiting_bytes += len(chunk.data)
        self._has_some.set()

    def close(self, code: int, reason: str) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._end = code, reason
            self._has_some.set()

    def _forget(self) -> None:
        self._waiting.clear()
        self.waiting_bytes = 0

    async def _work(self) -> None:
        # The client has gone; the receiving side learns the same.
        with suppress(OSError, RuntimeError):
            while True:
                await self._has_some.wait()
                while self._waiting:
                    text = self._waiting.popleft()
                    await self._send({"type": "websocket.send", "text": text.decode()})
                self.waiting_bytes = 0
                self._has_some.clear()
                if self._end is not None:
                    code, reason = self._end
                    end = {"type": "websocket.close", "code": code, "reason": reason}
                    await self._send(end)
                    return

    def stop(self) -> None:
        """End the task."""
        self._task.cancel()


def wire_to(scope: Scope, send: Send, most_bytes: int) -> Wire:
    """The best way that the server has."""
    direct = scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        return DirectWire(direct, most_bytes)
    return QueuedWire(send, most_bytes)
