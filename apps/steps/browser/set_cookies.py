"""Step type `set_cookies`: put cookies into the browser."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, Params, StepType
from apps.steps.browser.cookies import Domain, Name
from apps.steps.browser.page import on_page
from apps.steps.context import StepContext
from apps.steps.registry import register


class Cookie(BaseModel):
    """One cookie, as `get_cookies` gives them.

    Attributes:
        value: what it holds.
        domain: its server; without it that of the open page.
        path: the part of the server it is for.
        expires: seconds since 1970; without it the cookie ends with the browser.
        secure: sent by https only.
        http_only: kept from the pages' scripts.
        same_site: whether other sites' requests carry it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    value: Annotated[str, Field(max_length=4_096, repr=False)]
    domain: Domain | None = None
    path: Annotated[str, Field(pattern="^/", max_length=1_000)] = "/"
    expires: Annotated[float, Field(gt=0)] | None = None
    secure: bool = False
    http_only: bool = False
    same_site: Literal["Strict", "Lax", "None"] | None = None

    def for_browser(self, page: str) -> JsonObject:
        """The browser's own words for it."""
        made: dict[str, Any] = {
            **self.model_dump(include={"name", "value", "path", "secure"}),
            "httpOnly": self.http_only,
            **({"domain": self.domain} if self.domain else {"url": page}),
        }
        if self.expires is not None:
            made["expires"] = self.expires
        if self.same_site is not None:
            made["sameSite"] = self.same_site
        return made


class SetCookiesParams(Params):
    """The cookies."""

    model_config = ConfigDict(hide_input_in_errors=True)

    cookies: Annotated[
        tuple[Cookie, ...],
        Field(min_length=1, max_length=500, description="What to put in."),
    ]


@register("set_cookies")
class SetCookies(StepType[SetCookiesParams]):
    """Put cookies into this execution's browser, in place of those of that name.

    Example:
        - type: set_cookies
          params:
            cookies: [{name: lang, value: en, domain: example.com}]
    """

    params_class = SetCookiesParams
    # What it did is in the browser's checkpoint: it is not done again.
    effect = Effect.READ
    needs_browser = True

    def summary(self, params: SetCookiesParams) -> str:
        """Names the cookies, never their values."""
        return f"set the cookies {', '.join(one.name for one in params.cookies)}"[:200]

    def run(self, params: SetCookiesParams, ctx: StepContext) -> Json:
        """Set all of them, or none when the browser refuses one."""
        with on_page(ctx) as browser:
            page = browser.state()["url"]
            is_web = page.startswith(("http://", "https://"))
            if not is_web and not all(one.domain for one in params.cookies):
                message = "No page is open whose server the cookies could be for."
                raise PermanentFailure(message, code="bad_cookie")
            cookies = [one.for_browser(page) for one in params.cookies]
            browser.loan.dialect.set_cookies(browser, cookies)
            browser.news.note()
        return {"count": len(cookies)}
