"""Step type `wait_for`: wait until the open page is as it should be."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from apps.core.errors import TemporaryFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.downloads import Download, keep_download
from apps.steps.browser.execute_script import MAX_SCRIPT
from apps.steps.browser.expressions import is_true
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.browser.urls import MAX_URL, url_pattern
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath
from apps.steps.registry import register

Text = Annotated[str, Field(min_length=1, max_length=MAX_URL)]


class WaitForParams(Params):
    """What to wait for; all that is given must hold at the same time.

    Attributes:
        state: of the target; `hidden` is also one that is not there.
        text: that the target contains, or the page when there is no target.
        url: that the page's address contains; `*` stands for anything.
        count: how many elements of the target must be in that state, at least.
        expression: JavaScript that is asked again and again until it is true, such as
            `window.cart.length > 2`. It takes no expressions of workflows.
        network_idle: that the page asks servers for nothing, and did not for 0.5 s.
        download: where to keep the file that the page downloads: the oldest that no
            step has taken yet, once all of it is there.
    """

    target: TargetParam | None = target_field(default=None)
    state: Literal["visible", "hidden", "attached", "enabled"] = "visible"
    text: Text | None = None
    url: Text | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    expression: Annotated[str, Field(min_length=1, max_length=MAX_SCRIPT)] | None = None
    network_idle: bool = False
    download: FilePath | None = None
    timeout: Duration = timedelta(seconds=30)

    @model_validator(mode="after")
    def _something(self) -> Self:
        wishes = (self.target, self.text, self.url, self.expression, self.download)
        if not self.network_idle and all(wish is None for wish in wishes):
            raise ValueError(
                "give at least one of target, text, url, expression, network_idle and "
                "download"
            )
        if self.count > 1 and (self.target is None or self.state == "hidden"):
            raise ValueError("count goes with a target that is not to be hidden")
        return self

    @property
    def asks_page(self) -> bool:
        """Whether only the page itself can tell."""
        return not (self.target is None and self.text is None and self.url is None)


@register("wait_for")
class WaitFor(StepType[WaitForParams]):
    """Wait for a state of the open page, at most `timeout`.

    That is an element's state, a text, an address, an expression of one's own, the end
    of requests or a downloaded file. Gives `{url}` of the page then; with `download`
    also `{path, bytes, sha256, name}` of the file.

    Example:
        - type: wait_for
          params: {target: tr.order, count: 3}
        - type: wait_for
          params: {expression: "document.fonts.status === 'loaded'"}
    """

    params_class = WaitForParams
    effect = Effect.READ
    needs_browser = True
    literal_params = frozenset({"expression"})

    def effect_of(self, params: WaitForParams) -> Effect:
        """Only a file that is kept stays."""
        return Effect.READ if params.download is None else Effect.WRITE

    def summary(self, params: WaitForParams) -> str:
        """Names what it waits for."""
        return f"wait for {_wish(params)}"

    def run(self, params: WaitForParams, ctx: StepContext) -> Json:
        """Look again and again until it holds or the time is up."""
        with on_page(ctx) as browser:
            seconds = browser.within_step(params.timeout.total_seconds())
            files: list[Download] = []
            if (url := browser.poll(_look(browser, params, files), seconds)) is None:
                message = f"Waited {seconds:.1f} s in vain for {_wish(params)}."
                raise TemporaryFailure(message, code="wait_timed_out")
            output: JsonObject = {"url": url}
            if params.download is not None:
                kept = keep_download(ctx, browser, files[0], params.download)
                output = {**kept, "url": url}
        return output


def _look(
    browser: BrowserSession, params: WaitForParams, files: list[Download]
) -> Callable[[], str | None]:
    pattern = url_pattern(params.url) if params.url else None

    def look() -> str | None:
        # What costs least is asked first.
        if params.network_idle and not browser.requests.is_idle:
            return None
        if params.download is not None and not files:
            if (file := browser.downloads.take(0)) is None:
                return None
            files.append(file)
        if params.expression is not None and not is_true(browser, params.expression):
            return None
        if not params.asks_page:
            return str(browser.state()["url"])
        seen = _seen(browser, params)
        url = str(seen["url"])
        holds = seen["holds"] and (pattern is None or pattern.search(url))
        return url if holds else None

    return look


def _seen(browser: BrowserSession, params: WaitForParams) -> JsonObject:
    target = params.target
    wish = (params.state, params.text, params.count)
    if target is None:
        return dict(browser.run_here("reading.condition", [], *wish))
    selectors = target.for_page()
    return dict(browser.run(target, "reading.condition", selectors, *wish))


def _wish(params: WaitForParams) -> str:
    wishes = []
    if params.target is not None:
        many = f"{params.count} of " if params.count > 1 else ""
        wishes.append(f"{many}`{params.target}` to be {params.state}")
    if params.text is not None:
        wishes.append(f"the text `{params.text[:200]}`")
    if params.url is not None:
        wishes.append(f"an address with `{params.url[:200]}`")
    if params.expression is not None:
        wishes.append(f"`{params.expression[:200]}` to be true")
    if params.network_idle:
        wishes.append("the end of all requests")
    if params.download is not None:
        wishes.append(f"a file to keep as {params.download}")
    return " and ".join(wishes)
