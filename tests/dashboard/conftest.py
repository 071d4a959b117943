"""Visitors signed in by session as the fixed cast; one browser for all that need it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.http import HttpResponse
from django.test import Client
from lxml import html
from selenium.webdriver import Chrome

from tests.dashboard.browsing import running_browser
from tests.dashboard.scene import scene
from tests.executions.engine.conftest import child
from tests.fixtures_cast import Person
from tests.realtime.conftest import Web, start_web

# Fixtures: what a worker has parked, and an organization with something in it.
__all__ = ["child", "scene"]


class Page:
    """An answer, read as a person would."""

    def __init__(self, response: HttpResponse) -> None:
        self.status = response.status_code
        self.response = response
        self.tree = html.fromstring(response.content) if response.content else None

    @property
    def text(self) -> str:
        assert self.tree is not None
        return " ".join(self.tree.text_content().split())

    def all(self, selector: str) -> list[html.HtmlElement]:
        assert self.tree is not None
        return self.tree.cssselect(selector)

    def buttons(self) -> list[str]:
        return [" ".join(one.text_content().split()) for one in self.all("main button")]


class Visitor:
    """Signed in by the session cookie, as browsers are."""

    def __init__(self, person: Person | None = None) -> None:
        self.client = Client()
        if person is not None:
            self.client.force_login(person.user)

    def get(self, path: str, **headers: str) -> Page:
        return Page(self.client.get(path, headers=headers or None))

    def part(self, path: str, name: str) -> Page:
        """What htmx gets for one element."""
        return self.get(path, hx_request="true", hx_target=name)

    def post(self, path: str, **data: str) -> Page:
        return Page(self.client.post(path, data))


@pytest.fixture
def visit(db: None) -> Callable[[Person | None], Visitor]:
    """Makes a visitor; nobody without a person."""
    return Visitor


@pytest.fixture
def owner(alice: Person) -> Visitor:
    return Visitor(alice)


@pytest.fixture
def looker(bob: Person) -> Visitor:
    """May look, not run."""
    return Visitor(bob)


@pytest.fixture
def stranger(carol: Person) -> Visitor:
    return Visitor(carol)


@pytest.fixture
def nobody(db: None) -> Visitor:
    return Visitor()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One for all tests of the pages."""
    with running_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@dataclass
class Site:
    """A real web process: pages and WebSocket."""

    web: Web

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web.port}"

    def restart(self) -> None:
        """End it as a power cut does, and start it again at the same place."""
        log = self.web.program.log
        assert log is not None
        self.web.program.kill()
        self.web.program.start(log)


@pytest.fixture(scope="session")
def shared_site(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    log = tmp_path_factory.mktemp("site") / "web.log"
    web = start_web(log, SOCKET_SILENT_AFTER_S="30", SOCKET_PING_S="1")
    yield Site(web)
    web.program.stop()


@pytest.fixture
def site(shared_site: Site, transactional_db: None) -> Site:
    """Pages that are live by WebSocket."""
    return shared_site
