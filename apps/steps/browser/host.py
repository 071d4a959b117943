"""The browsers of one process: the usual one, kept warm, and one that differs.

What a workflow chooses is mostly a matter of its context. A choice that holds for a
whole browser (`Launch`) gets a browser of its own, which stays for a while, since the
same workflow tends to come again.
"""

import threading
from collections.abc import Callable

from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.chromium.router import OnEvent
from apps.steps.browser.launch import USUAL, Launch
from apps.steps.browser.loans import Loan
from apps.steps.browser.settings import BrowserSettings
from apps.steps.browser.warm import WarmBrowser

# Nobody asked for so long: its memory is worth more than the next one's start.
IDLE_CLOSE_S = 900.0
OTHER_IDLE_CLOSE_S = 120.0


class BrowserHost:
    """Lends contexts of browsers; one execution at a time uses it.

    Args:
        proxy_address: of the egress proxy; None: no proxy.
        keeps_warm: whether spare contexts are kept ready.
    """

    def __init__(
        self,
        options: BrowserOptions,
        *,
        proxy_address: tuple[str, int] | None,
        keeps_warm: bool = True,
    ) -> None:
        self._options = options
        self.proxy_address = proxy_address
        self._keeps_warm = keeps_warm
        self.usual = self._keeper(USUAL, IDLE_CLOSE_S)
        # At most one: each choice of its own would hold a browser's memory.
        self._other: WarmBrowser | None = None
        self._lock = threading.RLock()
        self._stopping = False

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
        return any(one.is_running for one in self._keepers())

    @property
    def has_spare(self) -> bool:
        """Whether the usual browser's next context is ready."""
        return self.usual.has_spare

    def memory_bytes(self) -> int:
        """What the browsers hold."""
        return sum(one.memory_bytes() for one in self._keepers())

    def lend(
        self,
        settings: BrowserSettings,
        *,
        time_left: Callable[[], float],
        on_event: OnEvent,
        proxy: tuple[str, int] | None = None,
    ) -> Loan:
        """A context for one execution, its tab in front; as `WarmBrowser.lend`."""
        keeper = self._for(settings.launch)
        return keeper.lend(
            settings, time_left=time_left, on_event=on_event, proxy=proxy
        )

    def give_back(self, loan: Loan, *, was_cut: bool) -> None:
        """Remove a context with all that it has; never raises for a dead browser.

        Args:
            was_cut: a command may still be under way in the driver.
        """
        loan.keeper.give_back(loan, was_cut=was_cut)

    def prepare(self) -> None:
        """Make the usual browser's next context ready; starts it if need be."""
        self.usual.prepare()

    def stop(self) -> None:
        """End all browsers for good."""
        self._stopping = True
        for keeper in self._keepers():
            keeper.stop()

    def _for(self, launch: Launch) -> WarmBrowser:
        if launch == USUAL:
            return self.usual
        with self._lock:
            other = self._other
            if other is None or other.launch != launch:
                if other is not None:
                    other.stop()
                other = self._other = self._keeper(launch, OTHER_IDLE_CLOSE_S)
            if self._stopping:
                other.stop()
            return other

    def _keeper(self, launch: Launch, idle_close_s: float) -> WarmBrowser:
        return WarmBrowser(
            launch,
            self._options,
            proxy_address=self.proxy_address,
            # A window that nothing happens in is in the way.
            keeps_warm=self._keeps_warm and launch.headless,
            stays=launch.headless,
            idle_close_s=idle_close_s,
        )

    def _keepers(self) -> list[WarmBrowser]:
        return [one for one in (self.usual, self._other) if one is not None]
