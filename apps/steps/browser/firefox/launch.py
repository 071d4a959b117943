"""One running Firefox with its geckodriver."""

import re
import socket
from typing import TYPE_CHECKING

from apps.steps.browser.chromium.bidi import BidiGone
from apps.steps.browser.chromium.devtools import DevTools
from apps.steps.browser.chromium.programs import find_firefox
from apps.steps.browser.failures import only_in_chromium
from apps.steps.browser.firefox.dialect import FirefoxDialect
from apps.steps.browser.firefox.options import joining, write_preferences
from apps.steps.browser.local import LocalBrowser

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

_DRIVER_PORT = re.compile(rb"Listening on 127\.0\.0\.1:(\d+)")
_PORT = re.compile(rb"\A(\d+)\Z")
_BIDI_PORT = re.compile(rb'"ws_port":\s*(\d+)\s*\}')


class Firefox(LocalBrowser):
    """Firefox and its driver; the driver joins the browser.

    A browser that the driver started would outlive us where we are killed.
    """

    dialect = FirefoxDialect()

    def require_devtools(self) -> None:
        """It has none.

        Raises:
            PermanentFailure: `not_in_firefox`.
        """
        raise only_in_chromium("leave out requests or keep a session")

    def devtools(self) -> DevTools:
        """Nothing: `require_devtools` comes first."""
        raise BidiGone("Firefox has no DevTools")

    @property
    def tools(self) -> None:
        """None: they are made of DevTools."""

    def _launch(self, deadline: float) -> "Driver":
        programs = find_firefox(self.options)
        write_preferences(self.profile, self.proxy_address)
        browser = ["--no-remote", "--marionette"]
        if self.options.headless:
            browser.append("--headless")
        place = ["--profile", str(self.profile), "--remote-debugging-port", "0"]
        self.start_process("browser", [programs.browser, *browser, *place])
        from apps.steps.browser.chromium.driver import join

        file = self.profile / "MarionetteActivePort"
        port = self.wait_for_number("browser", file, _PORT, deadline)
        joined = ["--connect-existing", "--marionette-port", str(port)]
        # It would refuse our requests at a port that the system chose for it.
        own = ["--port", str(_free_port())]
        self.start_process("driver", [programs.driver, *own, *joined])
        bidi = self.profile / "WebDriverBiDiServer.json"
        self.wait_for_number("browser", bidi, _BIDI_PORT, deadline)
        said = self.log_of("driver")
        driver_port = self.wait_for_number("driver", said, _DRIVER_PORT, deadline)
        return join(driver_port, joining())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
