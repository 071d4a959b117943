"""Step type `get_cookies`: read the browser's cookies."""

import json

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.cookies import CookieChoice, shown
from apps.steps.browser.page import on_page
from apps.steps.context import StepContext
from apps.steps.registry import register

MAX_BYTES = 1024 * 1024


class GetCookiesParams(CookieChoice):
    """Which cookies.

    Attributes:
        names: of the cookies; without it all.
        domain: of the server, its subdomains included; without it all.
    """


@register("get_cookies")
class GetCookies(StepType[GetCookiesParams]):
    """Read the cookies of this execution's browser.

    Gives `{cookies}`, of each its `{name, value, domain, path, expires, secure,
    http_only, same_site}`; `expires` is in seconds since 1970.

    Example:
        - type: get_cookies
          params: {names: [session]}
    """

    params_class = GetCookiesParams
    effect = Effect.READ
    needs_browser = True

    def run(self, params: GetCookiesParams, ctx: StepContext) -> Json:
        """Ask the browser, whatever page is open."""
        with on_page(ctx) as browser:
            cookies = shown(params.chosen(browser))
        if len(json.dumps(cookies)) > MAX_BYTES:
            message = "The cookies hold more than 1 MiB: name those that are wanted."
            raise PermanentFailure(message, code="too_much_data")
        return {"cookies": cookies}
