"""One running Chromium with its driver, from the start to the last process."""

import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.steps.browser.chromium import processes
from apps.steps.browser.chromium.bidi import Bidi
from apps.steps.browser.chromium.display import no_display, require_display
from apps.steps.browser.chromium.options import (
    BrowserOptions,
    switches,
    write_preferences,
)
from apps.steps.browser.chromium.programs import Programs, find_programs

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

log = logging.getLogger(__name__)

# Of folders; the process that has made one follows.
FOLDER = "rpa-browser-"
_DRIVER_PORT = re.compile(rb"started successfully on port (\d+)")
_BROWSER_PORT = re.compile(rb"\A(\d+)\n/")


class Chromium:
    """A browser of its own profile, which is removed at the end.

    The browser and its driver are started side by side, and the driver joins the
    browser: faster than letting the driver start it, and both are our own children,
    which end with us.

    Args:
        proxy_address: where all of its traffic goes; None: straight to the network.

    Attributes:
        folder: its profile, logs and downloads; the name is the mark by which its
            processes are known.
    """

    def __init__(
        self,
        options: BrowserOptions,
        *,
        proxy_address: tuple[str, int] | None,
    ) -> None:
        self._options = options
        self._proxy_address = proxy_address
        processes.remove_orphans(FOLDER)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._driver: Driver | None = None
        self._bidi: Bidi | None = None
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
    def devtools_url(self) -> str:
        """Of the browser's own protocol."""
        port, path = self._devtools_file.read_text().split()[:2]
        return f"ws://127.0.0.1:{port}{path}"

    @property
    def is_gone(self) -> bool:
        """Whether one of its processes has ended, or the connection."""
        is_dead = any(one.poll() is not None for one in self._started.values())
        return is_dead or self._bidi is None or self._bidi.is_gone

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
        if not self._options.headless:
            require_display()
        programs = find_programs(self._options)
        limit = min(self._options.start_timeout.total_seconds(), within_s)
        deadline = time.monotonic() + limit
        self._start_processes(programs)
        # Takes a while the first time; the processes start meanwhile.
        from apps.steps.browser.chromium.driver import join

        ports = self._devtools_file
        browser_port = self._wait_for("browser", ports, _BROWSER_PORT, deadline)
        said = self._log("driver")
        driver_port = self._wait_for("driver", said, _DRIVER_PORT, deadline)
        self._driver = join(driver_port, browser_port)
        self._bidi = Bidi(self._driver.bidi_url)
        self._refuse_if_closed()

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

    def _start_processes(self, programs: Programs) -> None:
        profile = self.folder / "profile"
        write_preferences(profile)
        driver = [
            programs.driver,
            "--port=0",
            f"--log-path={self.folder / 'chromedriver.log'}",
        ]
        browser = switches(self._options, profile, self._proxy_address)
        self._start([programs.browser, *browser], "browser")
        self._start(driver, "driver")

    def _start(self, command: list[str], name: str) -> None:
        try:
            process = processes.start(command, self.folder, self._log(name))
        except OSError as error:
            message = f"The {name} cannot be started: {error.strerror}."
            raise PermanentFailure(message, code="browser_start_failed") from error
        self._started[name] = process
        self._refuse_if_closed()

    @property
    def _devtools_file(self) -> Path:
        return self.folder / "profile" / "DevToolsActivePort"

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _wait_for(
        self, name: str, file: Path, pattern: re.Pattern[bytes], deadline: float
    ) -> int:
        """The number that a process writes into a file when it is ready."""
        while True:
            content = file.read_bytes() if file.exists() else b""
            if match := pattern.search(content):
                return int(match[1])
            self._refuse_if_closed()
            if self._started[name].poll() is not None:
                raise self._not_started(PermanentFailure, "ended at once")
            if time.monotonic() > deadline:
                raise self._not_started(TemporaryFailure, "was not ready in time")
            time.sleep(0.005)

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            processes.end_all(str(self.folder), list(self._started.values()))
            self._remove_folder()
            raise TemporaryFailure("The browser was closed.", code="browser_closed")

    def _not_started(
        self, kind: type[PermanentFailure] | type[TemporaryFailure], why: str
    ) -> PermanentFailure | TemporaryFailure:
        said = [self._last_words("browser"), self._last_words("driver")]
        extra = {"action": "browser_start_failed", "output": said}
        log.error("The browser did not start", extra=extra)
        text = " ".join(filter(None, said))[-500:]
        if not self._options.headless and "X server" in text:
            return no_display("nothing answers there")
        message = f"The browser {why}." + (f" It said: {text}" if text else "")
        return kind(message, code="browser_start_failed")

    def _last_words(self, name: str) -> str:
        try:
            content = self._log(name).read_bytes()[-2000:]
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
