import time

import pytest

from apps.steps.browser.session import BrowserSession
from apps.steps.browser.tabs import open_tabs

pytestmark = pytest.mark.browser

OPENER = "<a href=/two target=_blank rel=opener>Open</a><p>one</p>"


@pytest.fixture
def browser(host):
    """A context of each test's own: it has one tab."""
    with BrowserSession(host) as session:
        yield session


@pytest.fixture
def opened(browser, site):
    """Two tabs, of which steps are in the first."""
    site.add("/two", "<p>two</p>")
    site.show(OPENER)
    browser.find("text=Open").click()
    assert browser.poll(lambda: len(browser.tabs) == 2 or None, 5)


@pytest.mark.parametrize("to", ["last", 1, "/TWO", "Page /two"])
def test_goes_on_in_the_tab_that_was_opened(on_page, browser, site, opened, to):
    output, _ = on_page("switch_tab", to=to)
    url = site.server.url("/two")
    assert output == {"url": url, "title": "Page /two", "index": 1, "count": 2}
    assert browser.text("p") == "two"


@pytest.mark.parametrize("to", ["first", "previous", 0, "/page"])
def test_goes_back_to_the_first_one(on_page, browser, opened, to):
    on_page("switch_tab")
    assert on_page("switch_tab", to=to)[0]["index"] == 0
    assert browser.text("p") == "one"


def test_waits_for_the_tab_to_appear(on_page, browser, site):
    site.add("/two", "<p>two</p>")
    later = "setTimeout(() => window.open('/two'), 400)"
    site.show(f'<button onclick="{later}">Open</button>')
    browser.find("button").click()
    started = time.monotonic()
    assert on_page("switch_tab")[0]["title"] == "Page /two"
    assert time.monotonic() - started > 0.2


def test_a_tab_that_is_closed_by_its_page_can_be_left(on_page, browser, site):
    site.add("/two", "<p>two</p><button onclick='window.close()'>Close</button>")
    site.show(OPENER)
    browser.find("text=Open").click()
    on_page("switch_tab")
    close = "setTimeout(() => document.querySelector('button').click())"
    browser.driver.execute_script(close)
    assert browser.poll(lambda: len(open_tabs(browser)) == 1 or None, 3)
    assert on_page("switch_tab", to="previous")[0]["index"] == 0
    assert browser.text("p") == "one"


@pytest.mark.parametrize("to", ["last", "previous", 7, "no such page"])
def test_says_what_was_not_there(failure_of, site, to):
    site.show("one")
    error = failure_of("switch_tab", to=to, timeout=0.3)
    assert error.code == "tab_not_found"
    assert "1 open" in error.message


def test_tabs_of_other_executions_are_not_reached(failure_of, site, host):
    with BrowserSession(host) as other:
        other.goto(site.add("/theirs", "secret"))
        site.show("ours")
        error = failure_of("switch_tab", to="/theirs", timeout=0.3)
    assert error.code == "tab_not_found"


@pytest.mark.parametrize("to", [-1, ""])
def test_refuses_what_is_no_tab(run_step, to):
    with pytest.raises(ValueError, match="to"):
        run_step("switch_tab", {"to": to})
