"""Step type `wait_for`: wait until the open page is as it should be."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from apps.core.errors import TemporaryFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.browser.urls import MAX_URL, url_pattern
from apps.steps.context import StepContext
from apps.steps.registry import register

Text = Annotated[str, Field(min_length=1, max_length=MAX_URL)]


class WaitForParams(Params):
    """What to wait for; all that is given must hold at the same time.

    Attributes:
        state: of the target; `hidden` is also one that is not there.
        text: that the target contains, or the page when there is no target.
        url: that the page's address contains; `*` stands for anything.
        count: how many elements of the target must be in that state, at least.
    """

    target: TargetParam | None = target_field(default=None)
    state: Literal["visible", "hidden", "attached", "enabled"] = "visible"
    text: Text | None = None
    url: Text | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    timeout: Duration = timedelta(seconds=30)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.target is None and self.text is None and self.url is None:
            raise ValueError("give at least one of target, text and url")
        if self.count > 1 and (self.target is None or self.state == "hidden"):
            raise ValueError("count goes with a target that is not to be hidden")
        return self


@register("wait_for")
class WaitFor(StepType[WaitForParams]):
    """Wait for an element's state, a text or an address, at most `timeout`.

    Gives `{url}` of the page then.

    Example:
        - type: wait_for
          params: {target: tr.order, count: 3}
    """

    params_class = WaitForParams
    effect = Effect.READ
    needs_browser = True

    def summary(self, params: WaitForParams) -> str:
        """Names what it waits for."""
        return f"wait for {_wish(params)}"

    def run(self, params: WaitForParams, ctx: StepContext) -> Json:
        """Look again and again until it holds or the time is up."""
        with on_page(ctx) as browser:
            seconds = browser.within_step(params.timeout.total_seconds())
            if (url := browser.poll(_look(browser, params), seconds)) is None:
                message = f"Waited {seconds:.1f} s in vain for {_wish(params)}."
                raise TemporaryFailure(message, code="wait_timed_out")
        return {"url": url}


def _look(browser: BrowserSession, params: WaitForParams) -> Callable[[], str | None]:
    target = params.target
    selectors = [selector.for_page() for selector in target.selectors] if target else []
    pattern = url_pattern(params.url) if params.url else None

    def look() -> str | None:
        seen = browser.run(
            target,
            "reading.condition",
            selectors,
            params.state,
            params.text,
            params.count,
        )
        url = str(seen["url"])
        holds = seen["holds"] and (pattern is None or pattern.search(url))
        return url if holds else None

    return look


def _wish(params: WaitForParams) -> str:
    wishes = []
    if params.target is not None:
        many = f"{params.count} of " if params.count > 1 else ""
        wishes.append(f"{many}`{params.target}` to be {params.state}")
    if params.text is not None:
        wishes.append(f"the text `{params.text[:200]}`")
    if params.url is not None:
        wishes.append(f"an address with `{params.url[:200]}`")
    return " and ".join(wishes)
