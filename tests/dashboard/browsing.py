"""What browser tests of the pages share: one browser, and how to use it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.fixtures_cast import PASSWORD

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE_S = 30
# At once, since the page may be left for another one at any time.
_STATE = "return document.getElementById('connection')?.dataset.state ?? ''"


@contextmanager
def running_browser(profile: Path) -> Iterator[Chrome]:
    """A browser that keeps what its console says."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    service = ChromeService(shutil.which("chromedriver"))
    with Chrome(options=options, service=service) as driver:
        yield driver


def resize(browser: Chrome, width: int, height: int = 900) -> None:
    """A window of this width; headless windows themselves stay wider."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1}
    screen["mobile"] = width < 600
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def paint(browser: Chrome, scheme: str) -> None:
    """Prefer `light` or `dark`."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def until(browser: Chrome, happens: Callable[[], object]) -> None:
    """Wait until it does."""
    wait = WebDriverWait(browser, PATIENCE_S, poll_frequency=0.05)
    wait.until(lambda _: happens())


def all_of(browser: Chrome, selector: str) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, selector)


def find(browser: Chrome, selector: str) -> WebElement:
    """The element, once it is there."""
    until(browser, lambda: all_of(browser, selector))
    return all_of(browser, selector)[0]


def sign_in(browser: Chrome, url: str, email: str) -> None:
    """Sign in by the form, without what the last test left."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.get_log("browser")
    browser.get(f"{url}/executions")
    find(browser, "#email").send_keys(email)
    find(browser, "#password").send_keys(PASSWORD + Keys.ENTER)
    until(browser, lambda: browser.current_url == f"{url}/executions")


def connection(browser: Chrome) -> str:
    """The state of the live connection, as the dot has it."""
    return str(browser.execute_script(_STATE))


def settled(browser: Chrome) -> None:
    """Wait until the page's scripts have done what they do by themselves."""
    if all_of(browser, "[data-live]"):
        until(browser, lambda: connection(browser) == "live")
    if all_of(browser, "#editor"):
        find(browser, "#editor[data-ready]")
        until(browser, lambda: "Checking" not in find(browser, "#problems-count").text)


def complaints(browser: Chrome) -> list[str]:
    """What the console says: errors, advice, and what the page's policy refused."""
    return [entry["message"] for entry in browser.get_log("browser")]
