"""Cookies of an execution's browser, in the words of workflows."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from apps.core.types import JsonObject
from apps.steps.base import Params
from apps.steps.browser.session import BrowserSession

Name = Annotated[str, Field(min_length=1, max_length=1_000)]
Domain = Annotated[str, Field(min_length=1, max_length=300)]
_NAMES = {"httpOnly": "http_only", "sameSite": "same_site"}
_KEPT = (
    *("name", "value", "domain", "path", "expires"),
    *("secure", "httpOnly", "sameSite"),
)


class CookieChoice(Params):
    """Which cookies.

    Attributes:
        names: of the cookies; without it all.
        domain: of the server, its subdomains included; without it all.
    """

    names: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    domain: Domain | None = None

    def chosen(self, browser: BrowserSession) -> list[JsonObject]:
        """The cookies of this execution that are meant, as the browser has them."""
        cookies = browser.loan.dialect.cookies(browser)
        return [cookie for cookie in cookies if self._means(cookie)]

    def _means(self, cookie: JsonObject) -> bool:
        if self.names and cookie["name"] not in self.names:
            return False
        if self.domain is None:
            return True
        wanted, domain = self.domain.lstrip("."), cookie["domain"].lstrip(".")
        return bool(domain == wanted or domain.endswith(f".{wanted}"))


def shown(cookies: Iterable[JsonObject]) -> list[JsonObject]:
    """The facts of cookies that workflows see; `expires` is null for a session's."""
    return [
        {_NAMES.get(key, key): cookie.get(key) for key in _KEPT} for cookie in cookies
    ]
