"""The one browser that a process keeps warm, and the contexts that it lends out.

Each execution gets a context of its own, removed at its end however that comes. While
the process is idle, a thread makes the next one ready, tab and all; so an execution
waits for neither browser nor context. The browser itself is replaced when it has
served long enough, holds too much memory, or does not answer.
"""

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.core.errors import RpaError, TemporaryFailure
from apps.steps.browser.chromium.bidi import Bidi, BidiError, BidiGone
from apps.steps.browser.chromium.contexts import (
    UserContext,
    dress,
    make_context,
    remove_context,
)
from apps.steps.browser.chromium.launch import Chromium
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.chromium.router import OnEvent, Router
from apps.steps.browser.devices import Device
from apps.steps.browser.failures import BrowserGone, told
from apps.steps.browser.settings import BrowserSettings

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

log = logging.getLogger(__name__)

# Nobody asked for so long: its memory is worth more than the next one's start.
IDLE_CLOSE_S = 900.0
# What a context that an interrupt cut off may take to show that the driver is free.
_FREE_WITHIN_S = 2.0


@dataclass
class _Browser:
    """A running browser, and what was made in it."""

    chromium: Chromium
    router: Router
    spare: UserContext | None = None
    made: int = 0
    lent: set[str] = field(default_factory=set)

    @property
    def bidi(self) -> Bidi:
        return self.chromium.bidi


@dataclass(frozen=True, slots=True)
class Loan:
    """A context that an execution uses, until it gives it back."""

    browser: _Browser
    context: UserContext

    @property
    def driver(self) -> "Driver":
        """For the classic commands."""
        return self.browser.chromium.driver

    @property
    def bidi(self) -> Bidi:
        """For commands about contexts."""
        return self.browser.bidi

    @property
    def is_gone(self) -> bool:
        """Whether its browser has died."""
        return self.browser.chromium.is_gone

    @property
    def tabs(self) -> list[str]:
        """The open tabs, oldest first."""
        return self.browser.router.tabs(self.context.id)


