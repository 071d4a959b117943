"""What one execution has of a browser: borrowed on first use, watched, given back."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from apps.core.errors import RpaError, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import BidiError, BidiGone
from apps.steps.browser.chromium.contexts import OWN_DIALOGS, replace_tabs
from apps.steps.browser.chromium.tab_tools import Sight
from apps.steps.browser.dialogs import Dialogs
from apps.steps.browser.downloads import Downloads
from apps.steps.browser.evidence.recording import Recorder
from apps.steps.browser.evidence.redaction import Secrets
from apps.steps.browser.failures import (
    BrowserGone,
    BrowserTimeout,
    told,
)
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.loans import Loan
from apps.steps.browser.outfit import Outfit
from apps.steps.browser.patience import Patience
from apps.steps.browser.requests import Requests
from apps.steps.browser.settings import BrowserSettings
from apps.steps.browser.watcher import Watcher

if TYPE_CHECKING:
    from selenium.common.exceptions import WebDriverException

    from apps.steps.browser.chromium.driver import Driver

log = logging.getLogger(__name__)

OnEvent = Callable[[str, JsonObject], None]

_NEW_TAB_S = 5.0


class BrowserConnection(Patience):
    """A context of its own: no execution sees another's cookies, storage or files.

    One thread at a time may use it; `close` is safe from any thread at any moment,
    also after an exception was raised out of the middle of another call. A browser
    that died is thrown away, and the next use has a new one.

    Args:
        on_event: told `browser_started`, `browser_lost` and `browser_closed`.
        proxy: host and port of its own egress proxy; None: the host's.
        kept: cookies and storage that each of its contexts begins with.

    Attributes:
        dialogs: how the pages' dialogs are answered.
        downloads: what the pages downloaded.
        requests: what the pages ask servers for.
        frame: selectors of the frames on the way to where steps look for elements.
        missing_frame: the one that was not there when it was last looked for.
        secrets: what no picture may show; None: there are none.
        recorder: what the pages said and asked for; None: nobody listens.
        watcher: deals with what pages do by themselves.
        has_left_page: a page that did not answer was left; an empty one is open.
        begins_anew: a browser that does not answer may be replaced without a word.
    """

    begins_anew = True

    def __init__(
        self,
        host: BrowserHost,
        settings: BrowserSettings | None = None,
        *,
        on_event: OnEvent | None = None,
        proxy: tuple[str, int] | None = None,
        kept: JsonObject | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        super().__init__(host.command_s)
        self._host = host
        self._proxy, self._kept, self.secrets = proxy, kept, secrets
        self.settings = settings or BrowserSettings()
        self._on_event = on_event
        self._loan: Loan | None = None
        self._outfit: Outfit | None = None
        self._is_closed = False
        self._is_in_frame = False
        # A command is under way; stays so when an interrupt struck in the middle.
        self._is_busy = False
        # A command had no answer: the driver is still at it, and takes no other.
        self._is_stuck = False
        self._has_dialogs = self._was_lost = self._is_settled = False
        self.has_left_page = False
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
    def is_page_lost(self) -> bool:
        """Whether its page was left, or a command for it had no answer yet."""
        is_cut = self._is_stuck or self._is_busy
        return self.is_running and (is_cut or self.has_left_page)

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
            self.has_left_page = True
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
            BrowserTimeout: it did not answer.
            BrowserGone: the browser is of no more use.
        """
        loan = self.loan
        with self._asking(loan):
            return loan.bidi.call(method, **parameters)

    def glance(self, expression: str) -> Sight | None:
        """What an expression gives on the page, and all cookies; past the driver.

        A page that is on its way is not waited for.

        Returns: None: ask the driver.

        Raises:
            BrowserTimeout: the page did not answer.
            BrowserGone: the browser is of no more use.
        """
        loan = self.loan
        if self._is_stuck or loan.tools is None:
            return None
        with self._asking(loan):
            return loan.tools.look(self._tab, expression, max(0.1, self._time_left()))

    @contextlib.contextmanager
    def _asking(self, loan: Loan) -> "Iterator[None]":
        try:
            yield
        except BidiGone as error:
            if not loan.is_gone:  # a page may keep it from answering
                self._is_stuck = True
                raise BrowserTimeout("The browser did not answer in time.") from error
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
        with self.commanding():
            self.loan.browser.enter(handle, self.settings.shape)
        self._is_in_frame, self._tab = False, handle
        self.frame = ()
        self.watcher.news.note()

    def open_new_tab(self) -> None:
        """Leave the page behind, whatever it is busy with; cookies stay.

        Where even that does not work, the next use starts a new browser.

        Raises:
            BrowserGone: so it is, and `begins_anew` forbids to do that in silence.
        """
        self._is_stuck = self._is_in_frame = False
        self.frame = ()
        loan = self._loan
        if loan is None:
            return
        try:
            with told(), self.limited_to(_NEW_TAB_S):
                self._tab = replace_tabs(loan.bidi, loan.context.id, loan.tabs)
                loan.browser.enter(self._tab, self.settings.shape)
        except (RpaError, BidiError) as error:
            self._lose()
            if not self.begins_anew:
                raise BrowserGone("The browser did not answer any more.") from error

    def state_to_keep(self) -> JsonObject | None:
        """`{cookies, storage}` for later executions; None: it is not to be had.

        Its pages are closed then: only `close` may follow.
        """
        is_there = self.is_running and not self.is_lost
        return self._outfit.read() if is_there and self._outfit is not None else None

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
                self._is_busy, self._is_settled = True, False
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

    def leave_frames(self, driver: "Driver") -> None:
        """Go back to the page itself."""
        if self._is_in_frame:
            driver.switch_to.default_content()
            self._is_in_frame = False

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            self._give_back()
            raise TemporaryFailure("The browser was closed.", code="browser_closed")

    def _start(self) -> Loan:
        self._refuse_if_closed()
        self._was_lost = False
        started = time.monotonic()
        self._is_in_frame = self._is_stuck = self._is_busy = self._has_dialogs = False
        self.has_left_page = False
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
        self._put_on(Outfit(loan, self.settings, self._kept))
        elapsed_ms = round((time.monotonic() - started) * 1000)
        self._tell("browser_started", elapsed_ms=elapsed_ms)
        return loan

    def _put_on(self, outfit: Outfit) -> None:
        self._outfit = outfit
        try:
            outfit.put_on()
        except (BidiError, BidiGone) as error:
            self._lose()
            raise BrowserGone("The browser went away.") from error

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
        if self._outfit is not None:
            self._outfit.close()
        self._host.give_back(loan, was_cut=self._is_busy or self._is_stuck)
        # Only now: an exception on the way leaves it for the next `close`.
        self._loan = None
        self._is_in_frame = self._is_stuck = self._is_busy = False
        return True

    def _happened(self, event: str, facts: JsonObject) -> None:
        """Deal with what the browser tells of; on its own thread, so never waits."""
        if self._outfit is not None and self._outfit.notes(event, facts):
            return
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
