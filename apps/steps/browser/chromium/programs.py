"""Where the browser and its driver are on this machine."""

import logging
import shutil
from pathlib import Path
from typing import NamedTuple

from apps.core.errors import PermanentFailure
from apps.steps.browser.chromium.options import BrowserOptions

log = logging.getLogger(__name__)


class _Kind(NamedTuple):
    """One browser: its names, and what to do where there is none."""

    title: str
    names: tuple[str, ...]
    mac: str
    driver: str
    manager: str
    remedy: str


_CHROMIUM = _Kind(
    title="Chrome or Chromium",
    names=(
        "google-chrome-stable",
        "google-chrome",
        "chrome",
        "chromium",
        "chromium-browser",
    ),
    mac="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    driver="chromedriver",
    manager="chrome",
    remedy=(
        "install chromium and chromium-driver (or Google Chrome), or set BROWSER_PATH"
    ),
)
_FIREFOX = _Kind(
    title="Firefox",
    names=("firefox", "firefox-esr"),
    mac="/Applications/Firefox.app/Contents/MacOS/firefox",
    driver="geckodriver",
    manager="firefox",
    remedy=(
        "install firefox and geckodriver, or set FIREFOX_PATH and GECKODRIVER_PATH"
    ),
)


class Programs(NamedTuple):
    """Paths of the browser and of the driver that fits it."""

    browser: str
    driver: str


def find_programs(options: BrowserOptions) -> Programs:
    """The programs to use: those of the options, on PATH, else Selenium Manager's.

    Raises:
        PermanentFailure: `browser_missing`, with what to do about it.
    """
    return _find(_CHROMIUM, options.path, options.driver_path)


def find_firefox(options: BrowserOptions) -> Programs:
    """The same for Firefox.

    Raises:
        PermanentFailure: `browser_missing`, with what to do about it.
    """
    return _find(_FIREFOX, options.firefox_path, options.geckodriver_path)


def _find(kind: _Kind, path: str | None, driver_path: str | None) -> Programs:
    for given in filter(None, (path, driver_path)):
        if not Path(given).is_file():
            raise _missing(kind, f"There is no program at {given}.")
    browser = path or _on_path(kind)
    driver = driver_path or shutil.which(kind.driver)
    if browser and driver:
        return Programs(browser, driver)
    return _by_selenium_manager(kind, browser)


def _on_path(kind: _Kind) -> str | None:
    for name in kind.names:
        if found := shutil.which(name):
            return found
    return kind.mac if Path(kind.mac).is_file() else None


def _by_selenium_manager(kind: _Kind, browser: str | None) -> Programs:
    """What Selenium Manager has or fetches; it keeps both in its cache."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.selenium_manager import SeleniumManager

    arguments = ["--browser", kind.manager, "--avoid-stats"]
    if browser:
        arguments += ["--browser-path", browser]
    try:
        found = SeleniumManager().binary_paths(arguments)
    except (WebDriverException, OSError, ValueError) as error:
        log.warning("Selenium Manager found no browser", extra={"reason": str(error)})
        raise _missing(kind, f"No {kind.title} was found on this machine.") from error
    return Programs(browser or found["browser_path"], found["driver_path"])


def _missing(kind: _Kind, what: str) -> PermanentFailure:
    message = f"{what} Browser steps need one: {kind.remedy}."
    return PermanentFailure(message, code="browser_missing")
