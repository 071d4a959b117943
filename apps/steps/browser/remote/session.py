"""A browser elsewhere: one session of a Selenium Grid, or of any WebDriver server."""

import contextlib
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from urllib3.exceptions import HTTPError

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.steps.browser.chromium import processes
from apps.steps.browser.chromium.bidi import Bidi, BidiGone
from apps.steps.browser.chromium.devtools import DevTools
from apps.steps.browser.chromium.dialect import ChromiumDialect
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.dialect import Dialect
from apps.steps.browser.failures import first_line, only_in_chromium
from apps.steps.browser.firefox.dialect import FirefoxDialect
from apps.steps.browser.launch import Launch
from apps.steps.browser.local import FOLDER
from apps.steps.browser.remote.files import DOWNLOADS, RemoteFiles
from apps.steps.browser.remote.place import Place

if TYPE_CHECKING:
    from selenium.webdriver.common.options import ArgOptions

    from apps.steps.browser.chromium.driver import Driver

log = logging.getLogger(__name__)

_END_S = 3.0
_ANSWER_S = 10.0
# Its file names the session, for whoever comes after a process that was killed.
_SESSION = "session"
# Where a grid hands on what is said in the browser's own protocol.
_DEVTOOLS = "se:cdp"


class RemoteBrowser:
    """A session of its own at a grid; ended there when it is closed here.

    Args:
        proxy_address: of our egress proxy; None: straight to the network.

    Attributes:
        folder: for files on their way.
    """

    def __init__(
        self,
        launch: Launch,
        options: BrowserOptions,
        *,
        proxy_address: tuple[str, int] | None,
    ) -> None:
        assert options.remote is not None  # noqa: S101  # by contract
        self._place: Place = options.remote
        self._launch, self._options = launch, options
        is_firefox = launch.engine == "firefox"
        self.dialect: Dialect = FirefoxDialect() if is_firefox else ChromiumDialect()
        self._proxy = proxy_address and self.reached(proxy_address)
        end_orphans(self._place)
        processes.remove_orphans(FOLDER)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
        self._driver: Driver | None = None
        self._bidi: Bidi | None = None
        self._files: RemoteFiles | None = None
        self._is_closed = False

    @property
    def driver(self) -> "Driver":
        """For the classic commands; of a browser that was started."""
        assert self._driver is not None  # noqa: S101  # by contract
        return self._driver

    @property
    def bidi(self) -> Bidi:
        """For contexts and events; of a browser that was started."""
        assert self._bidi is not None  # noqa: S101  # by contract
        return self._bidi

    @property
    def files(self) -> RemoteFiles:
        """Files on their way; of a browser that was started."""
        assert self._files is not None  # noqa: S101  # by contract
        return self._files

    @property
    def is_gone(self) -> bool:
        """Whether the connection has ended."""
        return self._bidi is None or self._bidi.is_gone

    def reached(self, proxy: tuple[str, int]) -> tuple[str, int]:
        """The address by which it reaches a proxy of ours."""
        return self._place.proxy_host, proxy[1]

    def require_devtools(self) -> None:
        """Go on only where the grid hands DevTools on.

        Raises:
            PermanentFailure: `not_in_firefox` or `no_devtools`.
        """
        if self._launch.engine == "firefox":
            raise only_in_chromium("leave out requests or keep a session")
        if _DEVTOOLS not in self.driver.capabilities:
            raise PermanentFailure(
                f"The browsers at {self._place.host} offer no DevTools ({_DEVTOOLS}), "
                "by which requests are left out and sessions kept.",
                code="no_devtools",
            )

    def devtools(self) -> DevTools:
        """A new connection to the browser's own protocol, by way of the grid."""
        url = self.driver.capabilities.get(_DEVTOOLS)
        if not isinstance(url, str):
            raise BidiGone("the grid hands no DevTools on")
        return DevTools(url, self._headers_for(url))

    @property
    def tools(self) -> None:
        """None: a way through the grid is no shorter."""

    def memory_bytes(self) -> int:
        """Nothing on this machine."""
        return 0

    def start(self, within_s: float) -> None:
        """Ask for a session and connect to it.

        Raises:
            PermanentFailure: `browser_start_failed`, the grid refuses us or has no
                BiDi.
            TemporaryFailure: `browser_start_failed`, there was none in time.
        """
        limit = min(self._options.start_timeout.total_seconds(), within_s)
        driver = self._driver = self._open(limit)
        note = f"{self._place.address}\n{driver.session_id}"
        (self.folder / _SESSION).write_text(note, encoding="utf-8")
        self._bidi = self._connect(driver)
        self._files = RemoteFiles(driver, self._bidi)
        if self._is_closed:
            self.close()
            raise TemporaryFailure("The browser was closed.", code="browser_closed")

    def close(self) -> None:
        """End the session; can be called again."""
        self._is_closed = True
        driver, self._driver = self._driver, None
        bidi, self._bidi = self._bidi, None
        if driver is not None:
            _end(driver)
        if bidi is not None:
            bidi.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self, within_s: float) -> "Driver":
        from apps.steps.browser.chromium.driver import open_session

        began = time.monotonic()
        try:
            return open_session(self._place, self._wanted(), max(1.0, within_s))
        except WebDriverException as error:
            raise self._refused(first_line(error)) from error
        except (HTTPError, OSError) as error:
            waited = time.monotonic() - began
            log.warning("no session of the grid", extra={"reason": repr(error)[:300]})
            is_full = waited > within_s - 1
            why = f"none was free in {waited:.0f} s" if is_full else "nobody answers"
            raise self._none(why) from error

    def _wanted(self) -> "ArgOptions":
        from apps.steps.browser.chromium.driver import kinds_of

        options = self._options_of_kind()
        # One that asks for what no node has is never given a session.
        name = options.capabilities["browserName"]
        kinds = kinds_of(self._place, _ANSWER_S)
        if any(one.get(DOWNLOADS) and one["browserName"] == name for one in kinds):
            options.set_capability(DOWNLOADS, True)
        return options

    def _options_of_kind(self) -> "ArgOptions":
        if self._launch.engine == "firefox":
            from apps.steps.browser.firefox.options import remote_options

            return remote_options(self._proxy)
        from apps.steps.browser.chromium.driver import remote_options as chromium

        return chromium(self._options, self._proxy)

    def _connect(self, driver: "Driver") -> Bidi:
        url = driver.capabilities.get("webSocketUrl")
        if not isinstance(url, str):
            message = f"The browsers at {self._place.host} have no WebDriver BiDi."
            raise PermanentFailure(message, code="browser_start_failed")
        try:
            return Bidi(url, self._headers_for(url))
        except BidiGone as error:
            raise self._none(
                f"it gave a session whose address {urlsplit(url).netloc} is not to be "
                f"reached from here ({error})"
            ) from error

    def _headers_for(self, url: str) -> list[str]:
        """What lets us in; nobody else is told."""
        is_ours = urlsplit(url).netloc == self._place.host
        return self._place.headers if is_ours else []

    def _refused(self, why: str) -> RpaError:
        if "Authorization Required" in why:
            message = f"{self._place.host} refuses the user or password of the URL."
            return PermanentFailure(message, code="browser_start_failed")
        return self._none(why)

    def _none(self, why: str) -> TemporaryFailure:
        message = f"There is no browser to be had at {self._place.host}: {why}."
        return TemporaryFailure(message, code="browser_start_failed")


def end_orphans(place: Place) -> None:
    """End the sessions of processes that were killed: their slots are needed."""
    for folder in processes.orphans(FOLDER):
        with contextlib.suppress(OSError, ValueError, HTTPError):
            note = (folder / _SESSION).read_text(encoding="utf-8")
            address, session_id = note.split("\n")
            if address == place.address:
                from apps.steps.browser.chromium.driver import end_session

                end_session(place, session_id, _END_S)


def _end(driver: "Driver") -> None:
    driver.time_left = lambda: _END_S
    with contextlib.suppress(WebDriverException, HTTPError, OSError):
        driver.execute("quit")
    driver.disconnect()
