"""What an execution's context has beside its settings in the browser: it is ours."""

import logging
import time

from apps.core.types import JsonObject
from apps.steps.browser import keeping
from apps.steps.browser.blank_tab import BlankTab
from apps.steps.browser.blocking import Blocker
from apps.steps.browser.chromium.bidi import BidiError, BidiGone
from apps.steps.browser.loans import Loan
from apps.steps.browser.settings import BrowserSettings

log = logging.getLogger(__name__)

_GONE_WITHIN_S = 2.0


class Outfit:
    """Made for one loan; closed before that is given back.

    Args:
        kept: cookies and storage to begin with.
    """

    def __init__(
        self, loan: Loan, settings: BrowserSettings, kept: JsonObject | None
    ) -> None:
        self._loan, self._settings, self._kept = loan, settings, kept
        self._blocker: Blocker | None = None
        self._origins: dict[str, None] = {}
        self._own_tabs: set[str] = set()

    def put_on(self) -> None:
        """Let it begin.

        Raises:
            BidiError, BidiGone: the browser cannot or does not answer.
            PermanentFailure: `not_in_firefox` or `no_devtools`.
        """
        chosen = self._settings
        blocks = bool(chosen.block or chosen.block_urls)
        if blocks or chosen.keep_session:
            self._loan.require_devtools()
        if blocks:
            self._block()
        if self._kept:
            self._put_back(self._kept)

    def read(self) -> JsonObject | None:
        """Cookies, and storage of the sites that were visited; None: not to be had.

        Closes all pages: one that hangs would keep others of its site from being shown.
        """
        loan = self._loan
        origins = list(self._origins)[-keeping.MOST_ORIGINS :]
        try:
            tools = loan.devtools()
            try:
                pages = loan.tabs
                known = keeping.storage_of(loan.tools, pages) if loan.tools else {}
                tab = BlankTab(tools, loan.context.id)
                for page in pages:
                    tools.call("Target.closeTarget", targetId=page)
                return keeping.read(tools, tab, loan.context.id, origins, known)
            finally:
                tools.close()
        except (BidiError, BidiGone) as error:
            log.warning("a browser's session not kept", extra={"reason": str(error)})
            return None

    def close(self) -> None:
        """Let it end; can be called at any moment."""
        if self._blocker is not None:
            self._blocker.close()

    def notes(self, event: str, facts: JsonObject) -> bool:
        """Take note of an event of the browser; whether it is of a tab of ours."""
        if str(facts.get("context")) in self._own_tabs:
            return True
        if event == "network.beforeRequestSent" and facts.get("navigation"):
            self._note_visit(str(facts["request"]["url"]))
        return False

    def _note_visit(self, url: str) -> None:
        if (origin := keeping.origin_of(url)) is not None:
            # The latest ones are last.
            self._origins.pop(origin, None)
            self._origins[origin] = None

    def _block(self) -> None:
        loan = self._loan
        self._blocker = Blocker(
            loan.devtools(),
            self._settings.block,
            self._settings.block_urls,
            is_anothers=loan.is_anothers,
        )
        self._blocker.start()

    def _put_back(self, kept: JsonObject) -> None:
        loan = self._loan
        tools = loan.devtools()
        try:
            tab = BlankTab(tools, loan.context.id)
            self._own_tabs.add(tab.id)
            keeping.put_back(tools, tab, loan.context.id, kept)
            tab.close()
        finally:
            tools.close()
        # Steps count tabs.
        until = time.monotonic() + _GONE_WITHIN_S
        while tab.id in loan.tabs and time.monotonic() < until:
            time.sleep(0.005)
