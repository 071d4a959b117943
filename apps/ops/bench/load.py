"""Many HTTP clients at once, cheap enough to share a machine with what they ask."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

ANSWER_WITHIN_S = 120.0


@dataclass(frozen=True)
class Request:
    """What every client sends, again and again.

    Attributes:
        expected: a text that stands in every right answer.
    """

    host: str
    port: int
    path: str
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    expected: str = ""
    expected_status: int = 200

    @property
    def wire(self) -> bytes:
        """The bytes on the connection."""
        headers = {
            "Host": f"{self.host}:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(self.body)),
            **self.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


@dataclass
class Answers:
    """What came back.

    Attributes:
        seconds: how long each right answer took, connecting included.
        errors: what was wrong with the others.
        took_s: from the first request to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    took_s: float = 0.0


def storm(request: Request, *, clients: int, total: int) -> Answers:
    """Send `total` requests by `clients` connections, each one after the other."""
    return asyncio.run(_storm(request, clients, total))


async def _storm(request: Request, clients: int, total: int) -> Answers:
    answers = Answers()
    tickets = iter(range(total))
    began = time.perf_counter()
    await asyncio.gather(
        *(_client(request, tickets, answers) for _ in range(min(clients, total)))
    )
    answers.took_s = time.perf_counter() - began
    return answers


class _Connection:
    """One client's connection, opened when needed and again after a failure."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._wire = request.wire
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self) -> str | None:
        """None for a right answer, else what is wrong."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self._request.host, self._request.port
            )
        self._writer.write(self._wire)
        status, body = await self._answer()
        if (
            status != self._request.expected_status
            or self._request.expected.encode() not in body
        ):
            return f"{status}: {body[:200].decode(errors='replace')}"
        return None

    async def _answer(self) -> tuple[int, bytes]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        pairs = (line.partition(b":") for line in lines)
        headers = {name.lower(): value.strip().lower() for name, _, value in pairs}
        if headers.get(b"transfer-encoding") == b"chunked":
            body = await self._chunks()
        else:
            body = await self._reader.readexactly(int(headers[b"content-length"]))
        if headers.get(b"connection") == b"close":
            self.close()
        return int(first.split()[1]), body

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()
        return body

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


async def _client(request: Request, tickets: object, answers: Answers) -> None:
    connection = _Connection(request)
    for _ in tickets:  # type: ignore[attr-defined]
        began = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                wrong = await connection.ask()
        except (OSError, EOFError, ValueError, KeyError, TimeoutError) as error:
            connection.close()
            wrong = repr(error)[:200]
        if wrong is None:
            answers.seconds.append(time.perf_counter() - began)
        else:
            answers.errors.append(wrong)
    connection.close()
