"""Light, dark, or as the system has it: chosen once, kept, never flashing."""

import pytest
from selenium.webdriver.support.select import Select

from tests.dashboard.browsing import complaints, find, paint, resize, sign_in
from tests.dashboard.documents import FINE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The theme that holds when the first of the page's body is there.
_WATCH = """
    new MutationObserver((_, observer) => {
      if (!document.body) return;
      window.firstTheme = document.documentElement.dataset.theme ?? "";
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
"""
_COLOR = "return getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(247, 248, 250)", "rgb(15, 19, 25)"


@pytest.fixture
def page(alice, site, browser):
    resize(browser, 1280)
    paint(browser, "light")
    sign_in(browser, site.url, alice.email)
    watch = "Page.addScriptToEvaluateOnNewDocument"
    added = browser.execute_cdp_cmd(watch, {"source": _WATCH})
    yield browser
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    browser.execute_script("localStorage.clear()")
    paint(browser, "light")


def color(browser) -> str:
    return str(browser.execute_script(_COLOR))


def choose(browser, theme: str) -> None:
    Select(find(browser, "#theme")).select_by_value(theme)


def test_the_system_chooses_until_somebody_does(page, site):
    assert color(page) == LIGHT
    paint(page, "dark")
    assert color(page) == DARK
    choose(page, "light")
    assert color(page) == LIGHT
    choose(page, "")
    assert color(page) == DARK
    assert complaints(page) == []


def test_a_choice_is_kept_and_holds_before_a_page_is_drawn(page, site):
    choose(page, "dark")
    for path in ("/workflows", "/", "/no/such/address"):
        page.get(f"{site.url}{path}")
        assert page.execute_script("return window.firstTheme") == "dark"
        assert color(page) == DARK
    page.get(f"{site.url}/workflows")
    assert find(page, "#theme").get_property("value") == "dark"
    complaints(page)  # that the last but one does not exist


def test_a_chart_is_drawn_in_the_colors_of_the_theme(page, engine, site):
    engine.run(FINE)
    page.get(f"{site.url}/")
    used = "return Chart.getChart(document.querySelector('.chart canvas'))"
    used += ".data.datasets.map((one) => one.backgroundColor)"
    find(page, ".chart canvas[style*=color]")
    light = page.execute_script(used)
    choose(page, "dark")
    dark = page.execute_script(used)
    assert all(one.startswith("rgb(") for one in light + dark)
    assert light != dark
    assert complaints(page) == []
