"""A small local site for the benchmark's browsers: a form, and the page it leads to."""

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

FORM = (
    b"<!doctype html><title>bench</title><form action=/done>"
    b"<label>Name <input name=name></label><button>Send</button></form>"
    + b"<div>row</div>"
    * 200
)
DONE = b"<!doctype html><title>done</title><h1>Done</h1>" + b"<p>line</p>" * 200


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one write

    def do_GET(self) -> None:
        page = DONE if self.path.startswith("/done") else FORM
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The site, for the length of a `with` block; gives its address with a `/`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
