"""What has to be chosen when a browser is started, and what every browser can do."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import Bidi
from apps.steps.browser.chromium.devtools import DevTools
from apps.steps.browser.chromium.tab_tools import TabTools
from apps.steps.browser.dialect import Dialect

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver


EngineName = Literal["chromium", "firefox"]


class Launch(NamedTuple):
    """The choices that hold for a whole browser, not for one context of it.

    Executions that choose alike share a browser; what one context can have for itself
    does not belong here.

    Attributes:
        engine: which browser.
        headless: without a window; else there must be a display.
    """

    engine: EngineName = "chromium"
    headless: bool = True


USUAL = Launch()


class Files(Protocol):
    """Files between the platform and a browser, which can be on another machine."""

    def downloads_to(self, folder: Path) -> JsonObject:
        """The `downloadBehavior` of a context whose downloads go to a folder."""

    def require_downloads(self) -> None:
        """Go on only where downloads can be had.

        Raises:
            PermanentFailure: `remote_files_unsupported`.
        """

    def hand_over(self, file: Path) -> str:
        """Let the browser have a file; gives its name as the browser knows it.

        Raises:
            PermanentFailure: `remote_files_unsupported` or `file_too_large`.
        """

    def fetch(self, file: Path, folder: Path) -> Path:
        """A file that the browser has downloaded, on this machine.

        Raises:
            PermanentFailure: `remote_files_unsupported` or `file_too_large`.
            TemporaryFailure: `download_failed`.
        """

    def forget(self) -> None:
        """Remove downloads that are not in a context's folder."""


class Engine(Protocol):
    """One running browser with its driver, from the start to the last process.

    Attributes:
        folder: for its logs and downloads; removed at the end.
    """

    folder: Path

    @property
    def driver(self) -> "Driver":
        """For the classic commands; of a browser that was started."""

    @property
    def bidi(self) -> Bidi:
        """For contexts and events; of a browser that was started."""

    @property
    def dialect(self) -> Dialect:
        """What it does in a way of its own."""

    @property
    def files(self) -> Files:
        """For uploads and downloads; of a browser that was started."""

    @property
    def is_gone(self) -> bool:
        """Whether it is of no more use."""

    def reached(self, proxy: tuple[str, int]) -> tuple[str, int]:
        """The address by which it reaches a proxy of ours."""

    def require_devtools(self) -> None:
        """Go on only where its own protocol, DevTools, is to be had.

        Raises:
            PermanentFailure: `not_in_firefox` or `no_devtools`.
        """

    def devtools(self) -> DevTools:
        """A new connection to its own protocol.

        Raises:
            BidiGone: nobody answers.
        """

    @property
    def tools(self) -> TabTools | None:
        """Looks at tabs past the driver; None: there is only the driver."""

    def memory_bytes(self) -> int:
        """What it holds on this machine."""

    def start(self, within_s: float) -> None:
        """Start it and connect to it.

        Raises:
            PermanentFailure: `browser_missing` or `browser_start_failed`.
            TemporaryFailure: `browser_start_failed`, it did not start in time.
        """

    def close(self) -> None:
        """End all that was started; can be called again."""
