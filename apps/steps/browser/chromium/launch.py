"""One running Chromium with its chromedriver."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from apps.steps.browser.chromium.bidi import BidiGone
from apps.steps.browser.chromium.devtools import DevTools
from apps.steps.browser.chromium.dialect import ChromiumDialect
from apps.steps.browser.chromium.options import switches, write_preferences
from apps.steps.browser.chromium.programs import Programs, find_programs
from apps.steps.browser.chromium.tab_tools import TabTools
from apps.steps.browser.local import LocalBrowser

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

_DRIVER_PORT = re.compile(rb"started successfully on port (\d+)")
_BROWSER_PORT = re.compile(rb"\A(\d+)\n/")


class Chromium(LocalBrowser):
    """Chromium and its driver, started side by side; the driver joins the browser.

    That is faster than letting the driver start it.
    """

    dialect = ChromiumDialect()
    _tools: TabTools | None = None

    @property
    def is_gone(self) -> bool:
        """Whether one of its processes has ended, or a connection."""
        return super().is_gone or (self._tools is not None and self._tools.is_gone)

    def require_devtools(self) -> None:
        """It has them."""

    def devtools(self) -> DevTools:
        """A new connection to the browser's own protocol."""
        try:
            port, path = self._devtools_file.read_text().split()[:2]
        except (OSError, ValueError) as error:
            raise BidiGone("the browser is gone") from error
        return DevTools(f"ws://127.0.0.1:{port}{path}")

    @property
    def tools(self) -> TabTools:
        """On one connection, from the first look on."""
        if self._tools is None:
            self._tools = TabTools(self.devtools)
        return self._tools

    def close(self) -> None:
        """End all processes and remove the profile; can be called again."""
        tools, self._tools = self._tools, None
        super().close()
        if tools is not None:
            tools.close()

    @property
    def _devtools_file(self) -> Path:
        return self.profile / "DevToolsActivePort"

    def _launch(self, deadline: float) -> "Driver":
        self._start_processes(find_programs(self.options))
        # Takes a while the first time; the processes start meanwhile.
        from apps.steps.browser.chromium.driver import join, joining

        ports = self._devtools_file
        port = self.wait_for_number("browser", ports, _BROWSER_PORT, deadline)
        said = self.log_of("driver")
        driver_port = self.wait_for_number("driver", said, _DRIVER_PORT, deadline)
        return join(driver_port, joining(port))

    def _start_processes(self, programs: Programs) -> None:
        write_preferences(self.profile)
        browser = switches(self.options, self.profile, self.proxy_address)
        self.start_process("browser", [programs.browser, *browser])
        log_path = f"--log-path={self.folder / 'chromedriver.log'}"
        self.start_process("driver", [programs.driver, "--port=0", log_path])
