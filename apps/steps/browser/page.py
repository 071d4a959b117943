"""What every browser step does around its work: time limits, evidence, hints."""

import contextlib
from collections.abc import Iterator

from apps.core.errors import RpaError
from apps.core.types import JsonObject
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import Target
from apps.steps.context import StepContext

# A picture of a page that answers no more is not worth waiting for.
_EVIDENCE_S = 3.0


@contextlib.contextmanager
def on_page(ctx: StepContext) -> Iterator[BrowserSession]:
    """The execution's browser, for the length of one step.

    A failure keeps a screenshot, which the error's details name.
    """
    session = ctx.browser
    session.deadline = ctx.deadline
    try:
        yield session
    except RpaError as error:
        if session.is_responsive and "screenshot" not in error.details:
            _keep_evidence(session, ctx, error)
        raise
    finally:
        session.deadline = None


def _keep_evidence(session: BrowserSession, ctx: StepContext, error: RpaError) -> None:
    remaining = ctx.remaining()
    limit = _EVIDENCE_S if remaining is None else min(_EVIDENCE_S, remaining)
    with contextlib.suppress(RpaError), session.limited_to(limit):
        picture = session.screenshot()
        kept = ctx.artifacts.save("failure.png", picture, "image/png")
        error.details["screenshot"] = kept


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
