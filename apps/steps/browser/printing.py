"""Prints pages to PDF, in a tab of their own."""

import base64
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.core.types import JsonObject

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

Paper = Literal["A3", "A4", "A5", "Letter", "Legal"]
MAX_PDF_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
MAX_HTML = 16 * 1024 * 1024
_INCH_MM = 25.4
_PAPERS_MM: dict[str, tuple[float, float]] = {
    "A3": (297, 420),
    "A4": (210, 297),
    "A5": (148, 210),
    "Letter": (215.9, 279.4),
    "Legal": (215.9, 355.6),
}


# The state of the document does not tell: it was complete before it was filled.
_LOADED = """
document.fonts.status === "loaded" &&
  [...document.images].every(one => one.complete || one.loading === "lazy")
"""


class PrintOptions(NamedTuple):
    """How the paper looks.

    Attributes:
        margin_mm: on each side.
        header, footer: HTML at the top and bottom of each page; elements of the class
            `pageNumber`, `totalPages`, `title` or `date` are filled in.
    """

    paper: Paper = "A4"
    is_landscape: bool = False
    margin_mm: float = 15.0
    scale: float = 1.0
    has_background: bool = True
    header: str | None = None
    footer: str | None = None


def print_open_page(session: "BrowserSession", options: PrintOptions) -> bytes:
    """The page that is open, as a PDF document.

    Raises:
        PermanentFailure: `too_large`.
    """
    parameters = _parameters(options) | {"transferMode": "ReturnAsStream"}
    stream = session.cdp("Page.printToPDF", **parameters)["stream"]
    content = bytearray()
    try:
        # Piece by piece: a page without end makes a document of any size.
        while True:
            answer = session.cdp("IO.read", handle=stream, size=_PIECE_BYTES)
            data = answer["data"]
            is_packed = answer.get("base64Encoded", False)
            content += base64.b64decode(data) if is_packed else data.encode("latin-1")
            if len(content) > MAX_PDF_BYTES:
                raise PermanentFailure(
                    f"The PDF has more than {MAX_PDF_BYTES // 1024**2} MiB.",
                    code="too_large",
                )
            if answer["eof"]:
                return bytes(content)
    finally:
        with contextlib.suppress(RpaError):
            session.cdp("IO.close", handle=stream)


def print_url(
    session: "BrowserSession", url: str, options: PrintOptions, seconds: float
) -> bytes:
    """A page of the web as a PDF document; the page that is open stays.

    Raises:
        TemporaryFailure, PermanentFailure: as `BrowserSession.goto`; and
            `page_failed`, for a page that answers with an error.
    """
    with _own_tab(session):
        page = session.goto(url, "load", seconds)
        if (page["status"] or 0) >= 400:
            raise PermanentFailure(
                f"The page answered with status {page['status']}.", code="page_failed"
            )
        return print_open_page(session, options)


def print_html(
    session: "BrowserSession", html: str, options: PrintOptions, seconds: float
) -> bytes:
    """An HTML document as a PDF document; the page that is open stays.

    Its scripts do not run. It belongs to no site, so it reads no cookies and no files
    of this machine; pictures and styles come by http and https.

    Raises:
        PermanentFailure: `html_too_large`.
        TemporaryFailure: `timeout`, when something in it was not loaded in time.
    """
    if len(html) > MAX_HTML:
        raise PermanentFailure(
            f"The HTML has more than {MAX_HTML // 1024**2} MiB.", code="html_too_large"
        )
    with _own_tab(session):
        session.cdp("Emulation.setScriptExecutionDisabled", value=True)
        frame = session.cdp("Page.getFrameTree")["frameTree"]["frame"]["id"]
        session.cdp("Page.setDocumentContent", frameId=frame, html=html)
        if session.poll(lambda: _is_loaded(session) or None, seconds) is None:
            raise TemporaryFailure(
                f"What the HTML refers to was not loaded within {seconds:g} s.",
                code="timeout",
            )
        return print_open_page(session, options)


def _is_loaded(session: "BrowserSession") -> bool:
    """Whether pictures and fonts are there, or failed to come."""
    answer = session.cdp("Runtime.evaluate", expression=_LOADED, returnByValue=True)
    return bool(answer["result"].get("value"))


@contextlib.contextmanager
def _own_tab(session: "BrowserSession") -> Iterator[None]:
    """A new, empty tab for the length of the block; then the one before it again."""
    with session.commanding() as driver:
        session.leave_frames(driver)
        before = driver.current_window_handle
    mine = session.open_tab()
    try:
        yield
    finally:
        # A tab that hung has been replaced meanwhile, and the one before it with it.
        with contextlib.suppress(RpaError):
            _leave(session, mine, before)


def _leave(session: "BrowserSession", mine: str, before: str) -> None:
    if not session.is_responsive:
        return
    if {mine, before} <= set(session.tabs):
        session.close_tab(mine)
        session.enter_tab(before)


def _parameters(options: PrintOptions) -> JsonObject:
    width, height = _PAPERS_MM[options.paper]
    margin = options.margin_mm / _INCH_MM
    sides = ("marginTop", "marginBottom", "marginLeft", "marginRight")
    parameters: dict[str, Any] = {
        "paperWidth": width / _INCH_MM,
        "paperHeight": height / _INCH_MM,
        "landscape": options.is_landscape,
        "scale": options.scale,
        "printBackground": options.has_background,
        **dict.fromkeys(sides, margin),
    }
    if options.header is not None or options.footer is not None:
        # Without a text of ours, Chromium puts its own there.
        parameters["displayHeaderFooter"] = True
        parameters["headerTemplate"] = options.header or "<span></span>"
        parameters["footerTemplate"] = options.footer or "<span></span>"
    return parameters
