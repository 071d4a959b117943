"""Step type `scroll`: move the open page's view."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import note_fallback, on_page
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

Pixels = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class ScrollParams(Params):
    """Where to: an end of the page, an element, or a number of pixels.

    Attributes:
        to: an end of the page.
        by: pixels down (negative: up), from where the view is now.
    """

    to: Literal["top", "bottom"] | None = None
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
    """

    params_class = ScrollParams
    effect = Effect.PAGE
    needs_browser = True

    def run(self, params: ScrollParams, ctx: StepContext) -> Json:
        """Scroll at once, without an animation."""
        with on_page(ctx) as browser:
            if params.target is None:
                by = params.by or 0
                return browser.steadily(
                    lambda: browser.run(None, "acting.scrollPage", params.to, 0, by)
                )
            timeout = params.timeout.total_seconds()
            found = browser.wait_for(params.target, timeout, "acting.scrollToElement")
        note_fallback(ctx, params.target, found)
        return {"x": found["x"], "y": found["y"]}
