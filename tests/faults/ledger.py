"""The ledger: a server outside the platform that notes each effect it is asked for.

It counts what arrives, by the number that the harness gave an execution and by the
`Idempotency-Key`, and can misbehave on demand: die in the middle of an answer, drip
it, reset the connection, or have its caller killed before it answers.
"""

import contextlib
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Longer than any step waits; a server that shuts down answers at once.
HELD_FOR_S = 300.0
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of"


@dataclass(frozen=True)
class Effect:
    """One request as it was counted.

    Attributes:
        book: the first part of its path: which kind of effect.
        number: the second: which execution asked, by the harness's count.
        execution_id: what the workflow says its execution is.
        key: its `Idempotency-Key`, or empty.
        repeated: how many requests of this number came before.
    """

    book: str
    number: str
    execution_id: str
    key: str
    repeated: int


@dataclass
class Ledger:
    """Counts effects.

    Attributes:
        keyed: by book and number, how often each key came.
        plain: by book and number, how many requests came without a key.
        on_effect: called after an effect was counted and before it is answered.
        hung_up: monotonic times at which callers left while they were held.
    """

    keyed: dict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    plain: Counter[tuple[str, str]] = field(default_factory=Counter)
    on_effect: Callable[[Effect], None] | None = None
    hung_up: list[float] = field(default_factory=list)
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str = "") -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}{path}"

    def note(self, book: str, number: str, execution_id: str, key: str) -> Effect:
        """Write an effect down."""
        with self._writing:
            at = book, number
            before = self.count(*at)
            if key:
                self.keyed[at][key] += 1
            else:
                self.plain[at] += 1
        return Effect(book, number, execution_id, key, before)

    def count(self, book: str, number: str) -> int:
        """How many requests came for it, with and without a key."""
        at = book, number
        return self.plain[at] + (self.keyed[at].total() if at in self.keyed else 0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: "_Server"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, book, number, *mood = self.path.split("?")[0].split("/")
        effect = self.ledger.note(
            book,
            number,
            self.headers.get("X-Execution", ""),
            self.headers.get("Idempotency-Key", ""),
        )
        if self.ledger.on_effect is not None:
            self.ledger.on_effect(effect)
        if mood and MOODS[mood[0]](self, effect):
            self.close_connection = True
            return
        self._send(200)

    do_GET = do_POST

    @property
    def ledger(self) -> Ledger:
        return self.server.ledger

    def _send(self, status: int) -> None:
        body = b'{"noted": true}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    # --- moods: True when the answer is given, in whatever way ---------------------

    def _fails_twice(self, effect: Effect) -> bool:
        if effect.repeated < 2:
            self._send(503)
        return effect.repeated < 2

    def _fails(self, _: Effect) -> bool:
        self._send(500)
        return True

    def _reset(self, effect: Effect) -> bool:
        if effect.repeated < 1:
            linger = struct.pack("ii", 1, 0)  # RST instead of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return effect.repeated < 1

    def _half(self, effect: Effect) -> bool:
        if effect.repeated < 1:
            self.wfile.write(HALF)
        return effect.repeated < 1

    def _drip(self, _: Effect) -> bool:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _second in range(int(HELD_FOR_S)):
            if self.ledger.closing.wait(1):
                break
            self.wfile.write(b".")
        return True

    def _hold(self, effect: Effect) -> bool:
        """Answer nobody the first time; note when the caller leaves."""
        if effect.repeated:
            return False
        give_up = time.monotonic() + HELD_FOR_S
        self.connection.settimeout(0.5)
        while time.monotonic() < give_up and not self.ledger.closing.is_set():
            with contextlib.suppress(TimeoutError):
                if self.connection.recv(1) == b"":
                    self.ledger.hung_up.append(time.monotonic())
                    break
        return True


MOODS: dict[str, Callable[[Any, Effect], bool]] = {
    "fails-twice": _Handler._fails_twice,
    "fails": _Handler._fails,
    "reset": _Handler._reset,
    "half": _Handler._half,
    "drip": _Handler._drip,
    "hold": _Handler._hold,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ledger = ledger
        ledger.port = self.server_address[1]

    def handle_error(self, *_: Any) -> None:
        """Callers are killed in the middle of a request: that is what this is for."""


@contextlib.contextmanager
def running() -> Iterator[Ledger]:
    """A ledger that listens."""
    ledger = Ledger()
    server = _Server(ledger)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield ledger
    finally:
        ledger.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
