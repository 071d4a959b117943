import pytest

pytestmark = pytest.mark.browser


def asked(site, path):
    return [one.method for one in site.server.requests if one.path == path]


def test_opens_the_page_anew(on_page, browser, site):
    url = site.show("<p>old</p>")
    site.add("/page", "<p>new</p>")
    assert on_page("reload")[0]["url"] == url
    assert browser.text("p") == "new"


def test_a_page_with_a_fragment_is_asked_for_again(on_page, browser, site):
    url = site.show("<p>old</p>")
    browser.goto(url + "#part")
    site.add("/page", "<p>new</p>")
    assert on_page("reload")[0]["url"] == url + "#part"
    assert browser.text("p") == "new"


def test_a_form_is_not_sent_again(on_page, browser, site):
    site.add("/order", "<p>thanks</p>")
    site.show("<form method=post action=/order><button>Order</button></form>")
    browser.find("text=Order").click()
    assert browser.text("p") == "thanks"
    on_page("reload")
    assert asked(site, "/order") == ["POST", "GET"]
