import pytest

from apps.steps.browser.session import BrowserSession
from apps.steps.browser.tabs import open_tabs

pytestmark = pytest.mark.browser


@pytest.fixture
def browser(host):
    """A context of each test's own: it has one tab."""
    with BrowserSession(host) as session:
        yield session


def test_goes_on_in_the_tab_before(on_page, browser, site):
    site.add("/two", "<p>two</p>")
    site.show("<p>one</p><a href=/two target=_blank rel=opener>Open</a>")
    browser.find("text=Open").click()
    on_page("switch_tab")
    output, _ = on_page("close_tab")
    url = site.server.url("/page")
    assert output == {"url": url, "title": "Page /page", "index": 0, "count": 1}
    assert browser.text("p") == "one"


def test_the_first_tab_can_be_closed_too(on_page, browser, site):
    site.add("/two", "<p>two</p>")
    site.show("<p>one</p><a href=/two target=_blank rel=opener>Open</a>")
    browser.find("text=Open").click()
    assert browser.poll(lambda: len(browser.tabs) == 2 or None, 5)
    assert on_page("close_tab")[0]["title"] == "Page /two"
    assert browser.text("p") == "two"


def test_the_last_tab_is_emptied(on_page, browser, site):
    site.show("<p>one</p>")
    assert on_page("close_tab")[0]["url"] == "about:blank"
    assert browser.state()["url"] == "about:blank"
    site.show("<p>again</p>")
    assert browser.text("p") == "again"


def test_a_tab_that_its_page_has_closed_is_left(on_page, browser, site):
    site.add("/two", "<button onclick='window.close()'>Close</button>")
    site.show("<p>one</p><a href=/two target=_blank rel=opener>Open</a>")
    browser.find("text=Open").click()
    on_page("switch_tab")
    close = "setTimeout(() => document.querySelector('button').click())"
    browser.driver.execute_script(close)
    assert browser.poll(lambda: len(open_tabs(browser)) == 1 or None, 3)
    on_page("close_tab")
    assert browser.text("p") == "one"
