"""Step type `navigate`: open a page in the execution's browser."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.urls import MAX_URL, checked_url, shown_url
from apps.steps.context import StepContext
from apps.steps.registry import register


class NavigateParams(Params):
    """Where to go, and how long to wait there.

    Attributes:
        wait_until: `load` waits for images and frames too, `domcontentloaded` for
            the document alone, `networkidle` until the page, once loaded, has asked
            for nothing for half a second, `none` for nothing.
        referer: address of the page that the server is told one comes from.
    """

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL)]
    wait_until: Literal["load", "domcontentloaded", "networkidle", "none"] = "load"
    referer: Annotated[str, Field(max_length=MAX_URL)] = ""
    timeout: Duration = timedelta(seconds=30)


@register("navigate")
class Navigate(StepType[NavigateParams]):
    """Open a web page; its status does not matter, an unreachable one fails.

    Gives `{url, title, status}` of the page where that led, redirects followed.

    Example:
        - type: navigate
          params: {url: "https://example.com/orders"}
    """

    params_class = NavigateParams
    effect = Effect.READ
    needs_browser = True
    opens_page = True

    def summary(self, params: NavigateParams) -> str:
        """Names the page, without what may be secret in its address."""
        return f"open {shown_url(params.url)}"

    def run(self, params: NavigateParams, ctx: StepContext) -> Json:
        """Open the page and wait as asked."""
        with on_page(ctx) as browser:
            timeout = params.timeout.total_seconds()
            referer = checked_url(params.referer) if params.referer else ""
            page = browser.goto(params.url, params.wait_until, timeout, referer)
        if (page["status"] or 0) >= 400:
            ctx.warn(f"The page answered with status {page['status']}.")
        return page
