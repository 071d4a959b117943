"""A gate between the platform and a server: open, silent, or cut at the answer.

Silent means that nothing passes any more in either direction while all connections
stay open, as when a firewall drops packets: neither side hears of an end.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Gate:
    """Hands on bytes between clients and one server.

    Attributes:
        is_silent: set it, and nothing passes; clear it, and what waited passes.
        on_answer: called with the first bytes of an answer, which are then thrown
            away and the client's connection reset; then it is forgotten.
    """

    target: tuple[str, int]
    is_silent: bool = False
    on_answer: Callable[[], None] | None = None
    port: int = 0
    _pairs: dict[socket.socket, socket.socket] = field(default_factory=dict)
    _closing: threading.Event = field(default_factory=threading.Event)

    def run(self, listener: socket.socket) -> None:
        """Hand on until closed; belongs to one thread."""
        with selectors.DefaultSelector() as watched:
            watched.register(listener, selectors.EVENT_READ)
            while not self._closing.is_set():
                if self.is_silent:
                    self._closing.wait(0.05)
                    continue
                for key, _ in watched.select(0.05):
                    if self.is_silent:  # since we looked; what came stays unread
                        break
                    if key.fileobj is listener:
                        self._accept(listener, watched)
                    elif isinstance(key.fileobj, socket.socket):
                        self._pass_on(key.fileobj, watched, is_answer=bool(key.data))
            for one in list(self._pairs):
                one.close()

    def close(self) -> None:
        """End all connections."""
        self._closing.set()

    def _accept(self, listener: socket.socket, watched: selectors.BaseSelector) -> None:
        client, _ = listener.accept()
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        for one, other, is_answer in ((client, server, False), (server, client, True)):
            one.settimeout(10)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[one] = other
            watched.register(one, selectors.EVENT_READ, is_answer)

    def _pass_on(
        self, one: socket.socket, watched: selectors.BaseSelector, *, is_answer: bool
    ) -> None:
        if one not in self._pairs:  # its pair ended in this very round
            return
        try:
            data = one.recv(65_536)
            if data and is_answer and self.on_answer is not None:
                strike, self.on_answer = self.on_answer, None
                strike()
                data = b""
            if data:
                self._pairs[one].sendall(data)
                return
        except OSError:
            pass
        self._drop(one, watched)

    def _drop(self, one: socket.socket, watched: selectors.BaseSelector) -> None:
        for end in (one, self._pairs[one]):
            watched.unregister(end)
            end.close()
        other = self._pairs.pop(one)
        self._pairs.pop(other)


@contextlib.contextmanager
def gate_to(host: str, port: int) -> Iterator[Gate]:
    """An open gate that listens on a port of its own."""
    gate = Gate((host, port))
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        gate.port = listener.getsockname()[1]
        thread = threading.Thread(target=gate.run, args=(listener,), daemon=True)
        thread.start()
        try:
            yield gate
        finally:
            gate.close()
            thread.join(10)
