"""What every browser step does around its work: time limits, hints."""

import contextlib
from collections.abc import Iterator

from apps.steps.browser.session import BrowserSession
from apps.steps.browser.watcher import MOST_TABS
from apps.steps.context import StepContext


@contextlib.contextmanager
def on_page(ctx: StepContext) -> Iterator[BrowserSession]:
    """The execution's browser, for the length of one step.

    Warns when a fallback found what the step works on, or when several elements fit.
    """
    session = ctx.browser
    session.deadline = ctx.deadline
    session.matches.forget()
    try:
        yield session
        for text in session.matches.warnings():
            ctx.warn(text)
        _tell_of_tabs(session, ctx)
    finally:
        session.deadline = None


def _tell_of_tabs(session: BrowserSession, ctx: StepContext) -> None:
    refused, session.watcher.refused_tabs = session.watcher.refused_tabs, 0
    if refused:
        ctx.warn(
            f"{refused} new tabs were closed at once: up to {MOST_TABS} may be open."
        )
