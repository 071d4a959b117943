"""The browser of one execution, as the browser steps drive it."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlsplit

from selenium.common.exceptions import UnexpectedAlertPresentException

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.core.types import Json, JsonObject
from apps.steps.browser import checkpoints, extraction
from apps.steps.browser.evidence.covers import without_secrets
from apps.steps.browser.failures import BrowserTimeout, net_error
from apps.steps.browser.missing import Hints, look_around, not_found
from apps.steps.browser.news import News
from apps.steps.browser.page_calls import PageCalls
from apps.steps.browser.target import Target, as_target
from apps.steps.browser.urls import ask_proxy, checked_url, shown_url

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

_OLD_PAGE_S = 3.0
# What one look at a large page may take, whatever the wish.
_LOOK_S = 5.0
# Answers that can be the egress proxy's own.
_PROXY_STATUS = frozenset({403, 502, 503, 504})


class BrowserSession(PageCalls):
    """A browser with the means to open pages, find elements and read them.

    Attributes:
        found_at: when an element was last waited for and found; Unix time, seconds.
        unsaved_tabs: handles of those whose page was filled in before it was restored.
    """

    found_at = 0.0
    unsaved_tabs: frozenset[str] = frozenset()

    def goto(
        self,
        url: str,
        wait_until: str = "load",
        timeout: float = 30.0,
        referer: str = "",
    ) -> JsonObject:
        """Open a page; gives `{url, title, status}` of where that led.

        Args:
            wait_until: `load`, `domcontentloaded`, `networkidle` or `none`.
            timeout: seconds.
            referer: the page that it says it comes from.

        Raises:
            PermanentFailure: `scheme_refused`, `invalid_url`, `egress_refused`, or
                one of Chromium's codes, such as `ERR_CERT_DATE_INVALID`.
            TemporaryFailure: `timeout`, or one of Chromium's codes, such as
                `ERR_CONNECTION_REFUSED`.
        """
        url = checked_url(url)
        seconds = self.within_step(timeout)
        deadline = time.monotonic() + seconds
        since = self._state_before()["since"]
        self.frame, self.has_left_page = (), False
        self.watcher.broken.clear()
        if self.settings.geolocation is not None:
            self._let_locate(url)
        try:
            self.steadily(lambda: self._load(url, wait_until, seconds, referer))
        except RpaError as error:
            raise self._cause(url, error) from error
        state = self._loaded(url, wait_until, deadline)
        if state is None:
            message = f"{shown_url(url)} was not loaded within {seconds:g} s."
            raise TemporaryFailure(message, code="timeout")
        if state["error"]:
            raise self._cause(url, net_error(state["error"]))
        if state["since"] == since and _is_elsewhere(url, state["url"]):
            raise PermanentFailure(
                f"{shown_url(url)} is no page but a download, or empty. The step "
                "download_file can fetch it.",
                code="not_a_page",
            )
        if state["status"] in _PROXY_STATUS and (cause := self._ask(state["url"])):
            raise cause
        return {name: state[name] for name in ("url", "title", "status")}

    def state(self) -> JsonObject:
        """`{url, title, status, ready, since, error}` of the page.

        `status` is None when not known, `since` tells one document from the next,
        `error` is the code of Chromium's own page for what could not be opened.
        """
        return self.steadily(lambda: dict(self.run(None, "reading.state")))

    def fetch(self, file: Path) -> Path:
        """A file that was downloaded, on this machine; errors as `Files.fetch`'s."""
        with self.commanding():
            return self.loan.files.fetch(file, self.loan.context.downloads)

    def html(self) -> str:
        """The page's document as it stands now."""
        with self.commanding() as driver:
            self.leave_frames(driver)
            return driver.page_source

    def find(
        self, target: Target | str, timeout: float = 10.0, state: str = "actionable"
    ) -> "WebElement":
        """The first element that fits, once it is in the wanted state.

        Args:
            state: `attached`, `visible`, `enabled`, `editable`, or `actionable`:
                visible, enabled and not moving.

        Raises:
            PermanentFailure: `element_not_found`, `element_not_ready` or
                `invalid_selector`.
        """
        found = self.wait_for(target, timeout, "rpa.find", state)
        element: WebElement = found["element"]
        return element

    def find_all(self, target: Target | str, limit: int = 10_000) -> "list[WebElement]":
        """The elements that the first fitting selector finds now; can be empty."""
        target = _target(target)
        selectors = target.for_page()
        found = self.steadily(lambda: self.run(target, "rpa.findAll", selectors, limit))
        return list(found["elements"])

    def wait_for(
        self, target: Target | str, timeout: float, function: str, *arguments: Json
    ) -> JsonObject:
        """Call a function of the page's side until it finds its element.

        Args:
            function: takes the selectors and the arguments, gives `{element, at}`
                and more; `at` is the index of the selector that found it.
        """
        target = _target(target)
        selectors = target.for_page()
        seconds = self.within_step(timeout)
        last: JsonObject = {}

        def look() -> JsonObject | None:
            nonlocal last
            last = self.run(target, function, selectors, *arguments)
            return last if last["element"] is not None else None

        limit = min(self.command_s, max(seconds, _LOOK_S))
        try:
            with self.limited_to(limit):
                found = self.poll(look, seconds)
        except BrowserTimeout as error:
            message = f"{error.message} It was looking for `{target}`."
            raise BrowserTimeout(message) from error
        if found is None:
            raise self._not_found(target, last, seconds)
        self.found_at = time.time()
        return found

    def text(self, target: Target | str, timeout: float = 10.0) -> str:
        """An element's visible text, or a field's value (never a password)."""
        return str(self.wait_for(target, timeout, "reading.text")["text"])

    def extract(
        self,
        target: Target | str | None,
        fields: Mapping[str, Any],
        many: bool = False,
        timeout: float = 10.0,
    ) -> list[JsonObject] | JsonObject:
        """Values from the page, all read at one moment.

        Args:
            target: the element the fields lie in; with `many` each such element
                makes a row. None: the whole page.
            fields: by name a selector, or `{target?, attribute?, regex?, many?,
                default?}`; without `target` it is the row itself. None given: `text`.
            timeout: seconds to wait for the element; with `many`, whatever is there
                now counts, none included.

        Raises:
            PermanentFailure: `element_not_found` (unless `many`),
                `invalid_selector`, `invalid_field` or `too_much_data`.
        """
        place = None if target is None else _target(target)
        if many:
            return extraction.rows(self, place, fields)
        seconds = self.within_step(timeout)
        found = self.poll(
            lambda: extraction.rows(self, place, fields, limit=1) or None, seconds
        )
        if found is None:
            # Without a place the page itself is the row, so there is one then.
            raise self._not_found(place or _target("body"), {}, seconds)
        return found[0]

    def screenshot(
        self, full_page: bool = False, target: Target | str | None = None
    ) -> bytes:
        """A PNG of what is in view, of the whole page, or of one element.

        It is black where the execution's secrets stand.

        Raises:
            PermanentFailure: `element_not_found`, `element_not_ready`; `too_much_data`,
                nobody can tell where secrets stand.
            TemporaryFailure: `page_changing`.
        """

        def take() -> bytes:
            if target is None:
                return self.loan.dialect.picture(self, full_page)
            return self.steadily(lambda: self._picture(target))

        if self.secrets is None or not self.secrets.is_needed:
            return take()
        if target is not None:
            # It may bring a secret along.
            self.find(target, state="visible")
        return without_secrets(self, self.secrets, take)

    def cdp(self, command: str, **parameters: Any) -> JsonObject:
        """Send a command of the Chrome DevTools Protocol; gives its result.

        Raises:
            PermanentFailure: `not_in_firefox`.
        """

        def send() -> JsonObject:
            with self.commanding() as driver:
                return driver.cdp(command, **parameters)

        return self.steadily(send)

    @property
    def tab(self) -> str:
        """The handle of the tab that steps work in; the browser is started for it."""
        self.loan  # noqa: B018  # it has the first tab
        return self._tab

    @property
    def news(self) -> News:
        """Whether something may have changed what a checkpoint holds."""
        return self.watcher.news

    def settle(self) -> None:
        """Wait for the page that a click has just asked for, if it did.

        The driver waits for a navigation by itself, but only once the page has begun
        it: a form is sent in a task after the click's own. Does nothing when no
        command came since the last time.
        """
        if not self._is_settled:
            self.steadily(lambda: self.run(None, "keeping.settle"))
            self._is_settled = True

    def checkpoint(self) -> JsonObject:
        """What `restore` needs in another browser; see `checkpoints.take`."""
        return checkpoints.take(self)

    def restore(self, checkpoint: JsonObject) -> None:
        """Bring this browser to where another was; opens the page again."""
        checkpoints.restore(self, checkpoint)

    def _picture(self, target: Target | str) -> bytes:
        element = self.find(target, state="visible")
        with self.commanding():
            return element.screenshot_as_png

    def _state_before(self) -> JsonObject:
        """The state of the page that is to be left; a page that hangs is left now."""
        self.loan  # noqa: B018  # a browser that is to be started takes its own time
        try:
            with self.limited_to(_OLD_PAGE_S):
                return self.state()
        except TemporaryFailure:
            self.open_new_tab()
            return self.state()

    def _let_locate(self, url: str) -> None:
        """Let the pages of the address's site ask where the browser is."""
        parts = urlsplit(url)
        self.bidi(
            "permissions.setPermission",
            descriptor={"name": "geolocation"},
            state="granted",
            origin=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            userContext=self.loan.context.id,
        )

    def _load(self, url: str, wait_until: str, seconds: float, referer: str) -> None:
        limit = max(seconds, self.command_s)
        # A dialog that the page opens while it is loaded is answered in a moment.
        passing = UnexpectedAlertPresentException
        with self.limited_to(limit), self.commanding(passing) as driver:
            self.leave_frames(driver)
            dialect, is_whole = self.loan.dialect, wait_until != "none"
            if referer or not (is_whole and dialect.waits_for_pages):
                dialect.open(self, url, referer=referer, is_whole=is_whole)
                return
            driver.set_page_load_timeout(seconds)
            with contextlib.suppress(passing):
                driver.get(url)

    def _loaded(self, url: str, wait_until: str, deadline: float) -> JsonObject | None:
        """The page's state once it is there; None: it was not in time."""
        while not self._is_loaded(state := self.state(), wait_until):
            self._require_unbroken(url)
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)
        return state

    def _require_unbroken(self, url: str) -> None:
        """Wait no longer for a page whose server broke its answer off.

        Raises:
            TemporaryFailure, PermanentFailure: one of Chromium's codes.
        """
        code = self.watcher.broken.get(self._tab)
        if code is None:
            return
        if not self.html():
            # It has nothing to show, and a picture of it would never come.
            self.open_new_tab()
        raise net_error(code, shown_url(url))

    def _cause(self, url: str, error: RpaError) -> RpaError:
        """What lies behind a failed load: the proxy's refusal, or the error itself."""
        if not error.code.startswith("ERR_"):
            return error
        # A refused redirect is what the browser stands at now.
        here = url
        if self.is_running:
            with self.commanding() as driver:
                here = driver.current_url
        return (
            self._ask(here) or self._ask(url) or net_error(error.code, shown_url(url))
        )

    def _ask(self, url: str) -> RpaError | None:
        return ask_proxy(self.proxy_address, url) if self.proxy_address else None

    def _is_loaded(self, state: JsonObject, wait_until: str) -> bool:
        if wait_until == "none" or state["error"]:
            return True
        if wait_until == "domcontentloaded":
            return bool(state["ready"] != "loading")
        is_idle = wait_until != "networkidle" or self.requests.is_idle
        return is_idle and bool(state["ready"] == "complete")

    def _not_found(
        self, target: Target, found: JsonObject, waited_s: float
    ) -> PermanentFailure:
        hints = Hints(frame=self.missing_frame)
        if self.missing_frame is None:
            # The error at hand matters more than its hints.
            with contextlib.suppress(Exception):
                hints = look_around(self, target)
        return not_found(target, found, hints, waited_s)


def _target(value: Target | str) -> Target:
    return (
        value if isinstance(value, Target) else Target.model_validate(as_target(value))
    )


def _is_elsewhere(wanted: str, here: str) -> bool:
    return urldefrag(wanted).url.rstrip("/") != urldefrag(here).url.rstrip("/")
