"""Firefox's ways: by WebDriver BiDi and what scripts can do."""

import base64
import contextlib
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urldefrag, urlsplit

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import BidiError, BidiGone
from apps.steps.browser.devices import Device
from apps.steps.browser.failures import BrowserTimeout, only_in_chromium
from apps.steps.browser.paper import MAX_PDF_BYTES, PrintOptions, too_large
from apps.steps.browser.pixels import limited
from apps.steps.browser.urls import shown_url

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver
    from apps.steps.browser.session import BrowserSession

_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
# Event handlers in attributes are scripts, too.
_NO_SCRIPTS = (
    '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
)
_TITLE_S = 1.0


class FirefoxDialect:
    """Firefox."""

    # Its driver waits for ever for pages that turn out to be downloads, or lead on to
    # what no page may lead to.
    waits_for_pages = False

    def open(
        self, session: "BrowserSession", url: str, *, referer: str, is_whole: bool
    ) -> None:
        """Goes on when the new document is there, or its error's, or a download."""
        if referer:
            raise only_in_chromium("say where a page is opened from")
        before, downloads = _seen(session), len(session.downloads.all)
        seconds = session.within_step(session.command_s)
        # What it cannot open, its page says; that comes as for all others.
        with contextlib.suppress(BidiError):
            session.bidi(
                "browsingContext.navigate",
                context=self._tab(session),
                url=url,
                wait="none",
            )

        def look() -> bool | None:
            if len(session.downloads.all) > downloads:
                return True
            now = _seen(session)
            is_there = now.page != before.page or ("#" in url and now.page.url == url)
            return (is_there and (now.is_read or not is_whole)) or None

        try:
            has_come = session.poll(look, seconds)
        except BrowserTimeout:
            has_come = None
        if has_come is None:
            message = f"{shown_url(url)} was not loaded within {seconds:g} s."
            raise TemporaryFailure(message, code="timeout")

    def move(self, session: "BrowserSession", steps: int) -> str | None:
        """The history tells where it leads only by going there."""
        tab = self._tab(session)
        try:
            session.bidi("browsingContext.traverseHistory", context=tab, delta=steps)
        except BidiError as error:
            if error.code != "no such history entry":
                raise
            return None
        # Every tab begins empty: nobody means that as a page to go back to.
        if session.state()["url"] == "about:blank":
            session.bidi("browsingContext.traverseHistory", context=tab, delta=-steps)
            return None
        return str(session.state()["url"])

    def reload(self, session: "BrowserSession") -> bool:
        """How a page was come to it does not tell: so it is opened by its address."""
        tab = self._tab(session)
        address, fragment = urldefrag(session.state()["url"])
        cache = {"contexts": [tab]}
        self._do(session, "network.setCacheBehavior", cacheBehavior="bypass", **cache)
        try:
            # With its fragment it would be a place in the page that is open.
            session.goto(address)
        finally:
            self._do(
                session, "network.setCacheBehavior", cacheBehavior="default", **cache
            )
        if fragment:
            with session.commanding() as driver:
                driver.execute_script("location.hash = arguments[0]", fragment)
        return True

    def tab_facts(self, session: "BrowserSession") -> dict[str, str]:
        """The pages tell their titles, unless they are busy."""
        tree = self._do(session, "browsingContext.getTree", maxDepth=0)["contexts"]
        own = set(session.tabs)
        return {
            str(one["context"]): f"{one['url']}\n{self._title(session, one['context'])}"
            for one in tree
            if one["context"] in own
        }

    def picture(self, session: "BrowserSession", full_page: bool) -> bytes:
        """Beyond what is in view, too."""
        with session.commanding() as driver:
            session.leave_frames(driver)
            if not full_page:
                return driver.get_screenshot_as_png()
            width, height = driver.execute_script(
                "const {scrollWidth, scrollHeight} = document.documentElement;"
                "return [Math.max(scrollWidth, innerWidth),"
                " Math.max(scrollHeight, innerHeight)];"
            )
        wide, high = limited(width, height)
        clip = {"type": "box", "x": 0, "y": 0, "width": wide, "height": high}
        answer = self._do(
            session,
            "browsingContext.captureScreenshot",
            context=self._tab(session),
            origin="document",
            clip=clip,
        )
        return base64.b64decode(answer["data"])

    def print_page(self, session: "BrowserSession", options: PrintOptions) -> bytes:
        """In one piece."""
        if options.header is not None or options.footer is not None:
            raise only_in_chromium("print a header or footer")
        width, height = (side / 10 for side in options.size_mm)
        sides = ("top", "bottom", "left", "right")
        answer = self._do(
            session,
            "browsingContext.print",
            context=self._tab(session),
            background=options.has_background,
            orientation="landscape" if options.is_landscape else "portrait",
            page={"width": width, "height": height},
            margin=dict.fromkeys(sides, options.margin_mm / 10),
            scale=options.scale,
        )
        if len(answer["data"]) * 3 / 4 > MAX_PDF_BYTES:
            raise too_large()
        return base64.b64decode(answer["data"])

    def show_html(self, session: "BrowserSession", html: str) -> None:
        """As the content of an address of its own, which forbids scripts."""
        found = _DOCTYPE.match(html)
        at = found.end() if found else 0
        guarded = f"{html[:at]}{_NO_SCRIPTS}{html[at:]}"
        packed = base64.b64encode(guarded.encode()).decode("ascii")
        self._do(
            session,
            "browsingContext.navigate",
            context=self._tab(session),
            url=f"data:text/html;charset=utf-8;base64,{packed}",
            wait="interactive",
        )

    def evaluate(self, session: "BrowserSession", expression: str) -> Any:
        """The driver's scripts run where the page's do not."""
        with session.commanding() as driver:
            return driver.execute_script(f"return ({expression})")

    def cookies(self, session: "BrowserSession") -> list[JsonObject]:
        """In Chromium's words."""
        found = self._do(
            session, "storage.getCookies", partition=self._storage(session)
        )
        return [_cookie(one) for one in found["cookies"]]

    def set_cookies(
        self, session: "BrowserSession", cookies: Sequence[JsonObject]
    ) -> None:
        """One by one, up to the first that is refused."""
        storage = self._storage(session)
        for cookie in cookies:
            try:
                session.bidi(
                    "storage.setCookie",
                    cookie=_for_firefox(cookie),
                    partition=storage,
                )
            except BidiError as error:
                message = "The browser refuses one of these cookies."
                raise PermanentFailure(message, code="bad_cookie") from error

    def delete_cookie(self, session: "BrowserSession", cookie: JsonObject) -> None:
        """By name and place."""
        where = {name: cookie[name] for name in ("name", "domain", "path")}
        self._do(
            session,
            "storage.deleteCookies",
            filter=where,
            partition=self._storage(session),
        )

    def pass_for_mobile(self, driver: "Driver", shape: Device) -> None:
        """It cannot: `BrowserSettings` refuses the wish."""

    def _tab(self, session: "BrowserSession") -> str:
        with session.commanding() as driver:
            return driver.current_window_handle

    def _storage(self, session: "BrowserSession") -> JsonObject:
        return {"type": "storageKey", "userContext": session.loan.context.id}

    def _do(self, session: "BrowserSession", method: str, **parameters: Any) -> Any:
        try:
            return session.bidi(method, **parameters)
        except BidiError as error:
            message = f"The browser said: {str(error)[:300]}."
            raise TemporaryFailure(message, code="browser_error") from error

    def _title(self, session: "BrowserSession", tab: str) -> str:
        try:
            answer = session.loan.bidi.call(
                "script.evaluate",
                within_s=_TITLE_S,
                expression="document.title",
                target={"context": tab},
                awaitPromise=False,
            )
        except (BidiError, BidiGone):
            return ""
        return str(answer.get("result", {}).get("value", ""))


