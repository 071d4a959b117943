"""Connections kept open between requests of one client."""

import os
import threading
import time
from collections import deque

from apps.core.egress.origins import Origin
from apps.core.http.connection import GuardedConnection

MAX_IDLE_S = 15.0
# A server may close just as we write. Repeating is no answer where the request could
# have been carried out already, so such requests take very fresh connections only.
MAX_IDLE_UNSAFE_S = 2.0
MAX_IDLE_CONNECTIONS = 32

Key = tuple[Origin, bool | str]


class Pool:
    """Idle connections by origin and trust; safe to use from several threads.

    A pool belongs to one client and so to one egress policy.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[tuple[Key, GuardedConnection, float]] = deque()
        self._pid = os.getpid()

    def take(self, key: Key, *, is_repeatable: bool) -> GuardedConnection | None:
        """The most recently used idle connection for `key` that still stands."""
        max_idle_s = MAX_IDLE_S if is_repeatable else MAX_IDLE_UNSAFE_S
        while (found := self._pop(key)) is not None:
            connection, since = found
            if time.monotonic() - since < max_idle_s and connection.is_quiet:
                return connection
            connection.abandon()
        return None

    def put(self, key: Key, connection: GuardedConnection) -> None:
        """Keep a connection for later, or close it when it is not fit for that."""
        dropped: GuardedConnection | None = connection
        if connection.is_quiet:
            with self._lock:
                self._forget_parent()
                self._idle.append((key, connection, time.monotonic()))
                over = len(self._idle) > MAX_IDLE_CONNECTIONS
                dropped = self._idle.popleft()[1] if over else None
        if dropped is not None:
            dropped.abandon()

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for _, connection, _ in idle:
            connection.abandon()

    def _pop(self, key: Key) -> tuple[GuardedConnection, float] | None:
        with self._lock:
            self._forget_parent()
            for index in range(len(self._idle) - 1, -1, -1):
                if self._idle[index][0] == key:
                    _, connection, since = self._idle[index]
                    del self._idle[index]
                    return connection, since
        return None

    def _forget_parent(self) -> None:
        # After a fork both processes would talk over the same sockets.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            for _, connection, _ in self._idle:
                connection.abandon()
            self._idle.clear()
