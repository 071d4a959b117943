"""Step type `scroll`: move the open page's view."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import note_fallback, on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

Pixels = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]

# A page that shows nothing new for so long has no more.
_STILL_S = 1.5


class ScrollParams(Params):
    """Where to: an end of the page, an element, or a number of pixels.

    Attributes:
        to: an end of the page; `end` goes down again and again until a page that
            loads more has no more, or `timeout` is over.
        by: pixels down (negative: up), from where the view is now.
    """

    to: Literal["top", "bottom", "end"] | None = None
    target: TargetParam | None = target_field(default=None)
    by: Pixels | None = None
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [
            value for value in (self.to, self.target, self.by) if value is not None
        ]
        if len(given) != 1:
            raise ValueError("give one of to, target and by")
        return self


@register("scroll")
class Scroll(StepType[ScrollParams]):
    """Scroll to an end of the page, to an element, or by some pixels.

    Gives `{x, y}`, where the view is then.

    Example:
        - type: scroll
          params: {to: end, timeout: 60s}
    """

    params_class = ScrollParams
    effect = Effect.PAGE
    needs_browser = True

    def run(self, params: ScrollParams, ctx: StepContext) -> Json:
        """Scroll at once, without an animation."""
        with on_page(ctx) as browser:
            if params.to == "end":
                return _to_the_end(browser, ctx, params.timeout.total_seconds())
            if params.target is None:
                by = params.by or 0
                return browser.steadily(
                    lambda: browser.run(None, "acting.scrollPage", params.to, 0, by)
                )
            timeout = params.timeout.total_seconds()
            found = browser.wait_for(params.target, timeout, "acting.scrollToElement")
        note_fallback(ctx, params.target, found)
        return {"x": found["x"], "y": found["y"]}


def _to_the_end(browser: BrowserSession, ctx: StepContext, timeout_s: float) -> Json:
    """Scroll down until the page grows no more."""
    deadline = time.monotonic() + browser.within_step(timeout_s)

    def down() -> JsonObject:
        move = partial(browser.run, None, "acting.scrollPage", "bottom", 0, 0)
        return dict(browser.steadily(move))

    at = down()
    while time.monotonic() < deadline:
        grown = browser.poll(partial(_below, down, at["y"]), _STILL_S)
        if grown is None:
            return at
        at = grown
    ctx.warn("The page still had more when the time was over.")
    return at


def _below(down: Callable[[], JsonObject], y: int) -> JsonObject | None:
    at = down()
    return at if at["y"] > y else None
