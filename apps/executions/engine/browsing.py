"""The browser of one execution: opened on first use, checkpointed, given back."""

import logging
import math
import threading
import time
from typing import TYPE_CHECKING

from apps.core.egress.proxy import EgressProxy
from apps.core.errors import RpaError
from apps.core.types import JsonObject
from apps.executions.engine.kept_session import KeptSession
from apps.executions.engine.leases import Lease
from apps.executions.engine.vault import Vault
from apps.executions.engine.whereabouts import (
    Change,
    FilledIn,
    change,
    is_same_document,
)
from apps.steps.base import AnyStepType, Effect
from apps.steps.browser import keeping
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings

if TYPE_CHECKING:
    from apps.executions.engine.tools import ProcessTools

log = logging.getLogger(__name__)

# A page that hangs must not hold up the step that has ended.
_CHECKPOINT_S = 3.0


class ExecutionBrowser:
    """Opens a session when a step asks for one, and knows what became of it.

    Args:
        chosen: what the workflow wants its browser to be.
        restore: the browser's recorded state, for an execution that was taken over.
    """

    def __init__(
        self,
        lease: Lease,
        shared: "ProcessTools",
        *,
        chosen: BrowserSettings,
        vault: Vault,
        restore: JsonObject | None,
    ) -> None:
        self._lease, self._shared = lease, shared
        self._chosen, self._vault = chosen, vault
        self._restore = restore
        self._session: BrowserSession | None = None
        self._proxy: EgressProxy | None = None
        self._last: JsonObject | None = None
        self._filled_in = FilledIn()
        name = chosen.keep_session
        self._kept = KeptSession(lease, name) if name else None
        self._opening = threading.Lock()

    @property
    def session(self) -> BrowserSession:
        """The session; after a takeover it is where the other was.

        Raises:
            PermanentFailure: `secret_missing`, of those that the settings name.
        """
        with self._opening:
            if self._session is None:
                self._session = self._open()
        return self._session

    @property
    def opened(self) -> BrowserSession | None:
        """The session, if some step has asked for it."""
        return self._session

    @property
    def is_lost(self) -> bool:
        """Whether the execution had a page in a browser that has died."""
        return self._session is not None and self._session.is_lost

    @property
    def is_page_lost(self) -> bool:
        """Whether it had a page that did not answer, and so was left."""
        return (
            self.had_page and self._session is not None and self._session.is_page_lost
        )

    @property
    def had_page(self) -> bool:
        """Whether something was done in the browser that a new one does not have."""
        return self._last is not None

    def checkpoint(self, kind: AnyStepType, effect: str) -> JsonObject | None:
        """What is to be recorded of the browser after a step; None: nothing is new.

        `{browser}`, its state, when another page is open. What was typed is in no
        checkpoint: after a takeover the `page` steps since the page was opened are
        done again. So there is also `{page}`, `same` or `past` of `Change`, when it
        is the page of before and something else has changed. A page may arrive only
        after the click that asked for it has ended. A `page` step that finds its
        element on such a page makes the checkpoint, and is then done again as well.
        """
        if not getattr(kind, "needs_browser", False):
            return None
        found = self._look(effect)
        # A browser that has died meanwhile must not be started by looking at it.
        place = self._session.place if self._session is not None else None
        if effect == Effect.PAGE and place is not None and self._last is not None:
            self._filled_in.note(place[1], self._last["since"])
        return found

    def checkpoint_to_park(self) -> JsonObject | None:
        """The same before the execution is put aside, and its browser given back."""
        if self._session is not None:
            self._session.news.note()
        return self._look(Effect.READ)

    def _look(self, effect: str) -> JsonObject | None:
        session = self._session
        if session is None or not session.is_responsive or session.has_left_page:
            return None
        try:
            with session.limited_to(_CHECKPOINT_S):
                if effect == Effect.WRITE:
                    session.settle()
                elif not self._is_due(session, effect):
                    return None
                began = time.monotonic()
                now = session.checkpoint()
                session.news.looked(began)
                return self._judged(session, now, effect)
        except RpaError as error:
            # What the step did stays done; a takeover begins at an earlier page.
            session.news.note()
            log.warning(
                "no checkpoint of the browser",
                extra={"execution_id": self._lease.execution_id, "error": str(error)},
            )
            return None

    def _is_due(self, session: BrowserSession, effect: str) -> bool:
        if self._last is None:
            return True
        # A page that was opened has to be known at once. What was typed is typed again
        # anyway: then one look is enough for all that comes with a page.
        is_page = effect == Effect.PAGE
        return session.news.is_urgent if is_page else session.news.is_there

    def _judged(
        self, session: BrowserSession, now: JsonObject, effect: str
    ) -> JsonObject | None:
        last, found = self._last, change(self._last, now)
        if found is Change.NONE:
            return None
        if found is Change.NEW and effect == Effect.PAGE:
            is_same = is_same_document(last, now)
            arrived = session.news.moved_at or math.inf if is_same else now["since"]
            if not _came_upon(session, arrived):
                if not is_same:
                    # The step may have asked for it: it is the next one's.
                    session.news.note()
                    return None
                found = Change.PAST
        self._last = now
        if found is Change.NEW:
            tabs = {tab: number for number, tab in enumerate(session.tabs)}
            unsaved = self._filled_in.arrive(session.tab, now["since"], tabs)
            return {"browser": now | ({"unsaved": unsaved} if unsaved else {})}
        # Frames are entered by steps that are done again.
        frame = last["frame"] if last is not None else []
        return {"browser": now | {"frame": frame}, "page": found.value}

    def close(self) -> None:
        """Save what is kept, and give the browser back; a dead one saves nothing.

        Raises:
            DatabaseError: what is kept could not be saved.
        """
        session, self._session = self._session, None
        try:
            if session is not None and self._kept is not None:
                self._save(session, self._kept)
        finally:
            if session is not None:
                session.close()
            proxy, self._proxy = self._proxy, None
            if proxy is not None:
                proxy.stop()

    def _save(self, session: BrowserSession, kept: KeptSession) -> None:
        state = session.state_to_keep()
        if state is not None:
            kept.save(state)

    def _open(self) -> BrowserSession:
        proxy, kept = self._own_proxy(), self._what_was_kept()
        session = BrowserSession(
            self._shared.browsers,
            self._chosen,
            proxy=proxy,
            kept=kept,
            secrets=self._vault.masker,
        )
        # What it had would be missed.
        session.begins_anew = False
        # Known before it is restored: an interrupt meanwhile must still close it.
        self._session = session
        if self._restore is not None:
            session.restore(self._restore)
            self._last = session.checkpoint()
        return session

    def _what_was_kept(self) -> JsonObject | None:
        """The kept session; after a takeover what the checkpoint does not have."""
        if self._kept is None:
            return None
        kept = self._kept.load()
        if self._restore is not None:
            return keeping.without(kept, self._restore.get("storage", {}))
        return kept

    def _own_proxy(self) -> tuple[str, int] | None:
        """A proxy of ours for this execution alone, if it goes out by another's."""
        if self._chosen.proxy is None:
            return None
        if self._proxy is None:
            upstream = self._chosen.proxy.upstream(self._vault.secrets)
            self._proxy = self._shared.new_proxy(upstream)
        return self._proxy.start()


def _came_upon(session: BrowserSession, arrived_ms: float) -> bool:
    """Whether the step found its element on the page, and did not ask for it."""
    return arrived_ms < session.found_at * 1000
