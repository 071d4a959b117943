"""The open tabs of a context: which one is meant, and how to go on in it."""

from selenium.common.exceptions import NoSuchWindowException

from apps.core.types import JsonObject
from apps.steps.browser.checkpoints import require_saved
from apps.steps.browser.session import BrowserSession

_LOADED_S = 5.0


def open_tabs(browser: BrowserSession) -> list[str]:
    """The tabs that can be entered, oldest first."""
    with browser.commanding() as driver:
        # Nobody may have told yet of one that its page has closed.
        there = set(driver.window_handles)
    return [handle for handle in browser.tabs if handle in there]


def current_tab(browser: BrowserSession) -> str | None:
    """The tab that steps work in; None when its page closed it."""
    try:
        with browser.commanding(NoSuchWindowException) as driver:
            return str(driver.current_window_handle)
    except NoSuchWindowException:
        return None


def tab_with(browser: BrowserSession, text: str) -> str | None:
    """The newest tab with a text in its address or title, in any case."""
    tabs = open_tabs(browser)
    if tabs and current_tab(browser) is None:
        browser.enter_tab(tabs[-1])
    facts = browser.loan.dialect.tab_facts(browser)
    wanted = text.casefold()
    fitting = (h for h in reversed(tabs) if wanted in facts.get(h, "").casefold())
    return next(fitting, None)


def enter_tab(browser: BrowserSession, handle: str) -> JsonObject:
    """Go on in a tab once it shows a page; gives `{url, title, index, count}`.

    Raises:
        PermanentFailure: `page_lost`.
    """
    require_saved(browser, handle)
    browser.enter_tab(handle)
    seconds = browser.within_step(_LOADED_S)
    # A new tab is empty before its page comes; one that stays so is taken as it is.
    browser.poll(lambda: browser.state()["url"] != "about:blank" or None, seconds)
    state, tabs = browser.state(), open_tabs(browser)
    place = {"index": tabs.index(handle), "count": len(tabs)}
    return {"url": state["url"], "title": state["title"], **place}
