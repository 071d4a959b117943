"""Step type `switch_frame`: look for elements in a frame of the page from now on."""

from datetime import timedelta

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import FramePath
from apps.steps.context import StepContext
from apps.steps.registry import register


class SwitchFrameParams(Params):
    """Which frame.

    Attributes:
        frame: selector of the `iframe`, or of those on the way, outermost first;
            without it, back to the page itself.
    """

    frame: FramePath = ()
    timeout: Duration = timedelta(seconds=10)


@register("switch_frame")
class SwitchFrame(StepType[SwitchFrameParams]):
    """Look for elements in a frame of the page from now on, or in the page again.

    It holds until the page is left, by a step that opens another one or goes to
    another tab. A single step reaches into a frame by the `frame` of its target, which
    is looked for in the frame chosen here. Gives `{url}` of the frame.

    Example:
        - type: switch_frame
          params: {frame: "#payment"}
    """

    params_class = SwitchFrameParams
    effect = Effect.PAGE
    needs_browser = True

    def summary(self, params: SwitchFrameParams) -> str:
        """Names the frame."""
        return f"go on in {' '.join(params.frame) or 'the page itself'}"[:300]

    def run(self, params: SwitchFrameParams, ctx: StepContext) -> Json:
        """Wait until the frame is there, and stay in it."""
        with on_page(ctx) as browser:
            seconds = browser.within_step(params.timeout.total_seconds())
            before, browser.frame = browser.frame, params.frame
            url = browser.poll(lambda: _url(browser), seconds)
            if url is None:
                browser.frame = before
                name = browser.missing_frame or params.frame[-1]
                message = f"There was no frame `{name[:200]}` within {seconds:.1f} s."
                raise PermanentFailure(message, code="frame_not_found")
        return {"url": url}


def _url(browser: BrowserSession) -> str | None:
    state = browser.run_here("reading.state")
    # One that was just added is empty before its page comes.
    return None if state["ready"] == "loading" else str(state["url"])
