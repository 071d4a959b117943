"""A way to Redis that can be cut without anybody being told."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards TCP to the server of `url`; what is stalled stays open and silent."""

    def __init__(self, url: str, port: int = 0) -> None:
        parts = urlsplit(url)
        self._target = parts.hostname, parts.port
        self._server = socket.create_server(("127.0.0.1", port), backlog=64)
        login = parts.netloc.rpartition("@")[0]
        netloc = f"{login}@" if login else ""
        netloc += f"127.0.0.1:{self._server.getsockname()[1]}"
        self.url = urlunsplit(parts._replace(netloc=netloc))
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def stall(self) -> None:
        """Connections that are open now fall silent for ever; new ones work."""
        self._flowing.clear()
        self._flowing = threading.Event()
        self._flowing.set()

    def freeze(self) -> None:
        """All connections fall silent, new ones too."""
        self._flowing.clear()

    def thaw(self) -> None:
        """What was frozen flows on."""
        self._flowing.set()

    def close(self) -> None:
        """End everything."""
        # Closing alone would leave the thread in `accept`, and it would take one more.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(10)
        self._server.close()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._sockets.append(client)
                target = socket.create_connection(self._target)
                self._sockets.append(target)
                for ends in ((client, target), (target, client)):
                    arguments = (*ends, self._flowing)
                    threading.Thread(
                        target=self._forward, args=arguments, daemon=True
                    ).start()

    def _forward(
        self, source: socket.socket, sink: socket.socket, flowing: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                flowing.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
