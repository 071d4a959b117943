import pytest

from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser


@pytest.fixture
def browser(host):
    """A context of each test's own, without cookies."""
    with BrowserSession(host) as session:
        yield session


@pytest.fixture
def shown(site):
    """A page whose server sets two cookies."""
    headers = [
        ("Content-Type", "text/html"),
        ("Set-Cookie", "session=s3; HttpOnly; SameSite=Lax"),
        ("Set-Cookie", "lang=en; Max-Age=600"),
    ]
    site.server.answers("/set", 200, "x", headers)
    return site.server.url("/set")


def test_reads_all_cookies(on_page, browser, shown):
    browser.goto(shown)
    cookies = {one["name"]: one for one in on_page("get_cookies")[0]["cookies"]}
    session, lang = cookies["session"], cookies["lang"]
    assert (session["value"], session["http_only"]) == ("s3", True)
    assert (session["same_site"], session["expires"]) == ("Lax", None)
    assert lang["expires"] > 1_700_000_000


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"names": ["lang"]}, ["lang"]),
        ({"names": ["none"]}, []),
        ({"domain": "127.0.0.1", "names": ["session"]}, ["session"]),
        ({"domain": "example.com"}, []),
    ],
)
def test_reads_those_that_are_chosen(on_page, browser, shown, params, names):
    browser.goto(shown)
    cookies = on_page("get_cookies", **params)[0]["cookies"]
    assert [one["name"] for one in cookies] == names


def test_cookies_of_other_executions_are_not_seen(on_page, browser, shown, host):
    with BrowserSession(host) as other:
        other.goto(shown)
        browser.state()
        assert on_page("get_cookies")[0] == {"cookies": []}
