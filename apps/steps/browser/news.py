"""Whether something came that may have changed what a checkpoint holds."""

import time
from dataclasses import dataclass

from apps.core.types import JsonObject

# A page that goes to another address and stays the same document.
MOVES = ("browsingContext.historyUpdated", "browsingContext.fragmentNavigated")
_OTHERS = frozenset(
    {
        "network.responseCompleted",  # brings cookies, and what scripts keep
        "browsingContext.contextCreated",
        "browsingContext.contextDestroyed",
        "browsingContext.userPromptOpened",
    }
)


# What a page's scripts make of an answer comes a moment after it.
_SETTLES_S = 0.1


@dataclass
class News:
    """Told of a context's events, on the browser's own thread.

    Attributes:
        moved_at: when a page last went to another address by itself; Unix time in
            milliseconds, 0: never.
    """

    moved_at: float = 0.0
    _page_came: float | None = None
    _last: float | None = None

    def take(self, event: str, facts: JsonObject) -> None:
        """Something has happened."""
        if event in MOVES:
            self.moved_at = float(facts.get("timestamp") or time.time() * 1000)
            self.note()
        elif event in _OTHERS:
            self._last = time.monotonic()
            if facts.get("navigation"):
                self._page_came = self._last

    def note(self) -> None:
        """Another page may be open, or something has changed by ourselves."""
        self._last = self._page_came = time.monotonic()

    @property
    def is_there(self) -> bool:
        """Whether there was any since it was looked at."""
        return self._last is not None

    @property
    def is_urgent(self) -> bool:
        """Whether a page came, or its scripts have had time for what else there was."""
        last = self._last
        has_settled = last is not None and time.monotonic() - last >= _SETTLES_S
        return has_settled or self._page_came is not None

    def looked(self, since: float) -> None:
        """It was looked at, from a `time.monotonic()` value on."""
        came, last = self._page_came, self._last
        if came is not None and came < since:
            self._page_came = None
        if last is not None and since - last >= _SETTLES_S:
            self._last = None
