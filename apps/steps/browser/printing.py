"""Prints pages to PDF, in a tab of their own."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.steps.browser.paper import PrintOptions

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

MAX_HTML = 16 * 1024 * 1024
# The state of the document does not tell: it was complete before it was filled.
_LOADED = """
document.fonts.status === "loaded" &&
  [...document.images].every(one => one.complete || one.loading === "lazy")
"""


def print_open_page(session: "BrowserSession", options: PrintOptions) -> bytes:
    """The page that is open, as a PDF document.

    Raises:
        PermanentFailure: `too_large` or `not_in_firefox`.
    """
    return session.loan.dialect.print_page(session, options)


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
        session.loan.dialect.show_html(session, html)
        if session.poll(lambda: _is_loaded(session) or None, seconds) is None:
            raise TemporaryFailure(
                f"What the HTML refers to was not loaded within {seconds:g} s.",
                code="timeout",
            )
        return print_open_page(session, options)


def _is_loaded(session: "BrowserSession") -> bool:
    """Whether pictures and fonts are there, or failed to come."""
    return bool(session.loan.dialect.evaluate(session, _LOADED))


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
