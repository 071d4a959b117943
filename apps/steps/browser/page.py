"""What every browser step does around its work: time limits, hints."""

import contextlib
from collections.abc import Iterator

from apps.core.types import JsonObject
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import Target
from apps.steps.browser.watcher import MOST_TABS
from apps.steps.context import StepContext


@contextlib.contextmanager
def on_page(ctx: StepContext) -> Iterator[BrowserSession]:
    """The execution's browser, for the length of one step."""
    session = ctx.browser
    session.deadline = ctx.deadline
    try:
        yield session
        _tell_of_tabs(session, ctx)
    finally:
        session.deadline = None


def _tell_of_tabs(session: BrowserSession, ctx: StepContext) -> None:
    refused, session.watcher.refused_tabs = session.watcher.refused_tabs, 0
    if refused:
        ctx.warn(
            f"{refused} new tabs were closed at once: up to {MOST_TABS} may be open."
        )


def note_fallback(ctx: StepContext, target: Target, found: JsonObject) -> None:
    """Warn when not the primary selector found the element, or several fit.

    Args:
        found: the answer of the page, as `BrowserSession.wait_for` gives it.
    """
    selectors, at = target.selectors, found["at"]
    if at > 0:
        count = found["tries"][0][0]
        why = f"{count} elements, but none that was ready" if count else "nothing"
        ctx.warn(f"`{selectors[0]}` found {why}; used the fallback `{selectors[at]}`.")
    visible = found.get("visible", 0)
    if visible > 1:
        ctx.warn(
            f"`{selectors[at]}` fits {found['matches']} elements, {visible} of them "
            f"visible; used the first that was ready, `{found['used']}`."
        )
