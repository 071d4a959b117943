"""What the pages of one context ask servers for at this moment."""

import threading
import time
from dataclasses import dataclass, field

from apps.core.types import JsonObject

# Nothing for so long: a page that loads more begins sooner.
QUIET_S = 0.5
_STREAM = "text/event-stream"


@dataclass
class Requests:
    """Which requests are under way, as the browser tells of them.

    A stream of events never ends, so it does not count; nor do sockets.
    """

    _open: dict[str, str] = field(default_factory=dict)
    _changed_at: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, event: str, told: JsonObject) -> None:
        """An event of the browser: of a request, or any other."""
        page = str(told.get("context"))
        if event == "browsingContext.contextDestroyed":
            self._drop(page)
        elif event == "network.beforeRequestSent" and not _is_stream(told["request"]):
            if told.get("navigation"):
                # What the page before it had under way is broken off.
                self._drop(page)
            self._note(str(told["request"]["request"]), page)
        elif event in ("network.responseCompleted", "network.fetchError"):
            self._note(str(told["request"]["request"]), None)

    @property
    def is_idle(self) -> bool:
        """Whether none is under way, and none was for half a second."""
        with self._lock:
            return not self._open and time.monotonic() - self._changed_at >= QUIET_S

    def _note(self, request: str, page: str | None) -> None:
        with self._lock:
            self._changed_at = time.monotonic()
            if page is None:
                self._open.pop(request, None)
            else:
                self._open[request] = page

    def _drop(self, page: str) -> None:
        with self._lock:
            gone = [one for one, of in self._open.items() if of == page]
            for one in gone:
                del self._open[one]


def _is_stream(request: JsonObject) -> bool:
    return any(
        header["name"].lower() == "accept" and header["value"].get("value") == _STREAM
        for header in request.get("headers", ())
    )
