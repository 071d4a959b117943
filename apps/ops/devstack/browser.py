"""A browser for the browser steps: found, installed, or its absence explained."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from apps.ops.devstack.packages import apt_install, install_command

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVERS = ("chromedriver", "chromium.chromedriver")
MAC_BROWSER = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
MANAGER_TIMEOUT_S = 300


@dataclass(frozen=True)
class Browser:
    """What is there.

    Attributes:
        driver: None lets Selenium Manager fetch a fitting one at the first use.
    """

    program: Path
    driver: Path | None

    @property
    def versions_match(self) -> bool:
        """Whether browser and driver are of one major version."""
        if self.driver is None:
            return True
        return major_version(self.program) == major_version(self.driver)


def find() -> Browser | None:
    """The browser of this machine, if it has one."""
    given = os.environ.get("BROWSER_PATH")
    names = (*([given] if given else []), *BROWSERS, MAC_BROWSER)
    programs = (shutil.which(name) for name in names)
    program = next((Path(path) for path in programs if path), None)
    if program is None:
        return None
    drivers = (shutil.which(name) for name in DRIVERS)
    driver = next((Path(path) for path in drivers if path), None)
    return Browser(program, driver)


def ensure() -> Browser | None:
    """Find a browser or install one; None (and no error) when that is impossible.

    Sets `BROWSER_PATH` and, for root, `BROWSER_SANDBOX` for processes started later.
    """
    browser = find()
    if browser is None and apt_install("chromium", "chromium-driver"):
        browser = find()
    browser = browser or _by_selenium_manager()
    if browser is not None:
        os.environ.setdefault("BROWSER_PATH", str(browser.program))
    if os.geteuid() == 0:
        # Chromium refuses its sandbox to root.
        os.environ.setdefault("BROWSER_SANDBOX", "false")
    return browser


def explain_missing() -> str:
    """What does not work without a browser, and how to get one."""
    return (
        "No Chrome or Chromium is here. All else works; workflows with browser steps "
        "(navigate, click, type, ...) will fail, and so will the demo. "
        "Get one with:\n  " + install_command("chromium")
    )


def major_version(program: Path) -> int | None:
    """The first number of what `--version` prints."""
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(\d+)\.\d+", done.stdout)
    return int(found[1]) if found else None


def _by_selenium_manager() -> Browser | None:
    """Let Selenium download Chrome for Testing, where that exists."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.selenium_manager import SeleniumManager

    try:
        paths = SeleniumManager().binary_paths(
            ["--browser", "chrome", "--timeout", str(MANAGER_TIMEOUT_S)]
        )
    except (WebDriverException, OSError, ValueError):
        return None
    program, driver = Path(paths["browser_path"]), Path(paths["driver_path"])
    return Browser(program, driver) if program.exists() else None
