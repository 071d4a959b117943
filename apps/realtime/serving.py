"""uvicorn's WebSocket protocol, with a way to write frames that are ready.

Through ASGI each message costs each client a coroutine, an encoding and a frame of
its own. Here the bytes are made once, and a client costs one write. The application
finds this in the scope's extensions and does without where it is not: under another
server all works, with fewer clients.
"""

import logging
import socket
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import (
    WebSocketsSansIOProtocol,
)
from websockets.frames import Frame
from websockets.http11 import Request

EXTENSION = "rpa.direct"
# What was written and not acknowledged for so long has nobody at the other end.
_UNACKNOWLEDGED_MS = 30_000
# The system would take megabytes for a client that reads nothing.
_SYSTEM_BUFFER_BYTES = 128 * 1024
# How long a client may take to read the last of what was written, and why it ended.
_LAST_WORDS_S = 10.0


class DirectWebSocket(WebSocketsSansIOProtocol):
    """One connection; names of uvicorn's own are used, so upgrades run the tests."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # It logs the address of each connection, in which people put tokens.
        self.logger = self.conn.logger = logging.getLogger(__name__)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        found = transport.get_extra_info("socket")
        if found is None:
            return
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SYSTEM_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            found.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS
            )

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            # Before the application's task has its first turn.
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._end_soon()

    @property
    def waiting_bytes(self) -> int:
        """What was written and the system has not taken."""
        if self.transport.is_closing():
            return 0
        return self.transport.get_write_buffer_size()

    def write_frames(self, data: bytes) -> None:
        """Write whole frames; nothing once the connection is closing."""
        if not (self.close_sent or self.transport.is_closing()):
            self.transport.write(data)

    def close_with(self, code: int, reason: str) -> None:
        """Close without waiting for a client that may read nothing."""
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": code, "reason": reason}
        )
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        # The client's answer must be read for it to see how we closed.
        self.read_paused = False
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_LAST_WORDS_S, self.transport.abort)

    def _end_soon(self) -> None:
        """End it in any case: closing waits for what the other side may never read."""
        if not self.disconnected:
            self.loop.call_later(_LAST_WORDS_S, self.transport.abort)
