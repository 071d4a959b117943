"""A TCP server that does exactly what a test scripts, byte by byte."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Script = Callable[[socket.socket], None]


class RawServer:
    """Runs the script for each connection, then closes it.

    Attributes:
        connections: how many were accepted.
        port: the TCP port it listens on.
    """

    def __init__(self, script: Script) -> None:
        self.connections = 0
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def address(self) -> str:
        """`host:port`, as an entry of an egress policy wants it."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """The address of `path`."""
        return f"http://{host}:{self.port}{path}"

    def start(self) -> None:
        """Begin to accept."""
        self._threads[0].start()

    def stop(self) -> None:
        """End all connections."""
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                thread = threading.Thread(target=self._run, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            self._script(sock)


@contextlib.contextmanager
def scripted(script: Script) -> Iterator[RawServer]:
    """A `RawServer` for the length of a `with` block."""
    server = RawServer(script)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def read_head(sock: socket.socket) -> bytes:
    """One request or answer up to the empty line."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = sock.recv(1)
        if not data:
            break
        head += data
    return head


def read_exactly(sock: socket.socket, size: int) -> bytes:
    """The next `size` bytes, fewer when the other side ends."""
    data = b""
    while len(data) < size and (piece := sock.recv(size - len(data))):
        data += piece
    return data


def answering(*pieces: bytes) -> Script:
    """A script that reads a request and sends the pieces."""

    def script(sock: socket.socket) -> None:
        read_head(sock)
        for piece in pieces:
            sock.sendall(piece)

    return script
