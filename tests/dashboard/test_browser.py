"""The pages in a real browser, wide and narrow."""

import shutil
from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from apps.executions.models import Execution
from tests.dashboard.documents import FAILS, LOOP
from tests.fixtures_cast import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    service = ChromeService(shutil.which("chromedriver"))
    with Chrome(options=options, service=service) as driver:
        yield driver


def resize(browser: Chrome, width: int) -> None:
    """A window of this width; headless windows themselves stay wider."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1}
    screen["mobile"] = width < 600
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def find(browser: Chrome, selector: str):
    """The element, once it is there."""
    wait = WebDriverWait(browser, 20, poll_frequency=0.05)
    return wait.until(lambda _: browser.find_elements(By.CSS_SELECTOR, selector))[0]


def until(browser: Chrome, happens) -> None:
    WebDriverWait(browser, 20, poll_frequency=0.05).until(lambda _: happens())


def sign_in(browser: Chrome, server, email: str) -> None:
    browser.delete_all_cookies()
    browser.get(f"{server}/executions")
    find(browser, "#email").send_keys(email)
    find(browser, "#password").send_keys(PASSWORD + Keys.ENTER)
    until(browser, lambda: browser.current_url == f"{server}/executions")


def complaints(browser: Chrome) -> list[str]:
    """What the console says: errors, advice, and what the page's policy refused."""
    return [entry["message"] for entry in browser.get_log("browser")]


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_the_console_stays_silent(
    engine, alice, live_server, browser, width
):
    failed, loop = engine.run(FAILS), engine.run(LOOP)
    resize(browser, width)
    sign_in(browser, live_server, alice.email)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#rows tbody tr")) == 2
    for path in (
        "/",
        "/workflows",
        f"/workflows/{loop.workflow_id}",
        f"/executions/{failed.id}",
        f"/executions/{loop.id}",
    ):
        browser.get(f"{live_server}{path}")
        shown = browser.execute_script("return document.documentElement.scrollWidth")
        assert shown == width
    find(browser, "summary").click()
    assert find(browser, "#step-rows details li .step.round").is_displayed()
    assert complaints(browser) == []


def test_an_open_execution_changes_in_place_and_stops_asking(
    engine, alice, live_server, browser
):
    execution = engine.start(LOOP)
    resize(browser, 1280)
    sign_in(browser, live_server, alice.email)
    browser.get(f"{live_server}/executions/{execution.id}")
    chip = find(browser, "h1 .chip")
    assert chip.text == "queued"
    with engine.scope():
        Execution.objects.filter(id=execution.id).update(status="cancelled")
    until(browser, lambda: chip.text == "cancelled")
    until(browser, lambda: find(browser, "#connection").text == "Up to date")
    assert browser.find_elements(By.CSS_SELECTOR, "[data-live]") == []
    assert complaints(browser) == []


def test_new_executions_join_the_list_above_the_rows_that_stay(
    engine, alice, live_server, browser
):
    engine.run(LOOP)
    sign_in(browser, live_server, alice.email)
    row = find(browser, "#rows tbody tr")
    engine.start(FAILS)
    until(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, "tr[id]")) == 2)
    assert browser.find_elements(By.CSS_SELECTOR, "tr[id]")[1] == row


def test_keys_lead_through_the_pages(engine, alice, live_server, browser):
    resize(browser, 1280)
    sign_in(browser, live_server, alice.email)
    press = browser.switch_to.active_element.send_keys
    press("?")
    assert find(browser, "dialog[open]").is_displayed()
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    find(browser, "body").send_keys("gh")
    until(browser, lambda: browser.current_url == f"{live_server}/")
    find(browser, "body").send_keys("/")
    until(
        browser,
        lambda: browser.switch_to.active_element.get_attribute("id") == "search",
    )
    assert complaints(browser) == []
