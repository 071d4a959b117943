"""Moving in the history of the open tab."""

from pydantic import Field

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Params
from apps.steps.browser.failures import net_error
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.urls import shown_url

_TIMEOUT_S = 30


class HistoryParams(Params):
    """How long the page may take."""

    timeout: Duration = Field(
        default=_TIMEOUT_S,
        validate_default=True,
        description="Until the page is loaded.",
    )


def move(browser: BrowserSession, steps: int, timeout_s: float) -> Json:
    """Go that many pages on (negative: back); gives `{url, title, status}`.

    Raises:
        PermanentFailure: `no_history`, there is no page that way.
        TemporaryFailure: `timeout`.
    """
    since = browser.state()["since"]
    if (url := browser.loan.dialect.move(browser, steps)) is None:
        way = "before" if steps < 0 else "after"
        raise PermanentFailure(f"No page was open {way} this one.", code="no_history")
    browser.frame = ()
    return arrived(browser, url, since, timeout_s)


def arrived(browser: BrowserSession, url: str, since: float, timeout_s: float) -> Json:
    """Wait until another document than that of `since`, or its part, is loaded.

    Args:
        url: of the page that is expected; it may lead on to another.
    """
    seconds = browser.within_step(timeout_s)

    def look() -> JsonObject | None:
        state = browser.state()
        is_there = state["since"] != since or state["url"] == url
        return state if is_there and state["ready"] == "complete" else None

    with browser.limited_to(min(seconds, browser.command_s)):
        state = browser.poll(look, seconds)
    if state is None:
        message = f"{shown_url(url)} was not loaded within {timeout_s:g} s."
        raise TemporaryFailure(message, code="timeout")
    if state["error"]:
        raise net_error(state["error"], shown_url(url))
    return {name: state[name] for name in ("url", "title", "status")}
