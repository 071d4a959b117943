"""Chromium's own ways, by its DevTools protocol."""

import base64
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apps.core.errors import PermanentFailure, RpaError
from apps.core.types import JsonObject
from apps.steps.browser.chromium.tab_tools import plain_cookies
from apps.steps.browser.devices import Device
from apps.steps.browser.failures import net_error
from apps.steps.browser.paper import MAX_PDF_BYTES, PrintOptions, too_large
from apps.steps.browser.pixels import limited
from apps.steps.browser.urls import shown_url

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver
    from apps.steps.browser.session import BrowserSession

_PIECE_BYTES = 1024 * 1024
_INCH_MM = 25.4
_SIDES = ("marginTop", "marginBottom", "marginLeft", "marginRight")


class ChromiumDialect:
    """Chromium and Chrome."""

    waits_for_pages = True

    def open(
        self, session: "BrowserSession", url: str, *, referer: str, is_whole: bool
    ) -> None:
        """Goes on when the server has answered, for the driver waits for the rest."""
        origin = {"referrer": referer} if referer else {}
        with session.commanding() as driver:
            answer = driver.cdp("Page.navigate", url=url, **origin)
        if code := str(answer.get("errorText", "")).removeprefix("net::"):
            raise net_error(code, shown_url(url))

    def move(self, session: "BrowserSession", steps: int) -> str | None:
        """The history knows its addresses."""
        history = session.cdp("Page.getNavigationHistory")
        at, entries = history["currentIndex"] + steps, history["entries"]
        # Every tab begins empty: nobody means that as a page to go back to.
        if not 0 <= at < len(entries) or entries[at]["url"] == "about:blank":
            return None
        session.cdp("Page.navigateToHistoryEntry", entryId=entries[at]["id"])
        return str(entries[at]["url"])

    def reload(self, session: "BrowserSession") -> bool:
        """The history knows how a page was come to."""
        history = session.cdp("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"]]
        if entry["transitionType"] == "form_submit":
            return False
        session.cdp("Page.reload", ignoreCache=True)
        return True

    def tab_facts(self, session: "BrowserSession") -> dict[str, str]:
        """Asks none of the pages: one of them may be busy."""
        found = session.cdp("Target.getTargets")["targetInfos"]
        return {one["targetId"]: f"{one['url']}\n{one['title']}" for one in found}

    def picture(self, session: "BrowserSession", full_page: bool) -> bytes:
        """Beyond what is in view, too."""
        with session.commanding() as driver:
            session.leave_frames(driver)
            clip = _whole_page(driver) if full_page else {}
            answer = driver.cdp("Page.captureScreenshot", format="png", **clip)
        return base64.b64decode(answer["data"])

    def print_page(self, session: "BrowserSession", options: PrintOptions) -> bytes:
        """Piece by piece: a page without end makes a document of any size."""
        parameters = _print_parameters(options) | {"transferMode": "ReturnAsStream"}
        stream = session.cdp("Page.printToPDF", **parameters)["stream"]
        content = bytearray()
        try:
            while True:
                answer = session.cdp("IO.read", handle=stream, size=_PIECE_BYTES)
                data = answer["data"]
                is_packed = answer.get("base64Encoded", False)
                content += (
                    base64.b64decode(data) if is_packed else data.encode("latin-1")
                )
                if len(content) > MAX_PDF_BYTES:
                    raise too_large()
                if answer["eof"]:
                    return bytes(content)
        finally:
            with contextlib.suppress(RpaError):
                session.cdp("IO.close", handle=stream)

    def show_html(self, session: "BrowserSession", html: str) -> None:
        """In place of the empty page's own document."""
        session.cdp("Emulation.setScriptExecutionDisabled", value=True)
        frame = session.cdp("Page.getFrameTree")["frameTree"]["frame"]["id"]
        session.cdp("Page.setDocumentContent", frameId=frame, html=html)

    def evaluate(self, session: "BrowserSession", expression: str) -> Any:
        """Our own scripts run where the page's do not."""
        answer = session.cdp(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        return answer["result"].get("value")

    def cookies(self, session: "BrowserSession") -> list[JsonObject]:
        """Its own facts, too, such as the partition."""
        return plain_cookies(session.cdp("Network.getAllCookies"))

    def set_cookies(
        self, session: "BrowserSession", cookies: Sequence[JsonObject]
    ) -> None:
        """All of them, or none."""
        try:
            session.cdp("Network.setCookies", cookies=list(cookies))
        except RpaError as error:
            if error.code != "browser_error":
                raise
            message = "The browser refuses one of these cookies."
            raise PermanentFailure(message, code="bad_cookie") from error

    def delete_cookie(self, session: "BrowserSession", cookie: JsonObject) -> None:
        """By name and place."""
        where = {name: cookie[name] for name in ("name", "domain", "path")}
        session.cdp("Network.deleteCookies", **where)

    def pass_for_mobile(self, driver: "Driver", shape: Device) -> None:
        """As its own developer tools do."""
        driver.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=shape.width,
            height=shape.height,
            deviceScaleFactor=shape.scale,
            mobile=True,
        )
        driver.cdp("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)


def _whole_page(driver: "Driver") -> JsonObject:
    size = driver.cdp("Page.getLayoutMetrics")["cssContentSize"]
    width, height = limited(size["width"], size["height"])
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    return {"clip": clip, "captureBeyondViewport": True}


def _print_parameters(options: PrintOptions) -> JsonObject:
    width, height = options.size_mm
    parameters: dict[str, Any] = {
        "paperWidth": width / _INCH_MM,
        "paperHeight": height / _INCH_MM,
        "landscape": options.is_landscape,
        "scale": options.scale,
        "printBackground": options.has_background,
        **dict.fromkeys(_SIDES, options.margin_mm / _INCH_MM),
    }
    if options.header is not None or options.footer is not None:
        # Without a text of ours, Chromium puts its own there.
        parameters["displayHeaderFooter"] = True
        parameters["headerTemplate"] = options.header or "<span></span>"
        parameters["footerTemplate"] = options.footer or "<span></span>"
    return parameters
