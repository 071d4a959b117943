"""What browsers do in ways of their own, beyond the protocols that they share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from apps.core.types import JsonObject
from apps.steps.browser.devices import Device

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver
    from apps.steps.browser.paper import PrintOptions
    from apps.steps.browser.session import BrowserSession


class Dialect(Protocol):
    """One kind of browser."""

    @property
    def waits_for_pages(self) -> bool:
        """Whether the driver's own command to open a page comes back in every case."""

    def open(
        self, session: "BrowserSession", url: str, *, referer: str, is_whole: bool
    ) -> None:
        """Open a page: goes on once it is there, though its parts are not.

        Args:
            referer: the page that it says it comes from.
            is_whole: whether the document has to have come to its end.

        Raises:
            PermanentFailure: `not_in_firefox`, or a code as of `net_error`.
            TemporaryFailure: a code as of `net_error`, or `timeout`.
        """

    def move(self, session: "BrowserSession", steps: int) -> str | None:
        """Go on in the tab's history; gives the address, None: there is no such page.

        The address is empty where it is not known beforehand.
        """

    def reload(self, session: "BrowserSession") -> bool:
        """Open the page anew, past the cache; False: it came by a form, so it must not.

        What a form has sent would be sent again.
        """

    def tab_facts(self, session: "BrowserSession") -> dict[str, str]:
        """Address and title of each tab, by its handle."""

    def picture(self, session: "BrowserSession", full_page: bool) -> bytes:
        """A PNG of what is in view, or of the whole page up to a limit."""

    def print_page(self, session: "BrowserSession", options: "PrintOptions") -> bytes:
        """The page as a PDF document.

        Raises:
            PermanentFailure: `too_large` or `not_in_firefox`.
        """

    def show_html(self, session: "BrowserSession", html: str) -> None:
        """Show a document that belongs to no site, and runs no scripts."""

    def evaluate(self, session: "BrowserSession", expression: str) -> Any:
        """An expression's value on the page, also where its scripts do not run."""

    def cookies(self, session: "BrowserSession") -> list[JsonObject]:
        """All cookies of the context.

        Each has name, value, domain, path, secure, httpOnly; and sameSite and expires
        (seconds since 1970) unless it says nothing of them.
        """

    def set_cookies(
        self, session: "BrowserSession", cookies: Sequence[JsonObject]
    ) -> None:
        """Put cookies in; in place of `domain` one may have the `url` it is for.

        Raises:
            PermanentFailure: `bad_cookie`.
        """

    def delete_cookie(self, session: "BrowserSession", cookie: JsonObject) -> None:
        """Remove one of `cookies`."""

    def pass_for_mobile(self, driver: "Driver", shape: Device) -> None:
        """Touch, and layout as on a telephone, in the driver's tab."""
