"""The connection to a driver, with a time limit on every command."""

from collections.abc import Callable, Generator
from typing import Any

from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
from selenium.webdriver.common.options import ArgOptions
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver

from apps.core.types import JsonObject
from apps.steps.browser.chromium.options import (
    BrowserOptions,
    preferences,
    remote_switches,
)
from apps.steps.browser.failures import only_in_chromium
from apps.steps.browser.remote.place import Place

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
        connection: RemoteConnection,
        config: ClientConfig,
        options: ArgOptions,
        *,
        within_s: float,
    ) -> None:
        self._config = config
        self.time_left = lambda: within_s
        # The default detector would upload a file when a typed text is its path.
        detector = UselessFileDetector()
        super().__init__(connection, options=options, file_detector=detector)
        self.time_left = lambda: _USUAL_S

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
        """Send a command of the Chrome DevTools Protocol; gives its result.

        Raises:
            PermanentFailure: `not_in_firefox`.
        """
        if self.capabilities.get("browserName") == "firefox":
            raise only_in_chromium("do this")
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


def join(driver_port: int, options: ArgOptions) -> Driver:
    """A session, with BiDi, of a driver on this machine."""
    return open_session(Place(f"http://127.0.0.1:{driver_port}"), options, _USUAL_S)


def open_session(place: Place, options: ArgOptions, within_s: float) -> Driver:
    """A new session, with BiDi.

    Args:
        within_s: what the start of its browser may take.
    """
    config = _config(place)
    # Commands after a click wait for the new page, but not for its last image.
    options.page_load_strategy = "eager"
    # Whoever owns the page answers its dialogs, by BiDi.
    options.unhandled_prompt_behavior = "ignore"
    options.timeouts = {"pageLoad": _PAGE_LOAD_MS}
    options.enable_bidi = True
    connection = _connection(place.address, config, options)
    return Driver(connection, config, options, within_s=within_s)


def joining(browser_port: int) -> Options:
    """Options of a session on a Chromium that runs already."""
    options = Options()
    options.debugger_address = f"127.0.0.1:{browser_port}"
    return options


def remote_options(
    options: BrowserOptions, proxy_address: tuple[str, int] | None
) -> Options:
    """Options of a Chromium that its driver starts elsewhere."""
    made = Options()
    for switch in remote_switches(options, proxy_address):
        made.add_argument(switch)
    made.add_experimental_option("prefs", preferences())
    return made


def kinds_of(place: Place, within_s: float) -> list[JsonObject]:
    """What kinds of browsers a grid has; a driver alone says nothing of that.

    Raises:
        HTTPError, OSError: nobody answers.
    """
    config = _config(place)
    config.timeout = within_s
    connection: Any = RemoteConnection(client_config=config)
    connection.add_command("status", "GET", "/status")
    try:
        answer = connection.execute("status", {}).get("value")
    finally:
        connection.close()
    nodes = answer.get("nodes", ()) if isinstance(answer, dict) else ()
    return [slot["stereotype"] for node in nodes for slot in node["slots"]]


def end_session(place: Place, session_id: str, within_s: float) -> None:
    """End a session that another process has left."""
    config = _config(place)
    config.timeout = within_s
    connection: Any = RemoteConnection(client_config=config)
    try:
        connection.execute("quit", {"sessionId": session_id})
    finally:
        connection.close()


def _config(place: Place) -> ClientConfig:
    return ClientConfig(
        place.address,
        # The environment's proxy is not for these connections.
        proxy=Proxy(raw={"proxyType": ProxyType.DIRECT}),
        # A command is sent once: many do something.
        init_args_for_pool_manager={"init_args_for_pool_manager": {"retries": False}},
        username=place.user or None,
        password=place.secret,
    )


def _connection(
    address: str, config: ClientConfig, options: ArgOptions
) -> RemoteConnection:
    if not isinstance(options, Options):
        return RemoteConnection(client_config=config)
    return ChromiumRemoteConnection(
        remote_server_addr=address,
        browser_name="chrome",
        vendor_prefix="goog",
        client_config=config,
    )
