"""A browser that goes out by a proxy of the workflow's own."""

import contextlib

import pytest
from pydantic import ValidationError

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.core.egress.upstream import Upstream, parse_server
from apps.core.errors import PermanentFailure
from apps.steps.browser.proxies import ProxySettings
from apps.steps.browser.session import BrowserSession
from tests.fixtures_browser import running_host
from tests.http_server import running
from tests.upstream_proxy import upstream_proxy

SHOP = "shop.example.com"
LOGIN = ("robot", "secret word")


@pytest.fixture(scope="module")
def server():
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def guarded():
    """A browser whose own proxy lets nothing through."""
    with (
        EgressProxy(Policy()) as proxy,
        running_host(proxy_address=proxy.start(), keeps_warm=False) as host,
    ):
        yield host


@contextlib.contextmanager
def going_out(host, server, password=LOGIN[1], login=LOGIN):
    with upstream_proxy({f"{SHOP}:80": server.port}, login) as theirs:
        upstream = Upstream(
            parse_server(f"http://{theirs.address}"), LOGIN[0], password
        )
        with (
            EgressProxy(Policy((theirs.address,)), upstream=upstream) as proxy,
            BrowserSession(host, proxy=proxy.start()) as session,
        ):
            yield session, theirs, proxy


PAGE = """<!doctype html><title>Shop</title><script>
  const tries = [
    new Promise((done) => {
      new WebSocket('ws://127.0.0.1:8001/').onerror = done;
    }),
    fetch('http://localhost:8002/').catch(() => 0),
  ];
  Promise.all(tries).then(() => { document.title = 'done'; });
</script>"""


@pytest.mark.browser
def test_one_context_takes_it_and_the_next_does_not(guarded, server):
    server.answers("/", 200, PAGE, {"Content-Type": "text/html"})
    with going_out(guarded, server) as (session, theirs, proxy):
        assert session.goto(f"http://{SHOP}/")["status"] == 200
        done = session.poll(lambda: session.state()["title"] == "done" or None, 10)
        assert done
        # Neither loopback nor a WebSocket goes around our own proxy, or to theirs.
        assert {one.port for one in proxy.refusals} == {8001, 8002}
        assert f"get http://{SHOP}/" in theirs.asked
        assert all(SHOP in one for one in theirs.asked)
        with BrowserSession(guarded) as other, pytest.raises(PermanentFailure):
            other.goto(server.url("/"))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"http://{SHOP}/", "proxy_auth_failed"),
        (f"https://{SHOP}/", "proxy_auth_failed"),
        ("http://10.0.0.1/", "egress_refused"),
    ],
)
def test_what_the_proxies_refuse_is_told(guarded, server, url, code):
    with (
        going_out(guarded, server, password="wrong") as (session, *_),
        pytest.raises(PermanentFailure) as caught,
    ):
        session.goto(url)
    assert caught.value.code == code
    assert "wrong" not in caught.value.message


def test_the_login_comes_from_secrets():
    chosen = ProxySettings(
        server="socks5://proxy.example.com:1080",
        username="{{ secrets.user }}",
        password="{{secrets.word}}",
        bypass=["*.Example.com"],
    )
    upstream = chosen.upstream({"user": "robot", "word": "geheim"})
    assert (upstream.username, upstream.password) == ("robot", "geheim")
    assert upstream.passes_by("a.example.com")
    assert "geheim" not in repr(upstream)
    with pytest.raises(PermanentFailure) as caught:
        chosen.upstream({"user": "robot"})
    assert caught.value.code == "secret_missing"


@pytest.mark.parametrize(
    "wrong",
    [
        {"server": "http://proxy"},
        {"server": "http://a:b@proxy:1"},
        {"password": "the password itself"},
        {"password": "{{ inputs.word }}"},
        {"username": "{{ secrets.user }}x"},
        {"username": "two\nlines"},
        {"bypass": ["http://example.com"]},
        {"bypass": ["*"]},
        {"port": 1},
    ],
)
def test_refuses(wrong):
    with pytest.raises(ValidationError):
        ProxySettings(**{"server": "http://proxy:1", **wrong})
