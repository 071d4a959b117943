"""A browser of this machine with its driver, from the start to the last process."""

import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.browser.chromium import processes
from apps.steps.browser.chromium.bidi import Bidi
from apps.steps.browser.chromium.display import no_display, require_display
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.dialect import Dialect

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

log = logging.getLogger(__name__)

# Of folders; the process that has made one follows.
FOLDER = "rpa-browser-"
_NO_DISPLAY = re.compile(r"X server|\$DISPLAY|cannot open display")
# A driver that picks a port of IPv6 and wants the same one of IPv4.
_PORT_TAKEN = re.compile("port not available")


class LocalFiles:
    """Browser and platform have the same files."""

    def downloads_to(self, folder: Path) -> JsonObject:
        """Into the very folder."""
        return {"type": "allowed", "destinationFolder": str(folder)}

    def require_downloads(self) -> None:
        """They can be had."""

    def hand_over(self, file: Path) -> str:
        """Its path."""
        return str(file)

    def fetch(self, file: Path, folder: Path) -> Path:
        """The file itself."""
        return file

    def forget(self) -> None:
        """Nothing: they are in the context's folder."""


class LocalBrowser(ABC):
    """A browser of its own profile, which is removed at the end.

    The browser and its driver are our own children, which end with us.

    Args:
        proxy_address: where all of its traffic goes; None: straight to the network.

    Attributes:
        folder: its profile, logs and downloads; the name is the mark by which its
            processes are known.
    """

    dialect: Dialect

    def __init__(
        self,
        options: BrowserOptions,
        *,
        proxy_address: tuple[str, int] | None,
    ) -> None:
        self.options = options
        self.proxy_address = proxy_address
        processes.remove_orphans(FOLDER)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
        self._commands: dict[str, list[str]] = {}
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._driver: Driver | None = None
        self._bidi: Bidi | None = None
        self._is_closed = False
        self.files = LocalFiles()

    @property
    def profile(self) -> Path:
        """The folder of its profile."""
        return self.folder / "profile"

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
    def is_gone(self) -> bool:
        """Whether one of its processes has ended, or the connection."""
        is_dead = any(one.poll() is not None for one in self._started.values())
        return is_dead or self._bidi is None or self._bidi.is_gone

    def reached(self, proxy: tuple[str, int]) -> tuple[str, int]:
        """The address by which it reaches a proxy of ours: the same."""
        return proxy

    def memory_bytes(self) -> int:
        """What all of its processes hold for themselves."""
        return processes.memory_bytes(list(self._started.values()))

    def start(self, within_s: float) -> None:
        """Start the processes and connect to them.

        Raises:
            PermanentFailure: `browser_missing`, `browser_start_failed` or
                `no_display`.
            TemporaryFailure: `browser_start_failed`, it did not start in time.
        """
        if not self.options.headless:
            require_display()
        limit = min(self.options.start_timeout.total_seconds(), within_s)
        self._driver = self._launch(time.monotonic() + limit)
        self._bidi = Bidi(self._driver.bidi_url)
        self.refuse_if_closed()

    def close(self) -> None:
        """End all processes and remove the profile; can be called again."""
        self._is_closed = True
        driver, self._driver = self._driver, None
        bidi, self._bidi = self._bidi, None
        processes.end_all(str(self.folder), list(self._started.values()))
        if bidi is not None:
            bidi.close()
        if driver is not None:
            driver.disconnect()
        self._remove_folder()

    @abstractmethod
    def _launch(self, deadline: float) -> "Driver":
        """Start browser and driver; gives the driver's session on the browser."""

    def start_process(self, name: str, command: list[str]) -> None:
        """Start one of its programs.

        Raises:
            PermanentFailure: `browser_start_failed`.
        """
        self._commands[name] = command
        try:
            process = processes.start(command, self.folder, self.log_of(name))
        except OSError as error:
            message = f"The {name} cannot be started: {error.strerror}."
            raise PermanentFailure(message, code="browser_start_failed") from error
        self._started[name] = process
        self.refuse_if_closed()

    def log_of(self, name: str) -> Path:
        """What a program prints."""
        return self.folder / f"{name}.log"

    def wait_for_number(
        self, name: str, file: Path, pattern: re.Pattern[bytes], deadline: float
    ) -> int:
        """The number that a program writes into a file when it is ready."""
        while True:
            content = file.read_bytes() if file.exists() else b""
            if match := pattern.search(content):
                return int(match[1])
            self.refuse_if_closed()
            if self._started[name].poll() is not None and not self._restart(name):
                raise self.not_started(PermanentFailure, "ended at once")
            if time.monotonic() > deadline:
                raise self.not_started(TemporaryFailure, "was not ready in time")
            time.sleep(0.005)

    def _restart(self, name: str) -> bool:
        """Start a program again that ended for want of its port; others stay ended."""
        if not _PORT_TAKEN.search(self._last_words(name)):
            return False
        self.start_process(name, self._commands[name])
        return True

    def refuse_if_closed(self) -> None:
        """End what was started, when it was closed meanwhile."""
        if self._is_closed:
            processes.end_all(str(self.folder), list(self._started.values()))
            self._remove_folder()
            raise TemporaryFailure("The browser was closed.", code="browser_closed")

    def not_started(
        self, kind: type[PermanentFailure] | type[TemporaryFailure], why: str
    ) -> PermanentFailure | TemporaryFailure:
        """The failure of a start, with what the programs said."""
        said = [self._last_words("browser"), self._last_words("driver")]
        extra = {"action": "browser_start_failed", "output": said}
        log.error("The browser did not start", extra=extra)
        text = " ".join(filter(None, said))[-500:]
        if not self.options.headless and _NO_DISPLAY.search(said[0]):
            return no_display("nothing answers there")
        message = f"The browser {why}." + (f" It said: {text}" if text else "")
        return kind(message, code="browser_start_failed")

    def _last_words(self, name: str) -> str:
        try:
            content = self.log_of(name).read_bytes()[-2000:]
        except OSError:
            return ""
        return " ".join(content.decode("utf-8", "replace").split())

    def _remove_folder(self) -> None:
        for _ in range(5):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return
            time.sleep(0.05)
        log.warning("A profile stays behind", extra={"folder": str(self.folder)})
