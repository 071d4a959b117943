import io
import shutil

import pytest
from openpyxl import load_workbook
from selenium.common.exceptions import InvalidElementStateException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.wait import WebDriverWait

from apps.demo.people import people_xlsx

pytestmark = pytest.mark.browser
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PAGES = ("", "challenge", "shop", "shop/DSK-001", "overdue", "slow", "webhook")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    service = ChromeService(shutil.which("chromedriver"))
    with Chrome(options=options, service=service) as driver:
        yield driver


@pytest.fixture
def narrow(browser):
    """A window of a phone's width; headless windows themselves stay wider."""
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def press(browser, name):
    """Click a button that leads to another page, and wait for that page."""
    button = browser.find_element(By.XPATH, f"//button[normalize-space()='{name}']")
    button.click()
    # A click may return while the old page still stands. In the middle of the change
    # the driver knows no better word than `unknown error`.
    wait = WebDriverWait(
        browser, 20, poll_frequency=0.02, ignored_exceptions=[WebDriverException]
    )
    wait.until(expected_conditions.staleness_of(button))


def field(browser, label):
    found = browser.find_element(By.XPATH, f"//label[normalize-space()='{label}']")
    return browser.find_element(By.ID, found.get_attribute("for"))


def text(browser, name):
    return browser.find_element(By.ID, name).text


def fill_all(browser):
    sheet = load_workbook(io.BytesIO(people_xlsx())).worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    for row in rows:
        for label, value in zip(header, row, strict=True):
            field(browser, label).send_keys(value)
        press(browser, "Submit")


def test_a_browser_that_goes_by_label_gets_70_of_70(live_server, browser):
    browser.get(f"{live_server}/demo/challenge")
    press(browser, "Start")
    fill_all(browser)
    assert browser.current_url == f"{live_server}/demo/challenge/score"
    assert text(browser, "score") == "70 of 70 fields right"
    assert (text(browser, "right"), text(browser, "total")) == ("70", "70")
    assert float(text(browser, "seconds")) > 0


def test_a_submitted_form_takes_no_more_input(live_server, browser):
    browser.get(f"{live_server}/demo/challenge")
    press(browser, "Start")
    # The answer goes into a frame, so that the submitted page stays.
    browser.execute_script(
        "document.body.append(document.createElement('iframe'));"
        "window.frames[0].name = document.forms[0].target = 'aside'"
    )
    phone = field(browser, "Phone")
    browser.find_element(By.XPATH, "//button[.='Submit']").click()
    with pytest.raises(InvalidElementStateException):
        phone.clear()


def test_the_last_element_of_the_slow_page_appears(live_server, browser):
    browser.get(f"{live_server}/demo/slow?seconds=0&appear=0.3")
    ready = browser.find_element(By.ID, "ready")
    WebDriverWait(browser, 20).until(expected_conditions.visibility_of(ready))
    assert not browser.find_element(By.ID, "pending").is_displayed()


@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_a_phone(live_server, narrow, path):
    narrow.get(f"{live_server}/demo/{path}")
    width = narrow.execute_script("return document.documentElement.scrollWidth")
    assert width == 390


def test_the_forms_fit_a_phone(live_server, narrow):
    narrow.get(f"{live_server}/demo/challenge")
    press(narrow, "Start")
    width = narrow.execute_script("return document.documentElement.scrollWidth")
    assert width == 390
