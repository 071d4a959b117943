"""The connection to chromedriver, with a time limit on every command."""

from collections.abc import Callable, Generator
from typing import Any

from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.remote.webdriver import WebDriver

# The driver gets a little longer than the page, to say itself what took so long.
_GRACE_S = 2.0
# How long commands wait for the page that a click has led to.
_PAGE_LOAD_MS = 30_000
# For commands outside of a step.
_USUAL_S = 30.0


class Driver(WebDriver):
    """A WebDriver whose commands end when the step's time does.

    Attributes:
        time_left: seconds until a command must have its answer, asked for each.
    """

    time_left: Callable[[], float]

    def __init__(
        self,
        connection: ChromiumRemoteConnection,
        config: ClientConfig,
        options: Options,
    ) -> None:
        self._config = config
        self.time_left = lambda: _USUAL_S
        # The default detector would upload a file when a typed text is its path.
        detector = UselessFileDetector()
        super().__init__(connection, options=options, file_detector=detector)

    def execute(
        self,
        driver_command: str | Generator[dict[str, Any], Any, Any],
        params: dict[str, Any] | None = None,
    ) -> Any:
        """Send a command; waits for its answer as long as the step may."""
        # Selenium says int, but hands it to urllib3, which takes fractions.
        self._config.timeout = max(0.1, self.time_left() + _GRACE_S)
        return super().execute(driver_command, params)

    def cdp(self, command: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the Chrome DevTools Protocol; gives its result."""
        answer = self.execute(
            "executeCdpCommand", {"cmd": command, "params": parameters}
        )
        return dict(answer["value"])

    @property
    def bidi_url(self) -> str:
        """Where the session's BiDi connection is."""
        return str(self.capabilities["webSocketUrl"])

    def disconnect(self) -> None:
        """Close the connection to the driver; sends nothing."""
        connection: Any = self.command_executor
        connection.close()


def join(driver_port: int, browser_port: int) -> Driver:
    """A session on a running browser, with BiDi."""
    address = f"http://127.0.0.1:{driver_port}"
    config = ClientConfig(
        address,
        # The environment's proxy is not for loopback.
        proxy=Proxy(raw={"proxyType": ProxyType.DIRECT}),
        # A command is sent once: many do something.
        init_args_for_pool_manager={"init_args_for_pool_manager": {"retries": False}},
    )
    connection = ChromiumRemoteConnection(
        remote_server_addr=address,
        browser_name="chrome",
        vendor_prefix="goog",
        client_config=config,
    )
    options = Options()
    options.debugger_address = f"127.0.0.1:{browser_port}"
    # Commands after a click wait for the new page, but not for its last image.
    options.page_load_strategy = "eager"
    # Whoever owns the page answers its dialogs, by BiDi.
    options.unhandled_prompt_behavior = "ignore"
    options.timeouts = {"pageLoad": _PAGE_LOAD_MS}
    options.enable_bidi = True
    return Driver(connection, config, options)
