"""Hands the browser's events to whoever watches the context that they come from."""

import contextlib
import threading
from collections.abc import Callable
from functools import partial

from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import Bidi, BidiError
from apps.steps.browser.evidence.recording import EVENTS as RECORDED
from apps.steps.browser.news import MOVES

OnEvent = Callable[[str, JsonObject], None]

_EVENTS = (
    "browsingContext.contextCreated",
    "browsingContext.contextDestroyed",
    "browsingContext.userPromptOpened",
    "browsingContext.downloadWillBegin",
    "browsingContext.downloadEnd",
    "network.beforeRequestSent",
    "network.responseCompleted",
    "network.fetchError",
)


class Router:
    """Knows which user context each page and frame belongs to.

    Args:
        bidi: of a browser that was just started.
    """

    def __init__(self, bidi: Bidi) -> None:
        self._lock = threading.Lock()
        self._owners: dict[str, str] = {}
        self._tabs: dict[str, list[str]] = {}
        self._watchers: dict[str, OnEvent] = {}
        # Contexts subscribe to what is recorded, or do not.
        for event in (*_EVENTS, *MOVES, *RECORDED):
            bidi.on(event, partial(self._take, event))
        bidi.call("session.subscribe", events=list(_EVENTS))
        for event in MOVES:
            # Older browsers do not tell of them.
            with contextlib.suppress(BidiError):
                bidi.call("session.subscribe", events=[event])

    def watch(self, user_context: str, handler: OnEvent) -> None:
        """Tell `handler` of what happens there; called on the reading thread."""
        self._watchers[user_context] = handler

    def forget(self, user_context: str) -> None:
        """Tell nobody any more of what happens there."""
        self._watchers.pop(user_context, None)
        with self._lock:
            self._tabs.pop(user_context, None)
            gone = [one for one, of in self._owners.items() if of == user_context]
            for one in gone:
                del self._owners[one]

    def owner(self, frame: str) -> str | None:
        """The user context that a page or frame belongs to; None: not known."""
        return self._owners.get(frame)

    def tabs(self, user_context: str) -> list[str]:
        """Its open tabs, oldest first."""
        with self._lock:
            return list(self._tabs.get(user_context, ()))

    def _take(self, event: str, parameters: JsonObject) -> None:
        if event == "browsingContext.contextCreated":
            self._add(parameters)
        place = parameters.get("source", parameters)
        owner = place.get("userContext") or self._owners.get(str(place.get("context")))
        if event == "browsingContext.contextDestroyed":
            self._remove(parameters)
        if owner is not None and (watcher := self._watchers.get(owner)):
            watcher(event, parameters)

    def _add(self, created: JsonObject) -> None:
        context, owner = str(created["context"]), str(created["userContext"])
        with self._lock:
            self._owners[context] = owner
            if created.get("parent") is None:
                self._tabs.setdefault(owner, []).append(context)

    def _remove(self, destroyed: JsonObject) -> None:
        context = str(destroyed["context"])
        with self._lock:
            owner = self._owners.pop(context, "")
            if context in self._tabs.get(owner, ()):
                self._tabs[owner].remove(context)