class BrowserHost:
    """Lends contexts of one browser; one execution at a time uses it.

    Args:
        proxy_address: of the egress proxy; None: no proxy.
        keeps_warm: whether a spare context is kept ready.
        stays: whether the browser stays open when nothing of it is lent.
    """

    def __init__(
        self,
        options: BrowserOptions,
        *,
        proxy_address: tuple[str, int] | None,
        keeps_warm: bool = True,
        stays: bool = True,
    ) -> None:
        self._options = options
        self.proxy_address = proxy_address
        self._keeps_warm, self._stays = keeps_warm, stays
        self._browser: _Browser | None = None
        # What is being started: an interrupt may leave it so.
        self._starting: Chromium | None = None
        self._lock = threading.RLock()
        self._wanted = threading.Event()
        self._stopping = False
        self._used_at = time.monotonic()
        self._keeper: threading.Thread | None = None

    @property
    def command_s(self) -> float:
        """Seconds that one command may take."""
        return self._options.command_timeout.total_seconds()

    @property
    def most_download_bytes(self) -> int:
        """What the pages of one execution may download."""
        return self._options.most_download_bytes

    @property
    def is_running(self) -> bool:
        """Whether a browser runs."""
        return self._browser is not None

    @property
    def has_spare(self) -> bool:
        """Whether the next context is ready."""
        return self._browser is not None and self._browser.spare is not None

    def memory_bytes(self) -> int:
        """What the browser holds; 0 when none runs."""
        browser = self._browser
        return browser.chromium.memory_bytes() if browser else 0

    def lend(
        self,
        settings: BrowserSettings,
        *,
        time_left: Callable[[], float],
        on_event: OnEvent,
        proxy: tuple[str, int] | None = None,
    ) -> Loan:
        """A context for one execution, its tab in front.

        Args:
            proxy: the execution's own; None: the host's.
            time_left: seconds until a command must have its answer, asked for each.
            on_event: told of what happens in the context, on another thread.

        Raises:
            PermanentFailure: `browser_missing` or `browser_start_failed`.
            TemporaryFailure: `browser_start_failed`, `browser_crashed` or
                `browser_closed`.
        """
        with self._lock, self._whole():
            self._used_at = time.monotonic()
            browser = self._ready(time_left())
            context = self._taken(browser, proxy)
            browser.lent.add(context.id)
            dress(browser.bidi, context, settings)
            browser.router.watch(context.id, on_event)
            driver = browser.chromium.driver
            driver.time_left = time_left
            driver.switch_to.window(context.tab)
            if settings.shape.is_mobile:
                _pass_for_mobile(driver, settings.shape)
            return Loan(browser, context)

    def give_back(self, loan: Loan, *, was_cut: bool) -> None:
        """Remove a context with all that it has; never raises for a dead browser.

        Args:
            was_cut: a command may still be under way in the driver.
        """
        with self._lock:
            browser = loan.browser
            browser.router.forget(loan.context.id)
            browser.lent.discard(loan.context.id)
            self._used_at = time.monotonic()
            if browser is self._browser:
                self._clear(loan, was_cut)
            shutil.rmtree(loan.context.downloads, ignore_errors=True)
        self._keep_soon()

    def prepare(self) -> None:
        """Make the next context ready; starts the browser if need be."""
        with self._lock:
            if self._stopping:
                return
            try:
                with self._whole():
                    browser = self._ready(self._options.start_timeout.total_seconds())
                    if browser.spare is None:
                        browser.spare = self._make(browser)
            except RpaError as error:
                # Whoever needs one meets the same, and tells.
                log.warning("no browser is ready", extra={"reason": str(error)})

    def discard(self) -> bool:
        """Throw the browser away with all contexts; gives whether there was one."""
        with self._lock:
            browser, self._browser = self._browser, None
            starting, self._starting = self._starting, None
            for chromium in (starting, browser.chromium if browser else None):
                if chromium is not None:
                    chromium.close()
            return browser is not None

    def stop(self) -> None:
        """End the browser for good."""
        self._stopping = True
        self._wanted.set()
        self.discard()
        if self._keeper is not None:
            self._keeper.join(timeout=10)

    # --- the browser ----------------------------------------------------------------

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Leaves no browser behind that is half made; turns its errors into ours."""
        try:
            with told():
                yield
        except (BidiError, BidiGone) as error:
            self.discard()
            raise BrowserGone(
                f"The browser does not do what it should: {error}"
            ) from error
        except BaseException:
            # An interrupt, too: what was under way is in no known state.
            self.discard()
            raise

    def _ready(self, within_s: float) -> _Browser:
        if self._stopping:
            raise TemporaryFailure("The browser was closed.", code="browser_closed")
        if self._browser is not None and self._browser.chromium.is_gone:
            self.discard()
        return self._browser or self._start(within_s)

    def _start(self, within_s: float) -> _Browser:
        self.discard()
        chromium = self._starting = Chromium(
            self._options, proxy_address=self.proxy_address
        )
        chromium.start(within_s)
        refused = {"type": "denied"}
        chromium.bidi.call("browser.setDownloadBehavior", downloadBehavior=refused)
        self._browser = _Browser(chromium, Router(chromium.bidi))
        self._starting = None
        return self._browser

    def _taken(self, browser: _Browser, proxy: tuple[str, int] | None) -> UserContext:
        if proxy is not None:
            return self._make(browser, proxy)
        context = browser.spare or self._make(browser)
        browser.spare = None
        return context

    def _make(
        self, browser: _Browser, proxy: tuple[str, int] | None = None
    ) -> UserContext:
        browser.made += 1
        downloads = browser.chromium.folder / "downloads" / str(browser.made)
        return make_context(browser.bidi, downloads, proxy)

    def _clear(self, loan: Loan, was_cut: bool) -> None:
        browser = loan.browser
        try:
            remove_context(browser.bidi, loan.context)
            if was_cut:
                _require_free(browser.chromium.driver)
        except (BidiError, BidiGone, RpaError) as error:
            log.info("browser thrown away", extra={"reason": str(error)[:200]})
            self.discard()
            return
        if self._is_worn(browser):
            self.discard()

    def _is_worn(self, browser: _Browser) -> bool:
        is_idle = not (self._stays or browser.lent)
        if is_idle or browser.made >= self._options.most_contexts:
            return True
        return self.memory_bytes() > self._options.most_memory_bytes

    # --- the thread -----------------------------------------------------------------

    def _keep_soon(self) -> None:
        """Let the thread make the next context ready; it is started when first needed.

        A browser that it starts is bound to its life, on Linux: so it stays.
        """
        if not self._keeps_warm or self._stopping:
            return
        if self._keeper is None:
            self._keeper = threading.Thread(
                target=self._keep, name="browser keeper", daemon=True
            )
            self._keeper.start()
        self._wanted.set()

    def _keep(self) -> None:
        while not self._stopping:
            is_wanted = self._wanted.wait(IDLE_CLOSE_S)
            self._wanted.clear()
            if is_wanted:
                self.prepare()
                continue
            with self._lock:
                is_idle = self._browser is not None and not self._browser.lent
                if is_idle and time.monotonic() - self._used_at >= IDLE_CLOSE_S:
                    self.discard()


def _pass_for_mobile(driver: "Driver", shape: Device) -> None:
    """Touch, and layout as on a telephone, in the driver's tab."""
    driver.cdp(
        "Emulation.setDeviceMetricsOverride",
        width=shape.width,
        height=shape.height,
        deviceScaleFactor=shape.scale,
        mobile=True,
    )
    driver.cdp("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)


def _require_free(driver: "Driver") -> None:
    """Go on only with a driver that takes commands again.

    Raises:
        RpaError: it does not.
    """
    driver.time_left = lambda: _FREE_WITHIN_S
    with told():
        driver.window_handles  # noqa: B018  # a command like any other
