import pytest

from apps.steps.browser.set_cookies import SetCookies, SetCookiesParams

pytestmark = pytest.mark.browser


def test_the_server_gets_them(on_page, browser, site):
    url = site.show("x")
    cookies = [{"name": "a", "value": "1"}, {"name": "b", "value": "2", "path": "/x"}]
    assert on_page("set_cookies", cookies=cookies)[0] == {"count": 2}
    browser.goto(url)
    assert site.server.requests[-1].headers["Cookie"] == "a=1"


def test_takes_what_get_cookies_gave(on_page, browser, site):
    browser.goto(site.add("/page", "x"))
    one = {"name": "c", "value": "3", "http_only": True, "domain": "127.0.0.1"}
    on_page("set_cookies", cookies=[one])
    found = on_page("get_cookies", names=["c"])[0]["cookies"]
    on_page("clear_cookies")
    on_page("set_cookies", cookies=found)
    assert on_page("get_cookies")[0]["cookies"] == found


def test_says_when_the_browser_refuses_one(failure_of, site):
    site.show("x")
    cookie = {"name": "bad;name", "value": "secret", "domain": "127.0.0.1"}
    error = failure_of("set_cookies", cookies=[cookie])
    assert error.code == "bad_cookie"
    assert "secret" not in f"{error} {error.details}"


def test_no_text_tells_the_value():
    given = {"cookies": [{"name": "a", "value": "hunter2"}]}
    params = SetCookiesParams.model_validate(given)
    assert "hunter2" not in repr(params) + SetCookies().summary(params)
    with pytest.raises(ValueError, match="value") as caught:
        SetCookiesParams.model_validate({"cookies": [{"name": "a", "value": 77_123}]})
    assert "77_123" not in str(caught.value)
