"""A browser's life: started on first use, watched at every command, ended."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from apps.core.errors import RpaError, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.browser.chromium.launch import Chromium
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.failures import (
    BrowserGone,
    BrowserTimeout,
    PageChanged,
    told,
)
from apps.steps.browser.scripts import script_for
from apps.steps.browser.target import Target, parse_selector

if TYPE_CHECKING:
    from selenium.common.exceptions import WebDriverException

    from apps.steps.browser.chromium.driver import Driver

log = logging.getLogger(__name__)

T = TypeVar("T")
OnEvent = Callable[[str, JsonObject], None]

# Kept back of a step's time, for its error message and screenshot.
_RESERVE_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.1
_STEADY_S = 5.0
_NEW_TAB_S = 5.0


class BrowserConnection:
    """A browser of its own profile: no execution sees another's cookies or files.

    One thread at a time may use it; `close` is safe from any thread at any moment,
    also after an exception was raised out of the middle of another call. A browser
    that died is thrown away, and the next use starts a new one.

    Args:
        proxy_address: host and port of the egress proxy; None: no proxy.
        download_dir: where downloads go; None refuses them.
        on_event: told `browser_started`, `browser_lost` and `browser_closed`.

    Attributes:
        deadline: `time.monotonic()` value after which no command goes on.
        command_s: seconds that a command may take.
    """

    def __init__(
        self,
        options: BrowserOptions,
        *,
        proxy_address: tuple[str, int] | None,
        download_dir: Path | None,
        on_event: OnEvent | None = None,
    ) -> None:
        self._options = options
        self.proxy_address = proxy_address
        self._download_dir = download_dir
        self._on_event = on_event
        self.deadline: float | None = None
        self._chromium: Chromium | None = None
        self._driver: Driver | None = None
        self._is_closed = False
        self._is_in_frame = False
        # A command had no answer: the driver is still at it, and takes no other.
        self._is_stuck = False
        self.command_s = options.command_timeout.total_seconds()

    @property
    def is_running(self) -> bool:
        """Whether a browser was started and has not been lost."""
        return self._driver is not None

    @property
    def is_responsive(self) -> bool:
        """Whether it runs, and answered its last command."""
        return self.is_running and not self._is_stuck

    @property
    def driver(self) -> "Driver":
        """The WebDriver, started if need be; its own errors are Selenium's.

        Raises:
            PermanentFailure: `browser_missing` or `browser_start_failed`.
            TemporaryFailure: `browser_start_failed` or `browser_closed`.
        """
        if self._is_stuck:
            self.open_new_tab()
        return self._driver or self._start()

    def open_new_tab(self) -> None:
        """Leave the page behind, whatever it is busy with; cookies stay.

        Where even that does not work, the next use starts a new browser.
        """
        self._is_stuck = self._is_in_frame = False
        try:
            if self._chromium and self._driver:
                with told(), self.limited_to(_NEW_TAB_S):
                    self._chromium.replace_tabs(self._driver)
        except RpaError:
            self._discard()
            self._tell("browser_lost")

    def close(self) -> None:
        """End the browser with all its processes and remove its profile."""
        self._is_closed = True
        if self._discard():
            self._tell("browser_closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextlib.contextmanager
    def commanding(self, *passing: "type[WebDriverException]") -> "Iterator[Driver]":
        """The driver, its errors turned into ours; a dead browser is thrown away.

        Args:
            passing: errors of the driver that the caller wants as they are.

        Raises:
            PageChanged: the page or element went away meanwhile; ask again.
        """
        try:
            with told(*passing):
                yield self.driver
        except BrowserTimeout:
            self._is_stuck = True
            raise
        except BrowserGone:
            self._discard()
            self._tell("browser_lost")
            raise

    @contextlib.contextmanager
    def limited_to(self, seconds: float) -> Iterator[None]:
        """Give each command this time instead of the usual."""
        usual, self.command_s = self.command_s, seconds
        try:
            yield
        finally:
            self.command_s = usual

    def run(self, target: Target | None, function: str, *arguments: Any) -> Any:
        """Call a function of the page's side, in the target's frame.

        Raises:
            PageChanged: the page went away meanwhile.
            PermanentFailure: `invalid_selector`, `too_much_data`.
        """
        script = script_for(function)
        with self.commanding() as driver:
            self._enter(driver, target.frame if target else ())
            return driver.execute_script(script, *arguments)

    def cdp(self, command: str, **parameters: Any) -> JsonObject:
        """Send a command of the Chrome DevTools Protocol; gives its result."""

        def send() -> JsonObject:
            with self.commanding() as driver:
                return driver.cdp(command, **parameters)

        return self.steadily(send)

    def poll(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """Ask until there is an answer; None when there was none in time."""
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE_S
        while True:
            with contextlib.suppress(PageChanged):
                if (found := look()) is not None:
                    return found
            if time.monotonic() + pause > deadline:
                return None
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def steadily(self, look: Callable[[], T]) -> T:
        """The answer of something that only a change of page can disturb.

        Raises:
            TemporaryFailure: `page_changing`, it never stood still.
        """
        found = self.poll(lambda: (look(),), self.within_step(_STEADY_S))
        if found is None:
            message = "The page kept on changing while it was looked at."
            raise TemporaryFailure(message, code="page_changing")
        return found[0]

    def within_step(self, seconds: float) -> float:
        """Of a wish for time, what the step's own time leaves for it."""
        if self.deadline is None:
            return seconds
        left = self.deadline - time.monotonic()
        return max(0.05, min(seconds, left - min(_RESERVE_S, left * 0.2)))

    def leave_frames(self, driver: "Driver") -> None:
        """Go back to the page itself."""
        if self._is_in_frame:
            driver.switch_to.default_content()
            self._is_in_frame = False

    def _enter(self, driver: "Driver", frame: tuple[str, ...]) -> None:
        self.leave_frames(driver)
        for text in frame:
            selector = parse_selector(text)
            found = driver.execute_script(
                script_for("rpa.find"), [selector.for_page()], "attached"
            )
            if found["element"] is None:
                # Frames appear late, too: whoever waits asks again.
                raise PageChanged(f"no frame {selector}")
            self._is_in_frame = True
            driver.switch_to.frame(found["element"])

    def _start(self) -> "Driver":
        self._discard()
        if self._is_closed:
            raise TemporaryFailure("The browser was closed.", code="browser_closed")
        started = time.monotonic()
        self._chromium = Chromium(
            self._options,
            proxy_address=self.proxy_address,
            download_dir=self._download_dir,
        )
        with told():
            driver = self._chromium.start(self._time_left)
        self._driver = driver
        elapsed_ms = round((time.monotonic() - started) * 1000)
        self._tell("browser_started", elapsed_ms=elapsed_ms)
        return driver

    def _discard(self) -> bool:
        """Throw the browser away; gives whether there was one."""
        self._driver = None
        self._is_in_frame = self._is_stuck = False
        chromium = self._chromium
        if chromium is None:
            return False
        chromium.close()
        # Only now: an exception on the way leaves it for the next `close`.
        self._chromium = None
        return True

    def _time_left(self) -> float:
        if self.deadline is None:
            return self.command_s
        return min(self.command_s, self.deadline - time.monotonic())

    def _tell(self, event: str, **facts: object) -> None:
        log.debug("Browser session", extra={"action": event, **facts})
        if self._on_event is not None:
            self._on_event(event, dict(facts))
