"""A local HTTP server that steps post to: answers at once and counts what came.

`python -m apps.ops.bench.sink PORT`; `GET /` tells the counts.
"""

import asyncio
import json
import sys
from typing import cast


class Sink(asyncio.Protocol):
    """One connection; requests come one after the other."""

    requests = 0
    keys: set[bytes] = set()

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        """Answer the first request of the buffer, once it is whole."""
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        lines = head.split(b"\r\n")
        pairs = (line.partition(b":") for line in lines[1:])
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get(b"content-length", b"0"))
        if len(rest) < length:
            return False
        self._buffer = rest[length:]
        self._answer(lines[0], headers)
        return True

    def _answer(self, first: bytes, headers: dict[bytes, bytes]) -> None:
        body = b"{}"
        if first.startswith(b"GET "):
            counts = {"requests": Sink.requests, "keys": len(Sink.keys)}
            body = json.dumps(counts).encode()
        else:
            Sink.requests += 1
            Sink.keys.add(headers.get(b"idempotency-key", b""))
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )


async def serve(port: int) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
