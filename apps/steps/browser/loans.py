"""Contexts of a running browser, as they are lent out."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.steps.browser.chromium.bidi import Bidi
from apps.steps.browser.chromium.contexts import UserContext
from apps.steps.browser.chromium.devtools import DevTools
from apps.steps.browser.chromium.router import Router
from apps.steps.browser.chromium.tab_tools import TabTools
from apps.steps.browser.devices import Device
from apps.steps.browser.dialect import Dialect
from apps.steps.browser.launch import Engine, Files

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver
    from apps.steps.browser.warm import WarmBrowser


@dataclass
class Running:
    """A running browser, and what was made in it."""

    engine: Engine
    router: Router
    spare: UserContext | None = None
    made: int = 0
    lent: set[str] = field(default_factory=set)

    @property
    def bidi(self) -> Bidi:
        return self.engine.bidi

    def enter(self, tab: str, shape: Device) -> None:
        """Let the driver go on in a tab, which passes for the device from then on."""
        driver = self.engine.driver
        driver.switch_to.window(tab)
        if shape.is_mobile:
            # The protocol that the browsers share knows this of no context, so each
            # tab has to be told.
            self.engine.dialect.pass_for_mobile(driver, shape)


@dataclass(frozen=True, slots=True)
class Loan:
    """A context that an execution uses, until it gives it back."""

    keeper: "WarmBrowser"
    browser: Running
    context: UserContext

    @property
    def driver(self) -> "Driver":
        """For the classic commands."""
        return self.browser.engine.driver

    @property
    def bidi(self) -> Bidi:
        """For commands about contexts."""
        return self.browser.bidi

    @property
    def dialect(self) -> Dialect:
        """What the browser does in a way of its own."""
        return self.browser.engine.dialect

    @property
    def files(self) -> Files:
        """For uploads and downloads."""
        return self.browser.engine.files

    @property
    def is_gone(self) -> bool:
        """Whether its browser has died."""
        return self.browser.engine.is_gone

    def require_devtools(self) -> None:
        """Go on only with a browser whose own protocol is to be had.

        Raises:
            PermanentFailure: `not_in_firefox` or `no_devtools`.
        """
        self.browser.engine.require_devtools()

    def devtools(self) -> DevTools:
        """A new connection to the browser's own protocol.

        Raises:
            BidiGone: nobody answers.
        """
        return self.browser.engine.devtools()

    @property
    def tools(self) -> TabTools | None:
        """Looks at tabs past the driver; None: there is only the driver."""
        return self.browser.engine.tools

    def is_anothers(self, frame: str) -> bool:
        """Whether a frame is known to be of another context."""
        return self.browser.router.owner(frame) not in (None, self.context.id)

    @property
    def tabs(self) -> list[str]:
        """The open tabs, oldest first."""
        return self.browser.router.tabs(self.context.id)
