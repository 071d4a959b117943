"""What a workflow does not want its pages to load is not loaded, anywhere in them."""

import socket

import pytest
from pydantic import ValidationError

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings
from tests.fixtures_browser import running_host
from tests.http_server import running

PAGE = """<!doctype html><title>Page</title>
<style>@font-face {font-family: own; src: url(/font.woff2)} p {font-family: own}</style>
<p>Text</p><img src=/image.png><video src=/film.mp4></video>
<link rel=stylesheet href=/style.css><script src=/script.js></script>
<iframe src=/frame></iframe><a href=/tab target=_blank>Tab</a>"""
ALL = {"/image.png", "/film.mp4", "/font.woff2", "/style.css", "/script.js"}


@pytest.fixture
def server():
    with running() as made:
        kind = {"Content-Type": "text/html"}
        made.answers("/page", 200, PAGE, kind)
        made.answers("/frame", 200, "<img src=/image.png?frame>", kind)
        made.answers("/tab", 200, "<title>Tab</title><img src=/image.png?tab>", kind)
        yield made


def loaded(server):
    return {one.path for one in server.requests} & ALL


@pytest.mark.browser
@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        ({}, set()),
        (
            {"block": ["images", "media", "fonts"]},
            {"/image.png", "/film.mp4", "/font.woff2"},
        ),
        (
            {"block": ["stylesheets"], "block_urls": ["/scr*.js", "film.mp4"]},
            {"/style.css", "/script.js", "/film.mp4"},
        ),
        ({"block": ["ads", "analytics"], "block_urls": ["/page", "/tab"]}, set()),
    ],
)
def test_in_pages_frames_and_new_tabs(host, server, chosen, missing):
    with BrowserSession(host, BrowserSettings(**chosen)) as session:
        assert session.goto(server.url("/page"))["title"] == "Page"
        session.find("text=Tab").click()
        assert session.poll(lambda: len(session.tabs) == 2 or None, 10)
        session.enter_tab(session.tabs[-1])
        assert session.poll(lambda: session.state()["title"] == "Tab" or None, 10)
        wanted = ALL - missing
        assert session.poll(lambda: loaded(server) >= wanted or None, 10)
        assert loaded(server) == wanted


@pytest.mark.browser
def test_others_in_the_same_browser_load_all(host, server):
    blocking = BrowserSettings(block=["images"])
    with BrowserSession(host, blocking) as first, BrowserSession(host) as second:
        first.goto(server.url("/page"))
        assert "/image.png" not in loaded(server)
        second.goto(server.url("/page"))
        assert "/image.png" in loaded(server)
    with BrowserSession(host) as third:
        server.requests.clear()
        third.goto(server.url("/page"))
        assert "/image.png" in loaded(server)


TRACKERS = {"www.google-analytics.com", "ad.doubleclick.net"}
TRACKED = """<!doctype html><title>Shop</title>
<script src="https://www.google-analytics.com/analytics.js"></script>
<script src="https://ad.doubleclick.net/x.js"></script>
<script src="/own.js?at=https://doubleclick.net/x"></script>"""


@pytest.mark.browser
def test_known_hosts_are_not_even_looked_up(server):
    asked = []

    def resolve(host, port):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    server.answers("/shop", 200, TRACKED, {"Content-Type": "text/html"})
    policy = Policy((server.address,))
    with (
        EgressProxy(policy, resolve=resolve) as proxy,
        running_host(proxy_address=proxy.start(), keeps_warm=False) as host,
    ):
        for kinds, names in (
            (["ads"], {"www.google-analytics.com"}),
            (["ads", "analytics"], set()),
        ):
            asked.clear()
            with BrowserSession(host, BrowserSettings(block=kinds)) as session:
                session.goto(server.url("/shop"))
            assert set(asked) & TRACKERS == names
    assert "/own.js" in {one.path for one in server.requests}


@pytest.mark.parametrize(
    "wrong",
    [
        {"block": ["everything"]},
        {"block": "images"},
        {"block_urls": ["*"]},
        {"block_urls": ["x" * 501]},
        {"block_urls": ["/a/path"] * 101},
    ],
)
def test_refuses(wrong):
    with pytest.raises(ValidationError):
        BrowserSettings(**wrong)
