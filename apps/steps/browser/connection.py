"""What one execution has of a browser: borrowed on first use, watched, given back."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

from apps.core.errors import RpaError, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import BidiError, BidiGone
from apps.steps.browser.chromium.contexts import OWN_DIALOGS, replace_tabs
from apps.steps.browser.dialogs import Dialogs
from apps.steps.browser.downloads import Downloads
from apps.steps.browser.evidence.recording import Recorder
from apps.steps.browser.failures import (
    BrowserGone,
    BrowserTimeout,
    PageChanged,
    told,
)
from apps.steps.browser.host import BrowserHost, Loan
from apps.steps.browser.requests import Requests
from apps.steps.browser.scripts import script_for
from apps.steps.browser.settings import BrowserSettings
from apps.steps.browser.target import Target, parse_selector
from apps.steps.browser.watcher import Watcher

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
    """A context of its own: no execution sees another's cookies, storage or files.

    One thread at a time may use it; `close` is safe from any thread at any moment,
    also after an exception was raised out of the middle of another call. A browser
    that died is thrown away, and the next use has a new one.

    Args:
        on_event: told `browser_started`, `browser_lost` and `browser_closed`.
        proxy: host and port of its own egress proxy; None: the host's.

    Attributes:
        deadline: `time.monotonic()` value after which no command goes on.
        command_s: seconds that a command may take.
        dialogs: how the pages' dialogs are answered.
        downloads: what the pages downloaded.
        requests: what the pages ask servers for.
        frame: selectors of the frames on the way to where steps look for elements.
        missing_frame: the one that was not there when it was last looked for.
        recorder: what the pages said and asked for; None: nobody listens.
        watcher: deals with what pages do by themselves.
    """

    def __init__(
        self,
        host: BrowserHost,
        settings: BrowserSettings | None = None,
        *,
        on_event: OnEvent | None = None,
        proxy: tuple[str, int] | None = None,
    ) -> None:
        self._host = host
        self._proxy = proxy
        self.settings = settings or BrowserSettings()
        self._on_event = on_event
        self.deadline: float | None = None
        self._loan: Loan | None = None
        self._is_closed = False
        self._is_in_frame = False
        # A command is under way; stays so when an interrupt struck in the middle.
        self._is_busy = False
        # A command had no answer: the driver is still at it, and takes no other.
        self._is_stuck = False
        self.command_s = host.command_s
        self._has_dialogs = self._was_lost = False
        self.dialogs, self.downloads = Dialogs(), Downloads(host.most_download_bytes)
        self.requests = Requests()
        self.frame: tuple[str, ...] = ()
        self.missing_frame: str | None = None
        self.recorder = None if self.settings.evidence == "off" else Recorder()
        self._tab = ""
        self.watcher = Watcher(self.dialogs, self.downloads)

    @property
    def proxy_address(self) -> tuple[str, int] | None:
        """Host and port of the egress proxy; None: no proxy."""
        return self._proxy or self._host.proxy_address

    @property
    def is_running(self) -> bool:
        """Whether it has a browser that was not lost."""
        return self._loan is not None

    @property
    def is_lost(self) -> bool:
        """Whether what it had has died, noticed or not."""
        return self._was_lost or (self._loan is not None and self._loan.is_gone)

    @property
    def is_responsive(self) -> bool:
        """Whether it runs, and answered its last command."""
        return self.is_running and not self._is_stuck

    @property
    def place(self) -> tuple[Loan, str] | None:
        """The context that it has and the tab it is in; None: it has no browser."""
        return (self._loan, self._tab) if self._loan is not None else None

    @property
    def driver(self) -> "Driver":
        """The WebDriver, started if need be; its own errors are Selenium's.

        Raises:
            PermanentFailure: `browser_missing` or `browser_start_failed`.
            TemporaryFailure: `browser_start_failed` or `browser_closed`.
        """
        if self._is_stuck:
            self.open_new_tab()
        loan = self._loan or self._start()
        return loan.driver

    @property
    def loan(self) -> Loan:
        """The context, borrowed if need be; errors as for `driver`."""
        return self._loan or self._start()

    def bidi(self, method: str, /, **parameters: Any) -> JsonObject:
        """Send a BiDi command; gives its result.

        Raises:
            BidiError: it was refused.
            BrowserGone: the browser is of no more use.
        """
        try:
            return self.loan.bidi.call(method, **parameters)
        except BidiGone as error:
            self._lose()
            raise BrowserGone("The browser went away.") from error

    def open_dialogs(self) -> None:
        """From now on pages may open dialogs; `dialogs` says how they are answered."""
        if self._has_dialogs:
            return
        self.bidi("script.removePreloadScript", script=self.loan.context.silencer)
        with self.commanding() as driver:
            self.leave_frames(driver)
            driver.execute_script(OWN_DIALOGS)
        self._has_dialogs = True

    @property
    def tabs(self) -> list[str]:
        """The open tabs, oldest first."""
        return self.loan.tabs

    def open_tab(self) -> str:
        """Open an empty tab beside the others and go on in it; gives its handle."""
        made = self.bidi(
            "browsingContext.create", type="tab", userContext=self.loan.context.id
        )
        self.enter_tab(str(made["context"]))
        return str(made["context"])

    def close_tab(self, handle: str) -> None:
        """Close a tab; afterwards some other one has to be entered."""
        with told():
            self.bidi("browsingContext.close", context=handle)

    def enter_tab(self, handle: str) -> None:
        """Go on in a tab."""
        with self.commanding() as driver:
            driver.switch_to.window(handle)
        self._is_in_frame, self._tab = False, handle
        self.frame = ()

    def open_new_tab(self) -> None:
        """Leave the page behind, whatever it is busy with; cookies stay.

        Where even that does not work, the next use starts a new browser.
        """
        self._is_stuck = self._is_in_frame = False
        self.frame = ()
        loan = self._loan
        if loan is None:
            return
        try:
            with told(), self.limited_to(_NEW_TAB_S):
                self._tab = replace_tabs(loan.bidi, loan.context.id, loan.tabs)
                loan.driver.switch_to.window(self._tab)
        except (RpaError, BidiError):
            self._lose()

    def close(self) -> None:
        """Give the context back; all that it had is gone then."""
        self._is_closed = True
        if self._give_back():
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
                driver = self.driver
                self._is_busy = True
                yield driver
        except BrowserTimeout:
            self._is_stuck = True
            raise
        except BrowserGone:
            self._lose()
            raise
        except Exception:
            self._is_busy = False
            raise
        self._is_busy = False

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

        Args:
            target: None: in the page itself, whatever frame steps are in.

        Raises:
            PageChanged: the page went away meanwhile.
            PermanentFailure: `invalid_selector`, `too_much_data`.
        """
        frame = self.frame + target.frame if target else ()
        return self._run_in(frame, function, arguments)

    def run_here(self, function: str, *arguments: Any) -> Any:
        """The same where steps look for elements, with no target in mind."""
        return self._run_in(self.frame, function, arguments)

    def _run_in(
        self, frame: tuple[str, ...], function: str, arguments: tuple[Any, ...]
    ) -> Any:
        script = script_for(function)
        with self.commanding() as driver:
            self.enter_frames(driver, frame)
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

    def enter_frames(self, driver: "Driver", frame: tuple[str, ...]) -> None:
        """Go into a frame of the page, by the selectors of those on the way.

        Raises:
            PageChanged: it is not there now.
        """
        self.leave_frames(driver)
        self.missing_frame = None
        for text in frame:
            selector = parse_selector(text)
            found = driver.execute_script(
                script_for("rpa.find"), [selector.for_page()], "attached"
            )
            if found["element"] is None:
                # Frames appear late, too: whoever waits asks again.
                self.missing_frame = text
                raise PageChanged(f"no frame {selector}")
            self._is_in_frame = True
            driver.switch_to.frame(found["element"])

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            self._give_back()
            raise TemporaryFailure("The browser was closed.", code="browser_closed")

    def _start(self) -> Loan:
        self._refuse_if_closed()
        self._was_lost = False
        started = time.monotonic()
        self._is_in_frame = self._is_stuck = self._is_busy = self._has_dialogs = False
        self.frame, self.requests = (), Requests()
        self._loan = loan = self._host.lend(
            self.settings,
            time_left=self._time_left,
            on_event=self._happened,
            proxy=self._proxy,
        )
        self._tab = loan.context.tab
        self.watcher.watch(loan)
        self._refuse_if_closed()  # by another thread, meanwhile
        elapsed_ms = round((time.monotonic() - started) * 1000)
        self._tell("browser_started", elapsed_ms=elapsed_ms)
        return loan

    def _lose(self) -> None:
        """What it had is of no more use: the next use borrows anew."""
        self._is_busy = True
        if self._give_back():
            self._was_lost = True
            self._tell("browser_lost")

    def _give_back(self) -> bool:
        """Give back what was borrowed; gives whether there was anything."""
        loan = self._loan
        if loan is None:
            return False
        self.watcher.stop()
        self._host.give_back(loan, was_cut=self._is_busy or self._is_stuck)
        # Only now: an exception on the way leaves it for the next `close`.
        self._loan = None
        self._is_in_frame = self._is_stuck = self._is_busy = False
        return True

    def _happened(self, event: str, facts: JsonObject) -> None:
        """Deal with what the browser tells of; on its own thread, so never waits."""
        self.watcher.take(event, facts)
        self.requests.take(event, facts)
        if self.recorder is not None:
            self.recorder.take(event, facts)

    def _time_left(self) -> float:
        if self.deadline is None:
            return self.command_s
        return min(self.command_s, self.deadline - time.monotonic())

    def _tell(self, event: str, **facts: object) -> None:
        log.debug("Browser session", extra={"action": event, **facts})
        if self._on_event is not None:
            self._on_event(event, dict(facts))
