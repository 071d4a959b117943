"""Step type `clear_cookies`: remove cookies from the browser."""

from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.cookies import CookieChoice
from apps.steps.browser.page import on_page
from apps.steps.context import StepContext
from apps.steps.registry import register


class ClearCookiesParams(CookieChoice):
    """Which cookies.

    Attributes:
        names: of the cookies; without it all.
        domain: of the server, its subdomains included; without it all.
    """


@register("clear_cookies")
class ClearCookies(StepType[ClearCookiesParams]):
    """Remove cookies of this execution's browser, all unless some are chosen.

    Gives `{removed}`, their number.

    Example:
        - type: clear_cookies
          params: {domain: example.com}
    """

    params_class = ClearCookiesParams
    # What it did is in the browser's checkpoint: it is not done again.
    effect = Effect.READ
    needs_browser = True

    def run(self, params: ClearCookiesParams, ctx: StepContext) -> Json:
        """Remove them one by one: others may share the browser."""
        with on_page(ctx) as browser:
            cookies = params.chosen(browser)
            for cookie in cookies:
                browser.loan.dialect.delete_cookie(browser, cookie)
            browser.news.note()
        return {"removed": len(cookies)}
