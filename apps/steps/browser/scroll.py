"""Step type `scroll`: move the open page's view."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.mouse import Distance, Pixels
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

# A page that shows nothing new for so long has no more.
_STILL_S = 1.5


class ScrollParams(Params):
    """Where to: an end of the page, an element, or a number of pixels.

    Attributes:
        to: an end of the page; `end` goes down again and again until a page that
            loads more has no more, or `limit` or `timeout` is over.
        by: pixels down (negative: up), from where the view is now; or `{x, y}`.
        within: the element that is scrolled instead of the page, such as a list with
            bars of its own; for `to` and `by`.
        limit: how often `end` goes down at most.
    """

    to: Literal["top", "bottom", "end"] | None = None
    target: TargetParam | None = target_field(default=None)
    by: Pixels | Distance | None = None
    within: TargetParam | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] | None = None
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [
            value for value in (self.to, self.target, self.by) if value is not None
        ]
        if len(given) != 1:
            raise ValueError("give one of to, target and by")
        if self.within is not None and self.target is not None:
            raise ValueError("within goes with to or by: a target is scrolled to")
        if self.limit is not None and self.to != "end":
            raise ValueError("limit goes with `to: end`")
        return self

    @property
    def distance(self) -> Distance:
        """How far to scroll."""
        if isinstance(self.by, Distance):
            return self.by
        return Distance(y=self.by or 0)


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
                return _to_the_end(browser, ctx, params)
            if params.target is None:
                return _move(browser, params, params.to)
            timeout = params.timeout.total_seconds()
            found = browser.wait_for(params.target, timeout, "reaching.scrollToElement")
        return {"x": found["x"], "y": found["y"]}


def _move(browser: BrowserSession, params: ScrollParams, to: str | None) -> JsonObject:
    """Scroll the page or an element in it; gives where its view is then."""
    by = params.distance
    if params.within is None:
        move = partial(browser.run_here, "reaching.scrollPage", to, by.x, by.y)
        return dict(browser.steadily(move))
    seconds = params.timeout.total_seconds()
    found = browser.wait_for(
        params.within, seconds, "reaching.scrollInside", to, by.x, by.y
    )
    return {"x": found["x"], "y": found["y"]}


def _to_the_end(
    browser: BrowserSession, ctx: StepContext, params: ScrollParams
) -> Json:
    """Scroll down until what is scrolled grows no more."""
    seconds = browser.within_step(params.timeout.total_seconds())
    deadline = time.monotonic() + seconds
    down = partial(_move, browser, params, "bottom")
    at, times = down(), 1
    while time.monotonic() < deadline:
        if times == params.limit:
            ctx.warn(f"The page may have more: it was scrolled {times} times.")
            return at
        grown = browser.poll(partial(_below, down, at["y"]), _STILL_S)
        if grown is None:
            return at
        at, times = grown, times + 1
    ctx.warn("The page still had more when the time was over.")
    return at


def _below(down: Callable[[], JsonObject], y: int) -> JsonObject | None:
    at = down()
    return at if at["y"] > y else None