class _Page(NamedTuple):
    """What tells a page from the one before; after errors the moment alone does not."""

    url: str
    since: float
    error: str


class _Seen(NamedTuple):
    page: _Page
    is_read: bool


def _seen(session: "BrowserSession") -> _Seen:
    state = session.state()
    page = _Page(state["url"], state["since"], state["error"])
    return _Seen(page, bool(page.error) or state["ready"] != "loading")


def _cookie(cookie: JsonObject) -> JsonObject:
    kept = {name: cookie[name] for name in ("name", "domain", "path", "secure")}
    value = cookie["value"]
    text = value["value"]
    if value["type"] == "base64":
        text = base64.b64decode(text).decode("latin-1")
    kept |= {"value": text, "httpOnly": cookie["httpOnly"]}
    if "expiry" in cookie:
        kept["expires"] = cookie["expiry"]
    if cookie["sameSite"] in ("strict", "lax", "none"):
        kept["sameSite"] = cookie["sameSite"].capitalize()
    return kept


def _for_firefox(cookie: JsonObject) -> JsonObject:
    domain = cookie.get("domain") or urlsplit(str(cookie["url"])).hostname
    made: dict[str, Any] = {
        "name": cookie["name"],
        "value": {"type": "string", "value": cookie["value"]},
        "domain": domain,
        "path": cookie.get("path", "/"),
        "secure": cookie.get("secure", False),
        "httpOnly": cookie.get("httpOnly", False),
        "sameSite": str(cookie.get("sameSite", "default")).lower(),
    }
    if cookie.get("expires"):
        made["expiry"] = max(int(cookie["expires"]), int(time.time()) + 1)
    return made
