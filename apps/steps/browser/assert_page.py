"""Step type `assert_page`: fail unless the page is as it should be."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.browser.urls import MAX_URL, shown_url, url_pattern
from apps.steps.context import StepContext
from apps.steps.registry import register

Text = Annotated[str, Field(min_length=1, max_length=MAX_URL)]


class AssertPageParams(Params):
    """What must hold, all of it at the same time.

    Attributes:
        text: that the target contains, or the page when there is no target.
        title: that the page's title contains.
        url: that the page's address contains; `*` stands for anything.
        count: how many visible elements fit the target; without it, at least one.
        timeout: how long it may take until all of that holds.
    """

    text: Text | None = None
    title: Text | None = None
    url: Text | None = None
    target: TargetParam | None = target_field(default=None)
    count: Annotated[int, Field(ge=0, le=100_000)] | None = None
    timeout: Duration = timedelta(seconds=5)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any((self.text, self.title, self.url, self.target)):
            raise ValueError("give at least one of text, title, url and target")
        if self.count is not None and (self.target is None or self.text is not None):
            raise ValueError("count goes with a target, and without a text")
        return self


@register("assert_page")
class AssertPage(StepType[AssertPageParams]):
    """Fail unless the open page has a text, a title, an address or elements.

    Gives `{url, title}` of the page. The failure says what was expected and what
    was found.

    Example:
        - type: assert_page
          params: {target: tr.order, count: 3, title: Orders}
    """

    params_class = AssertPageParams
    effect = Effect.READ
    needs_browser = True

    def run(self, params: AssertPageParams, ctx: StepContext) -> Json:
        """Look until it holds or the time is up."""
        with on_page(ctx) as browser:
            seconds = browser.within_step(params.timeout.total_seconds())
            seen: JsonObject = {}

            def look() -> bool | None:
                seen.update(_look(browser, params))
                return True if not _objections(params, seen) else None

            if browser.poll(look, seconds) is None:
                message = " ".join(_objections(params, seen) or ["The page changed."])
                raise PermanentFailure(message, code="assertion_failed")
        return {"url": seen["url"], "title": seen["title"]}


def _look(browser: BrowserSession, params: AssertPageParams) -> JsonObject:
    target = params.target
    selectors = target.for_page() if target else []
    if target is None:
        return dict(browser.run_here("reading.facts", selectors, params.text))
    return dict(browser.run(target, "reading.facts", selectors, params.text))


def _objections(params: AssertPageParams, seen: JsonObject) -> list[str]:
    """What does not hold, each as a sentence."""
    if not seen:
        return []
    wrong = []
    if params.title is not None and params.title not in seen["title"]:
        wrong.append(f"Expected a title with `{params.title}`, not `{seen['title']}`.")
    if params.url is not None and not url_pattern(params.url).search(seen["url"]):
        here = shown_url(seen["url"])
        wrong.append(f"Expected an address with `{params.url}`, not `{here}`.")
    count, target = seen["count"], params.target
    if target is not None and params.count not in (None, count):
        wrong.append(f"Expected {params.count} of `{target}`, found {count}.")
    elif target is not None and params.count is None and not count:
        wrong.append(f"Expected `{target}`, found none that is visible.")
    elif params.text is not None and not seen["has_text"]:
        where = f"`{target}`" if target else "the page"
        text = params.text[:200]
        wrong.append(f"Expected the text `{text}` in {where}, found `{seen['text']}`.")
    return wrong
