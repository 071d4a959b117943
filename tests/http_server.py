"""A small real HTTP server for tests: it answers what a test told it to answer."""

import contextlib
import json as json_module
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from ssl import SSLContext
from typing import Any
from urllib.parse import parse_qs, urlsplit

Headers = Mapping[str, str] | list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `query` holds lists, as a form does."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The body read as JSON."""
        return json_module.loads(self.body)

    @property
    def text(self) -> str:
        """The body read as UTF-8."""
        return self.body.decode()


@dataclass(frozen=True)
class Answer:
    """What the server sends for a path."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


Reply = Callable[[Request], Answer]


class Handler(BaseHTTPRequestHandler):
    """Records each request and sends the answer chosen for its path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an ACK
    server: "_Server"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        body = self._chunks() if chunked else self.rfile.read(length)
        url = urlsplit(self.path)
        request = Request(
            self.command, url.path, parse_qs(url.query), self.headers, body
        )
        answer = self.server.owner.handle(request)
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in answer.headers):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `HttpServer.requests` instead of a log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: "HttpServer"

    def __init__(self, host: str, tls: SSLContext | None) -> None:
        self._tls = tls
        self._open: set[socket] = set()
        super().__init__((host, 0), Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, TLS handshake included, off the accepting thread."""
        self._open.add(request)
        try:
            if self._tls is not None:
                plain, request = request, self._tls.wrap_socket(request, True)
                self._open.discard(plain)
                self._open.add(request)
            super().process_request_thread(request, client_address)
        except OSError:
            request.close()
        finally:
            self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server."""

    def drop_connections(self) -> None:
        """End connections that clients keep alive, so that their threads end."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(SHUT_RDWR)


class HttpServer:
    """A server on 127.0.0.1; paths nobody gave an answer for give 404.

    Attributes:
        requests: everything that arrived, oldest first.
        default: the answer of those paths, where it is another.
    """

    def __init__(self, tls: SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.default: Answer | Reply = Answer(404, b"no answer set for this path")
        self._answers: dict[str, list[Answer | Reply]] = {}
        self._given_out: set[str] = set()  # paths whose last answer was used
        self._scheme = "https" if tls else "http"
        self._host = host
        self._server = _Server(host, tls)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def port(self) -> int:
        """The TCP port the server listens on."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """`host:port`, as an entry of an egress policy wants it."""
        return f"{self._host}:{self.port}"

    def url(self, path: str = "/", host: str | None = None) -> str:
        """The address of `path`, optionally under another name for the host."""
        return f"{self._scheme}://{host or self._host}:{self.port}{path}"

    def answers(
        self,
        path: str,
        status: int = 200,
        body: bytes | str = b"",
        headers: Headers | None = None,
        json: Any = None,
    ) -> None:
        """Answer `path` so, for good or until another answer is set.

        Answers set before a request make a queue: the first request gets the first
        one, and so on; the last stays. `json` replaces `body` and sets the type.
        """
        given = [] if headers is None else _pairs(headers)
        if json is not None:
            body = json_module.dumps(json)
            given = [("Content-Type", "application/json"), *given]
        content = body.encode() if isinstance(body, str) else body
        self._add(path, Answer(status, content, given))

    def answers_with(self, path: str, reply: Reply) -> None:
        """Let `reply` make the answer from the request."""
        self._add(path, reply)

    def _add(self, path: str, answer: Answer | Reply) -> None:
        if path in self._given_out:
            self._given_out.discard(path)
            self._answers[path] = []
        self._answers.setdefault(path, []).append(answer)

    def handle(self, request: Request) -> Answer:
        """Record the request and give the answer its path has now."""
        self.requests.append(request)
        queue = self._answers.get(request.path) or [self.default]
        if len(queue) == 1:
            self._given_out.add(request.path)
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        return answer if isinstance(answer, Answer) else answer(request)

    def start(self) -> "HttpServer":
        """Begin to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End all connections and give the port back."""
        self._server.shutdown()
        self._server.drop_connections()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def running(
    tls: SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[HttpServer]:
    """An `HttpServer` for the length of a `with` block."""
    server = HttpServer(tls, host).start()
    try:
        yield server
    finally:
        server.stop()


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    if isinstance(headers, Mapping):
        return list(headers.items())
    return list(headers)
