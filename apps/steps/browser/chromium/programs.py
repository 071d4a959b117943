"""Where the browser and its driver are on this machine."""

import logging
import shutil
from pathlib import Path
from typing import NamedTuple

from apps.core.errors import PermanentFailure
from apps.steps.browser.chromium.options import BrowserOptions

log = logging.getLogger(__name__)

_NAMES = (
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "chromium",
    "chromium-browser",
)
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


class Programs(NamedTuple):
    """Paths of the browser and of the chromedriver that fits it."""

    browser: str
    driver: str


def find_programs(options: BrowserOptions) -> Programs:
    """The programs to use: those of the options, on PATH, else Selenium Manager's.

    Raises:
        PermanentFailure: `browser_missing`, with what to do about it.
    """
    browser = options.path or _on_path()
    driver = options.driver_path or shutil.which("chromedriver")
    for path in filter(None, (options.path, options.driver_path)):
        if not Path(path).is_file():
            raise _missing(f"There is no program at {path}.")
    if browser and driver:
        return Programs(browser, driver)
    return _by_selenium_manager(browser)


def _on_path() -> str | None:
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    return _MAC if Path(_MAC).is_file() else None


def _by_selenium_manager(browser: str | None) -> Programs:
    """What Selenium Manager has or fetches; it keeps both in its cache."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.selenium_manager import SeleniumManager

    arguments = ["--browser", "chrome", "--avoid-stats"]
    if browser:
        arguments += ["--browser-path", browser]
    try:
        found = SeleniumManager().binary_paths(arguments)
    except (WebDriverException, OSError, ValueError) as error:
        log.warning("Selenium Manager found no browser", extra={"reason": str(error)})
        raise _missing("No Chrome or Chromium was found on this machine.") from error
    return Programs(browser or found["browser_path"], found["driver_path"])


def _missing(what: str) -> PermanentFailure:
    return PermanentFailure(
        f"{what} Browser steps need one: install chromium and chromium-driver (or "
        "Google Chrome), or set BROWSER_PATH.",
        code="browser_missing",
    )
