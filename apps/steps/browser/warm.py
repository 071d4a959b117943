"""A browser that is kept warm, and the contexts of it that are lent out.

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
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.core.errors import RpaError, TemporaryFailure
from apps.steps.browser.chromium.bidi import BidiError, BidiGone
from apps.steps.browser.chromium.contexts import (
    UserContext,
    dress,
    make_context,
    only_through,
    remove_context,
)
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.chromium.router import OnEvent, Router
from apps.steps.browser.engines import engine_for
from apps.steps.browser.failures import BrowserGone, told
from apps.steps.browser.launch import Engine, Launch
from apps.steps.browser.loans import Loan, Running
from apps.steps.browser.settings import BrowserSettings

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

log = logging.getLogger(__name__)

# What a context that an interrupt cut off may take to show that the driver is free.
_FREE_WITHIN_S = 2.0


class WarmBrowser:
    """Lends contexts of one browser; one execution at a time uses it.

    Args:
        launch: how it is started.
        proxy_address: of the egress proxy; None: no proxy.
        keeps_warm: whether a spare context is kept ready.
        stays: whether the browser stays open when nothing of it is lent.
        idle_close_s: how long it stays when nobody uses it.
    """

    def __init__(
        self,
        launch: Launch,
        options: BrowserOptions,
        *,
        proxy_address: tuple[str, int] | None,
        keeps_warm: bool,
        stays: bool,
        idle_close_s: float,
    ) -> None:
        self.launch = launch
        self._options = options
        self._proxy_address = proxy_address
        self._idle_close_s = idle_close_s
        self._keeps_warm, self._stays = keeps_warm, stays
        self._browser: Running | None = None
        # What is being started: an interrupt may leave it so.
        self._starting: Engine | None = None
        self._lock = threading.RLock()
        self._wanted = threading.Event()
        self._stopping = False
        self._used_at = time.monotonic()
        self._keeper: threading.Thread | None = None

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
        return browser.engine.memory_bytes() if browser else 0

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
        was_idle = self._browser is not None
        try:
            return self._lend(settings, time_left, on_event, proxy)
        except BrowserGone:
            if not was_idle:
                raise
            # It died, or its grid has ended it, while nobody used it.
            return self._lend(settings, time_left, on_event, proxy)

    def _lend(
        self,
        settings: BrowserSettings,
        time_left: Callable[[], float],
        on_event: OnEvent,
        proxy: tuple[str, int] | None,
    ) -> Loan:
        with self._lock, self._whole():
            self._used_at = time.monotonic()
            browser = self._ready(time_left())
            context = self._taken(browser, proxy)
            browser.lent.add(context.id)
            dress(browser.bidi, context, settings)
            browser.router.watch(context.id, on_event)
            browser.engine.driver.time_left = time_left
            browser.enter(context.tab, settings.shape)
            return Loan(self, browser, context)

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
            for engine in (starting, browser.engine if browser else None):
                if engine is not None:
                    engine.close()
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

    def _ready(self, within_s: float) -> Running:
        if self._stopping:
            raise TemporaryFailure("The browser was closed.", code="browser_closed")
        if self._browser is not None and self._browser.engine.is_gone:
            self.discard()
        return self._browser or self._start(within_s)

    def _start(self, within_s: float) -> Running:
        self.discard()
        options = replace(self._options, headless=self.launch.headless)
        engine = self._starting = engine_for(
            self.launch, options, proxy_address=self._proxy_address
        )
        engine.start(within_s)
        refused = {"type": "denied"}
        engine.bidi.call("browser.setDownloadBehavior", downloadBehavior=refused)
        self._browser = Running(engine, Router(engine.bidi))
        self._starting = None
        return self._browser

    def _taken(self, browser: Running, proxy: tuple[str, int] | None) -> UserContext:
        if proxy is not None:
            return self._make(browser, proxy)
        context = browser.spare or self._make(browser)
        browser.spare = None
        return context

    def _make(
        self, browser: Running, proxy: tuple[str, int] | None = None
    ) -> UserContext:
        browser.made += 1
        engine = browser.engine
        downloads = engine.folder / "downloads" / str(browser.made)
        return make_context(
            browser.bidi,
            downloads,
            engine.files.downloads_to(downloads),
            only_through(engine.reached(proxy)) if proxy else None,
        )

    def _clear(self, loan: Loan, was_cut: bool) -> None:
        browser = loan.browser
        try:
            remove_context(browser.bidi, loan.context)
            if was_cut:
                _require_free(browser.engine.driver)
            with told():
                browser.engine.files.forget()
        except (BidiError, BidiGone, RpaError) as error:
            log.info("browser thrown away", extra={"reason": str(error)[:200]})
            self.discard()
            return
        if self._is_worn(browser):
            self.discard()

    def _is_worn(self, browser: Running) -> bool:
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
            is_wanted = self._wanted.wait(self._idle_close_s)
            self._wanted.clear()
            if is_wanted:
                self.prepare()
                continue
            with self._lock:
                is_idle = self._browser is not None and not self._browser.lent
                if is_idle and time.monotonic() - self._used_at >= self._idle_close_s:
                    self.discard()


def _require_free(driver: "Driver") -> None:
    """Go on only with a driver that takes commands again.

    Raises:
        RpaError: it does not.
    """
    driver.time_left = lambda: _FREE_WITHIN_S
    with told():
        driver.window_handles  # noqa: B018  # a command like any other
