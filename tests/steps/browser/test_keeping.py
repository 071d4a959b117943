"""Cookies and storage that one session leaves to the next."""

import json
import time

import pytest
from pydantic import ValidationError

from apps.steps.browser import keeping
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings
from tests.http_server import running

KIND = {"Content-Type": "text/html"}
PAGE = "<!doctype html><title>Page</title><p>hi"


@pytest.fixture
def two():
    """Two sites."""
    with running() as first, running() as second:
        for server in (first, second):
            server.answers("/", 200, PAGE, KIND)
        yield first, second


def origin(server):
    return server.url("").rstrip("/")


def run(session, script):
    return session.driver.execute_script(script)


def look(session):
    return run(session, "return [document.cookie, {...localStorage}]")


@pytest.mark.browser
def test_a_new_session_goes_on_with_what_all_sites_had(host, two):
    first, second = two
    with BrowserSession(host) as session:
        session.goto(first.url("/"))
        run(session, "localStorage.a = '1'; document.cookie = 'open=1'")
        session.goto(second.url("/"))
        run(session, "localStorage.b = '</script>\\u2028\"'; sessionStorage.c = '3'")
        kept = session.state_to_keep()
    kept = keeping.merged({}, json.loads(json.dumps(kept)))
    assert kept["storage"] == {
        origin(first): {"a": "1"},
        origin(second): {"b": '</script>\u2028"'},
    }
    asked = len(first.requests) + len(second.requests)
    with BrowserSession(host, kept=kept) as session:
        assert len(session.tabs) == 1
        assert not session.requests._open
        assert len(first.requests) + len(second.requests) == asked
        session.goto(first.url("/"))
        assert look(session) == ["open=1", {"a": "1"}]
        session.goto(second.url("/"))
        assert look(session)[1] == {"b": '</script>\u2028"'}
        assert run(session, "return sessionStorage.length") == 0
        run(session, "localStorage.clear()")
        again = keeping.merged(kept, session.state_to_keep())
    assert again["storage"] == {origin(first): {"a": "1"}}


@pytest.mark.browser
def test_what_open_pages_have_written_last_is_asked_of_themselves(host, two):
    first, second = two
    with BrowserSession(host) as session:
        for server in two:
            session.goto(server.url("/"))
            session.open_tab()
        session.enter_tab(session.tabs[1])
        run(session, "localStorage.late = 'yes'")
        found = keeping.storage_of(session.loan.tools, session.tabs)
        assert found == {origin(first): {}, origin(second): {"late": "yes"}}
        run(session, f"localStorage.late = 'x'.repeat({keeping.MOST_BYTES})")
        assert (
            keeping.storage_of(session.loan.tools, session.tabs)[origin(second)] is None
        )


@pytest.mark.browser
def test_a_page_that_hangs_does_not_keep_its_login_from_being_kept(host, two):
    first, _ = two
    with BrowserSession(host) as session:
        session.goto(first.url("/"))
        run(session, "localStorage.a = '1'; document.cookie = 'in=1'")
        run(session, "setTimeout(() => { while (true); }, 100)")
        time.sleep(0.2)
        kept = session.state_to_keep()
    assert [one["name"] for one in kept["cookies"]] == ["in"]
    assert kept["storage"] == {origin(first): {"a": "1"}}


@pytest.mark.browser
def test_there_is_nothing_to_keep_of_a_browser_that_died_or_never_was(host):
    with BrowserSession(host) as session:
        assert session.state_to_keep() is None
        session.state()
        host.usual._browser.engine._started["browser"].kill()
        host.usual._browser.engine._started["browser"].wait()
        assert session.state_to_keep() is None


def test_cookies_are_of_now_and_storage_is_joined():
    before = {"cookies": ["old"], "storage": {"http://a": {"x": "1"}, "http://b": {}}}
    now = {"cookies": ["new"], "storage": {"http://b": {"y": "2"}}}
    assert keeping.merged(before, now) == {
        "cookies": ["new"],
        "storage": {"http://a": {"x": "1"}, "http://b": {"y": "2"}},
    }


def test_sites_that_take_too_much_are_left_out():
    large = {"x": "y" * (keeping.MOST_BYTES - 500)}
    now = {"cookies": [], "storage": {"http://a": large, "http://b": {"z": "1" * 600}}}
    assert list(keeping.merged({}, now)["storage"]) == ["http://b"]
    before = {"cookies": ["old"], "storage": {}}
    now = {"cookies": ["c" * keeping.MOST_BYTES], "storage": {"http://b": {"z": "1"}}}
    assert keeping.merged(before, now) == before


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://a:b@Example.com:8080/x?y#z", "http://example.com:8080"),
        ("https://example.com", "https://example.com"),
        ("about:blank", None),
        ("data:text/html,x", None),
        ("blob:https://example.com/1", None),
    ],
)
def test_pages_have_origins(url, origin):
    assert keeping.origin_of(url) == origin


@pytest.mark.parametrize("name", ["", "My login", "../x", "a" * 65, "{{ inputs.a }}"])
def test_refuses_other_names(name):
    with pytest.raises(ValidationError):
        BrowserSettings(keep_session=name)
