"""What a workflow chooses about its browser holds in its executions."""

import pytest

from apps.core import tenancy
from apps.workflows.services import secret_create
from tests.http_server import running
from tests.upstream_proxy import upstream_proxy

pytestmark = [pytest.mark.django_db(transaction=True)]


def workflow(browser, *steps):
    return {
        "settings": {"browser": browser},
        "steps": [{"id": f"s{n}", **step} for n, step in enumerate(steps)],
    }


def opening(url):
    return {"type": "navigate", "params": {"url": url}}


def test_a_window_needs_a_display(engine, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    ended = engine.run(workflow({"headless": False}, opening("http://example.com")))
    assert (ended.status, ended.error["code"]) == ("failed", "no_display")


@pytest.fixture
def shop(settings):
    """A server that only a proxy with a login leads to."""
    with running() as server:
        server.answers("/", 200, "<h1>Shop</h1>", {"Content-Type": "text/html"})
        routes = {"shop.example.com:80": server.port}
        with upstream_proxy(routes, ("robot", "a secret word")) as theirs:
            settings.EGRESS_ALLOW = theirs.address
            yield theirs


@pytest.mark.browser
def test_its_own_proxy_is_signed_in_to_with_a_secret(engine, shop):
    with tenancy.tenant(engine.viewer.organization_id):
        secret_create(by=engine.viewer, name="word", value="a secret word")
    proxy = {
        "server": f"http://{shop.address}",
        "username": "robot",
        "password": "{{ secrets.word }}",
    }
    heading = {"type": "extract_text", "params": {"target": "h1"}}
    page = opening("http://shop.example.com/")
    ended = engine.run(workflow({"proxy": proxy}, page, heading))
    assert engine.output(ended, "s1") == "Shop"
    assert "get http://shop.example.com/" in shop.asked


def test_a_secret_that_is_not_there_fails_the_step(engine):
    proxy = {"server": "http://proxy.example.com:1", "password": "{{ secrets.none }}"}
    ended = engine.run(workflow({"proxy": proxy}, opening("http://example.com")))
    assert (ended.status, ended.error["code"]) == ("failed", "secret_missing")
