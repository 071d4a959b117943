import pytest

from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser


def test_opens_the_page_before(on_page, browser, site):
    first = site.show("<p>one</p>")
    site.show("<p>two</p>", "/two")
    output, _ = on_page("go_back")
    assert output == {"url": first, "title": "Page /page", "status": 200}
    assert browser.text("p") == "one"


def test_goes_back_within_a_page(on_page, browser, site):
    url = site.show("<a href='#more'>More</a><p>one</p>")
    browser.find("text=More").click()
    assert on_page("go_back")[0]["url"] == url


def test_says_when_no_page_was_open_before(failure_of, run_step, step_ctx, host, site):
    with BrowserSession(host) as fresh:
        fresh.goto(site.add("/only", "only"))
        with pytest.raises(Exception, match="before this one") as caught:
            run_step("go_back", {}, step_ctx(browser=fresh))
    assert caught.value.code == "no_history"
