"""The operators' admin in a real browser: its policy lets its scripts work."""

from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.dashboard.browsing import find, resize, running_browser
from tests.executions.documents import broken, doc
from tests.fixtures_engine import Engine

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a good long one"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with running_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def sign_in(browser: Chrome, url: str) -> None:
    get_user_model().objects.create_superuser("op@example.com", PASSWORD)
    browser.delete_all_cookies()
    browser.get(f"{url}/admin/login/?next=/admin/")
    find(browser, "[name=username]").send_keys("op@example.com")
    find(browser, "[name=password]").send_keys(PASSWORD)
    find(browser, "button[type=submit]").click()
    find(browser, ".op-grid")


def is_too_wide(browser: Chrome) -> bool:
    return browser.execute_script(
        "return document.documentElement.scrollWidth > window.innerWidth + 1"
    )


def test_pages_work_without_a_word_in_the_console(
    browser: Chrome, live_server, engine: Engine
) -> None:
    failed = engine.run(doc(broken("b"), name="Invoices"))
    sign_in(browser, live_server.url)
    too_wide = []
    url = f"{live_server.url}/admin/executions/execution/"
    for width in (1280, 390):
        resize(browser, width)
        for address in (
            *(f"{live_server.url}/admin/", url, f"{url}{failed.id}/change/"),
            f"{live_server.url}/admin/accounts/membership/add/",
        ):
            browser.get(address)
            # Alpine, which needs the policy's exception, has done its work.
            find(browser, "html:not([x-cloak])")
            if is_too_wide(browser):
                too_wide.append((width, address))
    resize(browser, 1280)
    browser.get(url)
    find(browser, "[name=_selected_action]").click()
    find(browser, "#changelist-actions").is_displayed()
    assert browser.find_elements(By.CSS_SELECTOR, "option[value=retry]")
    assert browser.get_log("browser") == []
    assert too_wide == []
