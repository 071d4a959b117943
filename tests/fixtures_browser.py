"""Fixtures with a real browser and a site of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.session import BrowserSession
from tests.http_server import HttpServer, running


class Site:
    """Pages on a local server, each shown at once in the browser."""

    def __init__(self, server: HttpServer, browser: BrowserSession) -> None:
        self.server = server
        self._browser = browser

    def add(self, path: str, body: str, status: int = 200) -> str:
        """Serve a page; gives its address."""
        content = f"<!doctype html><title>Page {path}</title>{body}"
        headers = {"Content-Type": "text/html; charset=utf-8"}
        self.server.answers(path, status, content, headers)
        return self.server.url(path)

    def show(self, body: str, path: str = "/page") -> str:
        """Serve a page and open it; gives its address."""
        url = self.add(path, body)
        self._browser.goto(url)
        return url


@contextmanager
def running_host(
    options: BrowserOptions = BrowserOptions(),  # noqa: B008  # never changes
    **more: Any,
) -> Iterator[BrowserHost]:
    """A browser of the test's own."""
    made = BrowserHost(options, **{"proxy_address": None} | more)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def host() -> Iterator[BrowserHost]:
    """One browser for all tests of a module."""
    with running_host() as made:
        yield made


@pytest.fixture(scope="module")
def browser(host: BrowserHost) -> Iterator[BrowserSession]:
    """One context for all tests of a module; pages are the tests' own."""
    with BrowserSession(host) as session:
        yield session


@pytest.fixture
def site(browser: BrowserSession) -> Iterator[Site]:
    """A fresh site for the module's browser."""
    with running() as server:
        yield Site(server, browser)
        browser.deadline = None
