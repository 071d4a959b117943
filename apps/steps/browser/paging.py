"""Reads what goes on over several pages, from one to the next."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from apps.core.errors import PermanentFailure
from apps.steps.browser.click import ClickParams, click_once
from apps.steps.browser.extraction import MAX_ROWS
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import Target
from apps.steps.context import StepContext

Row = TypeVar("Row")
# A page that is being drawn shows some of its rows first.
_SETTLED_S = 0.1


def over_pages(
    ctx: StepContext,
    browser: BrowserSession,
    read: Callable[[], list[Row]],
    next_page: Target,
    most: int,
    seconds: float,
) -> list[Row]:
    """The rows of this page and of those that follow it.

    Args:
        read: gives the rows of the page that is open.
        next_page: what leads on; the last page has none that is visible and enabled.
        most: pages to read; when there are more, the step warns.
        seconds: for each page to come.

    Raises:
        PermanentFailure: `too_much_data`; and as a click.
    """
    rows = here = read()
    for _ in range(most - 1):
        if not _has_next(browser, next_page):
            return rows
        click = ClickParams(target=next_page, timeout=timedelta(seconds=seconds))
        click_once(browser, click)
        browser.settle()
        limit = browser.within_step(seconds)
        following = browser.poll(partial(_other, browser, read, here), limit)
        if following is None:
            ctx.warn(f"`{next_page}` was clicked, but brought no other rows.")
            return rows
        here = following
        rows = [*rows, *here]
        if len(rows) > MAX_ROWS:
            message = f"The pages have more than {MAX_ROWS} rows."
            raise PermanentFailure(message, code="too_much_data")
    if _has_next(browser, next_page):
        ctx.warn(f"There were more than {most} pages; the rest was not read.")
    return rows


def _has_next(browser: BrowserSession, target: Target) -> bool:
    selectors = target.for_page()
    look = partial(browser.run, target, "rpa.find", selectors, "enabled")
    return browser.steadily(look)["element"] is not None


def _other(
    browser: BrowserSession, read: Callable[[], list[Row]], before: list[Row]
) -> list[Row] | None:
    """The rows, once they are others and stay so."""
    rows = read()
    if not rows or rows == before:
        return None
    changed = browser.poll(lambda: True if read() != rows else None, _SETTLED_S)
    return None if changed else rows
